"""What a pretrained encoder makes of the words of a message: its hidden states, for the reading model to read.

The encoder is not trained here. Names that the catalog holds are given to it as names that every encoder knows, so that
a title of many words disturbs nothing. Knows transformers' encoders; deliberately knows nothing of what is read.

Axis legend: B messages, T words, P pieces of words, H features.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from genrec.chat.words import Form, Word, split_words
from genrec.errors import InputError
from genrec.pretrained import load_processor, load_weights

_PROBE = "a red lamp under forty"
_PROBED, _TOLERANCE = 8, 0.02  # features by which an encoder is told from another, and how near they must be
_STAND_INS: dict[Form, str] = {"title": "Titanic", "person": "Smith"}


class Backbone:
    """A frozen encoder. layers: whose states are given side by side."""

    def __init__(self, name_or_folder: str, layers: Sequence[int]) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.layers = tuple(layers)
        self.tokenizer: Any = load_processor(AutoTokenizer, name_or_folder)
        self.model: Any = load_weights(AutoModel, name_or_folder).eval()
        self.model.requires_grad_(False)
        if max(layers) > self.model.config.num_hidden_layers:
            count = self.model.config.num_hidden_layers
            raise InputError(
                f"{name_or_folder} has {count} layers, and layer {max(layers)} is read; name another encoder"
            )

    @property
    def num_features(self) -> int:
        """How many numbers it says of a word."""
        return int(self.model.config.hidden_size) * len(self.layers)

    def probe(self) -> tuple[float, ...]:
        """A few numbers by which this encoder is told from others."""
        states_TH = self.read([split_words(_PROBE)])[0]
        return tuple(round(number, 4) for number in states_TH[1, -_PROBED:].tolist())

    def check(self, expected: Sequence[float]) -> None:
        """Raises InputError unless it is the encoder whose probe this is."""
        found = self.probe()
        if len(found) != len(expected) or any(abs(a - b) > _TOLERANCE for a, b in zip(found, expected, strict=True)):
            raise InputError("the encoder is not the one that the reading model was trained on; name that one")

    @torch.no_grad()
    def read(self, messages: Sequence[Sequence[Word]]) -> Tensor:
        """States of all words, float32 (B, T, H), zeros beyond a message's end: the means over a word's pieces."""
        texts = [[_STAND_INS.get(word.form, word.text) for word in words] for words in messages]
        pieces = self.tokenizer(texts, is_split_into_words=True, padding=True, truncation=True, return_tensors="pt")
        states = self.model(**pieces, output_hidden_states=True).hidden_states
        states_BPH = torch.cat([states[layer] for layer in self.layers], dim=-1)
        places_BP = torch.tensor(
            [[-1 if place is None else place for place in pieces.word_ids(b)] for b in range(len(messages))]
        )
        longest = max(map(len, messages))
        sums = torch.zeros(len(messages), longest + 1, states_BPH.shape[-1])  # the last: what is no word
        where_BP = torch.where(places_BP < 0, longest, places_BP)
        sums.scatter_add_(1, where_BP[..., None].expand_as(states_BPH), states_BPH)
        counts = torch.zeros(len(messages), longest + 1).scatter_add_(1, where_BP, torch.ones(where_BP.shape))
        return (sums / counts.clamp(min=1)[..., None])[:, :longest]
