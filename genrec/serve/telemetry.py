"""The server's telemetry: metrics for Prometheus, and a log of JSON lines.

At info level the log holds nothing that a person said and no name of a person: routes are logged as templates. Knows
no route.
"""

import json
import logging
import time
from collections.abc import Sequence
from contextvars import ContextVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from genrec.serve.engine import Engine

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 120.0)
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class Metrics:
    """The metrics of one server: counts of requests, and the engine's state when it is asked."""

    def __init__(self, engine: Engine) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_EngineCollector(engine))
        labels = ("method", "route", "status")
        self._requests = Counter("genrec_requests", "Requests answered.", labels, registry=self._registry)
        self._seconds = Histogram(
            "genrec_request_seconds", "Seconds to the end of an answer.", ("route",), buckets=_BUCKETS_S,
            registry=self._registry,
        )  # fmt: skip
        self.in_hand = Gauge("genrec_requests_in_hand", "Requests being answered.", registry=self._registry)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _EngineCollector(Collector):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Sequence[GaugeMetricFamily]:
        """How much waits for the model, the mean size of its latest batches, and the jobs in hand."""
        waiting = GaugeMetricFamily("genrec_waiting", "What waits for its batch.", labels=("batcher",))
        sizes = GaugeMetricFamily("genrec_batch_size", "Mean size of the last 100 batches.", labels=("batcher",))
        for batcher in self._engine.queues.batchers:
            waiting.add_metric([batcher.name], batcher.num_waiting)
            latest = batcher.batch_sizes
            sizes.add_metric([batcher.name], sum(latest) / len(latest) if latest else 0.0)
        jobs = GaugeMetricFamily("genrec_jobs", "Conversations, explanations and drawings in hand.")
        jobs.add_metric([], self._engine.num_jobs)
        return [waiting, sizes, jobs]


class JsonLines(logging.Formatter):
    """A format of one JSON object per line, with the id of the request that it was logged for."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with its extra values, as JSON."""
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in line.items() if value is not None}, default=str)


def configure_logging() -> None:
    """Log JSON lines to stderr; for a server's process, not for a library."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = name != "uvicorn.access"
    logging.getLogger("genrec.ranking").setLevel(logging.ERROR)  # what it warns of stands in the answers
    for name in ("alembic", "httpx2", "PIL"):
        logging.getLogger(name).setLevel(logging.WARNING)
