"""Reads a chat message: plain words in, structured wishes over the catalog's real attributes out.

Deterministic and without a model. Each step blanks out the words it understood, so that what is left over is free text
for the recommender. Knows everyday English and whatever the catalog's lexicon holds; deliberately knows no shop. The
grammar of numbers is in numbers, that of references in references.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from genrec.chat import phrases
from genrec.chat.lexicon import Lexicon
from genrec.chat.numbers import read_numbers
from genrec.chat.references import (
    Reference,
    TitlesRead,
    read_feedback,
    read_history_reference,
    read_shown_reference,
    read_titles,
)
from genrec.chat.session import Session
from genrec.chat.values import TOKEN, ValueScanner
from genrec.data.reason_check import words_of
from genrec.data.reasons import Constraint
from genrec.schema import AttributeValue, Catalog, Item

Intent = Literal[
    "recommend", "show", "explain", "like", "dislike", "history", "greet", "thanks", "help", "reset", "other"
]
Relation = Literal["like", "goes_with"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One message, understood.

    where: wishes this message adds. dropped: attributes whose wishes it takes back, "*" for all. query: free words that
    no attribute covers. refers_to: item ids it names, by place, by recency or by title, and relation how the wanted
    items relate to them. liked, disliked: item ids it judges. not_understood: wishes that this catalog cannot express,
    such as a price where items have none.
    """

    text: str
    intent: Intent
    where: tuple[Constraint, ...] = ()
    dropped: tuple[str, ...] = ()
    query: str = ""
    refers_to: tuple[str, ...] = ()
    relation: Relation | None = None
    liked: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()
    repeats: bool = False
    not_understood: tuple[str, ...] = ()


class RequestReader:
    """Reads messages over one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.lexicon = Lexicon(catalog)

    def read(self, text: str, session: Session) -> ChatRequest:
        """Understand one message in the light of what was shown, chosen and wished before."""
        return _Reading(self.lexicon, text, session).request()


_CHEAP_SHARE = 1 / 3  # "cheap" is the lower third of what fits


class _Reading:
    """One message while it is being understood; `text` loses the words that were."""

    def __init__(self, lexicon: Lexicon, text: str, session: Session) -> None:
        self.lexicon, self.session = lexicon, session
        self.original = text
        straight = text.replace("’", "'").replace("‘", "'").casefold()
        self.said = re.sub(r"\s+", " ", phrases.POLITE.sub("want", straight)).strip()
        self.text = self.said
        self.where: list[Constraint] = []
        self.dropped: list[str] = []
        self.not_understood: list[str] = []
        self.reference: Reference | None = None

    def request(self) -> ChatRequest:
        """Every step in order, then what the message wants."""
        plain = self._plain_intent()
        if plain is not None:
            return ChatRequest(text=self.original, intent=plain, dropped=("*",) if plain == "reset" else ())
        self._read_take_backs()
        named = read_titles(self.said, self.text, self.lexicon)
        self.text = named.rest
        self.not_understood += named.unknown
        self._read_numbers()
        self.reference = self._read_references(named.item_ids)
        self._read_comparatives()
        self._read_attribute_references()
        self._read_values()
        self._read_price_levels()
        return self._decide(named)

    def _plain_intent(self) -> Intent | None:
        """Messages that are nothing but a greeting, thanks, a call for help or a fresh start."""
        if phrases.GREETING.match(self.said):
            return "greet"
        if phrases.THANKS.match(self.said):
            return "thanks"
        if phrases.HELP.match(self.said):
            return "help"
        match = phrases.RESET.search(self.said)
        if match and not any(self.lexicon.meanings((word,)) for word in self.said.replace(match.group(), "").split()):
            return "reset"
        return None

    def _blank(self, pattern: str | re.Pattern[str]) -> list[re.Match[str]]:
        """All matches in the text, which become blanks."""
        found = list(re.finditer(pattern, self.text))
        self.text = re.sub(pattern, lambda match: " " * len(match.group()), self.text)
        return found

    def _with_names(self, form: str) -> re.Pattern[str]:
        """A form whose NAMES are the catalog's attribute names."""
        return phrases.said(form.replace("NAMES", self.lexicon.attribute_pattern))

    def _read_take_backs(self) -> None:
        if self._blank(phrases.RESET):
            self.dropped.append("*")
        for form in phrases.TAKE_BACK:
            pattern = self._with_names(form)
            self.dropped += [self.lexicon.attribute_names[match[1]] for match in self._blank(pattern)]
        if self.lexicon.price is not None and self._blank(phrases.FREE_MONEY):
            self.dropped.append(self.lexicon.price)
        for match in phrases.UNDO.finditer(self.text):
            words = words_of(match[1])
            meanings = self.lexicon.meanings(words) or self.lexicon.meanings(words[:1])
            if meanings:
                self.dropped.append(meanings[0].attribute)
                self.text = self.text[: match.start()] + " " * len(match.group()) + self.text[match.end() :]

    def _read_numbers(self) -> None:
        read = read_numbers(self.text, self.lexicon)
        self.where += read.constraints
        self.text = read.rest
        self.not_understood += read.homeless

    def _read_references(self, titled: Sequence[str]) -> Reference | None:
        past = read_history_reference(self.text, self.session)
        if past is not None:
            self.text = past.rest
            self.not_understood += past.unmet
            return past if past.item_ids else None
        shown = read_shown_reference(self.text, self.session, self.lexicon)
        if shown is not None:
            self.text = shown.rest
            return shown
        return Reference(tuple(titled), self.text, "title") if titled else None

    @property
    def _focus(self) -> list[Item]:
        """The items that "that brand" or "cheaper" speak of."""
        if self.reference is not None and self.reference.item_ids:
            return [self.lexicon.catalog[item_id] for item_id in self.reference.item_ids]
        ids = [self.session.focus] if self.session.focus else self.session.shown[:1]
        return [self.lexicon.catalog[item_id] for item_id in ids]

    def _read_comparatives(self) -> None:
        self._compare(self.lexicon.price, phrases.CHEAPER, phrases.DEARER, ("cheaper", "more expensive"))
        self._compare(self.lexicon.year, phrases.OLDER, phrases.NEWER, ("older", "newer"))

    def _compare(
        self, attribute: str | None, less: re.Pattern[str], more: re.Pattern[str], words: tuple[str, str]
    ) -> None:
        """Less or more than what was shown: the least of the list, or the one that is named."""
        is_less, is_more = bool(self._blank(less)), bool(self._blank(more))
        if not is_less and not is_more:
            return
        if attribute is None:
            self.not_understood.append(words[0] if is_less else words[1])
            return
        shown = self._focus if self.reference else [self.lexicon.catalog[i] for i in self.session.shown]
        found = [item.attributes.get(attribute) for item in shown]
        numbers = [float(v) for v in found if isinstance(v, float | int) and not isinstance(v, bool)]
        if not numbers and attribute == self.lexicon.price:
            self.text += " cheap" if is_less else " expensive"
        elif not numbers:
            self.not_understood.append(words[0] if is_less else words[1])
        else:
            self.dropped.append(attribute)
            bound = Constraint(
                attribute=attribute,
                operator="<" if is_less else ">",
                value=min(numbers) if is_less else max(numbers),
            )
            self.where.append(bound)

    def _read_attribute_references(self) -> None:
        """That brand, another color: values of the item in focus."""
        other = self._with_names(f"(?:{'|'.join(phrases.OTHER_WORDS.strip().splitlines())}) (NAMES)")
        for match in self._blank(other):
            self._add_focus_values(self.lexicon.attribute_names[match[1]], "!=", match.group())
        for match in self._blank(self._with_names(f"{phrases.FOCUS_WORDS} (NAMES)")):
            self._add_focus_values(self.lexicon.attribute_names[match[1]], "=", match.group())

    def _add_focus_values(self, attribute: str, operator: Literal["=", "!="], said: str) -> None:
        found = [item.attributes[attribute] for item in self._focus if attribute in item.attributes]
        values = [value for entry in found for value in _texts(entry)]
        if not values:
            self.not_understood.append(said.strip())
            return
        value = values[0] if len(values) == 1 else tuple(dict.fromkeys(values))
        self.where.append(Constraint(attribute=attribute, operator=operator, value=value))

    def _read_values(self) -> None:
        found, self.text = ValueScanner(self.lexicon, self.text).scan()
        self.where += found

    def _read_price_levels(self) -> None:
        """Cheap and expensive, as thirds of what meets the other wishes."""
        price = self.lexicon.price
        is_cheap, is_dear = bool(self._blank(phrases.CHEAP)), bool(self._blank(phrases.DEAR))
        if price is None or is_cheap == is_dear or any(wish.attribute == price for wish in self.where):
            return
        wishes = [w for w in (*self.session.constraints, *self.where) if w.attribute != price]
        fitting = [item for item in self.lexicon.catalog if all(wish.holds(item) for wish in wishes)]
        found = [item.attributes.get(price) for item in (fitting or self.lexicon.catalog)]
        numbers = [float(v) for v in found if isinstance(v, float | int)]
        if numbers:
            border = float(np.quantile(numbers, _CHEAP_SHARE if is_cheap else 1 - _CHEAP_SHARE, method="nearest"))
            self.where.append(Constraint(attribute=price, operator="<=" if is_cheap else ">=", value=border))

    def _decide(self, titles: TitlesRead) -> ChatRequest:
        """What the message wants, from the strongest sign to the weakest."""
        base = ChatRequest(
            text=self.original,
            intent="recommend",
            where=tuple(dict.fromkeys(self.where)),
            dropped=tuple(dict.fromkeys(self.dropped)),
            query=self._free_words(),
            refers_to=self.reference.item_ids if self.reference is not None else (),
            not_understood=tuple(self.not_understood),
            repeats=bool(phrases.REPEATS.search(self.said)),
        )
        has_wishes = bool(base.where or base.dropped)
        if phrases.EXPLAIN.search(self.said) and not has_wishes:
            return replace(base, intent="explain", query="")
        judged = self._judgement(base, has_wishes)
        if judged is not None:
            return judged
        if titles.item_ids and titles.is_feedback:
            query = base.query if has_wishes else ""
            return replace(base, intent="history", liked=titles.item_ids, refers_to=(), query=query)
        if self._wants_picture(base, has_wishes):
            return replace(base, intent="show")
        if self._is_off_topic(base, has_wishes):
            return replace(base, intent="other", query="")
        return replace(base, relation=self._relation(base))

    def _judgement(self, base: ChatRequest, has_wishes: bool) -> ChatRequest | None:
        feedback, ids = read_feedback(self.said, self.reference, self.session), base.refers_to
        if feedback == "like" and ids and not (has_wishes and self.said.startswith("like")):
            return replace(base, intent="like", liked=ids, query="")
        if feedback == "dislike" and ids:
            return replace(base, intent="dislike", disliked=ids, query="")
        return None

    def _wants_picture(self, base: ChatRequest, has_wishes: bool) -> bool:
        wants_list = has_wishes or phrases.MORE.search(self.said) or base.query
        says_so = phrases.SHOW.search(self.said) or phrases.SHOW_FIRST.search(self.said)
        return bool(says_so and not wants_list and (base.refers_to or self.session.shown))

    def _is_off_topic(self, base: ChatRequest, has_wishes: bool) -> bool:
        if has_wishes or base.refers_to or base.not_understood:
            return False
        if phrases.CHITCHAT.search(self.said):
            return True
        asks = phrases.CUE.search(self.said) or phrases.MORE.search(self.said)
        return not asks and (self.said.endswith("?") or not base.query)

    def _relation(self, base: ChatRequest) -> Relation | None:
        """How the wanted items relate to those spoken of; None when these only set a measure, as in "cheaper than"."""
        is_measure = bool(base.dropped) and any(wish.operator in ("<", ">") for wish in base.where)
        if not base.refers_to or is_measure:
            return None
        matches = phrases.MATCH_RELATION.search(self.said) and not phrases.LIKE_RELATION.search(self.said)
        return "goes_with" if matches else "like"

    def _free_words(self) -> str:
        words = [word for word in TOKEN.findall(self.text) if word[0].isalpha() and word not in phrases.FILLER]
        return " ".join(word for word in words if len(word) > 2 and word not in self.lexicon.attribute_names)


def _texts(value: AttributeValue) -> list[str]:
    if isinstance(value, tuple):
        return list(value)
    return [value] if isinstance(value, str) else []
