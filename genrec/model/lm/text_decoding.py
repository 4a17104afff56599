"""Greedy text, several tokens at a time: what the prompt says is guessed to go on, and the model checks the guess.

An explanation mostly repeats the claims that it was given, in a frame that others had before. So the latest words are
looked up in the prompt and in what was said lately, and what follows them there is drafted; one call of the model then
tells how much of the draft it would have written itself (prompt lookup, a speculative decoding as in arXiv 2211.17192;
transformers has it for one prompt at a time). The words are those of plain greedy decoding. Rejected drafts stay in the
cache, where a mask hides them.

Axis legend: B prompts still written, T prompt tokens, K tokens of one call, S tokens in the cache, V vocabulary.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from genrec.model.lm.vocabulary import IdVocabulary

_NUM_DRAFTED = 5  # tokens of a draft
_MAX_MATCH = 3  # latest tokens that are looked up, fewer when so many are not found
_MAX_PHRASES = 50_000


class Phrases:
    """What was said lately: after one to three tokens, those that followed them last."""

    def __init__(self) -> None:
        self._following: dict[tuple[int, ...], list[int]] = {}

    def learn(self, tokens: Sequence[int]) -> None:
        """Remember what follows what in a text."""
        if len(self._following) > _MAX_PHRASES:
            self._following.clear()
        for end in range(1, len(tokens)):
            for size in range(1, min(_MAX_MATCH, end) + 1):
                self._following[tuple(tokens[end - size : end])] = list(tokens[end : end + _NUM_DRAFTED])

    def after(self, latest: Sequence[int]) -> list[int]:
        """What followed these tokens last; nothing when they were not said."""
        return self._following.get(tuple(latest), [])


class _Text:
    """One text while it is written: its prompt, what it says so far, and which of it the cache holds."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._tokens = list(prompt)
        self._num_prompt = len(prompt)

    @property
    def said(self) -> list[int]:
        """What follows the prompt."""
        return self._tokens[self._num_prompt :]

    @property
    def num_cached(self) -> int:
        """How many tokens the model has read; the last one waits for the next call."""
        return len(self._tokens) - 1

    def take(self, tokens: Sequence[int]) -> None:
        """Go on with tokens that the model chose."""
        self._tokens += tokens

    @property
    def words(self) -> list[int]:
        """What it says, after the few tokens before it, by which its beginning is looked up."""
        return self._tokens[max(0, self._num_prompt - _MAX_MATCH + 1) :]

    def draft(self, phrases: Phrases) -> list[int]:
        """The last token, and what followed it and those before it, here or elsewhere."""
        tokens = self._tokens
        for size in range(min(_MAX_MATCH, len(tokens) - 1), 0, -1):
            latest = tokens[-size:]
            for end in range(len(tokens) - 1, size - 1, -1):
                if tokens[end - size : end] == latest:
                    return [tokens[-1], *tokens[end : end + _NUM_DRAFTED]]
            if following := phrases.after(latest):
                return [tokens[-1], *following]
        return tokens[-1:]


@torch.inference_mode()
def write_greedily(
    model: Any,  # Any: a transformers causal language model, maybe wrapped by peft, whose cache keeps every token
    prompts: Sequence[Sequence[int]],
    *,
    tokens_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    ids: IdVocabulary,
    end: int,
    max_new_tokens: int,
    phrases: Phrases,
    pause: Callable[[], None],
) -> list[list[int]]:
    """What greedy decoding says after each prompt, with the token that ends it, at most `max_new_tokens`.

    tokens_BT, mask_BT: int64, the prompts padded on the left. Id tokens are never said. phrases: learns what is said;
    pause: called between any two calls of the model, which others may use meanwhile.
    """
    texts = [_Text(prompt) for prompt in prompts]
    if not texts or max_new_tokens < 1:
        return [[] for _ in texts]
    writing = list(texts)
    read = _Reading(model, ids)
    position_BT = (mask_BT.cumsum(dim=1) - 1).clamp(min=0)
    for text, chosen in zip(writing, read(tokens_BT, mask_BT, position_BT, num_kept=1), strict=True):
        text.take(chosen)
    while True:
        is_open = [len(text.said) < max_new_tokens and text.said[-1] != end for text in writing]
        for text, is_its in zip(writing, is_open, strict=True):
            if not is_its:
                phrases.learn(text.words)
        if not any(is_open):
            return [text.said for text in texts]
        if not all(is_open):
            writing = [text for text, is_its in zip(writing, is_open, strict=True) if is_its]
            read.keep(torch.tensor(is_open, device=tokens_BT.device).nonzero()[:, 0])
        pause()
        drafts = [text.draft(phrases)[: max_new_tokens - len(text.said)] for text in writing]
        longest = max(map(len, drafts))
        rows = [[*draft, *[draft[-1]] * (longest - len(draft))] for draft in drafts]
        tokens_BK = torch.tensor(rows, device=tokens_BT.device)
        place_1K = torch.arange(longest, device=tokens_BT.device)[None]
        cached_B1 = torch.tensor([[text.num_cached] for text in writing], device=tokens_BT.device)
        chosen_BK = read(tokens_BK, torch.ones_like(tokens_BK), cached_B1 + place_1K, num_kept=longest)
        num_right = [_num_right(draft, chosen, end) for draft, chosen in zip(drafts, chosen_BK, strict=True)]
        for text, chosen, count in zip(writing, chosen_BK, num_right, strict=True):
            text.take(chosen[: count + 1])
        read.forget(place_1K > torch.tensor(num_right, device=tokens_BT.device)[:, None])


def _num_right(draft: Sequence[int], chosen: Sequence[int], end: int) -> int:
    """How many tokens of a draft, whose first is certain, the model chose itself; none after the end."""
    count = 0
    while count + 1 < len(draft) and draft[count + 1] == chosen[count] != end:
        count += 1
    return count


class _Reading:
    """Calls of the model over one growing cache, and which of its tokens count."""

    def __init__(self, model: Any, ids: IdVocabulary) -> None:
        self._model = model
        self._never = slice(ids.first_token, ids.first_token + ids.num_tokens)
        self._cache: Any = None  # Any: transformers' cache
        self._mask_BS: torch.Tensor | None = None

    def __call__(
        self, tokens_BK: torch.Tensor, mask_BK: torch.Tensor, position_BK: torch.Tensor, *, num_kept: int
    ) -> list[list[int]]:
        """The likeliest token after each of the last `num_kept`."""
        mask_BS = mask_BK if self._mask_BS is None else torch.cat([self._mask_BS, mask_BK], dim=1)
        output = self._model(
            input_ids=tokens_BK,
            attention_mask=mask_BS,
            position_ids=position_BK,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=num_kept,
        )
        self._cache, self._mask_BS = output.past_key_values, mask_BS
        output.logits[..., self._never] = -torch.inf
        chosen: list[list[int]] = output.logits.argmax(dim=-1).tolist()
        return chosen

    def forget(self, is_wrong_BK: torch.Tensor) -> None:
        """Hide the last tokens that are marked."""
        assert self._mask_BS is not None
        self._mask_BS[:, -is_wrong_BK.shape[1] :] *= ~is_wrong_BK

    def keep(self, row_X: torch.Tensor) -> None:
        """Go on with some of the rows."""
        assert self._mask_BS is not None
        self._cache.batch_select_indices(row_X)
        self._mask_BS = self._mask_BS[row_X]
