"""Messages read by the language model under a JSON schema, with the rule reader as its check.

The schema holds the catalog's own attributes and values, so whatever the model writes is legal. What it claims must be
said: a wish whose value or number the message does not hold is dropped, and so is one that contradicts the rules.
What the rules found is never lost. So the model can only add what they overlooked.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from genrec.chat.lexicon import MAX_VALUES, Lexicon
from genrec.chat.requests import INTENTS, ChatRequest, Intent
from genrec.chat.rules.reader import RuleReader
from genrec.chat.session import Session
from genrec.chat.spelling import ORDINALS, spell_out, spell_plainly
from genrec.chat.wording import describe, examples_of
from genrec.claims.wording import Words, words_of
from genrec.data.filters import BOUNDS, Operator, Predicate
from genrec.prompting import Message, render

MAX_WISHES, MAX_TAKEN_BACK, MAX_PLACES, MAX_LATEST, MAX_QUERY = 5, 3, 4, 5, 60
LAST_PLACE = 10  # of a list, that a message can speak of
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
# A model's intent counts where the reader saw no stronger sign than words it does not know.
_WEAK: frozenset[Intent] = frozenset({"recommend", "other"})
_NEEDS_SHOWN: frozenset[Intent] = frozenset({"show", "explain", "describe", "compare", "like", "dislike"})
_NEEDS_ITEMS: frozenset[Intent] = frozenset({"like", "dislike", "describe"})
_NEVER: frozenset[Intent] = frozenset({"history", "reset", "browse"})  # they change or ask much: only said plainly


class MessageReader(Protocol):
    """Whoever reads messages."""

    def read(self, text: str, session: Session, image: Path | None = None) -> ChatRequest: ...


class ReadingModel(Protocol):
    """What a `ModelClient` must offer to read messages."""

    def read(self, message: Message, schema: Mapping[str, object], *, max_new_tokens: int) -> object:
        """JSON under a schema, or None."""


def request_schema(lexicon: Lexicon) -> dict[str, object]:
    """The JSON schema of a message over one catalog's attributes; every list and text in it is bounded."""
    wishes = [_text_wish(name, lexicon) for name in lexicon.text_attributes] + [
        _wish(name, BOUNDS, {"type": "number", "minimum": 0, "maximum": 1e6}) for name in lexicon.numeric
    ]
    names = [*lexicon.text_attributes, *lexicon.numeric]
    fields: dict[str, object] = {
        "intent": {"enum": list(INTENTS)},
        "wishes": {"type": "array", "maxItems": MAX_WISHES, "items": {"anyOf": wishes}},
        "taken_back": {"type": "array", "maxItems": MAX_TAKEN_BACK, "items": {"enum": names}},
        "shown": {
            "type": "array",
            "maxItems": MAX_PLACES,
            "items": {"type": "integer", "minimum": 1, "maximum": LAST_PLACE},
        },
        "latest": {"type": "integer", "minimum": 0, "maximum": MAX_LATEST},
        "query": {"type": "string", "maxLength": MAX_QUERY},
    }
    if not wishes:
        del fields["wishes"], fields["taken_back"]
    return _closed(fields)


def _closed(fields: Mapping[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": dict(fields), "required": list(fields), "additionalProperties": False}


def _wish(attribute: str, operators: Iterable[str], value: Mapping[str, object]) -> dict[str, object]:
    return _closed({"attribute": {"const": attribute}, "operator": {"enum": list(operators)}, "value": dict(value)})


def _text_wish(attribute: str, lexicon: Lexicon) -> dict[str, object]:
    values = [value for value in lexicon.values[attribute] if isinstance(value, str)]
    listed = {"enum": values} if len(values) <= MAX_VALUES else {"type": "string", "maxLength": MAX_QUERY}
    return _wish(attribute, ("=", "!="), listed)


class ModelReader:
    """Reads messages with a language model, checked by the reader."""

    def __init__(self, model: ReadingModel, reader: RuleReader, *, max_new_tokens: int) -> None:
        self.model, self.reader, self.max_new_tokens = model, reader, max_new_tokens
        self.schema = request_schema(reader.lexicon)

    def read(self, text: str, session: Session, image: Path | None = None) -> ChatRequest:
        """Understand one message; a model that wrote nothing whole adds nothing."""
        read = self.reader.read(text, session, image)
        claimed = self.model.read(self._message(text, session), self.schema, max_new_tokens=self.max_new_tokens)
        if not isinstance(claimed, dict):
            return read
        return reconcile(read, claimed, session, self.reader.lexicon)

    def _message(self, text: str, session: Session) -> Message:
        lexicon = self.reader.lexicon
        return render(
            "understand",
            attributes=[examples_of(name, lexicon) for name in (*lexicon.text_attributes, *lexicon.numeric)],
            wishes=[describe(wish) for wish in session.constraints],
            shown=[lexicon.catalog[item_id].title for item_id in session.shown],
            said=text,
        )


def reconcile(
    read: ChatRequest,
    claimed: Mapping[str, Any],  # Any: JSON that fits request_schema
    session: Session,
    lexicon: Lexicon,
) -> ChatRequest:
    """The reader's request, and of the model's claims what the message supports and the reader does not contradict."""
    said = _MessageWords(read.text, lexicon)
    where = [*read.where, *_further_wishes(read, claimed.get("wishes", ()), said)]
    dropped = [*read.dropped]
    for attribute in claimed.get("taken_back", ()):
        is_wished = any(wish.attribute == attribute for wish in session.constraints)
        if is_wished and said.names(attribute) and not any(wish.attribute == attribute for wish in where):
            dropped.append(attribute)
    refers_to = read.refers_to or _items(claimed, said, session)
    query = read.query if read.query else said.spoken(str(claimed.get("query", "")))
    understood = replace(
        read, where=tuple(where), dropped=tuple(dict.fromkeys(dropped)), refers_to=refers_to, query=query
    )
    return _with_intent(understood, read, cast(Intent, claimed["intent"]), session)


def _further_wishes(read: ChatRequest, claims: Iterable[Mapping[str, Any]], said: "_MessageWords") -> list[Predicate]:
    """Claimed wishes that are said, over attributes of which the reader found nothing (of numbers: that side)."""
    taken = {_side(wish.attribute, wish.operator) for wish in read.where} | {(name, "") for name in read.dropped}
    added: list[Predicate] = []
    for claim in claims:
        wish = Predicate(attribute=claim["attribute"], operator=claim["operator"], value=claim["value"])
        side = _side(wish.attribute, wish.operator)
        if side not in taken and (wish.attribute, "") not in taken and said.supports(wish):
            taken.add(side)
            added.append(wish)
    return added


def _side(attribute: str, operator: Operator) -> tuple[str, str]:
    return attribute, operator[0] if operator in BOUNDS else ""


def _items(claimed: Mapping[str, Any], said: "_MessageWords", session: Session) -> tuple[str, ...]:
    """The shown or latest items that the model says are spoken of, where the message holds their number."""
    places = [place for place in claimed.get("shown", ()) if place <= len(session.shown) and said.has_place(place)]
    if places:
        return tuple(dict.fromkeys(session.shown[place - 1] for place in places))
    latest = int(claimed.get("latest", 0))
    return tuple(session.history[-latest:]) if latest and said.speaks_of_history(latest) else ()


def _with_intent(understood: ChatRequest, read: ChatRequest, intent: Intent, session: Session) -> ChatRequest:
    """The model's intent where the reader saw none, it can be done, and nothing of the request would be lost by it."""
    is_open = read.intent in _WEAK and not (understood.has_wishes or read.refers_to or read.query or read.image)
    if understood.has_wishes and read.intent == "other":
        return replace(understood, intent="recommend")
    ids = understood.refers_to
    if not is_open or intent in _NEVER or (intent in _NEEDS_SHOWN and not session.shown):
        return understood
    if (intent in _NEEDS_ITEMS and not ids) or (intent == "compare" and len(ids) < 2):
        return understood
    judged: Literal["liked", "disliked"] | None = {"like": "liked", "dislike": "disliked"}.get(intent)  # type: ignore[assignment]
    return replace(understood, intent=intent, **({judged: ids} if judged else {}))  # type: ignore[arg-type]


class _MessageWords:
    """What a message holds in so many words."""

    def __init__(self, text: str, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.plain = spell_out(spell_plainly(text))
        self.words = words_of(self.plain)
        self.numbers = {float(number) for number in _NUMBER.findall(self.plain.replace(",", ""))}
        self.values = {meant for words in self._runs() for meant in lexicon.meanings(words)}
        corrected = [lexicon.corrected(word) for word in self.words]
        self.values |= {meant for word in corrected if word for meant in lexicon.meanings((word,))}

    def _runs(self) -> Iterable[Words]:
        for start in range(len(self.words)):
            for size in range(1, self.lexicon.max_words + 1):
                yield tuple(self.words[start : start + size])

    def supports(self, wish: Predicate) -> bool:
        """Whether the wish's value, or its number, is said."""
        if isinstance(wish.value, float | int):
            return wish.attribute in self.lexicon.numeric and float(wish.value) in self.numbers
        return any(v.attribute == wish.attribute and v.value.casefold() in wish.texts for v in self.values)

    def names(self, attribute: str) -> bool:
        """Whether the attribute, or one of its values, is said."""
        named = {self.lexicon.attribute_names[word] for word in self.words if word in self.lexicon.attribute_names}
        return attribute in named | {value.attribute for value in self.values}

    def has_place(self, place: int) -> bool:
        """Whether the place is said as a number or as an ordinal."""
        said = {word for word, index in ORDINALS.items() if index == place - 1}
        return float(place) in self.numbers or bool(said & set(self.words))

    def speaks_of_history(self, count: int) -> bool:
        """Whether so many latest choices can be meant."""
        return bool({"last", "latest", "recent", "previous"} & set(self.words)) and "my" in self.words and count > 0

    def spoken(self, query: str) -> str:
        """The words of a query that the message holds."""
        return " ".join(word for word in words_of(query) if word in self.words)
