"""The reading model: for every word of a message its role and type, for the whole message its intent and language.

A transformer of a few layers over words that are spelled by hashed runs of letters, so that slips and inflected words
are near what they come from, and by what they are in the catalog. It is trained on annotated talk about many catalogs
by `genrec.foundation.talk`; deliberately knows no catalog.

Axis legend: B messages, T words, G runs of letters, D features.
"""

import json
import logging
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from genrec.chat.reading.backbone import Backbone
from genrec.chat.words import FORMS, TalkWords, Word, folded
from genrec.config import Config
from genrec.errors import InputError
from genrec.runtime import foundation_path

log = logging.getLogger(__name__)

NAME = "genrec-tiny-reader"
NAME_WITH_ENCODER = "genrec-tiny-reader-minilm"  # reads the states of a sentence encoder, too
CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
_RUNS, _SCALES, _LARGEST = "runs.weight", "runs.scales", 127
MAX_WORDS = 96  # of one message that are read
NONE = "none"  # the role and type of words that say nothing by themselves
_REFUSING = ("avoid", "drop", "disliked")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggerConfig:
    """Sizes, and what the model can say."""

    intents: tuple[str, ...]
    languages: tuple[str, ...]
    roles: tuple[str, ...]
    types: tuple[str, ...]
    num_buckets: int = 12288
    num_features: int = 128
    num_layers: int = 3
    num_heads: int = 4
    dropout: float = 0.25
    backbone: str | None = None  # a pretrained encoder whose states of the words are read, too
    backbone_layers: tuple[int, ...] = ()
    backbone_probe: tuple[float, ...] = ()  # numbers that it is known by
    num_states: int = 0  # features of a word that it gives


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """What the model says of one message, likelihoods beside. roles, types: one for each word."""

    intent: str
    intents: dict[str, float]
    language: str
    language_share: float
    roles: tuple[str, ...]
    types: tuple[str, ...]
    shares: tuple[float, ...]  # of each word's role
    refused: tuple[float, ...]  # how likely it is that each word is turned down, in whichever way


@lru_cache(maxsize=200_000)
def spelling(text: str, num_buckets: int) -> list[int]:
    """A word as numbers of its hashed runs of letters, itself first."""
    word = f"<{folded(text)}>"
    runs = {word[start : start + size] for size in (3, 4) for start in range(max(1, len(word) - size + 1))}
    return [zlib.crc32(run.encode()) % num_buckets for run in (word + "=", *sorted(runs))]


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages as numbers. runs_G: all runs of letters, offsets: where each word's begin; forms, mask (B, T)."""

    runs_G: Tensor
    offsets: Tensor
    forms_BT: Tensor
    mask_BT: Tensor


def collate(messages: Sequence[Sequence[Word]], num_buckets: int) -> Batch:
    """Words of messages, padded to the longest; of what is linked to the catalog only its form is looked at, but for
    values and attributes, which may be everyday words and are spelled, too."""
    longest = max(map(len, messages))
    runs: list[int] = []
    offsets: list[int] = []
    forms_BT = torch.zeros(len(messages), longest, dtype=torch.long)
    mask_BT = torch.zeros(len(messages), longest, dtype=torch.bool)
    for b, words in enumerate(messages):
        for t in range(longest):
            offsets.append(len(runs))
            if t < len(words):
                runs += _runs(words[t], num_buckets)
                forms_BT[b, t] = FORMS.index(words[t].form)
                mask_BT[b, t] = True
    return Batch(torch.tensor(runs or [0]), torch.tensor(offsets), forms_BT, mask_BT)


def _runs(word: Word, num_buckets: int) -> list[int]:
    if word.form in ("title", "person", "year", "decade"):
        return []
    if word.form in ("number", "ordinal"):
        size = len(word.text.split(".")[0].split(",")[0])
        return [zlib.crc32(f"#{word.form}{min(size, 6)}".encode()) % num_buckets]
    return spelling(word.text, num_buckets)


class Tagger(nn.Module):
    """The network. Every head is one linear layer."""

    def __init__(self, config: TaggerConfig) -> None:
        super().__init__()
        self.config, size = config, config.num_features
        self.runs = nn.EmbeddingBag(config.num_buckets, size, mode="mean")
        self.forms = nn.Embedding(len(FORMS), size)
        self.places = nn.Embedding(MAX_WORDS + 1, size)
        self.start = nn.Parameter(torch.zeros(size))
        layer = nn.TransformerEncoderLayer(
            size, config.num_heads, 3 * size, config.dropout, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.num_layers, nn.LayerNorm(size), enable_nested_tensor=False)
        self.drop = nn.Dropout(config.dropout)
        self.states = (
            nn.Sequential(nn.LayerNorm(config.num_states), nn.Linear(config.num_states, size))
            if config.num_states
            else None
        )
        self.neighbors = nn.Conv1d(size, size, 3, padding=1)
        self.intent_head = nn.Linear(size, len(config.intents))
        self.language_head = nn.Linear(size, len(config.languages))
        self.role_head = nn.Linear(size, len(config.roles))
        self.type_head = nn.Linear(size, len(config.types))

    def forward(self, batch: Batch, states_BTH: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits of intents (B, I), languages (B, L), roles (B, T, R) and types (B, T, Y).

        states_BTH: what the backbone says of the words, where there is one.
        """
        num, longest = batch.forms_BT.shape
        words = self.runs(batch.runs_G, batch.offsets).view(num, longest, -1) + self.forms(batch.forms_BT)
        if self.states is not None:
            assert states_BTH is not None, "this model reads the states of a backbone"
            words = words + self.states(states_BTH)
        words = words * batch.mask_BT[..., None]
        words = words + nn.functional.gelu(self.neighbors(words.transpose(1, 2)).transpose(1, 2))
        states = torch.cat([self.start.expand(num, 1, -1), words], dim=1)
        states = self.drop(states + self.places.weight[: longest + 1])
        padded = torch.cat([torch.zeros(num, 1, dtype=torch.bool), ~batch.mask_BT], dim=1)
        states = self.layers(states, src_key_padding_mask=padded)
        first, rest = states[:, 0], states[:, 1:]
        return self.intent_head(first), self.language_head(first), self.role_head(rest), self.type_head(rest)


class ReadingModel:
    """A trained tagger, with words of the languages that it reads, and the encoder whose states it reads, if any."""

    def __init__(self, tagger: Tagger, words: TalkWords | None = None, backbone: Backbone | None = None) -> None:
        self.tagger, self.config, self.backbone = tagger.eval(), tagger.config, backbone
        self.words = words or TalkWords()

    @classmethod
    def load(cls, name_or_folder: str = NAME, *, backbone: str | None = None) -> "ReadingModel":
        """Load a shipped model, or one of a folder. backbone: where its encoder is, if not at its name.

        Raises InputError where the encoder cannot be had, or is another one.
        """
        folder = Path(foundation_path(name_or_folder))
        record = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        sizes: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
        }
        tagger = Tagger(TaggerConfig(**sizes))
        weights = {name: value.float() for name, value in load_file(folder / WEIGHTS_FILE).items()}
        weights[_RUNS] = weights[_RUNS] * weights.pop(_SCALES)[:, None]
        tagger.load_state_dict(weights)
        words = TalkWords(**{field.name: _words(folder / f"{field.name}.txt") for field in fields(TalkWords)})
        named = tagger.config.backbone
        encoder = None if named is None else Backbone(backbone or named, tagger.config.backbone_layers)
        if encoder is not None:
            encoder.check(tagger.config.backbone_probe)
        return cls(tagger, words, encoder)

    @torch.no_grad()
    def read(self, messages: Sequence[Sequence[Word]]) -> list[Tagged]:
        """What each message says; messages of no words are refused by an assertion."""
        assert all(messages), "a message without words says nothing"
        cut = [words[:MAX_WORDS] for words in messages]
        states_BTH = None if self.backbone is None else self.backbone.read(cut)
        logits = self.tagger(collate(cut, self.config.num_buckets), states_BTH)
        intents, languages, roles, types = (each.softmax(-1) for each in logits)
        return [
            self._tagged(intents[b], languages[b], roles[b, : len(words)], types[b, : len(words)], len(messages[b]))
            for b, words in enumerate(cut)
        ]

    def _tagged(self, intents: Tensor, languages: Tensor, roles: Tensor, types: Tensor, num_words: int) -> Tagged:
        config, beyond = self.config, num_words - len(roles)
        best, said = roles.max(-1), types.clone()
        said[:, config.types.index(NONE)] = 0.0  # what has a role has a type
        named = [config.roles[place] for place in best.indices.tolist()]
        kinds = [config.types[place] for place in said.argmax(-1).tolist()]
        return Tagged(
            intent=config.intents[int(intents.argmax())],
            intents=dict(zip(config.intents, intents.tolist(), strict=True)),
            language=config.languages[int(languages.argmax())],
            language_share=float(languages.max()),
            roles=(*named, *[NONE] * beyond),
            types=(
                *(NONE if role == NONE else kind for role, kind in zip(named, kinds, strict=True)),
                *[NONE] * beyond,
            ),
            shares=(*best.values.tolist(), *[1.0] * beyond),
            refused=(*roles[:, [config.roles.index(name) for name in _REFUSING]].sum(-1).tolist(), *[0.0] * beyond),
        )


def _words(file: Path) -> frozenset[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def save(tagger: Tagger, words: TalkWords, folder: Path) -> None:
    """Write a trained tagger with the words of its languages, one file for each field.

    Weights are stored in half precision, those of runs of letters in 8 bits with a scale for each run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in tagger.state_dict().items()}
    runs = tagger.runs.weight.detach()
    weights[_SCALES] = (runs.abs().amax(dim=1).clamp(min=1e-6) / _LARGEST).half()
    weights[_RUNS] = (runs / weights[_SCALES].float()[:, None]).round().clamp(-_LARGEST, _LARGEST).to(torch.int8)
    save_file(weights, folder / WEIGHTS_FILE)
    text = json.dumps(asdict(tagger.config), indent=1)
    (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
    for field in fields(TalkWords):
        listed = sorted(getattr(words, field.name))
        (folder / f"{field.name}.txt").write_text("\n".join(listed) + "\n", encoding="utf-8")


@cache
def shipped_model(name_or_folder: str = NAME, backbone: str | None = None) -> ReadingModel:
    """A shipped reading model, loaded once."""
    return ReadingModel.load(name_or_folder, backbone=backbone)


def reading_model(config: Config) -> ReadingModel:
    """The model that reads messages, as the settings say; a warning tells where its encoder cannot be had."""
    if config.chat.understanding == "reader":
        return shipped_model()
    encoder = config.encode.text_encoder
    for backbone in dict.fromkeys((encoder if encoder and Path(encoder).is_dir() else None, None)):
        try:
            return shipped_model(NAME_WITH_ENCODER, backbone)
        except InputError as error:
            reason = error
    log.warning("messages are read without a sentence encoder: %s", reason)
    return shipped_model()
