"""`genrec bench score`: candidates of one history scored exactly, ours against transformers scoring each.

Ours reads the prompt once and writes each shared beginning of semantic IDs once, beside no beams; transformers gets
every prompt with its candidate as one batch, and its logits of the last tokens are summed up. Both run the same random
tiny model; that their scores agree is a test's business.

Axis legend: C candidates, L levels.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from transformers import Qwen3ForCausalLM

from genrec.bench.decode import LEVEL_SIZES, NUM_WORDS, RandomCatalog, tiny_model
from genrec.bench.measure import Row, median_s
from genrec.model.lm.beam_search import Beams, search_beams
from genrec.model.lm.vocabulary import IdVocabulary
from genrec.runtime import progress

PROMPT_LENGTHS = (64, 128)  # tokens: histories of some 15 and 30 items
NUM_CANDIDATES = 200
CATALOG_SIZES = (10_000, 100_000)


def bench_score(
    seed: int,
    catalog_sizes: Sequence[int] = CATALOG_SIZES,
    repeats: int = 5,
    num_candidates: int = NUM_CANDIDATES,
    prompt_lengths: Sequence[int] = PROMPT_LENGTHS,
) -> list[Row]:
    """One row per catalog and length of the prompt."""
    ids = IdVocabulary(LEVEL_SIZES, NUM_WORDS)
    model = tiny_model(NUM_WORDS + ids.num_tokens)
    rows: list[Row] = []
    for num_items in progress(catalog_sizes, label="bench score"):
        catalog = RandomCatalog.random(num_items, seed)
        chosen = np.random.default_rng(seed).choice(num_items, num_candidates, replace=False)
        for length in prompt_lengths:
            prompt = torch.randint(1, NUM_WORDS, (1, length), generator=torch.Generator().manual_seed(seed))
            ours_s = median_s(exactly(model, ids, catalog, prompt, torch.from_numpy(chosen)), repeats=repeats)
            codes_CL = catalog.codes_NL[chosen].astype(np.int64)
            theirs_s = median_s(each(model, ids, prompt, torch.from_numpy(codes_CL)), repeats=max(1, repeats // 2))
            rows.append(
                {
                    "items": num_items,
                    "candidates": num_candidates,
                    "prompt_tokens": length,
                    "ours_ms": ours_s * 1e3,
                    "transformers_ms": theirs_s * 1e3,
                    "ratio": theirs_s / ours_s,
                }
            )
    return rows


def exactly(
    model: Qwen3ForCausalLM, ids: IdVocabulary, catalog: RandomCatalog, prompt: torch.Tensor, rows_C: torch.Tensor
) -> Callable[[], Beams]:
    """Ours: one pass over the trie of the candidates, each code's probability a share of the whole vocabulary."""

    def run() -> Beams:
        return search_beams(
            model,
            tokens_BT=prompt,
            mask_BT=torch.ones_like(prompt),
            trie=catalog.trie,
            ids=ids,
            width=0,
            normalize_over="vocabulary",
            also_BC=rows_C[None],
        )

    return run


@torch.inference_mode()
def each_score(
    model: Qwen3ForCausalLM, ids: IdVocabulary, prompt: torch.Tensor, codes_CL: torch.Tensor
) -> torch.Tensor:
    """Theirs: the log-probability of each candidate after the prompt, float32 (C,)."""
    tokens_CL = codes_CL + torch.tensor(ids.offsets)
    whole_CT = torch.cat([prompt.expand(len(tokens_CL), -1), tokens_CL], dim=1)
    logits = model(whole_CT, logits_to_keep=ids.depth + 1).logits[:, :-1]
    return logits.float().log_softmax(dim=-1).gather(2, tokens_CL[..., None])[..., 0].sum(dim=1)


def each(
    model: Qwen3ForCausalLM, ids: IdVocabulary, prompt: torch.Tensor, codes_CL: torch.Tensor
) -> Callable[[], torch.Tensor]:
    """`each_score`, to be timed."""
    return lambda: each_score(model, ids, prompt, codes_CL)
