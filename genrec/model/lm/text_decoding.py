"""Greedy text by speculative decoding: drafts are looked up, and one call of the model checks a whole draft.

An explanation mostly repeats the claims that it was given, in a frame that others had before. So the latest tokens are
looked up in the prompt and in texts that were decoded lately, and what follows them there is the draft; one call of the
model then tells how much of it plain greedy decoding would have written (prompt lookup, a speculative decoding as in
arXiv 2211.17192; transformers has it for one prompt at a time). The text is that of plain greedy decoding. Rejected
drafts stay in the cache, where a mask hides them.

Axis legend: B prompts still decoded, T prompt tokens, K tokens of one call, S tokens in the cache, V vocabulary.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from genrec.model.lm.vocabulary import IdVocabulary

_NUM_DRAFTED = 5  # tokens of a draft
_MAX_NGRAM = 3  # latest tokens that are looked up, fewer when so many are not found
_MAX_NGRAMS = 50_000


class NgramIndex:
    """N-grams of the texts that were decoded lately: after one to three tokens, those that followed them last."""

    def __init__(self) -> None:
        self._continuations: dict[tuple[int, ...], list[int]] = {}

    def add(self, tokens: Sequence[int]) -> None:
        """Remember what follows what in a text."""
        if len(self._continuations) > _MAX_NGRAMS:
            self._continuations.clear()
        for end in range(1, len(tokens)):
            for size in range(1, min(_MAX_NGRAM, end) + 1):
                self._continuations[tuple(tokens[end - size : end])] = list(tokens[end : end + _NUM_DRAFTED])

    def continuation(self, ngram: Sequence[int]) -> list[int]:
        """The tokens that followed these last; none when they did not occur."""
        return self._continuations.get(tuple(ngram), [])


class _Text:
    """One text while it is decoded: its prompt, its tokens so far, and how many of them the cache holds."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._tokens = list(prompt)
        self._num_prompt = len(prompt)

    @property
    def decoded(self) -> list[int]:
        """The tokens after the prompt."""
        return self._tokens[self._num_prompt :]

    @property
    def num_cached(self) -> int:
        """The number of tokens in the cache; the last one waits for the next call."""
        return len(self._tokens) - 1

    def append(self, tokens: Sequence[int]) -> None:
        """Go on with tokens that the model chose."""
        self._tokens += tokens

    @property
    def indexed(self) -> list[int]:
        """The decoded tokens, after the few tokens before them by which their beginning is looked up."""
        return self._tokens[max(0, self._num_prompt - _MAX_NGRAM + 1) :]

    def draft(self, ngrams: NgramIndex) -> list[int]:
        """The last token, and what followed it and those before it, here or elsewhere."""
        tokens = self._tokens
        for size in range(min(_MAX_NGRAM, len(tokens) - 1), 0, -1):
            latest = tokens[-size:]
            for end in range(len(tokens) - 1, size - 1, -1):
                if tokens[end - size : end] == latest:
                    return [tokens[-1], *tokens[end : end + _NUM_DRAFTED]]
            if continuation := ngrams.continuation(latest):
                return [tokens[-1], *continuation]
        return tokens[-1:]


@torch.inference_mode()
def decode_greedily(
    model: Any,  # Any: a transformers causal language model, maybe wrapped by peft, whose cache keeps every token
    prompts: Sequence[Sequence[int]],
    *,
    tokens_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    ids: IdVocabulary,
    end: int,
    max_new_tokens: int,
    ngrams: NgramIndex,
    pause: Callable[[], None],
) -> list[list[int]]:
    """The tokens of greedy decoding after each prompt, with the one that ends it, at most `max_new_tokens`.

    tokens_BT, mask_BT: int64, the prompts padded on the left. Id tokens are never decoded. ngrams: drafts come
    from it, and every finished text joins it; pause: called between any two calls of the model, which others may use
    meanwhile.
    """
    texts = [_Text(prompt) for prompt in prompts]
    if not texts or max_new_tokens < 1:
        return [[] for _ in texts]
    unfinished = list(texts)
    steps = _CachedSteps(model, ids)
    position_BT = (mask_BT.cumsum(dim=1) - 1).clamp(min=0)
    for text, chosen in zip(unfinished, steps(tokens_BT, mask_BT, position_BT, num_last=1), strict=True):
        text.append(chosen)
    while True:
        is_open = [len(text.decoded) < max_new_tokens and text.decoded[-1] != end for text in unfinished]
        for text, is_its in zip(unfinished, is_open, strict=True):
            if not is_its:
                ngrams.add(text.indexed)
        if not any(is_open):
            return [text.decoded for text in texts]
        if not all(is_open):
            unfinished = [text for text, is_its in zip(unfinished, is_open, strict=True) if is_its]
            steps.select_rows(torch.tensor(is_open, device=tokens_BT.device).nonzero()[:, 0])
        pause()
        drafts = [text.draft(ngrams)[: max_new_tokens - len(text.decoded)] for text in unfinished]
        longest = max(map(len, drafts))
        rows = [[*draft, *[draft[-1]] * (longest - len(draft))] for draft in drafts]
        tokens_BK = torch.tensor(rows, device=tokens_BT.device)
        place_1K = torch.arange(longest, device=tokens_BT.device)[None]
        cached_B1 = torch.tensor([[text.num_cached] for text in unfinished], device=tokens_BT.device)
        chosen_BK = steps(tokens_BK, torch.ones_like(tokens_BK), cached_B1 + place_1K, num_last=longest)
        num_accepted = [_num_accepted(draft, chosen, end) for draft, chosen in zip(drafts, chosen_BK, strict=True)]
        for text, chosen, count in zip(unfinished, chosen_BK, num_accepted, strict=True):
            text.append(chosen[: count + 1])
        steps.reject(place_1K > torch.tensor(num_accepted, device=tokens_BT.device)[:, None])


def _num_accepted(draft: Sequence[int], chosen: Sequence[int], end: int) -> int:
    """The number of tokens of a draft, after its certain first, that the model chose itself; none after the end."""
    count = 0
    while count + 1 < len(draft) and draft[count + 1] == chosen[count] != end:
        count += 1
    return count


class _CachedSteps:
    """Calls of the model over one growing cache, and which of its tokens count."""

    def __init__(self, model: Any, ids: IdVocabulary) -> None:
        self._model = model
        self._id_tokens = slice(ids.first_token, ids.first_token + ids.num_tokens)
        self._cache: Any = None  # Any: transformers' cache
        self._mask_BS: torch.Tensor | None = None

    def __call__(
        self, tokens_BK: torch.Tensor, mask_BK: torch.Tensor, position_BK: torch.Tensor, *, num_last: int
    ) -> list[list[int]]:
        """The likeliest token after each of the last `num_last`."""
        mask_BS = mask_BK if self._mask_BS is None else torch.cat([self._mask_BS, mask_BK], dim=1)
        output = self._model(
            input_ids=tokens_BK,
            attention_mask=mask_BS,
            position_ids=position_BK,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=num_last,
        )
        self._cache, self._mask_BS = output.past_key_values, mask_BS
        output.logits[..., self._id_tokens] = -torch.inf
        chosen: list[list[int]] = output.logits.argmax(dim=-1).tolist()
        return chosen

    def reject(self, is_rejected_BK: torch.Tensor) -> None:
        """Hide the last tokens that are marked."""
        assert self._mask_BS is not None
        self._mask_BS[:, -is_rejected_BK.shape[1] :] *= ~is_rejected_BK

    def select_rows(self, row_X: torch.Tensor) -> None:
        """Go on with some of the rows."""
        assert self._mask_BS is not None
        self._cache.batch_select_indices(row_X)
        self._mask_BS = self._mask_BS[row_X]
