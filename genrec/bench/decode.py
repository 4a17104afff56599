"""`genrec bench decode`: beams over synthetic catalogs, ours against transformers' generate with a prefix function.

Both run the same random tiny model on the same prompts in the same process; the legal codes of the reference are looked
up before its clock starts, so it pays for its own work alone.

Axis legend: N items, L levels, B batch, W beams.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from genrec.bench.measure import Row, Stopwatch, median_s
from genrec.model.lm.beam_search import Beams, Watch, search_beams, unwatched
from genrec.model.lm.vocabulary import IdVocabulary
from genrec.runtime import progress
from genrec.schema import IntArray
from genrec.semids.trie import Trie

NUM_WORDS = 64
PROMPT_LENGTH = 64
LEVEL_SIZES = (256, 256, 256, 64)
CATALOG_SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
WIDTHS, BATCHES = (10, 50), (1, 32)


def bench_decode(
    seed: int, catalog_sizes: Sequence[int] = CATALOG_SIZES, repeats: int = 5, batches: Sequence[int] = BATCHES
) -> list[Row]:
    """One row per catalog, width and batch. constraint_share: of our time, everything but the model's forward passes;
    step_ms: one level's forward and constraint where every beam needs a pass, which is equal work for catalogs of
    every size; ours_ms leaves out the beams that are certain, of which small catalogs have more."""
    ids = IdVocabulary(LEVEL_SIZES, NUM_WORDS)
    model = tiny_model(NUM_WORDS + ids.num_tokens)
    rows: list[Row] = []
    shapes = [(items, width, batch) for items in catalog_sizes for width in WIDTHS for batch in batches]
    catalog = RandomCatalog.random(1, seed)
    for num_items, width, batch in progress(shapes, label="bench decode"):
        if len(catalog.trie) != num_items:
            catalog = RandomCatalog.random(num_items, seed)
        prompts = torch.randint(1, NUM_WORDS, (batch, PROMPT_LENGTH), generator=torch.Generator().manual_seed(seed))
        rows.append(_decode_row(model, ids, catalog, prompts, width, repeats))
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomCatalog:
    """Items with random semantic IDs. sorted_N: int64, the codes of each as one number, ascending; codes_NL: theirs in
    the order of catalog rows."""

    trie: Trie
    codes_NL: IntArray
    sorted_N: npt.NDArray[np.int64]
    build_s: float

    @classmethod
    def random(cls, num_items: int, seed: int) -> "RandomCatalog":
        rng = np.random.default_rng(seed)
        drawn = np.unique(rng.integers(0, int(np.prod(LEVEL_SIZES)), size=num_items + num_items // 50 + 8))
        chosen = rng.permutation(drawn)[:num_items]
        codes_NL = np.stack(np.unravel_index(chosen, LEVEL_SIZES), axis=1).astype(np.int64)
        start = time.perf_counter()
        trie = Trie.build(codes_NL)
        return cls(trie=trie, codes_NL=codes_NL, build_s=time.perf_counter() - start, sorted_N=np.sort(chosen))

    def next_codes(self, path: Sequence[int]) -> list[int]:
        """The codes that may follow a path."""
        below = int(np.prod(LEVEL_SIZES[len(path) :]))
        number = 0
        for code, size in zip(path, LEVEL_SIZES, strict=False):
            number = number * size + code
        first, last = np.searchsorted(self.sorted_N, [number * below, (number + 1) * below])
        step = below // LEVEL_SIZES[len(path)]
        return np.unique(self.sorted_N[first:last] // step % LEVEL_SIZES[len(path)]).tolist()


def _decode_row(
    model: Qwen3ForCausalLM, ids: IdVocabulary, catalog: RandomCatalog, prompts: torch.Tensor, width: int, repeats: int
) -> Row:
    def ours(trie: Trie = catalog.trie, watch: Watch = unwatched) -> Beams:
        mask = torch.ones_like(prompts)
        return search_beams(model, tokens_BT=prompts, mask_BT=mask, trie=trie, ids=ids, width=width, watch=watch)

    ours_s = median_s(ours, repeats=repeats)
    watch = Stopwatch()
    start = time.perf_counter()
    for _ in range(repeats):
        ours(watch=watch)
    watched_s = time.perf_counter() - start
    theirs_s = median_s(_transformers_beams(model, ids, catalog, prompts, width), repeats=1)
    return {
        "items": len(catalog.trie),
        "width": width,
        "batch": len(prompts),
        "ours_ms": ours_s * 1e3,
        "transformers_ms": theirs_s * 1e3,
        "ratio": theirs_s / ours_s,
        "constraint_share": watch.share("constrain", watched_s),
        "prompt_share": watch.share("prompt", watched_s),
        "step_ms": _step_s(ours, catalog.trie, repeats) * 1e3,
        "trie_bytes": catalog.trie.num_bytes,
        "bytes_per_item": catalog.trie.num_bytes / len(catalog.trie),
        "build_s": catalog.build_s,
    }


class _OpenTrie(Trie):
    """A trie that calls no beam certain."""

    def is_open(self, depth: int, node_BW: torch.Tensor) -> torch.Tensor:
        """True for every node."""
        return torch.ones_like(node_BW, dtype=torch.bool)


def _step_s(search: Callable[[Trie, Watch], object], trie: Trie, repeats: int) -> float:
    """Median seconds of a level's forward and constraint where every beam needs a pass."""
    all_open = _OpenTrie(levels=trie.levels, row_of_leaf=trie.row_of_leaf, leaf_of_row=trie.leaf_of_row)
    times = []
    for _ in range(repeats):
        watch = Stopwatch()
        search(all_open, watch)
        times.append((watch.seconds["forward"] + watch.seconds["constrain"]) / trie.depth)
    return float(np.median(times))


def _transformers_beams(
    model: Qwen3ForCausalLM, ids: IdVocabulary, catalog: RandomCatalog, prompts: torch.Tensor, width: int
) -> Callable[[], object]:
    known: dict[tuple[int, ...], list[int]] = {}

    def allowed(_: int, tokens: torch.Tensor) -> list[int]:
        path = tuple(tokens[PROMPT_LENGTH:].tolist())
        if path not in known:
            codes = [token - offset for token, offset in zip(path, ids.offsets, strict=False)]
            known[path] = [code + ids.offsets[len(path)] for code in catalog.next_codes(codes)]
        return known[path]

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


def tiny_model(vocabulary: int) -> Qwen3ForCausalLM:
    """A random model of the size of the tiny preset's."""
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
