"""Messages and domain objects."""

import pytest
from maestro.templates.v1 import template_pb2
from maestro_services.templates import convert
from maestro_services.templates.domain.variables import Value, Variable, VariableType


@pytest.mark.parametrize("value", ["", "text", 0, -(2**63), True, False, (), ("a", "b")])
def test_a_value_survives_its_message(value: Value) -> None:
    back = convert.value(convert.value_message(value))
    assert back == value
    assert type(back) is type(value)


def test_a_variable_shows_its_rules() -> None:
    message = convert.variable_message(Variable("n", VariableType.INTEGER, "Count.", default=0, minimum=0))
    assert message.type == template_pb2.Variable.TYPE_INTEGER
    assert message.default_value.integer_value == 0
    assert message.HasField("minimum")
    assert not message.HasField("maximum")


def test_a_variable_without_default_shows_none() -> None:
    assert not convert.variable_message(Variable("n", VariableType.STRING)).HasField("default_value")
