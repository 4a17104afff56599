"""The server's metrics, for Prometheus: requests answered, what waits for the model, jobs in hand.

Knows the engine; deliberately knows no route and no person.
"""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from genrec.serve.engine import Engine

_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 120.0)


class Metrics:
    """The metrics of one server: counts of requests, and the engine's state when it is asked."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        """engine: tells which is in service."""
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
    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine

    def collect(self) -> Sequence[GaugeMetricFamily]:
        """How much waits for the model, the mean size of its latest batches, and the jobs in hand."""
        engine = self._engine()
        waiting = GaugeMetricFamily("genrec_waiting", "What waits for its batch.", labels=("batcher",))
        sizes = GaugeMetricFamily("genrec_batch_size", "Mean size of the last 100 batches.", labels=("batcher",))
        for batcher in engine.queues.batchers:
            waiting.add_metric([batcher.name], batcher.num_waiting)
            latest = batcher.batch_sizes
            sizes.add_metric([batcher.name], sum(latest) / len(latest) if latest else 0.0)
        jobs = GaugeMetricFamily("genrec_jobs", "Conversations, explanations and drawings in hand.")
        jobs.add_metric([], engine.num_jobs)
        return [waiting, sizes, jobs]
