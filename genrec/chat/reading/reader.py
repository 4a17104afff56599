"""Reads a chat message: plain words in, a request over the catalog's own attributes and items out.

Three steps: words are linked to what the catalog holds (`links`), the reading model says what is said of them
(`tagger`), and wishes, items and questions are made of both (`wishes`, `items`, `questions`), each checked against the
catalog and the message. What of a message is in none of them is searched for, or named as not understood. Knows no
domain: values, titles and people come from the catalog, language from the model.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from genrec.chat.constraints import extremes_of, meeting, texts_of
from genrec.chat.lexicon import Lexicon, said_otherwise, stems, words_of
from genrec.chat.reading.amounts import digits, names_place, read_count
from genrec.chat.reading.degrees import with_degrees
from genrec.chat.reading.function_words import (
    asks_for_mean,
    asks_how_many,
    goes_on,
    is_denied,
    means_a_person,
    stock_words,
)
from genrec.chat.reading.items import Pointed, point
from genrec.chat.reading.links import Link, Linker
from genrec.chat.reading.parts import MAX_COUNT, counted, parts_of, united
from genrec.chat.reading.persons import persons_of, values_for
from genrec.chat.reading.questions import ask_for_mean, ask_of_catalog, ask_of_items, asked_attributes, by_stem
from genrec.chat.reading.repeats import repeat
from genrec.chat.reading.spans import POINTING, Span, spans_of
from genrec.chat.reading.tagger import NONE, ReadingModel, Tagged, shipped_model
from genrec.chat.reading.wishes import Wishes, WishReader
from genrec.chat.requests import ChatRequest, Intent
from genrec.chat.session import Session
from genrec.chat.words import split_words
from genrec.data.filters import Predicate
from genrec.schema import Catalog, Item
from genrec.search import SearchIndex

UNREAD = "other"  # the language of what is not read
_UNREAD_SHARE, _SURE_SHARE = 0.6, 0.9
_STORY_WORDS = 4  # that tell something, of a message that tells of what happens
_STEM_SHARE = 0.6  # of a word that is known by its everyday stem: "rip" tells nothing of "ripped"
_PLAIN: Mapping[str, Intent] = {
    "greet": "greet", "thanks": "thanks", "bye": "thanks", "help": "help", "recall": "recall", "other": "other",
}  # fmt: skip
_OF_ITEMS: Mapping[str, Intent] = {
    "explain": "explain", "advise": "explain", "draw": "show", "describe": "describe", "compare": "compare",
    "ask": "describe",
}  # fmt: skip
_SHOWING = frozenset(("show", "zeig", "zeige", "montre", "montrez", "muestrame", "muestra", "ensename"))
_SPOKEN_OF = frozenset({"about", "with", "than", "similar"})  # roles of an item that a part of its title tells
_TURNED_DOWN = frozenset({"avoid", "disliked"})
_POINTED = ("similar", "liked", "disliked", "about", "with", "find", "than", "avoid")  # roles of items


class Reader:
    """Reads messages over one catalog."""

    def __init__(self, lexicon: Lexicon, search: SearchIndex, model: ReadingModel | None = None) -> None:
        self.lexicon, self.search, self.model = lexicon, search, model or shipped_model()
        self.linker = Linker(lexicon, search)

    @property
    def catalog(self) -> Catalog:
        """What messages speak of."""
        return self.lexicon.catalog

    def read(self, text: str, session: Session, image: Path | None = None) -> ChatRequest:
        """Understand one message in the light of what was shown, chosen and wished before."""
        links = self.linker.link(text)
        if not any(link.word.form != "mark" for link in links):
            return ChatRequest(text=text, intent="recommend" if image else "other", image=image)
        tagged = self.model.read([[link.word for link in links]])[0]
        return _Reading(self, text, session, image, links, tagged).request()


class _Reading:
    """One message while it is being understood."""

    def __init__(
        self,
        reader: Reader,
        text: str,
        session: Session,
        image: Path | None,
        links: Sequence[Link],
        tagged: Tagged,
    ) -> None:
        self.lexicon, self.search, self.linker = reader.lexicon, reader.search, reader.linker
        self.text, self.session, self.image = text, session, image
        self.links, self.tagged = links, tagged
        self.language, self.intent = tagged.language, tagged.intent
        self.is_name = all(link.word.form in ("value", "person", "title", "mark") for link in links)
        if self.is_name:  # that is understood in every language
            self.intent, self.spans = "recommend", [_named(link) for link in links if link.word.form != "mark"]
        else:
            spans = counted(with_degrees(spans_of(text, links, tagged), text), text)
            if self.intent in ("ask", "describe") and goes_on(text) and _names_alone(spans):
                self.intent = "recommend"  # and the vase?
            self.spans = [self._settled(span) for span in spans]
        self.missing: list[str] = []
        self.unclear: list[str] = []
        self.person: Predicate | None = None  # whom a pronoun means, in a question
        self.loose: list[Span] = []  # what was taken for a title, and is none
        self.pointed = {role: self._pointed(role) for role in _POINTED}
        self.spans += self.loose

    def request(self) -> ChatRequest:
        """What the message asks for."""
        if self._is_unread():
            return ChatRequest(text=self.text, intent="unread", image=self.image)
        person = self._person_meant()
        if self.intent in _PLAIN and person is None and not self._says_something():
            return ChatRequest(text=self.text, intent=_PLAIN[self.intent])
        if self.intent == "reset" and not self._wants():
            return ChatRequest(text=self.text, intent="reset", dropped=("*",))
        repeated = repeat(self)
        if repeated is not None:
            return repeated
        if asks_for_mean(self.text):
            return ask_for_mean(self)
        if person is not None and self.intent not in ("count", "list"):
            return self._of_person(person)
        self.person = person
        if self.intent == "ask" and not self.pointed["about"] and asks_how_many(self.text):
            self.intent = self._asked_number()
        if self.intent in ("count", "list"):
            return ask_of_catalog(self)
        if self.intent == "describe" and not _SHOWING.isdisjoint(words_of(self.text)[:3]):
            self.intent = "draw"  # "show me the second" is answered by a picture
        if self.intent in _OF_ITEMS or self._asks_beside():
            asked = ask_of_items(self, _OF_ITEMS.get(self.intent, "describe"))
            if asked is not None:
                return asked
        return self._list()

    def _asked_number(self) -> str:
        """What "how many" asks for where no item is spoken of: what is left, or which values there are."""
        if stock_words(self.text):
            return "count"
        attributes, _ = asked_attributes(self.spans, self.lexicon)
        return "list" if attributes and not set(attributes) & set(self.lexicon.numeric) else self.intent

    def _settled(self, span: Span) -> Span:
        """What is asked about in a message that asks for items is what is wanted: "what about blue?"."""
        is_asked = span.role == "about" and span.type in ("kind", "value", "person", "brand", "free", "audience")
        return replace(span, role="want") if is_asked and self.intent in ("recommend", "more", "surprise") else span

    def _is_unread(self) -> bool:
        """Whether it is in a language that is not read, or in none for sure and of unknown words; a name is in none.

        A language is never sure where nothing was made of a message half of whose words are unknown.
        """
        if self.is_name:
            return False
        if 2 * sum(map(_is_foreign, self.text)) > sum(map(str.isalpha, self.text)) and not self._names_something():
            return True
        share = self.tagged.language_share
        if self.language == UNREAD:
            return share >= _UNREAD_SHARE
        known = self.lexicon.talk.everyday | self.lexicon.talk.things
        words = [words_of(link.word.text) for link in self.links if link.word.form == "word"]
        strange = [word for word in words if not set(word) <= known and not said_otherwise(word)]
        if len(words) > 2 and not self.spans and 2 * len(strange) >= len(words):
            return True
        return share < _SURE_SHARE and len(words) > 2 and 3 * len(strange) >= len(words)

    def _names_something(self) -> bool:
        """Whether a word of it is of the catalog."""
        return any(link.values or link.item_id or link.attribute for link in self.links)

    def _says_something(self) -> bool:
        """Whether it speaks of anything beside courtesies."""
        is_for_some = values_for(persons_of(self.text), self.lexicon) is not None
        return bool(self.image or any(self.pointed.values()) or self._wants() or is_for_some)

    def _asks_beside(self) -> bool:
        """Whether a fact is asked of what is judged in the same message: "the third looks nice, when was it made?"."""
        asked = {span.type for span in self.spans if span.role == "about"} - POINTING
        return bool(asked) and bool(self.pointed["liked"] or self.pointed["disliked"]) and not self._wants()

    def _wants(self) -> list[Span]:
        return [
            span
            for span in self.spans
            if span.role
            in ("want", "avoid", "also", "max", "min", "exact", "near", "most", "least", "more", "less", "high", "low")
        ]

    def _pointed(self, role: str) -> tuple[str, ...]:
        found: list[str] = []
        for span in self.spans:
            if span.role != role or span.type not in POINTING:
                continue
            pointed = (
                self._antecedent(span)
                or self._so_described(span)
                or point(span, self.session, self.linker, self.language)
            )
            if span.type == "title" and pointed.missing is not None:
                parts = self.linker.title_parts(span.text)
                if role in _SPOKEN_OF or len(parts) == 1:
                    pointed = Pointed(parts[:1]) if parts else pointed
                if pointed.missing is not None and self._known_words([span.text])[0]:  # no title, but words of items
                    self.loose.append(replace(span, type="free", role="avoid" if role in _TURNED_DOWN else "want"))
                    continue
            found += pointed.item_ids
            if pointed.missing is not None:
                (self.missing if span.type == "title" else self.unclear).append(pointed.missing)
        return tuple(dict.fromkeys(found))

    def _so_described(self, span: Span) -> Pointed | None:
        """Which of the shown items "the orange one" is, by the values that stand before it."""
        if span.type not in ("this", "these", "place") or names_place(span.text, self.language):
            return None
        before: list[Span] = []
        for one in reversed([one for one in self.spans if one.end <= span.start]):
            if not one.values or self.text[one.end : (before[-1] if before else span).start].strip():
                break
            before.append(one)
        if not before:
            return None
        said = self.text[before[-1].start : span.end]
        values = [value for one in before if (value := self._reader().meant(one)) is not None]
        where = [Predicate(attribute=value.attribute, operator="=", value=value.value) for value in values]
        items = [item for item in self.items(self.session.shown) if all(wish.holds(item) for wish in where)]
        ids = tuple(item.item_id for item in (items if span.type == "these" else items[:1]))
        return Pointed(ids) if ids and where else Pointed(missing=said)

    def _reader(self) -> WishReader:
        return WishReader(self.linker, self.session, self.text, self.language)

    def _antecedent(self, span: Span) -> Pointed | None:
        """What "that" means where the message named an item before it: the second is great, more like that."""
        if span.type != "this":
            return None
        named = [one for one in self.spans if one.type in ("title", "place") and one.end <= span.start]
        found = point(named[-1], self.session, self.linker, self.language) if named else Pointed()
        return found if found.item_ids else None

    def items(self, item_ids: Sequence[str]) -> list[Item]:
        """Items by their ids."""
        return [self.lexicon.catalog[item_id] for item_id in item_ids]

    def wishes(self, spans: Sequence[Span] | None = None) -> Wishes:
        """What some spans, or all, wish."""
        spans = self.spans if spans is None else spans
        measured = self.pointed["than"] or self.pointed["similar"] or self.pointed["about"] or tuple(self.session.shown)
        reader = self._reader()
        pairs = ((n, m) for n, one in enumerate(spans) for m, other in enumerate(spans) if _is_beyond(one, other))
        best = next((m for n, m in pairs if n < m), None)
        if best is None:
            return reader.read(spans, self.items(measured))
        # Cheaper than the cheapest chair: what stands behind the comparison says of which.
        named = self._reader().read(spans[best:], ())
        scope = meeting(named.where, self.lexicon.catalog)
        items = [self.lexicon.catalog.items[row] for row in np.flatnonzero(scope)]
        return reader.read(spans[:best], [] if named.extreme is None else extremes_of(named.extreme, items))

    def _person_meant(self) -> Predicate | None:
        """Whoever made what is spoken of, or plays in it as the words have it, where a pronoun stands for them."""
        lexicon, focus = self.lexicon, self.session.focus
        people = (*lexicon.labels.makers, *lexicon.labels.cast)
        said = by_stem(words_of(self.text), lexicon)
        tells_making = said in people or any(span.type == "people" for span in self.spans)
        is_named = any(span.type in ("person", "brand", "title", "kind") for span in self.spans)
        is_asked = self.intent in _OF_ITEMS
        if is_named or is_asked or focus is None or not means_a_person(self.text, tells_making=tells_making):
            return None
        attribute = said if said in people else next(iter(people), None)
        values = () if attribute is None else texts_of(lexicon.catalog[focus].attributes.get(attribute))
        if attribute is None or not values:
            return None
        return Predicate(attribute=attribute, operator="=", value=values if values[1:] else values[0])

    def _of_person(self, person: Predicate) -> ChatRequest:
        """What somebody made, and what else is wished of it; where nothing is, whatever it is."""
        if not self._wants():
            return ChatRequest(text=self.text, intent="recommend", where=(person,), dropped=("*",))
        others = self._list()
        where = (*(wish for wish in others.where if wish.attribute != person.attribute), person)
        return replace(others, intent="recommend", where=where)

    def _list(self) -> ChatRequest:
        """A message that is answered by a list."""
        wishes = self.wishes()
        parts = parts_of(self)
        is_reset = self.intent in ("surprise", "reset")
        liked, similar = self.pointed["liked"], self.pointed["similar"]
        disliked = tuple(dict.fromkeys((*self.pointed["disliked"], *self.pointed["avoid"])))
        companions = self.pointed["with"]
        refers_to = similar or companions or self.pointed["find"]
        limit = next((read_count(span.text, self.language) for span in self.spans if span.role == "counts"), None)
        limit = limit or self._count_left_over()
        words, unknown = self._known_words(wishes.words)
        left_over = self.left_over() if self.intent != "judge" else []
        wishes.avoided += [word for word in left_over if self._is_denied(word)]
        others, unheard_of = self._known_words([word for word in left_over if word not in wishes.avoided])
        words += others
        avoided, unheard = self._known_words(wishes.avoided)
        is_empty = not (wishes.where or words or avoided or refers_to or liked or disliked or wishes.extreme or limit)
        if is_empty and self.intent == "recommend" and not (wishes.dropped or wishes.dropped_words or parts):
            words = self._telling_story()
        query = " ".join(dict.fromkeys(words))
        self._add_persons(wishes)
        return ChatRequest(
            text=self.text,
            intent=self._list_intent(liked, disliked),
            where=united(parts) if parts else tuple(dict.fromkeys(wishes.where)),
            parts=parts,
            dropped=("*",) if is_reset else tuple(dict.fromkeys(wishes.dropped)),
            query=query,
            is_further=not any(span.type == "kind" and span.role == "want" for span in self.spans),
            image=self.image,
            refers_to=refers_to,
            relation=("goes_with" if companions and not similar else "like") if refers_to else None,
            found=self.pointed["find"],
            liked=tuple(i for i in liked if i not in disliked),
            disliked=disliked,
            extreme=wishes.extreme,
            limit=limit,
            not_understood=tuple(dict.fromkeys(filter(self._tells, (*wishes.unclear, *self.unclear, *unheard_of)))),
            missing=tuple(dict.fromkeys((*wishes.missing, *self.missing, *unknown, *unheard))),
            refused=tuple(avoided),
            dropped_words=tuple(wishes.dropped_words),
            is_undo=self.intent == "undo",
            is_open=is_reset or self.intent == "more",
        )

    def _add_persons(self, wishes: Wishes) -> None:
        """For whom it is, where the catalog sorts items by that and nothing else says it."""
        meant = values_for(persons_of(self.text), self.lexicon)
        if meant is not None and all(wish.attribute != meant.attribute for wish in wishes.where):
            wishes.where.append(Predicate(attribute=meant.attribute, operator="=", value=meant.value))

    def _count_left_over(self) -> int | None:
        """A small number with no thing behind it that it could be of: three of those, the two cheapest."""
        plain = self.lexicon.talk.common | self.lexicon.talk.things
        for (link, role), (after, its_role) in pairwise(zip(self.links, self.tagged.roles, strict=True)):
            number = digits(link.word.text, self.language)
            is_before_plain = after.word.form == "word" and set(words_of(after.word.text)) <= plain
            is_of_list = its_role in ("most", "least") or (role == NONE and is_before_plain)
            if is_of_list and number.isdigit() and 1 < int(number) <= MAX_COUNT:
                return int(number)
        return None

    def _list_intent(self, liked: Sequence[str], disliked: Sequence[str]) -> Intent:
        if self.intent != "judge" or not (liked or disliked):
            return "recommend"
        by_title = any(span.type == "title" for span in self.spans if span.role in ("liked", "disliked"))
        if (liked and disliked) or (liked and by_title):
            return "history"
        return "like" if liked else "dislike"

    def _known_words(self, said: Sequence[str]) -> tuple[list[str], list[str]]:
        """Of free words those that the catalog knows, in another language if need be, and those that it does not."""
        known: list[str] = []
        unknown: list[str] = []
        for words in dict.fromkeys(map(self._telling, said)):
            own = self.lexicon.language
            others = (" ".join(other) for other in said_otherwise(words_of(words), self.language, (own,)))
            found = next((form for form in (words, *others) if self.search.search(form, 1)), None)
            if found is None:
                unknown.append(words)
            else:
                known.append(found)
        return known, unknown

    def _telling_story(self) -> list[str]:
        """All words of a long message of which nothing else is made, for what it tells may be what an item tells."""
        plain = self.lexicon.talk.common | self.lexicon.talk.things
        words = [link.word.text for link in self.links if link.word.form == "word"]
        telling = [word for word in words if not set(words_of(word)) <= plain and self.search.search(word, 1)]
        return telling if len(telling) >= _STORY_WORDS else []

    def _tells(self, said: str) -> bool:
        """Whether a text has words that say something."""
        return not set(words_of(said)) <= self.lexicon.talk.common

    def _telling(self, said: str) -> str:
        """Free words without those that say nothing by themselves; all of them where none does."""
        plain = self.lexicon.talk.common | self.lexicon.talk.things
        words = [word.text for word in split_words(said) if word.form != "mark"]
        return " ".join(word for word in words if not set(words_of(word)) <= plain) or said.strip()

    def unheard_of(self) -> tuple[str, ...]:
        """Words of which nothing is said, and no item has anything."""
        return tuple(self._known_words(self.left_over())[1])

    def _is_denied(self, word: str) -> bool:
        """Whether what stands right before a word of the message denies it."""
        start = next(link.word.start for link in self.links if link.word.text == word)
        return not set(self.text[:start].rstrip()[-1:]) & set(",;.!?:") and is_denied(words_of(self.text[:start]))

    def left_over(self) -> list[str]:
        """Words in no common use of which nothing is said: each is searched for, or named as not understood."""
        known = self.lexicon.talk.everyday | self.lexicon.talk.things
        said = zip(self.links, self.tagged.roles, strict=True)
        words = [link.word for link, role in said if role == NONE and link.word.form == "word"]
        own = {word.text: words_of(word.text)[0].removeprefix("d'") for word in words if len(word.text) > 2}
        forms = {text: [form for form in (word, *stems(word)) if form in known] for text, word in own.items()}
        rare = [text for text in own if max(map(len, forms[text]), default=0) < _STEM_SHARE * len(own[text])]
        return [text for text in rare if not digits(text, self.language).isdigit()]  # seven names nothing


def _is_foreign(letter: str) -> bool:
    """Whether a letter is of a script in which none of the languages that are read are written."""
    return letter.isalpha() and not letter.isascii() and not unicodedata.name(letter, "").startswith("LATIN")


def _is_beyond(one: Span, other: Span) -> bool:
    """Whether one compares with the other: cheaper than the cheapest."""
    return one.role in ("more", "less") and other.role in ("most", "least") and one.type == other.type


def _names_alone(spans: Sequence[Span]) -> bool:
    """Whether nothing is asked about but names of things and values."""
    about = [span for span in spans if span.role == "about"]
    return bool(about) and all(span.type in ("kind", "value", "person", "brand") for span in about)


def _named(link: Link) -> Span:
    """A name alone: what it names is wanted, a title itself and what is like it."""
    word = link.word
    role, kind = ("find", "title") if word.form == "title" else ("want", "value")
    return Span(role=role, type=kind, text=word.text, start=word.start, end=word.end, links=(link,))
