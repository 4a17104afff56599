"""Makes genrec-tiny-reader, the model that reads chat messages, from annotated talk about all sorts of catalogs.

The talk is in `talk_lines`, one message a line: `intent: words [span|role type] words`. Each time a message is read,
its names are others of the same type, some are linked to a catalog and some are not, and slips of the keyboard happen;
so the model learns how things are said, and never which things a catalog holds. Messages of languages that it does not
read teach it to know them. `python -m genrec.foundation reader` makes the folder again from one seed.

Axis legend: B messages, T words.
"""

import logging
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F

from genrec.chat.reading.backbone import Backbone
from genrec.chat.reading.tagger import (
    MAX_WORDS,
    NAME,
    NONE,
    ReadingModel,
    Tagger,
    TaggerConfig,
    collate,
    save,
)
from genrec.chat.words import Form, TalkWords, Word, folded, split_words
from genrec.runtime import ProgressMeter, seed_everything

log = logging.getLogger(__name__)

LINES = Path(__file__).parent / "talk_lines"
UNREAD = "other"  # the language of what is not read
HELD_OUT = "held_out"  # lines of others, on which no model is trained
SEED = 21
HELD_OUT_SHARE = 0.05
COMMON_SHARE = 0.01  # of messages
MENDED, MENDED_TIMES = "*_fixes*.talk", 4  # lines of what was read wrongly, and how often more they are seen at last
BACKBONE_LAYERS = (2, 4, 6)  # of MiniLM's six
_SPAN = re.compile(r"\[([^\[\]|]+)\|(\w+) (\w+)\]")
_LINE = re.compile(r"(\w+): (.+)")
_JOINTS = {
    "en": [" or ", " and ", ", ", " nor ", " & "], "de": [" oder ", " und ", ", "],
    "fr": [" ou ", " et ", ", ", " ni "],
    "es": [" o ", " y ", ", ", " ni "],
}  # fmt: skip
_NOT_TOO = {
    "en": ["not too", "not so", "not very", "not that", "nothing too", "not overly", "isn't too", "aren't too"],
    "de": ["nicht zu", "nicht so", "nicht allzu", "nicht sehr", "kein allzu"],
    "fr": ["pas trop", "pas si", "pas très", "rien de trop"],
    "es": ["no muy", "no tan", "no demasiado", "nada demasiado"],
}
_NO = {
    "en": {"not", "no", "too", "isn't", "isnt", "nothing", "never", "so", "less"},
    "de": {"nicht", "zu", "kein", "keine", "weniger"},
    "fr": {"pas", "trop", "rien", "moins"},
    "es": {"no", "muy", "nada", "menos", "demasiado"},
}
_NAMES = frozenset({"kind", "value", "person", "brand", "title", "attr"})  # types that a catalog may link
_FORM_OF_TYPE: dict[str, Form] = {
    "kind": "value", "value": "value", "brand": "value", "person": "person", "title": "title", "attr": "attribute",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a message; role and type are "none" for what says nothing by itself."""

    text: str
    role: str = NONE
    type: str = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One annotated message; of an unread one only the language is known."""

    intent: str
    language: str
    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        """What was typed."""
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkConfig:
    """How the model is trained. Shares are of the places where it could happen."""

    num_steps: int = 7500
    num_steps_again: int = 3500
    batch_size: int = 64
    learning_rate: float = 2e-3
    learning_rate_again: float = 7e-4  # what was read wrongly once is seen more often then
    warmup_steps: int = 200
    weight_decay: float = 0.02
    smoothing: float = 0.05
    average_decay: float = 0.998
    linked: float = 0.8  # names that the catalog holds
    other_name: float = 0.6  # names that give way to another one of their type
    wrongly_linked: float = 0.02  # ordinary words that the catalog happens to hold
    partly_linked: float = 0.12  # words of unlinked spans that it holds
    slips: float = 0.04  # of ordinary words
    unknown: float = 0.04  # words whose letters are not seen
    joined: float = 0.15  # messages that another one follows
    denied: float = 0.15  # levels that are said by denying the opposite: not too old
    listed: float = 0.12  # names of which several are said in place of one
    unread: float = 0.12  # of the messages


def parse_line(line: str, language: str) -> Line:
    """Read one annotated message. Raises ValueError."""
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise ValueError(f"{line!r} is no annotated message; wanted `intent: words [span|role type] words`")
    spans, place = [], 0
    for found in _SPAN.finditer(match[2]):
        spans += [Span(match[2][place : found.start()]), Span(found[1], found[2], found[3])]
        place = found.end()
    spans.append(Span(match[2][place:]))
    return Line(intent=match[1], language=language, spans=tuple(span for span in spans if span.text))


def read_lines(folder: Path = LINES, pattern: str = "*.talk") -> list[Line]:
    """The annotated messages of some files; a file's name begins with its language."""
    return [
        parse_line(line, path.name[:2])
        for path in sorted(folder.glob(pattern))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]


def read_unread(folder: Path = LINES) -> list[Line]:
    """Messages of languages that are not read."""
    rows = (folder / "unread.txt").read_text(encoding="utf-8").splitlines()
    texts = (row.split("\t", 1)[1] for row in rows if "\t" in row)
    return [Line(intent=NONE, language=UNREAD, spans=(Span(text),)) for text in texts]


def read_things(folder: Path = LINES) -> set[str]:
    """Words for whatever a catalog holds."""
    lines = (folder / "things.txt").read_text(encoding="utf-8").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split()}


@dataclass(frozen=True, slots=True)
class Labeled:
    """Words of a message with what is said of each."""

    line: Line
    words: tuple[Word, ...]
    roles: tuple[str, ...]
    types: tuple[str, ...]


class Talk:
    """Draws messages to read."""

    def __init__(self, lines: Sequence[Line], unread: Sequence[Line], config: TalkConfig) -> None:
        self.lines, self.unread, self.config = lines, unread, config
        weights = np.array([1.0 if line.intent == "recommend" else 1.3 for line in lines])
        self.shares = weights / weights.sum()
        self.names: dict[tuple[str, str], list[str]] = {}
        for line in lines:
            for span in line.spans:
                if span.type in _NAMES:
                    self.names.setdefault((span.type, line.language), []).append(span.text)

    def draw(self, rng: np.random.Generator) -> Labeled:
        """One message as it may be typed about some catalog."""
        if self.unread and rng.random() < self.config.unread:
            return self.label(self.unread[int(rng.integers(len(self.unread)))], rng)
        line = self._any(rng)
        if rng.random() < self.config.joined:
            line = self._followed(line, self._any(rng), rng)
        return self.label(self._varied(line, rng), rng)

    def _any(self, rng: np.random.Generator) -> Line:
        return self.lines[int(rng.choice(len(self.lines), p=self.shares))]

    def _followed(self, first: Line, second: Line, rng: np.random.Generator) -> Line:
        """Courtesies before or after a message, or a second wish after the first."""
        polite = {"greet", "thanks", "bye"}
        if first.language != second.language or (first.intent != second.intent and first.intent not in polite):
            return first
        between = Span(str(rng.choice([". ", ", ", "! ", " "])))
        joined = replace(second, spans=(*first.spans, between, *second.spans))
        is_kept = first.intent in polite or {first.intent, second.intent} == {"recommend"}
        return joined if is_kept and len(split_words(joined.text)) < MAX_WORDS else first

    def _varied(self, line: Line, rng: np.random.Generator) -> Line:
        spans: list[Span] = []
        for span in line.spans:
            before = spans[-1].text if spans else ""
            for one in self._denied(span, before, line.language, rng):
                spans += self._listed(self._renamed(one, line.language, rng), line.language, rng)
        if rng.random() < 0.15:
            spans = [replace(span, text=re.sub(r"[.,!?;:¿¡]", "", span.text)) for span in spans]
        return replace(line, spans=tuple(span for span in spans if span.text))

    def _denied(self, span: Span, before: str, language: str, rng: np.random.Generator) -> Iterator[Span]:
        """Cheap, or now and then not too expensive's like: the level turns around where it is denied."""
        opposite = {"high": "low", "low": "high"}.get(span.role)
        is_denied = any(word in _NO[language] for word in folded(before).split()[-3:])
        if opposite is None or is_denied or rng.random() >= self.config.denied:
            yield span
            return
        yield Span(f"{rng.choice(_NOT_TOO[language])} ")
        yield replace(span, role=opposite)

    def _listed(self, span: Span, language: str, rng: np.random.Generator) -> Iterator[Span]:
        """Now and then several names where one stood, joined as the language does it."""
        yield span
        if span.type not in _NAMES - {"attr", "title"} or rng.random() >= self.config.listed:
            return
        known, joints = self.names[span.type, language], _JOINTS[language]
        for number in range(int(rng.integers(1, 3)), 0, -1):
            yield Span(", " if number > 1 else str(rng.choice(joints)))
            yield replace(span, text=known[rng.integers(len(known))])

    def _renamed(self, span: Span, language: str, rng: np.random.Generator) -> Span:
        if span.type not in _NAMES or rng.random() >= self.config.other_name:
            return span
        known = self.names[span.type, "en" if rng.random() < 0.2 and (span.type, "en") in self.names else language]
        return replace(span, text=known[rng.integers(len(known))])

    def label(self, line: Line, rng: np.random.Generator | None = None) -> Labeled:
        """A message as the model sees it: by chance linked and mistyped, or without rng linked and as it is."""
        words: list[Word] = []
        roles: list[str] = []
        types: list[str] = []
        place = 0
        for span in line.spans:
            found = self._words(span, place, rng)
            place += len(span.text)
            words += found
            roles += [NONE if word.form == "mark" and len(found) > 1 else span.role for word in found]
            types += [NONE if word.form == "mark" and len(found) > 1 else span.type for word in found]
        return Labeled(line, tuple(words), tuple(roles), tuple(types))

    def _words(self, span: Span, place: int, rng: np.random.Generator | None) -> list[Word]:
        config = self.config
        words = [replace(w, start=w.start + place, end=w.end + place) for w in split_words(span.text)]
        if not words:
            return words
        form = _FORM_OF_TYPE.get(span.type)
        if form is not None and (rng is None or rng.random() < config.linked):
            form = "value" if form == "person" and rng is not None and rng.random() < 0.25 else form
            return [Word(text=span.text.strip(), start=words[0].start, end=words[-1].end, form=form)]
        if rng is None:
            return words
        share = config.wrongly_linked if span.role == NONE else config.partly_linked
        return [self._disturbed(word, share, rng, is_plain=span.role == NONE) for word in words]

    def _disturbed(self, word: Word, share: float, rng: np.random.Generator, *, is_plain: bool) -> Word:
        if word.form != "word":
            return word
        if rng.random() < share:
            return replace(word, form=str(rng.choice(["value", "value", "attribute", "title", "person"])))  # type: ignore[arg-type]
        if rng.random() < self.config.unknown:
            return replace(word, text="")
        if is_plain and len(word.text) > 3 and rng.random() < self.config.slips:
            return replace(word, text=_slipped(word.text, rng))
        if rng.random() < 0.1:
            return replace(word, text=folded(word.text))
        return word


def _slipped(text: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(1, len(text) - 1))
    kind = rng.integers(3)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]
    return text[:at] + text[at] + text[at:]


def everyday_words(lines: Iterable[Line]) -> set[str]:
    """Words of a language that say nothing of a catalog in at least two messages, and rarely are a name there."""
    plain: Counter[tuple[str, str]] = Counter()
    named: Counter[tuple[str, str]] = Counter()
    for line in lines:
        for span in line.spans:
            words = {folded(word.text) for word in split_words(span.text) if word.form == "word"}
            if span.type not in _NAMES:
                plain.update((line.language, word) for word in words)
            else:
                named.update((line.language, word) for word in words)
    return {word for (language, word), count in plain.items() if count > max(1, named[language, word])}


def common_words(lines: Sequence[Line]) -> set[str]:
    """Words that so many messages of a language have beside what they say that they say nothing anywhere: a, about."""
    messages = Counter(line.language for line in lines)
    found: Counter[tuple[str, str]] = Counter()
    for line in lines:
        plain = (span.text for span in line.spans if span.role == NONE)
        words = {folded(word.text) for text in plain for word in split_words(text) if word.form == "word"}
        found.update((line.language, word) for word in words)
    return {word for (language, word), count in found.items() if count >= COMMON_SHARE * messages[language]}


def unit_words(lines: Iterable[Line]) -> set[str]:
    """Words that stand in amounts which are no money: hours, kg, players."""
    spans = [span for line in lines for span in line.spans]
    found = {"number": set[str](), "price": set[str]()}
    for span in spans:
        if span.type in found:
            found[span.type].update(folded(word.text) for word in split_words(span.text) if word.form == "word")
    return found["number"] - found["price"]


def talk_words(lines: Sequence[Line], folder: Path = LINES) -> TalkWords:
    """The words of the languages of annotated talk."""
    return TalkWords(
        common=frozenset(common_words(lines)),
        everyday=frozenset(everyday_words(lines)),
        units=frozenset(unit_words(lines)),
        things=frozenset(read_things(folder)),
    )


def config_of(lines: Sequence[Line], backbone: Backbone | None = None, name: str | None = None) -> TaggerConfig:
    """What the model can say, as the talk has it, and what it reads."""
    read = (
        {}
        if backbone is None
        else {
            "num_features": 192,
            "num_states": backbone.num_features,
            "backbone": name,
            "backbone_layers": backbone.layers,
            "backbone_probe": backbone.probe(),
        }
    )
    return TaggerConfig(
        **read,  # type: ignore[arg-type]
        intents=tuple(sorted({line.intent for line in lines})),
        languages=(*sorted({line.language for line in lines}), UNREAD),
        roles=(NONE, *sorted({span.role for line in lines for span in line.spans} - {NONE})),
        types=(NONE, *sorted({span.type for line in lines for span in line.spans} - {NONE})),
    )


def loss_of(
    tagger: Tagger, drawn: Sequence[Labeled], smoothing: float, backbone: Backbone | None = None
) -> torch.Tensor:
    """Cross entropy of everything that is known of the messages."""
    config, ignored = tagger.config, -100
    cut = [labeled.words[:MAX_WORDS] for labeled in drawn]
    states_BTH = None if backbone is None else backbone.read(cut)
    intents, languages, roles, types = tagger(collate(cut, config.num_buckets), states_BTH)
    wanted_roles = torch.full(roles.shape[:2], ignored)
    wanted_types = torch.full(roles.shape[:2], ignored)
    wanted_intents = torch.full((len(drawn),), ignored)
    for b, labeled in enumerate(drawn):
        if labeled.line.language == UNREAD:
            continue
        wanted_intents[b] = config.intents.index(labeled.line.intent)
        for t, (role, kind) in enumerate(zip(labeled.roles[:MAX_WORDS], labeled.types, strict=False)):
            wanted_roles[b, t] = config.roles.index(role)
            wanted_types[b, t] = config.types.index(kind)
    wanted_languages = torch.tensor([config.languages.index(labeled.line.language) for labeled in drawn])
    pairs = ((roles.flatten(0, 1), wanted_roles), (types.flatten(0, 1), wanted_types), (intents, wanted_intents))
    graded = [F.cross_entropy(x, y.flatten(), ignore_index=ignored, label_smoothing=smoothing) for x, y in pairs]
    return 2 * graded[0] + graded[1] + graded[2] + 0.5 * F.cross_entropy(languages, wanted_languages)


def train(
    lines: Sequence[Line],
    unread: Sequence[Line],
    config: TalkConfig,
    seed: int,
    *,
    backbone: Backbone | None = None,
    name: str | None = None,
    start: Tagger | None = None,
) -> Tagger:
    """Train a reading model on annotated talk; the moving average of its weights is returned.

    name: the backbone's; start: a model to go on from.
    """
    seed_everything(seed)
    rng, talk = np.random.default_rng(seed), Talk(lines, unread, config)
    tagger = Tagger(config_of(lines, backbone, name)) if start is None else start
    averaged = torch.optim.swa_utils.AveragedModel(
        tagger, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.average_decay)
    )
    optimizer = torch.optim.AdamW(tagger.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, config.num_steps, pct_start=config.warmup_steps / config.num_steps
    )
    meter = ProgressMeter(label="train the reader (steps)", total=config.num_steps)
    for step in range(config.num_steps):
        tagger.train()
        loss = loss_of(tagger, [talk.draw(rng) for _ in range(config.batch_size)], config.smoothing, backbone)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        averaged.update_parameters(tagger)
        meter.advance()
        if step % 500 == 499:
            log.info("step %d: loss %.3f", step + 1, float(loss.detach()))
    meter.close()
    trained = averaged.module.eval()
    return cast(Tagger, trained)


def held_out(lines: Sequence[Line], seed: int) -> tuple[list[Line], list[Line]]:
    """Lines to train on, and others to measure by."""
    order = np.random.default_rng(seed).permutation(len(lines))
    border = int(HELD_OUT_SHARE * len(lines))
    return [lines[n] for n in order[border:]], [lines[n] for n in order[:border]]


def _said(labeled: Labeled, roles: Iterable[str], types: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    for place, (word, role, kind) in enumerate(zip(labeled.words, roles, types, strict=True)):
        if role != NONE and word.form != "mark":
            yield place, role, kind


def measure(model: ReadingModel, lines: Sequence[Line], talk: Talk) -> dict[str, float]:
    """Shares of right intents and languages, F1 of words with their roles (and types), share of messages all right."""
    labeled = [talk.label(line) for line in lines]
    tagged = model.read([entry.words for entry in labeled])
    hits = wanted = found = whole = typed = 0
    for entry, said in zip(labeled, tagged, strict=True):
        right = set(_said(entry, entry.roles, entry.types))
        got = set(_said(entry, said.roles, said.types))
        by_role = {(place, role) for place, role, _ in right} & {(place, role) for place, role, _ in got}
        hits, typed, wanted, found = (
            hits + len(by_role),
            typed + len(right & got),
            wanted + len(right),
            found + len(got),
        )
        whole += {(p, r) for p, r, _ in right} == {(p, r) for p, r, _ in got} and said.intent == entry.line.intent
    return {
        "intent": float(np.mean([s.intent == e.line.intent for e, s in zip(labeled, tagged, strict=True)])),
        "language": float(np.mean([s.language == e.line.language for e, s in zip(labeled, tagged, strict=True)])),
        "roles f1": 2 * hits / max(wanted + found, 1),
        "roles and types f1": 2 * typed / max(wanted + found, 1),
        "whole": whole / max(len(lines), 1),
    }


def main(
    out: Path, *, name: str = NAME, backbone: str | None = None, config: TalkConfig | None = None
) -> dict[str, dict[str, float]]:
    """Train a reading model on all lines but a few, write it, and measure it on these few, by language, and on those of
    `talk_lines/held_out`, which others wrote and no model is trained on.

    backbone: a pretrained encoder that it reads beside the words, by its name or folder.
    """
    config, lines, unread = config or TalkConfig(), read_lines(), read_unread()
    seen, unseen = held_out(lines, SEED)
    encoder = None if backbone is None else Backbone(backbone, BACKBONE_LAYERS)
    tagger = train(seen, unread, config, SEED, backbone=encoder, name=backbone)
    again = [*seen, *[line for line in seen if line in read_lines(pattern=MENDED)] * MENDED_TIMES]
    refined = replace(config, num_steps=config.num_steps_again, learning_rate=config.learning_rate_again)
    tagger = train(again, unread, refined, SEED, backbone=encoder, name=backbone, start=tagger)
    partial = out / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    save(tagger, talk_words(lines), partial)
    shutil.rmtree(out / name, ignore_errors=True)
    partial.rename(out / name)
    model, talk = ReadingModel(tagger, backbone=encoder), Talk(lines, unread, config)
    languages = sorted({line.language for line in unseen})
    measured = {one: measure(model, [line for line in unseen if line.language == one], talk) for one in languages}
    others = read_lines(LINES / HELD_OUT)
    for one in languages:
        own = [line for line in others if line.language == one]
        measured |= {f"{one}, others'": measure(model, own, talk)} if own else {}
    log.info("on held-out lines: %s", measured)
    return measured
