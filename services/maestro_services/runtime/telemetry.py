"""Logs, traces and metrics of a process."""

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import prometheus_client
import structlog

_SECRET_WORDS = ("token", "secret", "password", "authorization", "private_key")


def _without_secrets(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in entry:
        if any(word in key.lower() for word in _SECRET_WORDS):
            entry[key] = "[redacted]"
    return entry


def configure_logging(level: str = "info", *, json: bool | None = None) -> None:
    """Structured logs on stderr: one JSON object a line, or readable lines on a terminal."""
    json = not sys.stderr.isatty() if json is None else json
    # Tracebacks without the locals of their frames, which may hold secrets.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Any = structlog.processors.JSONRenderer() if json else console
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_secrets,
    ]
    if json:
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        processors.append(structlog.processors.ExceptionRenderer(frames))
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def configure_tracing(service: str) -> None:
    """Exports traces by OTLP if `OTEL_EXPORTER_OTLP_ENDPOINT` is set; needs the extra `deployed`."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": f"maestro-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def serve_metrics(host: str, port: int) -> None:
    """Answers `GET /metrics` for Prometheus on a port of its own."""
    prometheus_client.start_http_server(port, addr=host)
