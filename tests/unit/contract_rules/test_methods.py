"""Every RPC of the contract keeps the rules that clients, servers and people rely on."""

import re
from statistics import median

from maestro.common.v1 import error_reason_pb2
from maestro_services.runtime.errors import Reason
from maestro_services.runtime.statuses import CODES

DOCUMENTED = {
    "page_token": "PAGE_TOKEN_INVALID",
    "resume_token": "RESUME_TOKEN_INVALID",
    "filter": "FILTER_INVALID",
    "order_by": "ORDER_INVALID",
    "request_id": "REQUEST_ID_REUSED",
    "read_mask": "MASK_INVALID",
    "update_mask": "MASK_INVALID",
}
# Appended events are known by keys of their own, which a request id only stands in for.
OWN_REPEATS = {"AuditService.AppendEvents": "EVENT_CONFLICT"}
READING_VERBS = re.compile(
    r"^(Get|List|Watch|Find|Download|Read|Query|Search|Export|Introspect|Verify|Resolve|Check|Count|Render|Compare)[A-Z]"
)


def test_every_rpc_says_its_effect_and_documents_its_errors(contract):
    silent = [str(method) for method in contract.methods if not method.errors]
    assert silent == []
    brief = [str(method) for method in contract.methods if len(method.comment.strip().splitlines()) < 4]
    assert brief == []
    assert median(len(method.comment.strip().splitlines()) for method in contract.methods) >= 6


def test_every_line_under_errors_is_an_error_with_its_code_and_a_known_reason(contract):
    for method in contract.methods:
        for line in method.comment.partition("Errors:\n")[2].splitlines():
            assert re.match(r"^ (- [A-Z_]+/[A-Z_]+: \S|  \S)", line), f"{method}: {line}"
        for code, reason in method.errors:
            assert reason in Reason.__members__, f"{method}: {reason}"
            assert CODES[Reason[reason]].name == code, f"{method}: {code}/{reason}"


def test_every_rpc_names_a_permission_of_its_area_and_who_has_it(contract):
    for method in contract.methods:
        demand = method.authorization
        assert re.fullmatch(rf"{method.area}\.[a-zA-Z]+\.[a-zA-Z]+", demand.permission), str(method)
        assert bool(demand.minimum_role) != demand.authenticated_only, str(method)


def test_the_tenant_of_every_rpc_is_a_field_of_its_request(contract):
    for method in contract.methods:
        message, parts = method.request, [part for part in method.authorization.resource_field.split(".") if part]
        for part in parts:
            field = {field.name: field for field in message.field}.get(part)
            assert field is not None, f"{method}: {method.authorization.resource_field}"
            message = contract.messages.get(field.type_name, message)


def test_whoever_may_be_refused_is_told_so(contract):
    for method in contract.methods:
        if not method.authorization.authenticated_only:
            assert ("PERMISSION_DENIED", "PERMISSION_DENIED") in method.errors, str(method)


def test_every_rpc_has_a_request_and_a_response_of_its_own(contract):
    seen: set[str] = set()
    for method in contract.methods:
        for kind in ("input", "output"):
            name = getattr(method.proto, f"{kind}_type")
            suffix = "Request" if kind == "input" else "Response"
            assert name == f".{method.package}.{method.proto.name}{suffix}", str(method)
            assert name not in seen
            seen.add(name)


def test_every_mutation_can_be_repeated(contract):
    """By its request id, or because it says that it is idempotent; streams of requests have their own hello."""
    for method in contract.methods:
        idempotent = method.proto.options.idempotency_level
        if not idempotent and not method.proto.client_streaming:
            assert "request_id" in method.request_fields, str(method)


def test_a_request_id_is_a_uuid_and_only_mutations_have_one(contract):
    from buf.validate import validate_pb2

    for method in contract.methods:
        field = method.request_fields.get("request_id")
        if field is not None:
            assert field.options.Extensions[validate_pb2.field].string.uuid, str(method)
            assert not method.reads, str(method)


def test_what_reads_says_so_and_nothing_else_does(contract):
    for method in contract.methods:
        if method.reads:
            assert READING_VERBS.match(method.proto.name), str(method)
        if re.match(r"^(Get|List|Watch|Find|Read|Query|Search)[A-Z]", method.proto.name):
            assert method.reads, str(method)


def test_what_a_field_can_get_wrong_is_documented(contract):
    for method in contract.methods:
        reasons = {reason for _code, reason in method.errors}
        for field, reason in DOCUMENTED.items():
            if field in method.request_fields:
                assert reason in reasons or OWN_REPEATS.get(str(method)) in reasons, f"{method}: no {reason}"


def test_lists_have_pages_or_say_why_not(contract):
    for method in contract.methods:
        if method.proto.name.startswith("List") and "there are no pages" not in method.comment:
            assert {"page_size", "page_token"} <= set(method.request_fields), str(method)
            assert "next_page_token" in {field.name for field in method.response.field}, str(method)


def test_watches_can_be_resumed_and_end_when_the_server_drains(contract):
    for method in contract.methods:
        if method.proto.name.startswith("Watch"):
            assert method.proto.server_streaming, str(method)
            assert "resume_token" in method.request_fields, str(method)
            assert "resume_token" in {field.name for field in method.response.field}, str(method)
            assert ("UNAVAILABLE", "DRAINING") in method.errors, str(method)
            assert re.search(r"every\s+10 seconds", method.comment), str(method)


def test_every_reason_states_its_code_and_metadata(contract):
    comments = contract.enum_comments("ErrorReason")
    for name, comment in comments.items():
        if name == "ERROR_REASON_UNSPECIFIED":
            continue
        text = " ".join(comment.split())
        assert text.startswith(f"{CODES[Reason[name.removeprefix('ERROR_REASON_')]].name}: "), name
        assert "Metadata: " in text, name
    assert set(comments) == set(dict(error_reason_pb2.ErrorReason.items()))
