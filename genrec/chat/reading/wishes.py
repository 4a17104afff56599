"""Wishes out of spans: values that are wanted, not wanted, fine too or taken back, and numbers with their bounds.

Every wish is over an attribute and a value or a number that the catalog has. Words that name nothing of the catalog are
free words, which are searched for. Knows no intent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from genrec.chat.constraints import meeting, number_of, numbers_of, texts_of
from genrec.chat.lexicon import SlotValue, words_of
from genrec.chat.reading.amounts import Amount, names_decade, read_amounts
from genrec.chat.reading.audience import age_for, age_of, suited
from genrec.chat.reading.degrees import NOT, first_graded
from genrec.chat.reading.function_words import ALTERNATIVES, ARTICLES, LEAST, MOST, PRONOUNS, is_denied
from genrec.chat.reading.links import Linker
from genrec.chat.reading.measures import attribute_for, attribute_near, described_by, scale_of
from genrec.chat.reading.persons import persons_of, values_for
from genrec.chat.reading.spans import POINTING, Span
from genrec.chat.requests import Extreme
from genrec.chat.session import Session
from genrec.data.filters import Operator, Predicate
from genrec.data.labels.names import listed
from genrec.schema import Item

NAMES = frozenset({"kind", "value", "person", "brand", "free", "attr"})
MEASURES = frozenset({"price", "time", "size", "length", "rating", "popularity", "attr"})
_BOUNDS: dict[str, Operator] = {"max": "<=", "min": ">=", "exact": "="}
_STRICT: dict[Operator, Operator] = {"<=": "<", ">=": ">"}
# Words before an amount that say which side is meant, in the languages that are read, and such that turn it around.
_BELOW = listed(
    """under below less fewer before pre older cheaper shorter earlier unter weniger vor alter billiger kurzer moins
    avant ancien menos antes anterior debajo"""
)
_ABOVE = listed(
    """over above more after post newer longer later beyond uber mehr nach neuer langer plus apres recent mas despues
    posterior encima"""
)
_SIDES = (
    _BELOW | _ABOVE | listed("to max maximum most min minimum least around about between bis hochstens mindestens um")
)
_LINKING = listed("for in of with fur in von mit pour en de avec para con too so very really quite sehr zu tres muy")
_MERELY = listed("only just merely nur bloss seulement solo why warum pourquoi porque")
_RANGE_WORDS = frozenset({"to", "and", "till", "until", "bis", "und", "a", "et", "y", "hasta", "or"})
_LEVEL_SHARE = 1 / 3  # cheap is the cheapest third of what meets the other wishes
_NEAR_SHARE = 0.25  # around 40 is from 30 to 50 …
_FIRST_YEAR = 1000  # smaller numbers are no years
_NEAR_YEARS = 3  # … and around 1999 from 1996 to 2002


@dataclass(slots=True, kw_only=True)
class Wishes:
    """What a message wishes. words: free ones that are wanted; avoided: such that are not; unclear: what the catalog
    cannot express."""

    where: list[Predicate] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    avoided: list[str] = field(default_factory=list)
    dropped_words: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    extreme: Extreme | None = None


class WishReader:
    """Makes wishes of the spans of one message."""

    def __init__(self, linker: Linker, session: Session, text: str, language: str) -> None:
        self.linker, self.lexicon = linker, linker.lexicon
        self.session, self.text, self.language = session, text, language
        self.wishes = Wishes()

    def read(self, spans: Sequence[Span], measured: Sequence[Item]) -> Wishes:
        """All wishes of a message. measured: the items that "cheaper" or "same brand" speaks of."""
        spans = self._ranged(spans)
        for span in map(self._as_denied, spans):
            if span.type == "attr" and span.role in ("similar", "avoid", "want", "also"):
                self._read_shared(span, measured)
                continue
            if span.type == "audience" and span.role in ("want", "also"):
                self._read_audience(span)
            elif span.type == "audience" and span.role == "avoid" and self._read_not_for(span):
                continue
            elif span.role in ("want", "also", "avoid", "drop") and span.type not in POINTING:
                self._read_name(span)
            elif span.role in ("max", "min", "exact", "near"):
                self._read_amount(span, spans)
            elif span.role in ("more", "less"):
                self._read_comparison(span, measured)
            elif span.role in ("high", "low"):
                self._read_level(span)
            elif span.role in ("most", "least"):
                self._read_extreme(span)
        self._settle()
        return self.wishes

    def _as_denied(self, span: Span) -> Span:
        """A thing that is wanted, turned down where what stands before denies it: ones that aren't for kids."""
        before = words_of(self.text[max(self.text.rfind(mark, 0, span.start) for mark in ",;.!?:") + 1 : span.start])
        linked = [word for word in before if word not in _LINKING]
        is_turned = span.role == "want" and span.type in (*NAMES, "audience") and is_denied(linked)
        return replace(span, role="avoid") if is_turned and not _MERELY & set(before[-3:]) else span

    def _ranged(self, spans: Sequence[Span]) -> list[Span]:
        """Two amounts with nothing but "to" between them are a range, whatever each is taken for."""
        found = list(spans)
        amounts = [span.role in ("max", "min", "near", "exact") and any(map(str.isdigit, span.text)) for span in found]
        places = [n for n, is_amount in enumerate(amounts) if is_amount]
        for first, second in pairwise(places):
            between = words_of(self.text[found[first].end : found[second].start])
            is_range = len(between) == 0 or (len(between) == 1 and between[0] in _RANGE_WORDS)
            if second == first + 1 and is_range:
                found[first] = replace(found[first], role="min", type=found[second].type)
                found[second] = replace(found[second], role="max")
        return found

    def _settle(self) -> None:
        """What is refused is not wanted in the same breath: any color but white, white gets dirty."""
        refused = {(w.attribute, text) for w in self.wishes.where if w.operator == "!=" for text in w.texts}
        kept = []
        for wish in self.wishes.where:
            if wish.operator == "=" and wish.texts:
                left = tuple(v for v in wish.choices if (wish.attribute, v.casefold()) not in refused)
                if not left:
                    continue
                wish = replace(wish, value=left[0] if len(left) == 1 else left)
            kept.append(wish)
        self.wishes.where = kept
        named = {wish.attribute for wish in kept}
        self.wishes.unclear = [
            said for said in self.wishes.unclear if self.lexicon.attribute_of(words_of(said)) not in named
        ]

    def _read_shared(self, span: Span, measured: Sequence[Item]) -> None:
        """The same brand, another color: values of the item spoken of; "no patterns" where a value says so."""
        attribute = next((link.attribute for link in span.links if link.attribute), None) or self.lexicon.attribute_of(
            span.words
        )
        if attribute in self.lexicon.truths:
            self._read_truth(attribute, is_wanted=span.role != "avoid")
            return
        if span.role == "avoid" and (none := self.lexicon.meanings(("no", *span.words))):
            self._add(none[0], is_wanted=True)
            return
        if attribute is None:
            self._read_name(replace(span, type="free", role="want" if span.role == "similar" else span.role))
            return
        item = measured[0] if measured else None
        values = () if item is None else texts_of(item.attributes.get(attribute))
        for value in values:
            self._add(SlotValue(attribute, value), is_wanted=span.role == "similar")
        if not values:
            self.wishes.unclear.append(span.text)

    def meant(self, span: Span) -> SlotValue | None:
        """The value of the catalog that a span means, the likeliest for what it is called."""
        values = self.lexicon.meanings_in(self.language, span.words) or span.values
        values = values or self.lexicon.meanings(span.words)
        if not values and set(span.words) <= self.lexicon.talk.things:
            return None
        if not values and span.type in ("person", "brand", "kind", "value"):
            values = self.linker.values(span.text, people=span.type in ("person", "brand"))
        if not values and len(span.words) == 1 and span.type in ("kind", "value", "free"):
            values = self.lexicon.derived(span.words[0])
        return min(values, key=lambda meant: self._unlikeliness(meant, span, values)) if values else None

    def _unlikeliness(self, meant: SlotValue, span: Span, values: Sequence[SlotValue]) -> tuple[bool, int, int]:
        labels = self.lexicon.labels
        said = labels.role(meant.attribute)
        wanted = {"kind": ("kind",), "person": ("maker", "cast"), "brand": ("maker",)}.get(span.type, ())
        is_named = self._names_beside(span, meant.attribute)
        is_shared = said in ("maker", "cast", "group")  # who directs and plays, does mostly one of the two
        count = (
            int(
                meeting(
                    [Predicate(attribute=meant.attribute, operator="=", value=meant.value)], self.lexicon.catalog
                ).sum()
            )
            if is_shared
            else 0
        )
        return (not is_named and bool(wanted) and said not in wanted, -100 * is_named - count, values.index(meant))

    def _names_beside(self, span: Span, attribute: str) -> bool:
        """Whether the attribute is named just before or after: "color red", "directed by Kubrick"."""
        before, after = words_of(self.text[: span.start])[-2:], words_of(self.text[span.end :])[:1]
        return any(self.lexicon.attribute_of((word,)) == attribute for word in (*before, *after) if len(word) > 2)

    def _read_name(self, span: Span) -> None:
        if span.type in MEASURES and span.role == "drop":
            self._drop_measure(span)
            return
        truth = next((link.attribute for link in span.links if link.attribute in self.lexicon.truths), None)
        if truth is not None and span.role != "drop":
            self._read_truth(truth, is_wanted=span.role != "avoid")
            return
        meanings = self._all_meant(span)
        if not meanings:
            self._read_free(span)
            return
        if span.role in ("want", "also") and self.lexicon.is_sort(span.words):
            self.wishes.words.append(span.text)  # burgundy is red, and goes on describing it
        for meant in meanings:
            if span.role == "drop":
                self._take_back(meant)
            elif span.role == "also" and not self._is_another(span, meant):
                self._widen(meant)
            else:
                self._add(meant, is_wanted=span.role != "avoid")

    def _is_another(self, span: Span, meant: SlotValue) -> bool:
        """Whether something else is asked for beside what was shown: a tie, too."""
        before = words_of(self.text[: span.start])[-1:]
        is_kind = (
            self.lexicon.labels.role(meant.attribute) == "kind" and not self.lexicon.is_multi_valued[meant.attribute]
        )
        return is_kind and not ARTICLES.isdisjoint(before)

    def _read_truth(self, attribute: str, *, is_wanted: bool) -> None:
        """What is so or not: vegetarian, not spicy."""
        is_number = attribute in self.lexicon.numeric
        value: str | float = float(is_wanted) if is_number else "yes" if is_wanted else "no"
        self.wishes.where.append(Predicate(attribute=attribute, operator="=", value=value))

    def _all_meant(self, span: Span) -> list[SlotValue]:
        """The value that a span means; of a part of a name, all values of one attribute that have it (Scott)."""
        meant = self.meant(span)
        if meant is None:
            return []
        link = span.links[0] if span.links else None
        is_exact = any(words_of(value.value) == span.words for value in span.values)
        if link is None or is_exact or link.word.form != "person":
            return [meant]
        return [value for value in span.values if value.attribute == meant.attribute]

    def _add(self, meant: SlotValue, *, is_wanted: bool) -> None:
        """A value joins those of its attribute that this message names, unless items have several at once."""
        operator: Operator = "=" if is_wanted else "!="
        wish = Predicate(attribute=meant.attribute, operator=operator, value=meant.value)
        if not is_wanted:  # whoever wants no blue wants no dark blue
            for sort in self.lexicon.sorts_of(meant):
                self.wishes.where.append(replace(wish, value=sort))
        earlier = [old for old in self.wishes.where if old.attribute == meant.attribute and old.operator == operator]
        if wish in earlier or any(meant.value in old.choices for old in earlier):
            return
        if is_wanted and earlier and not (self.lexicon.is_multi_valued[meant.attribute] and not self._is_choice()):
            self.wishes.where[self.wishes.where.index(earlier[0])] = _united(earlier[0], meant.value)
        else:
            self.wishes.where.append(wish)

    def _is_choice(self) -> bool:
        """Whether alternatives are named; of a list alone, all are wanted."""
        return not ALTERNATIVES.isdisjoint(words_of(self.text))

    def _widen(self, meant: SlotValue) -> None:
        """A value that is fine, too: it joins the wish that stands, or ends the one that turned it down."""
        active = [old for old in self.session.constraints if old.attribute == meant.attribute]
        if self.lexicon.labels.role(meant.attribute) == "cast":  # with her, too
            self.wishes.where += [Predicate(attribute=meant.attribute, operator="=", value=meant.value), *active]
            return
        wanted = [
            old for old in (*self.wishes.where, *active) if old.attribute == meant.attribute and old.operator == "="
        ]
        if wanted:
            self.wishes.where = [old for old in self.wishes.where if old not in wanted[:1]]
            self.wishes.where.append(_united(wanted[0], meant.value))
            return
        refused = [old for old in active if old.operator == "!=" and meant.value.casefold() in old.texts]
        if refused:
            self.wishes.dropped.append(meant.attribute)
            self.wishes.where += [old for old in active if old not in refused]
        else:
            self._add(meant, is_wanted=True)

    def _take_back(self, meant: SlotValue) -> None:
        """Of "lamp or poster" the poster stays when the lamp is taken back; a wish for other values is not touched."""
        active = [w for w in self.session.constraints if w.attribute == meant.attribute]
        holding = [wish for wish in active if meant.value.casefold() in wish.texts]
        if not holding:
            if not active:
                self._add(meant, is_wanted=False)  # "forget leather" of somebody who never asked for it
            return
        left = [
            v
            for wish in holding
            if wish.operator == "="
            for v in wish.choices
            if v.casefold() != meant.value.casefold()
        ]
        self.wishes.dropped.append(meant.attribute)
        if left:
            self.wishes.where.append(replace(holding[0], value=left[0] if len(left) == 1 else tuple(left)))

    def _drop_measure(self, span: Span) -> None:
        attribute = self.lexicon.attribute_of(span.words) if span.type == "attr" else None
        attribute = attribute or next((link.attribute for link in span.links if link.attribute), None)
        attribute = attribute or attribute_for(span.type, self.lexicon) or attribute_near(span.words, self.lexicon)
        if attribute is not None:
            self.wishes.dropped.append(attribute)
        elif self.meant(span) is None:
            self.wishes.unclear.append(span.text)

    def _read_audience(self, span: Span) -> None:
        """For a child, what is rated for its age; where nothing is rated, that is said."""
        attribute = self.lexicon.labels.rating_of_content
        ages = [name for name in self.lexicon.numeric if "age" in words_of(name.replace("_", " "))]
        if attribute is None and ages:
            age = float(age_of(span.text, self.language))
            self.wishes.where.append(Predicate(attribute=ages[0], operator="<=", value=age))
            return
        meant = self.meant(replace(span, type="free")) or values_for(persons_of(f"for {span.text}"), self.lexicon)
        if attribute is None and meant is not None:
            self._add(meant, is_wanted=True)  # a shop's department for children
            return
        ratings = tuple(v for v in self.lexicon.values.get(attribute or "", ()) if isinstance(v, str))
        allowed = suited(ratings, age_of(span.text, self.language))
        if attribute is None or not allowed:
            self.wishes.unclear.append(span.text)
        else:
            self.wishes.where.append(
                Predicate(attribute=attribute, operator="=", value=allowed if allowed[1:] else allowed[0])
            )

    def _read_not_for(self, span: Span) -> bool:
        """What is for others: nothing for kids. Returns whether the catalog tells it."""
        meant = self.meant(replace(span, type="free")) or values_for(persons_of(f"for {span.text}"), self.lexicon)
        if meant is not None:
            self._add(meant, is_wanted=False)
        return meant is not None

    def _read_free(self, span: Span) -> None:
        if set(span.words) <= self.lexicon.talk.things | PRONOUNS:
            return
        holding = self.lexicon.holding(span.words) if span.role in ("want", "avoid") else ()
        if holding:
            self._read_holding(holding, is_wanted=span.role == "want")
        elif span.role == "drop":
            self.wishes.dropped_words += span.words
        elif span.role == "avoid":
            self.wishes.avoided.append(span.text)
        else:
            self.wishes.words.append(span.text)

    def _read_holding(self, holding: Sequence[SlotValue], *, is_wanted: bool) -> None:
        """Values of which a word is said: any for bees is bee-friendly, no thorns is not thorny."""
        if not is_wanted:
            for meant in holding:
                self._add(meant, is_wanted=False)
            return
        values = tuple(meant.value for meant in holding)
        wish = Predicate(attribute=holding[0].attribute, operator="=", value=values if values[1:] else values[0])
        if wish not in self.wishes.where:
            self.wishes.where.append(wish)

    def _read_amount(self, span: Span, spans: Sequence[Span]) -> None:
        amounts = read_amounts(span.text, self.language, is_year=span.type == "year" or names_decade(span.text))
        if not amounts and self._read_rating(span):
            return
        if not amounts:
            if set(span.words) <= self.lexicon.talk.common:
                return
            if attribute_near(span.words, self.lexicon) is None:  # a unit beside its number says nothing more
                self.wishes.unclear.append(span.text)
            return
        attribute = self._attribute_of(span, spans, amounts[0])
        if attribute is None:
            if not self._read_sized(span):
                self.wishes.unclear.append(span.text)
            return
        for amount in amounts[:2]:
            scale = scale_of(self._around(span), attribute, self.lexicon)
            role, is_strict = self._side(span)
            self._bound(role, attribute, amount, scale, is_strict=is_strict)

    def _read_rating(self, span: Span) -> bool:
        """Ratings for an age that a rating bounds: nothing over PG."""
        attribute, age = self.lexicon.labels.rating_of_content, age_for(span.text)
        if attribute is None or age is None or span.role not in ("max", "min"):
            return False
        ratings = tuple(v for v in self.lexicon.values.get(attribute, ()) if isinstance(v, str))
        ages = {rating: needed for rating in ratings if (needed := age_for(rating)) is not None}
        allowed = tuple(r for r, needed in ages.items() if (needed <= age if span.role == "max" else needed >= age))
        if allowed:
            value = allowed if allowed[1:] else allowed[0]
            self.wishes.where.append(Predicate(attribute=attribute, operator="=", value=value))
        return bool(allowed)

    def _side(self, span: Span) -> tuple[str, bool]:
        """The role of an amount as the words before it have it, and whether they leave the number itself out."""
        before = words_of(self.text[: span.start])[-4:]
        said = [word for word in before if word in _BELOW or word in _ABOVE]
        if span.role not in ("max", "min") or not said:
            return span.role, False
        is_turned = not NOT.isdisjoint(before)
        is_below = (said[-1] in _BELOW) != is_turned
        return ("max" if is_below else "min"), not is_turned

    def _bound(self, role: str, attribute: str, amount: Amount, scale: float, *, is_strict: bool = False) -> None:
        low, high = amount.low * scale, amount.high * scale
        if attribute in self.lexicon.ranges:
            self._bound_range(role, *self.lexicon.ranges[attribute], low)
            return
        if role == "near":
            slack = _NEAR_YEARS if attribute == self.lexicon.year else _NEAR_SHARE * low
            low, high = low - slack, high + slack
        if role == "near" or (role == "exact" and low != high):
            pairs: list[tuple[Operator, float]] = [(">=", low), ("<=", high)]
        else:
            operator = _BOUNDS[role]
            edge = high if (role == "max") != is_strict else low  # before the 90s is before their first year
            pairs = [(_STRICT.get(operator, operator) if is_strict else operator, edge)]
        self.wishes.where += [
            Predicate(attribute=attribute, operator=operator, value=value) for operator, value in pairs
        ]

    def _bound_range(self, role: str, least: str, most: str, number: float) -> None:
        """Of things for 2 to 4, a number is met by what begins at most with it and ends at least with it."""
        if role != "min":
            self.wishes.where.append(Predicate(attribute=least, operator="<=", value=number))
        if role != "max":
            self.wishes.where.append(Predicate(attribute=most, operator=">=", value=number))

    def _around(self, span: Span) -> tuple[str, ...]:
        return (*words_of(self.text[: span.start])[-3:], *span.words, *words_of(self.text[span.end :])[:3])

    def _attribute_of(self, span: Span, spans: Sequence[Span], amount: Amount) -> str | None:
        lexicon = self.lexicon
        if (
            (span.type in ("year", "time") or names_decade(span.text))
            and lexicon.year is not None
            and amount.low >= _FIRST_YEAR
        ):
            return lexicon.year
        named = next(
            (
                entry.links[0].attribute
                for entry in spans
                if entry.type == "attr" and entry.links[0].attribute in lexicon.numeric
            ),
            None,
        )
        near = attribute_near(span.words, lexicon) or named or attribute_near(self._around(span), lexicon)
        near = (
            None
            if near == lexicon.price and span.type != "price" and attribute_near(span.words, lexicon) is None
            else near
        )
        if span.type == "price" and (near is None or lexicon.talk.units.isdisjoint(self._around(span))):
            return lexicon.price
        if near is not None:
            return near
        found = attribute_for(span.type, lexicon)
        if found is not None or span.type in MEASURES:
            return found
        standing = [wish.attribute for wish in self.session.constraints if wish.attribute in lexicon.numeric]
        if standing:
            return standing[-1]
        is_bounded = span.role != "exact" and not _SIDES.isdisjoint(words_of(self.text[: span.start])[-4:])
        return lexicon.price if is_bounded and lexicon.talk.units.isdisjoint(amount.words) else None

    def _read_sized(self, span: Span) -> bool:
        """A size that is a text here: 42, XL, 500 ml."""
        meanings = self.lexicon.meanings(span.words)
        for meant in meanings[:1]:
            self._add(meant, is_wanted=True)
        return bool(meanings)

    def _read_comparison(self, span: Span, measured: Sequence[Item]) -> None:
        attribute, is_less = self._measure(span), span.role == "less"
        described = described_by(span.words, self.lexicon) if attribute is None else None
        if described is not None:
            attribute, is_less = described[0], (described[1] < 0) != is_less
        if attribute is None:
            self._read_shade(span)
            return
        numbers = [n for n in (number_of(item, attribute) for item in measured) if n is not None]
        if not numbers:
            self._read_level(replace(span, role="low" if is_less else "high"))
            return
        bound = min(numbers) if is_less else max(numbers)
        wish = Predicate(attribute=attribute, operator="<" if is_less else ">", value=bound)
        if len(numbers) > 1 and not self._leaves_some(wish):
            first = numbers[0]
            wish = replace(wish, value=first)
        self.wishes.dropped.append(attribute)
        self.wishes.where.append(wish)

    def _leaves_some(self, wish: Predicate) -> bool:
        others = [w for w in (*self.session.constraints, *self.wishes.where) if w.attribute != wish.attribute]
        return bool(meeting([*others, wish], self.lexicon.catalog).any())

    def _measure(self, span: Span) -> str | None:
        linked = next((link.attribute for link in span.links if link.attribute in self.lexicon.numeric), None)
        if linked is not None or span.type in ("attr", "number", "value", "free", "kind"):
            return linked or attribute_near(span.words, self.lexicon)
        return attribute_for(span.type, self.lexicon)

    def _read_shade(self, span: Span) -> None:
        """Warmer, less sweet: a value of the catalog that the word is a form of, else words to search for."""
        degree = first_graded(span.words)
        is_sized = degree is not None and degree.measure in ("length", "size")
        meant = None if is_sized else self.meant(span) or self._base_of(span.words)
        if meant is not None:
            self._add(meant, is_wanted=span.role == "more")
        elif degree is not None and is_sized:
            is_wanted = degree.is_much == (span.role == "more")  # no number tells it, but words of items may
            self._read_free(replace(span, role="want" if is_wanted else "avoid", text=degree.base))
        elif span.type in MEASURES and span.type != "attr":
            self.wishes.unclear.append(span.text)
        else:
            self._read_free(replace(span, role="want" if span.role == "more" else "avoid"))

    def _base_of(self, words: Sequence[str]) -> SlotValue | None:
        """Warm of warmer: the value whose word this one goes on from."""
        for word in words:
            for size in range(1, 4):
                stem = word[:-size]
                found = self.lexicon.meanings((stem,)) if len(stem) > 2 else ()
                if found:
                    return found[0]
        return None

    def _read_level(self, span: Span) -> None:
        """Cheap or recent, as a third of what meets the other wishes; more of it where it is said of what is shown."""
        attribute = self._measure(span)
        if attribute is None:
            if span.type not in ("popularity", "rating"):
                self._read_shade(replace(span, role="more" if span.role == "high" else "less"))
            return
        if any(wish.attribute == attribute for wish in self.wishes.where):
            return
        others = [w for w in (*self.session.constraints, *self.wishes.where) if w.attribute != attribute]
        numbers_N, fitting_N = numbers_of(attribute, self.lexicon.catalog), meeting(others, self.lexicon.catalog)
        numbers = numbers_N[fitting_N & ~np.isnan(numbers_N)]
        numbers = numbers if len(numbers) else numbers_N[~np.isnan(numbers_N)]
        is_low = span.role == "low"
        border = float(np.quantile(numbers, _LEVEL_SHARE if is_low else 1 - _LEVEL_SHARE, method="nearest"))
        self.wishes.where.append(Predicate(attribute=attribute, operator="<=" if is_low else ">=", value=border))

    def _read_extreme(self, span: Span) -> None:
        said = {*span.words, *words_of(self.text[: span.start])[-1:]}
        is_told = first_graded(span.words) is not None or not said & (LEAST | MOST)
        is_most = span.role == "most" if is_told else bool(said & MOST)
        attribute = self._measure(span)
        described = described_by(span.words, self.lexicon)
        if described is not None and (attribute is None or span.type in ("free", "length", "size")):
            attribute, is_most = described[0], (described[1] > 0) == is_most if span.type == "free" else is_most
        if attribute is None:
            self.wishes.unclear.append(span.text)
        else:
            self.wishes.extreme = Extreme(attribute=attribute, is_most=is_most)


def _united(wish: Predicate, *values: str) -> Predicate:
    """A wish that these values meet, too."""
    joined = tuple(dict.fromkeys((*wish.choices, *values)))
    return replace(wish, value=joined if len(joined) > 1 else joined[0])
