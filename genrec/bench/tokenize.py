"""`genrec bench tokenize`: residual k-means over random unit vectors, seconds and memory of fitting and encoding.

Each size runs in a process of its own, so that its peak memory is its own; it holds the vectors themselves too.

Axis legend: N items, D features.
"""

import json
import subprocess
import sys
import time

import numpy as np

from genrec.bench.measure import Row
from genrec.config import TokenizeConfig
from genrec.runtime import peak_memory_mb, progress
from genrec.semids.quantizers import make_quantizer

SHAPES = ((10_000, 64), (100_000, 128), (1_000_000, 512))


def bench_tokenize(seed: int, shapes: tuple[tuple[int, int], ...] = SHAPES) -> list[Row]:
    """One row per catalog; flops_share: of encoding, the arithmetic's speed over that of a plain matrix product."""
    rows: list[Row] = []
    for num_items, num_features in progress(shapes, label="bench tokenize"):
        call = f"measure({num_items}, {num_features}, {seed})"
        work = f"import json; from {__name__} import measure; print(json.dumps({call}))"
        done = subprocess.run([sys.executable, "-c", work], check=True, stdout=subprocess.PIPE)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return rows


def measure(num_items: int, num_features: int, seed: int) -> Row:
    """Fit and encode once."""
    rng = np.random.default_rng(seed)
    vectors_ND = rng.standard_normal((num_items, num_features), dtype=np.float32)
    vectors_ND /= np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    config = TokenizeConfig(num_codes=256)
    quantizer = make_quantizer(config)
    start = time.perf_counter()
    quantizer.fit(vectors_ND, seed)
    fit_s = time.perf_counter() - start
    start = time.perf_counter()
    quantizer.encode(vectors_ND)
    encode_s = time.perf_counter() - start
    sample_ND = vectors_ND[: min(num_items, 50_000)]
    codebook_DK = np.ones((num_features, config.num_codes), np.float32)
    sample_ND @ codebook_DK  # warms up
    start = time.perf_counter()
    sample_ND @ codebook_DK
    product_s = (time.perf_counter() - start) * num_items / len(sample_ND) * config.num_levels
    return {
        "items": num_items,
        "features": num_features,
        "fit_s": fit_s,
        "encode_s": encode_s,
        "encode_items_per_s": num_items / encode_s,
        "flops_share": product_s / encode_s,
        "peak_mb": peak_memory_mb(),
    }
