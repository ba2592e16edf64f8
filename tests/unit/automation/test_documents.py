"""Repairs and monitors survive their storage."""

import dataclasses
from datetime import UTC, datetime, timedelta

from maestro_services.automation import documents
from maestro_services.automation.convert import monitor_message, repair_message
from maestro_services.automation.domain.diagnosis import Classification, Diagnosis, SuspiciousLine
from maestro_services.automation.domain.monitor import Monitor
from maestro_services.automation.domain.repair import EvidenceRun, Outcome, Purpose, Refusal, Repair, Usage, Work

from tests.unit.automation.test_repair import EDIT, NOW, waiting

FULL = dataclasses.replace(
    waiting(),
    start_time=NOW,
    end_time=NOW + timedelta(seconds=2, microseconds=5),
    outcome=Outcome(Refusal.REJECTED, "größer"),
    usage=Usage(search_time=timedelta(milliseconds=1500), tried_candidates=3),
    diagnosis=Diagnosis(Classification.CODE_DEFECT, "here", (SuspiciousLine("a.py", 1, "f", 0.5),), 1, 2),
    evidence=(EvidenceRun("runs/1", Purpose.SEARCH, verdict=1, accepted=True, summary="found"),),
    work=Work("runs/2", (EDIT,), 1, 2),
    confidence=0.5,
)


def test_a_repair_is_the_same_after_storage():
    assert documents.parse(Repair, documents.dump(FULL)) == FULL


def test_a_monitor_is_the_same_after_storage():
    monitor = Monitor("p").started(None, datetime.now(UTC)).advanced("token", NOW, seen=2, failed=1, repairs=1)
    assert documents.parse(Monitor, documents.dump(monitor)) == monitor


def test_a_document_without_a_newer_field_has_its_default():
    document = documents.dump(FULL).replace('"confidence":0.5,', "")
    assert documents.parse(Repair, document) == dataclasses.replace(FULL, confidence=0.0)


def test_a_full_repair_and_monitor_have_messages():
    message = repair_message(FULL)
    assert message.patch.edits[0].after == "a + b"
    assert message.history[-1].message == "proved"
    assert message.usage.wall_time.ToTimedelta() == timedelta()
    assert monitor_message(Monitor("p")).name == "projects/p/monitor"
