"""Reads a chat message: plain words in, structured wishes over the catalog's real attributes out.

Deterministic and without a model. Each step blanks out the words it understood, so that what is left over is free text
for the recommender. Knows everyday English and whatever the catalog's lexicon holds; deliberately knows no shop. The
grammar of numbers is in numbers and comparatives, that of references in references, what a message wants in intents.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from genrec.chat.constraints import texts_of
from genrec.chat.lexicon import Lexicon, SlotValue
from genrec.chat.requests import ChatRequest, Extreme
from genrec.chat.rules import phrases
from genrec.chat.rules.comparatives import read_changed_bound, read_comparatives, read_price_levels, read_shades
from genrec.chat.rules.free_words import free_words, missing_kinds, refused_things, refused_words
from genrec.chat.rules.intents import IntentCues, decide, plain_intent, takes_what_comes
from genrec.chat.rules.numbers import ConstraintsRead, read_numbers
from genrec.chat.rules.questions import asks_whether, read_extreme
from genrec.chat.rules.references import (
    Reference,
    TitlesRead,
    read_compared,
    read_history_reference,
    read_shown_reference,
    read_titles,
)
from genrec.chat.rules.things import ThingsRead, first_thing
from genrec.chat.rules.values import ValueScanner, united
from genrec.chat.session import Session
from genrec.chat.spelling import SMALL_NUMBERS, spell_plainly
from genrec.claims.wording import words_of
from genrec.data.filters import Predicate
from genrec.schema import Catalog, Item


class RuleReader:
    """Reads messages over one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.lexicon = Lexicon(catalog)

    def read(self, text: str, session: Session, image: Path | None = None) -> ChatRequest:
        """Understand one message in the light of what was shown, chosen and wished before."""
        if session.later and image is None and phrases.NEXT.match(text.casefold()):
            text = session.later[0]
        return _Reading(self.lexicon, text, session, image).request()


class _Reading:
    """One message while it is being understood; `text` loses the words that were."""

    def __init__(self, lexicon: Lexicon, text: str, session: Session, image: Path | None) -> None:
        self.lexicon, self.session, self.image = lexicon, session, image
        self.original = text
        wanting = phrases.POLITE.sub(" want", spell_plainly(text))
        plain = " ".join(phrases.INTERJECTIONS.sub("", wanting).split()) or " ".join(wanting.split())
        self.said = phrases.NEGATED_QUESTION.sub(r"\1\2 ", plain)
        self.text = phrases.IF_NOT.sub("", phrases.NO_FIRST.sub("", self.said))
        self.where: list[Predicate] = []
        self.dropped: list[str] = []
        self.not_understood: list[str] = []
        self.reference: Reference | None = None
        self.is_on_topic = False  # of the list, though nothing else says so

    def request(self) -> ChatRequest:
        """Every step in order, then what the message wants."""
        plain = self._plain_request()
        if plain is not None:
            return plain
        is_undo, is_new = bool(self._blank(phrases.UNDO_LAST)), bool(self._blank(phrases.NEWCOMER))
        self._read_circumstances()
        titles = read_titles(self.said, self.text, self.lexicon)
        later = self._read_things(titles)
        compared = read_compared(self.text, self.session)
        self.text = self.text if compared is None else compared.rest
        limit = self._read_limit()
        self._read_wishes(compared, titles.item_ids)
        extreme = self._read_extreme()
        missing = missing_kinds(self.text, self.lexicon, self.said)
        query = self._free_words(missing)
        base = ChatRequest(
            text=self.original,
            intent="recommend",
            where=tuple(dict.fromkeys(self.where)),
            dropped=tuple(dict.fromkeys(self.dropped)),
            query=query,
            image=self.image,
            refers_to=self.reference.item_ids if self.reference is not None else (),
            not_understood=tuple(self.not_understood),
            repeats=bool(phrases.REPEATS.search(self.said)),
            is_new=is_new,
            extreme=extreme,
            limit=limit,
            missing=missing,
            later=later,
            refused=self._refused(is_open=not (query or self._is_known or limit)),
            is_undo=is_undo,
        )
        cues = IntentCues(
            said=self.said,
            titles=titles,
            reference=self.reference,
            session=self.session,
            lexicon=self.lexicon,
            is_on_topic=self.is_on_topic,
        )
        return decide(base, cues)

    def _plain_request(self) -> ChatRequest | None:
        """The request of a message that speaks of nothing in the catalog; None where it may, as with a photo."""
        if self.image:
            return None
        if takes_what_comes(self.said, self.session):
            return ChatRequest(text=self.original, intent="recommend", is_open=True)
        intent = plain_intent(self.said, self.lexicon)
        if intent is None:
            return None
        return ChatRequest(text=self.original, intent=intent, dropped=("*",) if intent == "reset" else ())

    def _read_circumstances(self) -> None:
        """What is told beside the wish: what broke, what is at home, what was wished or shown before."""
        self._name_the_worn_out()
        self._blank_surroundings()
        self._read_take_backs()
        beside = self._blank(phrases.SHOWN_BEFORE) + self._blank(phrases.AGED)
        self.is_on_topic = bool(beside) or self.is_on_topic

    def _read_things(self, titles: TitlesRead) -> tuple[str, ...]:
        """Keep the first of several things, and return the words for those that wait; titles are no such things."""
        is_of_titles = titles.item_ids or titles.disliked or titles.unknown
        things = ThingsRead(titles.rest) if is_of_titles else first_thing(titles.rest, self.lexicon)
        self.text = things.first
        for thing in things.later:
            self.said = self.said.replace(thing, " ")
        self.not_understood += titles.unknown
        return things.later

    def _read_wishes(self, compared: Reference | None, titled: Sequence[str]) -> None:
        """Numbers that are said, the items spoken of, and what is wished against these, then values."""
        self._add(read_changed_bound(self.text, self.session, self.lexicon))
        self._add(read_numbers(self.text, self.lexicon))
        self.reference = compared or self._read_references(titled)
        measured = (self.reference is not None, self._focus, self.where)
        self._add(read_comparatives(self.text, self.said, self.session, self.lexicon, *measured))
        self._read_attribute_references()
        self._add(read_shades(self.text, self.session, self.lexicon))
        self._read_values()

    def _read_extreme(self) -> Extreme | None:
        """The cheapest or newest where it is asked for; else cheap and expensive become bounds."""
        extreme = read_extreme(self.text, self.lexicon)
        is_of_whole_shop = extreme is not None and not self.where and bool(phrases.OF_WHOLE_SHOP.search(self.said))
        if is_of_whole_shop:
            self.dropped.append("*")
        levels = read_price_levels(self.text, (*self.session.constraints, *self.where), self.where, self.lexicon)
        is_order = is_of_whole_shop or (extreme is not None and phrases.IN_ORDER.search(self.said) is not None)
        self._add(ConstraintsRead((), levels.rest) if is_order else levels)
        return extreme

    def _refused(self, *, is_open: bool) -> tuple[str, ...]:
        """Free words that are turned down; is_open: nothing else was understood."""
        if is_open and self.session.shown and not self.said.endswith("?"):
            return refused_words(self.text, self.lexicon)
        return refused_things(self.text, self.lexicon) if self.where else ()

    def _blank(self, pattern: str | re.Pattern[str]) -> list[re.Match[str]]:
        """All matches in the text, which become blanks."""
        found = list(re.finditer(pattern, self.text))
        for match in found:
            self.text = phrases.blank(self.text, *match.span())
        return found

    def _name_the_worn_out(self) -> None:
        """Of "my boots fell apart, I need new ones" the new ones are boots."""
        match = phrases.WORN_OUT.search(self.text)
        if match is not None and self.lexicon.meanings((match[1],)):
            self.text = f"{self.text[: match.start()]}{match[1]}{self.text[match.end() :]}"

    def _blank_surroundings(self) -> None:
        for match in phrases.SURROUNDINGS.finditer(self.text):
            if not self.lexicon.meanings((match[1],)):
                self.text = phrases.blank(self.text, *match.span())

    def _with_names(self, form: str) -> re.Pattern[str]:
        """A form whose NAMES are the catalog's attribute names."""
        return phrases.any_of(form.replace("NAMES", self.lexicon.attribute_pattern))

    def _read_take_backs(self) -> None:
        for form in phrases.TAKE_BACK:
            pattern = self._with_names(form)
            self.dropped += [self.lexicon.attribute_names[match[1]] for match in self._blank(pattern)]
        if self._blank(phrases.RESET):
            self.dropped.append("*")
        price = self.lexicon.price
        if price is not None and (self._blank(phrases.FREE_MONEY) + self._blank(phrases.NOT_NEEDED)):
            self.dropped.append(price)
        for match in phrases.UNDO.finditer(self.text):
            words = words_of(match[1])
            meanings = self.lexicon.meanings(words) or self.lexicon.meanings(words[:1])
            if meanings:
                meant = next(filter(self._is_wished, meanings), meanings[0])
                self._take_back_value(meant, is_unwanted=phrases.UNDO_OR_AVOID.match(match.group()) is not None)
                self.text = phrases.blank(self.text, *match.span())

    def _is_wished(self, meant: SlotValue) -> bool:
        wishes = (w for w in self.session.constraints if w.attribute == meant.attribute and w.operator == "=")
        return any(meant.value.casefold() in wish.texts for wish in wishes)

    def _take_back_value(self, meant: SlotValue, *, is_unwanted: bool) -> None:
        """Of "lamp or poster" the poster stays when the lamp is taken back; a wish for other values is not touched."""
        active = [w for w in self.session.constraints if w.attribute == meant.attribute and w.operator == "="]
        self.is_on_topic = True
        if is_unwanted and not self._is_wished(meant):
            self.where.append(Predicate(attribute=meant.attribute, operator="!=", value=meant.value))
            return
        if active and not self._is_wished(meant):
            return
        left = [v for wish in active for v in wish.choices if v.casefold() != meant.value.casefold()]
        self.dropped.append(meant.attribute)
        if left:
            self.where.append(replace(active[0], value=left[0] if len(left) == 1 else tuple(left)))

    def _read_limit(self) -> int | None:
        """How many items are asked for: "give me three options"."""
        match = phrases.LIMIT.search(self.text)
        if match is None or match.lastgroup is None:
            return None
        start, end = match.span(match.lastgroup)
        said, self.text = self.text[start:end], phrases.blank(self.text, start, end)
        return SMALL_NUMBERS[said] if said in SMALL_NUMBERS else int(said)

    def _add(self, read: ConstraintsRead) -> None:
        self.where += read.constraints
        self.dropped += read.dropped
        self.text = read.rest
        self.not_understood += read.unmatched

    def _read_references(self, titled: Sequence[str]) -> Reference | None:
        past = read_history_reference(self.text, self.session)
        if past is not None:
            self.text = past.rest
            self.not_understood += past.unresolved
            return past if past.item_ids else None
        shown = read_shown_reference(self.text, self.session, self.lexicon, has_photo=self.image is not None)
        if shown is not None:
            self.text = shown.rest
            self.not_understood += shown.unresolved
            return shown if shown.item_ids else None
        return Reference(tuple(titled), self.text, "title") if titled else None

    @property
    def _focus(self) -> list[Item]:
        """The items that "that brand" or "cheaper" speak of."""
        if self.reference is not None and self.reference.item_ids:
            return [self.lexicon.catalog[item_id] for item_id in self.reference.item_ids]
        ids = [self.session.focus] if self.session.focus else self.session.shown[:1]
        return [self.lexicon.catalog[item_id] for item_id in ids]

    def _read_attribute_references(self) -> None:
        """That brand, another color: values of the item in focus."""
        other = self._with_names(f"(?:{'|'.join(phrases.OTHER_WORDS.strip().splitlines())}) (NAMES)")
        if not any(self.lexicon.meanings((match[1],)) for match in other.finditer(self.text)):  # "or some other fabric"
            for match in self._blank(other):
                self._add_focus_values(self.lexicon.attribute_names[match[1]], "!=", match.group())
        if self.lexicon.maker is not None:
            for match in self._blank(phrases.SAME_MAKER):
                self._add_focus_values(self.lexicon.maker, "=", match.group())
        if self.reference is not None and self.reference.item_ids:  # "by the brand of the third"
            for match in self._blank(self._with_names(r"(?:by|from|in|with|of) the (NAMES) of(?=\s*(?:[,.!?]|$))")):
                self._add_focus_values(self.lexicon.attribute_names[match[1]], "=", match.group())
        for match in self._blank(self._with_names(f"{phrases.FOCUS_WORDS} (?!costs?\\b)(NAMES)")):
            self._add_focus_values(self.lexicon.attribute_names[match[1]], "=", match.group())

    def _add_focus_values(self, attribute: str, operator: Literal["=", "!="], said: str) -> None:
        found = [item.attributes[attribute] for item in self._focus if attribute in item.attributes]
        values = [value for entry in found for value in texts_of(entry)]
        if not values:
            self.not_understood.append(said.strip())
            return
        value = values[0] if len(values) == 1 else tuple(dict.fromkeys(values))
        self.where.append(Predicate(attribute=attribute, operator=operator, value=value))

    def _read_values(self) -> None:
        """Values of this message; one that is said of a wish just taken back is no new wish."""
        is_further = bool(phrases.ALSO.search(self.text) or phrases.ALSO_FIRST.search(self.text))
        is_further = is_further and not asks_whether(self.said)
        self._blank(phrases.PRAISED)
        self._blank(phrases.HELD)
        plain = self.lexicon.meanings(("patternless",))
        if plain and self._blank(phrases.PLAINER):
            self.where.append(Predicate(attribute=plain[0].attribute, operator="=", value=plain[0].value))
        is_to_match = phrases.MATCH_RELATION.search(self.said) is not None
        text = (
            phrases.TO_MATCH_ONE.sub(r"\1 my", phrases.GOT_ONE.sub(r"\1 my", self.text)) if is_to_match else self.text
        )
        scanner = ValueScanner(self.lexicon, text)
        found, self.text = scanner.scan()
        if plain and self._blank(phrases.PATTERNED):
            self.where.append(Predicate(attribute=plain[0].attribute, operator="!=", value=plain[0].value))
        if is_to_match:
            # "what goes with my red lamp?": what is near to that
            self.text = " ".join((self.text, "with", *scanner.owned))
        is_allowed = phrases.ALLOWED.search(self.said) is not None  # "plastic's fine, but no metal" wishes no plastic
        refused = {wish.attribute for wish in found if wish.operator == "!="}
        for wish in found:
            if is_allowed and wish.operator == "=" and wish.attribute in refused:
                self.where += self._still_refused(wish)
                continue
            if wish.attribute in self.dropped and wish in self.session.constraints:
                continue
            self.where += self._joined(wish) if is_further and wish.operator == "=" else [wish]

    def _joined(self, wish: Predicate) -> list[Predicate]:
        """A value that is fine, too: it widens the wish that stands, or ends the one that turned it down."""
        active = [old for old in self.session.constraints if old.attribute == wish.attribute]
        wanted = [old for old in active if old.operator == "="]
        if wanted and not self.lexicon.is_multi_valued[wish.attribute]:
            return [united(wanted[0], *wish.choices)]
        left = self._still_refused(wish)
        return left if wish.attribute in self.dropped else [wish]

    def _still_refused(self, wish: Predicate) -> list[Predicate]:
        """A value is fine after all: its refusal is taken back, and what else stands of the attribute is said again."""
        active = [old for old in self.session.constraints if old.attribute == wish.attribute]
        unwanted = [old for old in active if old.operator == "!=" and old.texts & wish.texts]
        if not unwanted:
            return []
        self.dropped.append(wish.attribute)
        return [old for old in active if old not in unwanted]

    def _free_words(self, missing: Sequence[str]) -> str:
        """Words that describe what is wanted; all of them where nothing else was understood."""
        words = free_words(self.text, self.lexicon, is_all=not self._is_known).split()
        return " ".join(word for word in words if word not in missing or not self._is_known)

    @property
    def _is_known(self) -> bool:
        """Whether anything was understood but free words."""
        return bool(self.where or self.dropped or self.reference or self.image)
