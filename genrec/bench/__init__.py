"""Measurements of speed, search and conversation: `genrec bench NAME`, see `BENCHES`.

Every speed is a ratio to a peer that runs in the same process on the same model, or stands beside the parts it is made
of. Knows the benches by name; what each measures is in its own file.
"""

import inspect
from collections.abc import Callable
from typing import Any

from genrec.bench.chat import bench_chat
from genrec.bench.composed import bench_composed
from genrec.bench.decode import bench_decode
from genrec.bench.fusion import bench_fusion
from genrec.bench.measure import Row
from genrec.bench.recommend import bench_recommend
from genrec.bench.score import bench_score
from genrec.bench.search import bench_search
from genrec.bench.serve import bench_serve
from genrec.bench.tokenize import bench_tokenize
from genrec.bench.visuals import bench_visuals
from genrec.errors import InputError
from genrec.evaluate.report import describe_machine
from genrec.runtime import seed_everything

BENCHES: dict[str, Callable[..., list[Row]]] = {
    "chat": bench_chat,
    "composed": bench_composed,
    "decode": bench_decode,
    "fusion": bench_fusion,
    "recommend": bench_recommend,
    "score": bench_score,
    "search": bench_search,
    "serve": bench_serve,
    "tokenize": bench_tokenize,
    "visuals": bench_visuals,
}


def bench(name: str, *, seed: int = 7, **options: Any) -> dict[str, object]:  # Any: each bench has its own options
    """Run one measurement. Returns {"name", "machine", "rows"}. Raises InputError on an unknown name or option."""
    if name not in BENCHES:
        raise InputError(f"bench {name!r} is unknown; choose one of {', '.join(BENCHES)}")
    known = inspect.signature(BENCHES[name]).parameters
    strangers = [option for option in options if option not in known]
    if strangers:
        raise InputError(f"bench {name} takes no {strangers[0]}; leave it out")
    seed_everything(seed)
    return {"name": name, "machine": describe_machine(), "seed": seed, "rows": BENCHES[name](seed, **options)}
