"""Whether what is said of items is true by their catalog: reasons, claims and whole replies.

Every value and every number that a text names must be one of the item it speaks of, of a wish in force or of a count
that is taken again; every title one that was spoken of. Works by the words alone, on any catalog, apart from the code
that made the words. Knows values, numbers, titles and counts; deliberately knows no grammar, so that what names none of
them is not judged.

Axis legend: N catalog rows.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from genrec.bench.talk.answers import falsehoods_of_answer, said_wishes
from genrec.bench.talk.naming import Naming, is_among, numbers_in, numbers_in_text, numbers_of_item, values_of
from genrec.chat.constraints import meeting
from genrec.chat.conversation import ItemCard, Reply
from genrec.chat.lexicon import Lexicon
from genrec.chat.session import Session
from genrec.data.filters import Predicate, is_number
from genrec.data.splits import split_interactions
from genrec.explain import NEAR_SHARE
from genrec.schema import BoolArray, Catalog, Evidence, FloatArray, Item
from genrec.visualize.marking import read_record
from genrec.workspace import Workspace

USUAL_SHARE = 0.5  # of the history within what is called usual, at the least
_QUOTED = re.compile(r"“[^”]*”")
_HEADLINE = re.compile(r"Here (?:is|are) (?P<count>one|\d+) for you")
_LEFT_OUT = re.compile(r"left out .+; these come nearest")
_ASKED = re.compile(r"\byou asked\b|\byour \d")
_CHOSEN = re.compile(r"\byou chose\b|\byour history\b|\byou liked\b")
_BROKEN = re.compile(r"as you\b(?! asked)|(?<=[,.] )(?:A|An|The)(?=,)|\b(?:an|the|and|is|has)[,.](?!\d)|[.…]{4,}|\s,")
_DENIED = re.compile(r"(?:\bnot|\bno|\bwithout)\s+(?:\w+\s+)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What stood when a reply was made. spoken_of: items of the history, shown before, or named; seen_N: which rows
    were shown before; legal_N: which may be shown at all; wishes: those in force before and after it."""

    spoken_of: frozenset[str]
    history: tuple[str, ...]
    seen_N: BoolArray
    legal_N: BoolArray
    wishes: tuple[Predicate, ...]

    @classmethod
    def of(cls, session: Session, catalog: Catalog) -> "Moment":
        """The moment before a message."""
        gone_N = _rows([*session.history, *session.disliked], catalog)
        gone_N[catalog.removed_rows] = True
        earlier = () if session.earlier is None else session.earlier.constraints
        return cls(
            spoken_of=frozenset((*session.history, *session.refers_to, *session.disliked, *session.seen)),
            history=tuple(session.history),
            seen_N=_rows(session.seen, catalog),
            legal_N=~gone_N,
            wishes=tuple(dict.fromkeys((*session.constraints, *earlier))),
        )

    def after(self, session: Session, reply: Reply, catalog: Catalog) -> "Moment":
        """The same with what the message added."""
        now, request = Moment.of(session, catalog), reply.request
        asked = () if request.question is None else (*request.question.scope, *request.question.conditions)
        named = (*request.refers_to, *request.liked, *request.disliked, *(card.item_id for card in reply.items))
        return replace(
            now,
            spoken_of=now.spoken_of | self.spoken_of | set(named),
            history=tuple(dict.fromkeys((*now.history, *now.spoken_of.intersection(session.refers_to)))),
            seen_N=self.seen_N,
            wishes=tuple(dict.fromkeys((*now.wishes, *self.wishes, *request.where, *reply.relaxed, *asked))),
        )


def _rows(item_ids: Iterable[str], catalog: Catalog) -> BoolArray:
    rows = [catalog.row(item_id) for item_id in item_ids if item_id in catalog]
    return np.isin(np.arange(len(catalog)), rows)


class Truth:
    """What is true of items: values from their catalog, counts from the events of people."""

    def __init__(
        self, catalog: Catalog, lexicon: Lexicon, histories: Iterable[Sequence[str]], vectors_ND: FloatArray
    ) -> None:
        """histories: item ids by time, one a person, that counts of people are taken of."""
        self.catalog, self.price, self.vectors_ND = catalog, lexicon.price, vectors_ND
        self.naming = Naming(catalog, lexicon.labels, lexicon.talk.everyday)
        self.places = [{item_id: n for n, item_id in enumerate(items)} for items in histories]

    @classmethod
    def of(cls, recommender: Workspace) -> "Truth":
        """What is true in a workspace: counts are of the training part of its events."""
        train = split_interactions(recommender.interactions, recommender.config.split).train.positives()
        return cls(recommender.catalog, recommender.reader.lexicon, train.histories().values(), recommender.vectors)

    def holds(self, item_id: str, history: Sequence[str], evidence: Evidence, wishes: Sequence[Predicate] = ()) -> bool:
        """Whether one claim is true of the item, for a person with this history and these wishes."""
        item = self.catalog[item_id]
        numbers = list(numbers_of_item(item))
        if evidence.kind in ("history", "neighbor"):
            if evidence.source not in history:
                return False
            items = [item, self.catalog[evidence.source]] if evidence.kind == "history" else [item]
            numbers += [] if evidence.kind == "history" else [self._chosen_after(item_id, evidence.source)]
            if evidence.kind == "neighbor" and not numbers_in(evidence.claim, self.naming):
                return self._is_near(item_id, evidence.source)
            return all(
                not self._foreign(evidence.claim, [entry], {evidence.source, item_id}, numbers) for entry in items
            )
        numbers += [sum(item_id in places for places in self.places), *_bounds(wishes, item)]
        loose = self._foreign(evidence.claim, [item], {item_id}, numbers)
        return not loose or self._is_usual(evidence.source, loose, history)

    def _chosen_after(self, item_id: str, past: str) -> int:
        return sum(places.get(past, np.inf) < places.get(item_id, -1) for places in self.places)

    def _is_usual(self, attribute: str, said: Sequence[str], history: Sequence[str]) -> bool:
        """Whether what is said is two numbers, between which an attribute usually lies in a history."""
        if len(said) != 2 or not all(word.replace(".", "", 1).isdigit() for word in said):
            return False
        low, high = map(float, said)
        values = [self.catalog[past].attributes.get(attribute) for past in history]
        known = [float(value) for value in values if is_number(value)]
        return bool(known) and sum(low <= value <= high for value in known) >= USUAL_SHARE * len(known)

    def _is_near(self, item_id: str, other: str) -> bool:
        scores = self.vectors_ND @ self.vectors_ND[self.catalog.row(item_id)]
        closer = int((scores > scores[self.catalog.row(other)]).sum()) - 1
        return closer < max(1, int(NEAR_SHARE * len(self.catalog)))

    def unsupported(
        self,
        item_id: str,
        text: str,
        evidence: Sequence[Evidence],
        *,
        spoken_of: Iterable[str] = (),
        wishes: Sequence[Predicate] = (),
    ) -> list[str]:
        """What a reason says that is not so: what is another's, not asked for, not chosen; broken words."""
        item, claims = self.catalog[item_id], [entry.claim for entry in evidence]
        sources = {entry.source for entry in evidence if entry.source in self.catalog}
        numbers = [*numbers_of_item(item), *_bounds(wishes, item), *numbers_in(" ".join(claims), self.naming)]
        wrong = _BROKEN.findall(text.replace(item.title, "x"))
        if _ASKED.search(text) and not any(map(_ASKED.search, claims)):
            wrong.append("it was not asked for")
        if _CHOSEN.search(text) and all(entry.kind == "attribute" for entry in evidence):
            wrong.append("nothing was chosen")
        return wrong + self._foreign(text, [item], {*spoken_of, *sources, item_id}, numbers)

    def _foreign(
        self, text: str, items: Sequence[Item], spoken_of: Iterable[str], numbers: Iterable[float]
    ) -> list[str]:
        """Values and titles in a text that are not of all these items, and numbers that are none of those given."""
        spoken, allowed = frozenset(spoken_of), list(numbers)
        mine = frozenset.intersection(*(frozenset(values_of(item)) for item in items))
        wrong, rest = [], text
        for named in self.naming.find(text):
            rest = rest[: named.start] + " " * (named.end - named.start) + rest[named.end :]
            is_mine = bool(named.item_ids & spoken or named.values & mine or self._is_part(named.said, items))
            if not is_mine and not _DENIED.search(text[: named.start]):
                wrong.append(named.said)
        return wrong + [said for said in numbers_in_text(rest) if not is_among(said, allowed)]

    def _is_part(self, said: str, items: Sequence[Item]) -> bool:
        """Whether words stand in a value or the title of each item: "wool" of "merino wool"."""
        return all(
            any(said.casefold() in entry.casefold() for entry in (item.title, *(v.text for v in values_of(item))))
            for item in items
        )

    def falsehoods(self, reply: Reply, moment: Moment) -> list[str]:
        """Everything in a reply that is not so; empty when all of it is true."""
        missing = [card.item_id for card in reply.items if card.item_id not in self.catalog]
        if missing:
            return [f"{item_id} does not exist" for item_id in missing]
        wrong = [entry for card in reply.items for entry in self._of_card(card, moment, reply)]
        text = _QUOTED.sub(" ", reply.text)
        if reply.is_list or reply.relaxed:
            wrong += self._of_list(text, reply, moment)
        if reply.visual is not None:
            record = read_record(reply.visual)
            made = "generated" if record is None or record.generated else "edited"
            wrong += [] if made in text else [f"a picture that is {made} and not called so"]
        wrong += falsehoods_of_answer(text, reply, self.catalog)
        return wrong + self._of_titles(text, reply, moment)

    def _of_card(self, card: ItemCard, moment: Moment, reply: Reply) -> list[str]:
        item = self.catalog[card.item_id]
        wrong = [] if card.item == item else [f"{card.title} is not what the catalog holds as {card.item_id}"]
        price = None if self.price is None else item.attributes.get(self.price)
        wrong += [] if card.price == price else [f"{card.title} costs {price}, not {card.price}"]
        history = (*moment.history, *moment.spoken_of)
        claims = [e for e in card.evidence if not self.holds(card.item_id, history, e, moment.wishes)]
        wrong += [f"{card.title}: {entry.claim}" for entry in claims]
        texts = [card.reason, *([reply.text] if reply.request.intent == "explain" else [])]
        loose = [
            word
            for text in texts
            for word in self.unsupported(
                card.item_id, text, card.evidence, spoken_of=moment.spoken_of, wishes=moment.wishes
            )
        ]
        return wrong + [f"{card.title}: {word}" for word in loose]

    def _of_list(self, text: str, reply: Reply, moment: Moment) -> list[str]:
        """Counts, wishes that a list is said to meet, what is said to be left out or to be nowhere."""
        wrong = []
        match = _HEADLINE.search(text)
        head = "" if match is None else text[match.start() :]
        if match is not None:
            count = 1 if match["count"] == "one" else int(match["count"])
            wrong += [] if count == len(reply.items) else [f"{count} items are said, {len(reply.items)} shown"]
            wishes, strange = said_wishes(head, moment.wishes)
            wrong += [f"{said} was not wished" for said in strange]
            wrong += [f"{card.title}: {wish}" for wish in wishes for card in reply.items if not wish.holds(card.item)]
        if (left_out := _LEFT_OUT.search(text)) and "without “" not in reply.text:
            wishes = [*said_wishes(left_out[0], moment.wishes)[0], *said_wishes(head, moment.wishes)[0]]
            fitting_N = meeting(wishes, self.catalog) & moment.legal_N & ~moment.seen_N
            wrong += ["nothing is said to meet all wishes, but something does"] if fitting_N.any() else []
        if "shown before" in text:
            rows = self.catalog.rows(card.item_id for card in reply.items)
            wrong += ["not all of it was shown before"] if not moment.seen_N[rows].all() else []
        return wrong

    def _of_titles(self, text: str, reply: Reply, moment: Moment) -> list[str]:
        """Titles that nobody spoke of, and what is said right after a title that is another item's."""
        for card in reply.items:  # what an item is about is its own text, and speaks of whatever it speaks of
            text = text.replace(" ".join(card.item.text.split()) or "\0", " ")
        found = [named for named in self.naming.find(text) if named.item_ids]
        wrong = [
            f"{named.said} was not spoken of"
            for named in found
            if not (named.item_ids & moment.spoken_of or named.values or " " not in named.said)
        ]
        if reply.request.intent not in ("compare", "describe") and reply.request.question is None:
            return wrong
        if reply.request.intent == "browse":
            return wrong
        told = frozenset((*reply.request.refers_to, *(card.item_id for card in reply.items)))
        spoken = [named for named in found if named.item_ids & told]
        if reply.request.intent == "compare" and spoken:
            shared = [self.catalog[item_id] for item_id in told]
            wrong += self._foreign(text[: spoken[0].start], shared, told, _counts_in(text))
        ends = [*(named.start for named in spoken[1:]), len(text)]
        for named, end in zip(spoken, ends, strict=True):
            item = self.catalog[next(iter(named.item_ids & told))]
            wrong += self._foreign_values(text[named.end : end], item)
        return wrong

    def _foreign_values(self, text: str, item: Item) -> list[str]:
        numbers = [*numbers_of_item(item), *_counts_in(text)]
        return [f"{item.title}: {word}" for word in self._foreign(text, [item], {item.item_id}, numbers)]


def _bounds(wishes: Iterable[Predicate], item: Item) -> list[float]:
    """The numbers that were wished for and are met."""
    return [float(wish.value) for wish in wishes if isinstance(wish.value, float | int) and wish.holds(item)]


def _counts_in(text: str) -> list[float]:
    """Numbers that count the items spoken of: "of these 5", "2 of 5"; they are checked as answers."""
    return [
        float(n) for n in re.findall(r"\d+", " ".join(re.findall(r"\b\d+ of \d+\b|\b(?:these|all|the) \d+\b", text)))
    ]
