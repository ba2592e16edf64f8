"""Logs never show secrets; ids sort by time."""

import json

import structlog
from maestro_services.runtime.ids import new_id, new_uid
from maestro_services.runtime.telemetry import configure_logging


def test_what_looks_like_a_secret_is_not_logged(capsys):
    try:
        configure_logging("info", json=True)
        structlog.get_logger().info("called", token="t0p", mesh_secret="s3cret", method="Run", Authorization="Bearer x")
    finally:
        structlog.reset_defaults()
    entry = json.loads(capsys.readouterr().err)
    assert entry["event"] == "called"
    assert entry["method"] == "Run"
    assert {entry["token"], entry["mesh_secret"], entry["Authorization"]} == {"[redacted]"}


def test_a_traceback_tells_no_locals(capsys):
    try:
        configure_logging("info", json=True)
        try:
            hidden = "s3cr3t"
            raise ValueError(len(hidden))
        except ValueError:
            structlog.get_logger().exception("failed")
    finally:
        structlog.reset_defaults()
    logged = capsys.readouterr().err
    assert "ValueError" in logged
    assert "s3cr3t" not in logged


def test_the_level_is_kept(capsys):
    try:
        configure_logging("warning", json=True)
        structlog.get_logger().info("quiet")
    finally:
        structlog.reset_defaults()
    assert capsys.readouterr().err == ""


def test_ids_are_unique_and_fit_resource_names():
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(len(one) == 20 and set(one) <= set("0123456789abcdefghijklmnopqrstuv") for one in ids)
    assert [one[:10] for one in ids] == sorted(one[:10] for one in ids)
    assert len(new_uid()) == 36
