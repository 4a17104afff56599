"""Best-first search over the trie: items one by one, the likeliest first, each as soon as nothing can overtake it.

Beams finish all at once; here the likeliest unfinished paths are written on first, a few at a time, so the first item
is known long before the last. What comes out is exact: the k likeliest items of the trie in order, with the scores that
`search_beams` gives (best-first search, as probabilities along a path only fall).

Axis legend: T prompt tokens, W paths of a step, K codes of a level, C children.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from genrec.model.lm.beam_cache import BeamCache
from genrec.model.lm.forward import NormalizeOver
from genrec.model.lm.vocabulary import IdVocabulary
from genrec.semids.trie import Narrowing, Trie


@dataclass(frozen=True, slots=True)
class StreamedItem:
    """One item and the largest score that any item still to come can have; both in nats."""

    row: int
    score_nats: float
    rest_nats: float


@dataclass(frozen=True, slots=True, order=True)
class _Path:
    """A beginning of semantic IDs. place: where its last token stands among the written ones, -1 at the root."""

    negative_score: float
    depth: int
    node: int
    code: int
    place: int


@torch.inference_mode()
def stream_items(
    model: Any,  # Any: a transformers causal language model, maybe wrapped by peft
    *,
    tokens_T: torch.Tensor,
    trie: Trie,
    ids: IdVocabulary,
    k: int,
    narrowing: Narrowing | None = None,
    width: int = 8,
    normalize_over: NormalizeOver = "children",
) -> Iterator[StreamedItem]:
    """The k likeliest items after one prompt, in order; fewer when fewer are legal.

    tokens_T: int64 (T,); width: how many paths are written on in one step of the model; narrowing: of this one request.
    """
    tokens_BT = tokens_T[None]
    cache = BeamCache(model, tokens_BT, torch.ones_like(tokens_BT), ids=ids, normalize_over=normalize_over)
    root = _Path(0.0, 0, 0, 0, -1)
    paths = _children(trie, root, -1, cache.prompt_log_probs()[0, 0], narrowing, k, normalize_over)
    heapq.heapify(paths)
    items: list[_Path] = []
    num_left = k
    while paths or items:
        while items and (not paths or items[0].negative_score <= paths[0].negative_score):
            item = heapq.heappop(items)
            rest = min((heap[0].negative_score for heap in (items, paths) if heap), default=torch.inf)
            yield StreamedItem(int(trie.row_of_leaf[item.node]), -item.negative_score, -rest)
            num_left -= 1
            if not num_left:
                return
        step = [heapq.heappop(paths) for _ in range(min(width, len(paths)))]
        finished = [path for path in step if path.depth == trie.depth]
        for path in finished:
            heapq.heappush(items, path)
        open_paths = [path for path in step if path.depth < trie.depth]
        if not open_paths:
            continue
        places, log_probs = cache.extend_paths(
            [path.depth for path in open_paths], [path.code for path in open_paths], [path.place for path in open_paths]
        )
        for path, place, log_prob_K in zip(open_paths, places, log_probs, strict=True):
            for child in _children(trie, path, place, log_prob_K, narrowing, num_left, normalize_over):
                heapq.heappush(items if child.depth == trie.depth else paths, child)


def _children(
    trie: Trie,
    parent: _Path,
    place: int,
    log_prob_K: torch.Tensor,
    narrowing: Narrowing | None,
    num_wanted: int,
    normalize_over: NormalizeOver,
) -> list[_Path]:
    """The likeliest legal children of a path, as many as may be wanted of them; place: where its last token stands."""
    depth, score = parent.depth, -parent.negative_score
    node_BW = torch.tensor([[parent.node]], device=log_prob_K.device)
    found = trie.expand(depth, node_BW, log_prob_K[None, None], narrowing, renormalize=normalize_over == "children")
    log_prob_C, node_C = found.log_prob[0, 0], found.node[0, 0]
    best = log_prob_C.topk(min(num_wanted, len(log_prob_C)))
    nodes = node_C[best.indices].tolist()
    codes = trie.levels[depth + 1].code[node_C[best.indices].long()].tolist()
    first_leaf = trie.levels[depth + 1].first_leaf
    paths = []
    for log_prob, child, code in zip(best.values.tolist(), nodes, codes, strict=True):
        leaf, end = first_leaf[child : child + 2].tolist()
        if (
            log_prob > -torch.inf and normalize_over == "children" and end - leaf == 1
        ):  # what is left of its codes is certain
            paths.append(_Path(-(score + log_prob), trie.depth, leaf, code, place))
        elif log_prob > -torch.inf:
            paths.append(_Path(-(score + log_prob), depth + 1, child, code, place))
    return paths
