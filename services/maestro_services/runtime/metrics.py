"""Prometheus metrics of every call."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("maestro_rpc_calls_total", "Calls that ended, by method and canonical code.", ["method", "code"])
SECONDS = Histogram(
    "maestro_rpc_seconds",
    "Duration of unary calls in seconds.",
    ["method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
STREAMS = Gauge("maestro_rpc_open_streams", "Streams that are open.", ["method"])
