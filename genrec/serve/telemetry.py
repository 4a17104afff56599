"""What the server tells of itself: metrics for Prometheus, and a log of JSON lines.

Nothing that a person said, and no name of a person, stands in the log at info level: routes are logged as templates.
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
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class Metrics:
    """Counts requests, and looks at the engine when it is asked."""

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
        """In Prometheus' text format."""
        return generate_latest(self._registry)


class _EngineCollector(Collector):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Sequence[GaugeMetricFamily]:
        """What waits for the model, and how large its batches were of late."""
        waiting = GaugeMetricFamily("genrec_waiting", "What waits for its batch.", labels=("batcher",))
        sizes = GaugeMetricFamily("genrec_batch_size", "Mean size of the last 100 batches.", labels=("batcher",))
        for batcher in self._engine.queues.batchers:
            waiting.add_metric([batcher.name], batcher.num_waiting)
            last = batcher.batch_sizes
            sizes.add_metric([batcher.name], sum(last) / len(last) if last else 0.0)
        jobs = GaugeMetricFamily("genrec_jobs", "Conversations, explanations and drawings in hand.")
        jobs.add_metric([], self._engine.num_jobs)
        return [waiting, sizes, jobs]


class JsonLines(logging.Formatter):
    """One JSON object per line, with the id of the request in whose course it was written."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with its extra values."""
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _PLAIN}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in line.items() if value is not None}, default=str)


def configure_logging() -> None:
    """Write JSON lines to stderr; for a server's process, not for a library."""
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
