"""Every RPC has a method of the client, and every method an RPC."""

import inspect
import re

import pytest
from maestro_client import audit, automation, execution, registry, templates

CLIENTS = {
    client.__name__.removesuffix("Client"): client
    for module in (audit, automation, execution, registry, templates)
    for name, client in inspect.getmembers(module, inspect.isclass)
    if name.endswith("Client") and client.__module__ == module.__name__
}


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@pytest.fixture
def methods(contract) -> dict[str, set[str]]:
    """The RPCs of each service, as a client names them."""
    services: dict[str, set[str]] = {}
    for method in contract.methods:
        services.setdefault(method.service.name.removesuffix("Service"), set()).add(snake_case(method.proto.name))
    return services


def test_every_service_has_a_client(methods):
    assert set(CLIENTS) == set(methods)


def test_every_client_method_matches_its_rpc(methods):
    for service, client in CLIENTS.items():
        public = {name for name, _value in inspect.getmembers(client, inspect.isfunction) if not name.startswith("_")}
        assert public == methods[service], service


def test_every_client_method_takes_the_request_and_a_timeout(contract):
    for method in contract.methods:
        client = CLIENTS[method.service.name.removesuffix("Service")]
        function = getattr(client, snake_case(method.proto.name))
        parameters = list(inspect.signature(function).parameters)
        assert parameters == ["self", "requests" if method.proto.client_streaming else "request", "timeout"]
        assert function.__doc__, function
