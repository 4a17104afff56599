"""Measurements that need no dataset: `genrec bench decode` and `genrec bench tokenize`.

Every speed is a ratio to a peer that runs in the same process on the same model.

Axis legend: N items, L levels, B batch, W beams.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from genrec.config import TokenizeConfig
from genrec.errors import InputError
from genrec.evaluate.report import describe_machine
from genrec.model.decoding import search_beams
from genrec.model.vocabulary import IdVocabulary
from genrec.runtime import progress, seed_everything
from genrec.semids.quantizers import make_quantizer
from genrec.semids.trie import Trie

NUM_WORDS = 64
PROMPT_LENGTH = 64
LEVEL_SIZES = (256, 256, 256, 64)

Row = dict[str, float | int | str]


def bench(name: str, *, seed: int = 7) -> dict[str, object]:
    """Run one measurement. Returns {"name", "machine", "rows"}. Raises InputError on an unknown name."""
    if name not in BENCHES:
        raise InputError(f"bench {name!r} is unknown; choose one of {', '.join(BENCHES)}")
    seed_everything(seed)
    return {"name": name, "machine": describe_machine(), "seed": seed, "rows": BENCHES[name](seed)}


def _decode(seed: int) -> list[Row]:
    """Beams over synthetic catalogs, ours against transformers' generate with a prefix function."""
    ids = IdVocabulary(LEVEL_SIZES, NUM_WORDS)
    model = _tiny_model(NUM_WORDS + ids.num_tokens)
    shapes = [(items, width, batch) for items in (10_000, 100_000) for width in (10, 50) for batch in (1, 8)]
    rows: list[Row] = []
    tries: dict[int, tuple[npt.NDArray[np.int64], Trie, float]] = {}
    for num_items, width, batch in progress(shapes, label="bench decode"):
        if num_items not in tries:
            codes = _random_codes(num_items, seed)
            start = time.perf_counter()
            tries[num_items] = (codes, Trie.build(codes), time.perf_counter() - start)
        codes, trie, build_s = tries[num_items]
        prompts = torch.randint(1, NUM_WORDS, (batch, PROMPT_LENGTH), generator=torch.Generator().manual_seed(seed))
        rows.append(_decode_row(model, ids, codes, trie, build_s, prompts, width))
    return rows


def _decode_row(
    model: Qwen3ForCausalLM,
    ids: IdVocabulary,
    codes: npt.NDArray[np.int64],
    trie: Trie,
    build_s: float,
    prompts: torch.Tensor,
    width: int,
) -> Row:
    mask = torch.ones_like(prompts)
    ours_s = _median_s(
        lambda: search_beams(model, tokens_BT=prompts, mask_BT=mask, trie=trie, ids=ids, width=width), repeats=5
    )
    theirs_s = _median_s(_transformers_beams(model, ids, codes, prompts, width), repeats=1)
    constraint_s = _median_s(lambda: _walk(trie, len(prompts), width), repeats=5)
    return {
        "items": len(codes),
        "width": width,
        "batch": len(prompts),
        "ours_ms": ours_s * 1e3,
        "transformers_ms": theirs_s * 1e3,
        "ratio": theirs_s / ours_s,
        "constraint_share": constraint_s / ours_s,
        "step_ms": ours_s * 1e3 / trie.depth,
        "trie_bytes": trie.num_bytes,
        "build_s": build_s,
    }


def _walk(trie: Trie, batch: int, width: int) -> None:
    """The constraint's own work: children of every beam at every level, without the model."""
    node = torch.zeros(batch, 1, dtype=torch.int64)
    for depth in range(trie.depth):
        children = trie.children(depth, node)
        score = torch.where(children.legal, children.code.float(), -torch.inf).flatten(1)
        choice = score.topk(min(width, score.shape[1]), dim=1).indices
        node = children.node.flatten(1).gather(1, choice)


def _transformers_beams(
    model: Qwen3ForCausalLM, ids: IdVocabulary, codes: npt.NDArray[np.int64], prompts: torch.Tensor, width: int
) -> Callable[[], object]:
    legal: dict[tuple[int, ...], set[int]] = {}
    tokens_NL = codes + np.array(ids.offsets)
    for depth in range(tokens_NL.shape[1]):
        for row in tokens_NL[:, : depth + 1].tolist():
            legal.setdefault(tuple(row[:-1]), set()).add(row[-1])
    lists = {path: sorted(tokens) for path, tokens in legal.items()}

    def allowed(_: int, tokens: torch.Tensor) -> list[int]:
        return lists[tuple(tokens[PROMPT_LENGTH:].tolist())]

    def run() -> object:
        return model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            num_beams=width,
            num_return_sequences=width,
            max_new_tokens=ids.depth,
            prefix_allowed_tokens_fn=allowed,
            do_sample=False,
        )

    return run


def _tiny_model(vocabulary: int) -> Qwen3ForCausalLM:
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=160,
        intermediate_size=480,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=40,
        initializer_range=0.2,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=None,
    )
    return Qwen3ForCausalLM(config).eval()


def _random_codes(num_items: int, seed: int) -> npt.NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    total = int(np.prod(LEVEL_SIZES))
    flat = np.unique(rng.integers(0, total, size=num_items + num_items // 50))
    chosen = rng.permutation(flat)[:num_items]
    return np.stack(np.unravel_index(chosen, LEVEL_SIZES), axis=1)


def _tokenize(seed: int) -> list[Row]:
    """Residual k-means over random unit vectors: seconds to fit, items per second to encode."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for num_items, num_features in progress([(10_000, 64), (100_000, 128)], label="bench tokenize"):
        vectors = rng.standard_normal((num_items, num_features), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        quantizer = make_quantizer(TokenizeConfig(num_codes=256))
        start = time.perf_counter()
        quantizer.fit(vectors, seed)
        fit_s = time.perf_counter() - start
        encode_s = _median_s(lambda q=quantizer, v=vectors: q.encode(v), repeats=3)  # type: ignore[misc]
        rows.append(
            {"items": num_items, "features": num_features, "fit_s": fit_s, "encode_items_per_s": num_items / encode_s}
        )
    return rows


def _median_s(work: Callable[[], object], *, repeats: int) -> float:
    times = []
    for number in range(repeats + (repeats > 1)):
        start = time.perf_counter()
        work()
        if number or repeats == 1:  # the first of several runs only warms up
            times.append(time.perf_counter() - start)
    return float(np.median(times))


BENCHES: dict[str, Callable[[int], list[Row]]] = {"decode": _decode, "tokenize": _tokenize}


def table_lines(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Column names and cells, numbers to three significant digits."""
    columns = list(rows[0])
    cells = [[f"{row[c]:.3g}" if isinstance(row[c], float) else f"{row[c]:,}" for c in columns] for row in rows]
    return columns, cells
