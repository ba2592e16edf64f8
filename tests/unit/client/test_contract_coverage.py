import importlib
import inspect
import re

import pytest
from google.protobuf.descriptor import MethodDescriptor
from maestro_client._channels import SERVICES

METHODS = [
    (area, method)
    for area, files in SERVICES.items()
    for file in files
    for service in importlib.import_module(f"maestro.{area}.v1.{file}_pb2").DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


@pytest.mark.parametrize(("area", "method"), METHODS, ids=[method.full_name for _, method in METHODS])
def test_every_rpc_has_its_method_with_its_types(area: str, method: MethodDescriptor) -> None:
    name = method.containing_service.name.removesuffix("Service") + "Client"
    client = getattr(importlib.import_module(f"maestro_client.{area}"), name)
    function = getattr(client, re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower())
    assert inspect.getdoc(function)
    signature = inspect.signature(function)
    assert str(signature.parameters["timeout"].default) == "None"
    request = signature.parameters["requests" if method.client_streaming else "request"].annotation
    assert method.input_type.name in str(request)
    assert method.output_type.name in str(signature.return_annotation)
    assert inspect.iscoroutinefunction(function) is not method.server_streaming
