"""What the contract says of each method: who may call it, what it is about, whether it changes something."""

from dataclasses import dataclass
from functools import cache

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from maestro.common.v1 import authorization_pb2

from maestro_services.runtime.principal import Role

# Methods of other people's contracts that our servers host: open ones, and ones for any authenticated caller.
_OPEN = ("/grpc.health.v1.Health/",)
_AUTHENTICATED = ("/grpc.reflection.v1alpha.ServerReflection/", "/grpc.reflection.v1.ServerReflection/")


class ContractError(Exception):
    """A method that the contract leaves without authorization; the server does not start with it."""


@dataclass(frozen=True)
class MethodContract:
    """A method as the server must treat it. `resource_field` is the path of the field with the resource's name."""

    path: str
    permission: str = ""
    minimum_role: Role = Role.ADMIN
    resource_field: tuple[str, ...] = ()
    authenticated_only: bool = False
    open: bool = False
    mutates: bool = False
    audited: bool = False
    validated: bool = False

    @property
    def foreign(self) -> bool:
        """Whether the method is of another contract than ours, whose messages we do not look into."""
        return not self.permission

    def resource(self, request: Message) -> str:
        """The name of the resource that a request is about; "" if the method is not of one."""
        value: object = request
        for part in self.resource_field:
            value = getattr(value, part)
        return value if isinstance(value, str) else ""


@cache
def method_contract(path: str) -> MethodContract:
    """The contract of a method by its path, `/package.Service/Method`."""
    if path.startswith(_OPEN):
        return MethodContract(path, open=True)
    if path.startswith(_AUTHENTICATED):
        return MethodContract(path, authenticated_only=True)
    service_name, _, method_name = path[1:].rpartition("/")
    service: ServiceDescriptor = descriptor_pool.Default().FindServiceByName(service_name)
    return _read(path, service.methods_by_name[method_name])


def check_contract(service: str) -> None:
    """ContractError if a method of the service names no permission: its server must not start."""
    for method in descriptor_pool.Default().FindServiceByName(service).methods:
        method_contract(f"/{service}/{method.name}")


def _read(path: str, method: MethodDescriptor) -> MethodContract:
    options: MethodOptions = method.GetOptions()
    demand = options.Extensions[authorization_pb2.authorization]
    if not demand.permission or not (demand.minimum_role or demand.authenticated_only):
        raise ContractError(f"{path} names no permission and role in its authorization option")
    mutates = options.idempotency_level != MethodOptions.NO_SIDE_EFFECTS
    return MethodContract(
        path,
        permission=demand.permission,
        minimum_role=Role(demand.minimum_role or Role.VIEWER),
        resource_field=tuple(demand.resource_field.split(".")) if demand.resource_field else (),
        authenticated_only=demand.authenticated_only,
        mutates=mutates,
        audited=mutates and not demand.unaudited,
        validated=_has_rules(method.input_type, frozenset()),
    )


def _has_rules(message: Descriptor, seen: frozenset[str]) -> bool:
    """Whether protovalidate has anything to check in a message or below it."""
    if message.full_name in seen:
        return False
    seen |= {message.full_name}
    below = [field.message_type for field in message.fields if field.message_type is not None]
    return _ruled(message) or any(_has_rules(kind, seen) for kind in below)


def _ruled(message: Descriptor) -> bool:
    holders = [message, *message.fields, *message.oneofs]
    options = [option for holder in holders for option, _value in holder.GetOptions().ListFields()]
    return any(option.full_name.startswith("buf.validate.") for option in options)
