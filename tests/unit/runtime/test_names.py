"""Resource names."""

import pytest
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.names import NamePattern, project_of

RUN = NamePattern("projects/{project}/runs/{run}")


def test_a_name_is_made_and_taken_apart():
    name = RUN.format(project="shop", run="r1")
    assert name == "projects/shop/runs/r1"
    assert RUN.parse(name) == {"project": "shop", "run": "r1"}


@pytest.mark.parametrize(
    "name",
    ["", "projects/shop", "projects/shop/runs/", "projects//runs/r", "projects/a/runs/b/c", "xprojects/a/runs/b"],
)
def test_a_malformed_name_is_refused_with_the_field_and_the_pattern(name):
    with pytest.raises(ServiceError) as caught:
        RUN.parse(name, "run.name")
    assert caught.value.reason is Reason.NAME_INVALID
    assert caught.value.metadata == {"field": "run.name", "pattern": RUN.pattern}


@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("projects/shop", "shop"),
        ("projects/shop/runs/r", "shop"),
        ("projects/-", ""),
        ("projects/UPPER/runs/r", ""),
        ("projects/shop\n", ""),
        ("projects/shop\n/runs/r", ""),
        ("services/audit/instances/a", ""),
        ("x/projects/shop", ""),
        ("", ""),
    ],
)
def test_the_project_of_a_name_is_its_tenant_and_of_anything_else_is_none(name, project):
    assert project_of(name) == project
