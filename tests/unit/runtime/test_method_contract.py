"""What the server reads from the contract of a method."""

import pytest
from maestro.registry.v1 import registry_service_pb2, token_service_pb2
from maestro_services.runtime.contract import method_contract
from maestro_services.runtime.principal import Role


def test_a_method_names_its_permission_role_and_tenant():
    method = method_contract("/maestro.registry.v1.TokenService/CreateToken")
    assert (method.permission, method.minimum_role) == ("registry.tokens.create", Role.ADMIN)
    assert method.resource(token_service_pb2.CreateTokenRequest(parent="projects/shop")) == "projects/shop"
    assert method.mutates
    assert method.audited
    assert method.validated


def test_the_resource_may_lie_deeper_in_the_request():
    method = method_contract("/maestro.registry.v1.RegistryService/RegisterInstance")
    request = registry_service_pb2.RegisterInstanceRequest()
    assert method.resource(request) == ""
    request.instance.name = "services/a/instances/b"
    assert method.resource(request) == "services/a/instances/b"


def test_reads_are_not_audited_and_what_only_says_alive_neither():
    assert not method_contract("/maestro.registry.v1.RegistryService/ListInstances").mutates
    renewal = method_contract("/maestro.registry.v1.RegistryService/RenewLease")
    assert renewal.mutates
    assert not renewal.audited


def test_health_is_open_and_reflection_for_whoever_is_known():
    assert method_contract("/grpc.health.v1.Health/Check").open
    assert method_contract("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo").authenticated_only


def test_a_method_that_there_is_not_has_no_contract():
    with pytest.raises(KeyError):
        method_contract("/maestro.none.v1.Service/Call")
