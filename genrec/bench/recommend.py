"""`genrec bench recommend`: what a request costs, whole and in parts, on a small made shop.

The shop is built with hardly any training, which changes what is recommended but not how long it takes.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from genrec.bench.measure import Row, Stopwatch
from genrec.data.filters import parse_filter
from genrec.data.ingest import ingest
from genrec.pipeline import build
from genrec.ranking.built_data import BuiltData
from genrec.ranking.client import Request
from genrec.ranking.local import LocalClient
from genrec.runtime import progress

NUM_ITEMS, NUM_PEOPLE = 880, 600
SETTINGS = ("tune.epochs=0.2", "tune.checkpoints_per_run=1", "sequence.epochs=1", "recommend.sequence_weight=0.5")
KINDS = {
    "history": {},
    "history and filter": {"where": parse_filter("price < 40")},
    "history and words": {"query": "a warm red lamp"},
}
BATCHES = (1, 32)


def bench_recommend(
    seed: int, *, num_items: int = NUM_ITEMS, num_people: int = NUM_PEOPLE, num_requests: int = 128
) -> list[Row]:
    """One row per kind of request and batch: milliseconds per batch, requests per second, shares of the time."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "shop"
        ingest("shop", None, directory, seed=seed, num_items=num_items, num_people=num_people)
        build(directory, settings=SETTINGS)
        data = BuiltData.load(directory)
        client = LocalClient.load(data)
        histories = [data.history_of(user) for user in list(data.interactions.user_bounds())[:num_requests]]
        shapes = [(kind, batch) for kind in KINDS for batch in BATCHES]
        return [_row(client, histories, kind, batch) for kind, batch in progress(shapes, label="bench recommend")]


def _row(client: LocalClient, histories: list[tuple[str, ...]], kind: str, batch: int) -> Row:
    requests = [Request(history=history, **KINDS[kind]) for history in histories]  # type: ignore[arg-type]
    batches = [requests[start : start + batch] for start in range(0, len(requests), batch)]
    client.answer(batches[0])
    watch = Stopwatch()
    client.hybrid.watch = watch
    seconds = []
    for part in batches:
        start = time.perf_counter()
        client.answer(part)
        seconds.append(time.perf_counter() - start)
    total_s = sum(seconds)
    parts = {
        "encode_share": watch.share("prompt", total_s),
        "forward_share": watch.share("forward", total_s),
        "constrain_share": watch.share("constrain", total_s),
        "experts_share": watch.share("experts", total_s),
    }
    return {
        "kind": kind,
        "batch": batch,
        "p50_ms": float(np.percentile(seconds, 50)) * 1e3,
        "p95_ms": float(np.percentile(seconds, 95)) * 1e3,
        "requests_per_s": len(requests) / total_s,
        **parts,
        "rest_share": 1 - sum(parts.values()),
    }
