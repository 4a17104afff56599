"""The bridge between words, semantic IDs and token numbers.

One token per level and code, `<|id_2_17|>`, is added to the language model's own tokenizer as a special token. Text
from outside is always tokenized with special tokens switched off, so nobody can spell an id or a role marker into a
prompt. Knows nothing of weights.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from genrec.errors import ShapeError
from genrec.prompting import Ids, Message, Text, Words, render
from genrec.schema import SemanticId


@dataclass(frozen=True, slots=True)
class IdVocabulary:
    """The id tokens by level and code: code c of level l is token offsets[l] + c."""

    level_sizes: tuple[int, ...]
    first_token: int

    @property
    def depth(self) -> int:
        """The number of tokens of one item."""
        return len(self.level_sizes)

    @property
    def num_tokens(self) -> int:
        """The number of id tokens."""
        return sum(self.level_sizes)

    @property
    def offsets(self) -> tuple[int, ...]:
        """The token of code 0, for each level."""
        return tuple(self.first_token + sum(self.level_sizes[:level]) for level in range(self.depth))

    @property
    def token_strings(self) -> list[str]:
        """All id tokens as the tokenizer spells them, in token order."""
        return [f"<|id_{level}_{code}|>" for level, size in enumerate(self.level_sizes) for code in range(size)]

    def tokens(self, semantic_ids: Iterable[SemanticId]) -> list[int]:
        """The tokens of semantic IDs, one after the other. Raises ShapeError when one has another depth."""
        tokens: list[int] = []
        offsets = self.offsets
        for semantic_id in semantic_ids:
            if len(semantic_id) != self.depth:
                raise ShapeError(
                    f"semantic ID {semantic_id} has {len(semantic_id)} codes, the model knows {self.depth}"
                )
            tokens.extend(offset + code for offset, code in zip(offsets, semantic_id, strict=True))
        return tokens


class PromptTokenizer:
    """Turns messages and texts into token numbers.

    tokenizer: a transformers tokenizer with a chat template that already holds the id tokens.
    """

    def __init__(self, tokenizer: Any, ids: IdVocabulary) -> None:  # Any: transformers' tokenizers are untyped here
        self.tokenizer = tokenizer
        self.ids = ids

    @classmethod
    def extend(cls, tokenizer: Any, level_sizes: Sequence[int]) -> "PromptTokenizer":
        """Add the id tokens to a tokenizer that has none."""
        ids = IdVocabulary(tuple(level_sizes), len(tokenizer))
        tokenizer.add_tokens(ids.token_strings, special_tokens=True)
        return cls(tokenizer, ids)

    @property
    def end_of_turn(self) -> int:
        """The token that ends the assistant's turn."""
        return int(self.tokenizer.eos_token_id)

    def encode_text(self, text: str) -> list[int]:
        """Tokens of text from outside: whatever it spells, no special token comes of it."""
        if not text:
            return []
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def encode_prompt(self, message: Message) -> list[int]:
        """Tokens of one user message in the model's chat template, up to where the assistant begins to write."""
        framed = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": message.framed}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,
        )
        tokens: list[int] = []
        for segment in message.segments(framed):
            match segment:
                case Words(text):
                    tokens.extend(self.tokenizer(text, add_special_tokens=False)["input_ids"])
                case Text(text):
                    tokens.extend(self.encode_text(text))
                case Ids(semantic_ids):
                    tokens.extend(self.ids.tokens(semantic_ids))
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """Plain text of tokens; special tokens are left out."""
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True)).strip()

    def pad_left(self, prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Token numbers and attention mask, int64 (B, T) each, padded on the left."""
        width = max(len(prompt) for prompt in prompts)
        pad = self.tokenizer.pad_token_id
        rows = [[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        return torch.tensor(rows, device=device), torch.tensor(mask, device=device)


def history_prompt(
    prompts: PromptTokenizer, history: Sequence[SemanticId], *, max_history: int, query: str = ""
) -> list[int]:
    """The prompt for the next item: the request, then the newest `max_history` items as the model's own words."""
    newest = history[-max_history:] if max_history else ()
    return [*_request(prompts, query), *prompts.ids.tokens(newest)]


@lru_cache(maxsize=256)
def _request(prompts: PromptTokenizer, query: str) -> tuple[int, ...]:
    return tuple(prompts.encode_prompt(render("next_item", query=query)))
