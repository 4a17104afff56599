"""Whether what is said of items is true in the made world: claims, reasons and whole replies.

Works by the words alone, from the world's own items and events, apart from the code that made the words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from genrec.chat.conversation import ItemCard, Reply
from genrec.chat.wording import describe
from genrec.data.splits import split_interactions
from genrec.explain import NEAR_SHARE
from genrec.schema import Evidence
from genrec.shop import ShopWorld
from genrec.workspace import Workspace

_LIKE = re.compile(r"^it (?P<says>.+), like (?P<title>.+)$")
_AFTER = re.compile(r"^it was chosen by (?P<count>\d+) (?:people|person) after (?P<title>.+)$")
_CLOSE = re.compile(r"^it is close to (?P<title>.+) in looks and words$")
_POPULAR = re.compile(r"^it was chosen by (?P<count>\d+) (?:people|person)$")
_RANGE = re.compile(r"^it costs (?P<price>[\d.]+), within the (?P<low>[\d.]+) to (?P<high>[\d.]+) usual for you$")
_BOUND = re.compile(r"^it (?P<says>costs [\d.]+), (?P<sign>under|at most|over|at least) your (?P<bound>[\d.]+)$")
_ASKED = re.compile(r"^it (?P<says>.+), as you asked$")
_BEFORE_ASKED = re.compile(r"((?:[^.]|\.(?=\d))+?),? as you asked")
_BROKEN = re.compile(r"as you\b(?! asked)|(?<=[,.] )(?:A|An|The)(?=,)|\b(?:an|the|and|is|has)[,.](?!\d)")
_SAYS = {
    "color": "is {}", "category": "is a {}", "brand": "is by {}", "material": "is made of {}", "price": "costs {}",
    "pattern": "has a {} pattern", "style": "has a {} style", "shape": "has a {} shape", "accent": "has a {} accent",
    "warmth": "has a {} tone",
}  # fmt: skip
_QUOTED = re.compile(r"“[^”]*”")
_HEADLINE = re.compile(r"Here (?:is|are) (?P<count>one|\d+) for you(?: \((?P<wishes>[^()]*)\))?")
_LEFT_OUT = re.compile(r"left out (?P<wishes>.+?)(?:;|\.(?!\d))")
_FROM_TO = re.compile(r"from ([\d.]+) to ([\d.]+)$")
# Answers: "3 of 5: A (68.73). Not so: B (90)." · "A is the cheapest of these 5: ..." · "There are 110 items (...)."
_SHARE_OF_ALL = re.compile(r"\b(?P<count>\d+) of (?P<all>\d+)(?: \((?P<scope>[^()]*)\) meet (?P<asked>.+?)\.$)?")
_COUNTED = re.compile(r"\b\d+ of \d+\b|\b(?:these|all|the) \d+\b")
_ALL_DENIED = re.compile(r"\bNo(?:ne of the \d+)?:")
_SUPERLATIVE = re.compile(r"the (?P<which>cheapest|most expensive) of these \d+")
_HOW_MANY = re.compile(r"^There (?:is|are) (?P<count>none|one item|\d+ items)(?: \((?P<scope>[^()]*)\))?\.$")
_VALUES = re.compile(r"There (?:is|are) \d+ (?P<name>\w+)(?: \((?P<scope>[^()]*)\))?: (?P<values>.+?)\.$")
_SPAN = re.compile(
    r"^Price is from (?P<low>[\d.]+) to (?P<high>[\d.]+)(?: \((?P<scope>[^()]*)\))?, (?P<mean>[\d.]+) on average\.$"
)
_RANKED = re.compile(
    r"^Average price by (?P<name>\w+)(?: \((?P<scope>[^()]*)\))?, the (?P<first>\w+) first: (?P<values>.+)\.$"
)
_RANKED_VALUE = re.compile(r"(?P<value>[^,()]+) (?P<mean>[\d.]+) \((?P<count>\d+)\)")
_VALUE_COUNT = re.compile(r"(?P<value>[^,()]+) \((?P<count>\d+)\)")
_PLURALS = {"categories": "category", "accents": "accent", "warmths": "warmth", "colors": "color"}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnContext:
    """What stood when a reply was made: the person's items, those shown before, and what may be shown at all."""

    history: Sequence[str]
    seen: Sequence[str]
    legal: Sequence[str]


class Truth:
    """What is true in the world: items from the world itself, events from its training part."""

    def __init__(self, recommender: Workspace, world: ShopWorld) -> None:
        self.recommender, self.world = recommender, world
        train = split_interactions(recommender.interactions, recommender.config.split).train
        self.histories = [list(items) for items in train.histories().values()]
        self.ids = {item.item_id for item in world.items}
        self.ids_by_title: dict[str, set[str]] = {}
        for item in world.items:
            self.ids_by_title.setdefault(item.title, set()).add(item.item_id)
        longest_first = sorted(self.ids_by_title, key=len, reverse=True)
        self.title_pattern = re.compile("|".join(re.escape(title) for title in longest_first))
        self.values = {
            str(value).casefold()
            for item in world.items
            for name, value in item.attributes.items()
            if isinstance(value, str)
        }

    def holds(self, item_id: str, history: Sequence[str], evidence: Evidence) -> bool:
        """Whether one claim is true of the item, for a person with this history."""
        claim = evidence.claim
        if match := _LIKE.match(claim):
            past = evidence.source
            return (
                past in history
                and self.world.item(past).title == match["title"]
                and self._says(item_id, match["says"])
                and self._says(past, match["says"])
            )
        if match := _AFTER.match(claim):
            return self.world.item(evidence.source).title == match["title"] and int(match["count"]) == sum(
                item_id in items and evidence.source in items and items.index(evidence.source) < items.index(item_id)
                for items in self.histories
            )
        if match := _CLOSE.match(claim):
            return self._is_near(item_id, evidence.source)
        if match := _POPULAR.match(claim):
            return int(match["count"]) == sum(item_id in items for items in self.histories)
        if match := _RANGE.match(claim):
            prices = [float(self.world.item(past).attributes["price"]) for past in history]
            low, high = float(match["low"]), float(match["high"])
            inside = sum(low <= price <= high for price in prices) / len(prices)
            return self._says(item_id, f"costs {match['price']}") and inside >= 0.5
        if match := _BOUND.match(claim):
            wish = f"price {match['sign']} {match['bound']}"
            return self._says(item_id, match["says"]) and self._meets(item_id, wish)
        if match := _ASKED.match(claim):
            return self._says(item_id, match["says"])
        return self._says(item_id, claim.removeprefix("it "))

    def _says(self, item_id: str, words: str) -> bool:
        attributes = self.world.item(item_id).attributes
        said = []
        for name, form in _SAYS.items():
            value = attributes[name]
            text = _price(value) if isinstance(value, float) else value
            article = "an" if text[:1] in "aeiou" else "a"
            said.append(form.replace("a {}", f"{article} {{}}").format(text))
        return words in said

    def _is_near(self, item_id: str, other: str) -> bool:
        vectors, catalog = self.recommender.vectors, self.recommender.catalog
        scores = vectors @ vectors[catalog.row(item_id)]
        closer = int((scores > scores[catalog.row(other)]).sum()) - 1
        return closer < max(1, int(NEAR_SHARE * len(catalog)))

    def unsupported(self, item_id: str, text: str, evidence: Sequence[Evidence]) -> list[str]:
        """Values, numbers and foreign titles in a reason that no shown claim names; what was not asked, not chosen."""
        asked = [match["says"].partition(" ")[2] for entry in evidence if (match := _ASKED.match(entry.claim))]
        not_asked = [before for before in _BEFORE_ASKED.findall(text) if not before.endswith(tuple(asked))]
        has_chosen = any(entry.kind != "attribute" for entry in evidence)
        not_chosen = [] if has_chosen else re.findall("you chose|your history|you liked", text)
        broken = _BROKEN.findall(text.replace(self.world.item(item_id).title, "x"))
        return broken + not_asked + not_chosen + self._loose(item_id, text, evidence)

    def _loose(self, item_id: str, text: str, evidence: Sequence[Evidence]) -> list[str]:
        backing = " ".join([self.world.item(item_id).title, *(entry.claim for entry in evidence)]).casefold()
        text, known = text.casefold(), set(_NUMBER.findall(backing))
        loose = [number for number in _NUMBER.findall(text) if number not in known]
        implied = {"warm", "cool", "neutral", *(str(item.attributes["shape"]) for item in self.world.items)}
        return loose + [v for v in self.values - implied if _has_word(text, v) and not _has_word(backing, v)]

    def falsehoods(self, reply: Reply, context: TurnContext) -> list[str]:
        """Everything in a reply that is not so; empty when all of it is true."""
        missing = [card.item_id for card in reply.items if card.item_id not in self.ids]
        if missing:
            return [f"{item_id} does not exist" for item_id in missing]
        wrong = [entry for card in reply.items for entry in self._of_card(card, context)]
        text = _QUOTED.sub(" ", reply.text)
        wrong += self._of_headline(text, reply)
        if match := _LEFT_OUT.search(text):
            wishes = [*match["wishes"].split(" and "), *self._headline_wishes(text)]
            fitting = [item_id for item_id in context.legal if all(self._meets(item_id, wish) for wish in wishes)]
            wrong += [f"nothing meets {wishes}, but {fitting[0]} does"] if fitting else []
        if "shown before" in text:
            wrong += [f"{c.item_id} was not shown before" for c in reply.items if c.item_id not in context.seen]
        if reply.visual is not None and "generated" not in text:
            wrong.append("a generated picture that is not called so")
        wrong += self._of_answer(text, reply)
        return wrong + self._of_titles(_COUNTED.sub(" ", text), reply, context)

    def _of_answer(self, text: str, reply: Reply) -> list[str]:
        """What an answer to a question of fact counts, compares or confirms wrongly."""
        question = reply.request.question
        if question is None:
            return []
        if reply.request.intent == "browse":
            return self._of_catalog(text)
        asked = reply.request.refers_to
        wrong = []
        if match := _SUPERLATIVE.search(text):
            prices = [float(self.world.item(item_id).attributes["price"]) for item_id in asked]
            best = min(prices) if match["which"] == "cheapest" else max(prices)
            shown = {float(self.world.item(card.item_id).attributes["price"]) for card in reply.items}
            wrong += [] if shown == {best} else [f"{match['which']} is {best}, not {shown}"]
        if question.conditions:
            wishes = [describe(condition) for condition in question.conditions]
            holding = [item_id for item_id in asked if all(self._meets(item_id, wish) for wish in wishes)]
            confirmed = "" if _ALL_DENIED.search(text) else text.partition("Not so:")[0]
            said = {item_id for item_id in asked if self.world.item(item_id).title in confirmed}
            wrong += [f"{item_id} is on the wrong side" for item_id in said.symmetric_difference(holding)]
        return wrong

    def _of_catalog(self, text: str) -> list[str]:
        wrong = []
        if match := _HOW_MANY.match(text):
            count = {"none": 0, "one item": 1}.get(match["count"]) or int(_NUMBER.findall(f"{match['count']} 0")[0])
            found = len(self._in_scope(match["scope"]))
            wrong += [] if found == count else [f"{found} items, not {count}"]
        if match := _VALUES.search(text):
            items = self._in_scope(match["scope"])
            name = _PLURALS.get(match["name"], match["name"].removesuffix("s"))
            values = [str(self.world.item(item_id).attributes[name]) for item_id in items]
            said = {entry["value"].strip(): int(entry["count"]) for entry in _VALUE_COUNT.finditer(match["values"])}
            wrong += [
                f"{value}: {values.count(value)}, not {n}" for value, n in said.items() if values.count(value) != n
            ]
        if match := _RANKED.match(text):
            wrong += self._of_ranking(match)
        if match := _SPAN.match(text):
            prices = [float(self.world.item(i).attributes["price"]) for i in self._in_scope(match["scope"])]
            span = {"low": min(prices), "high": max(prices), "mean": sum(prices) / len(prices)}
            wrong += [f"{name}: {_price(value)}" for name, value in span.items() if match[name] != _price(value)]
        if (match := _SHARE_OF_ALL.search(text)) and match["asked"]:
            items = self._in_scope(match["scope"])
            asked = match["asked"].split(", ")
            count = sum(all(self._meets(item_id, wish) for wish in asked) for item_id in items)
            right = (str(count), str(len(items)))
            wrong += [] if right == (match["count"], match["all"]) else [f"{count} of {len(items)}"]
        return wrong

    def _of_ranking(self, match: re.Match[str]) -> list[str]:
        """Wrong averages, counts and places of values, and values that are not there."""
        prices: dict[str, list[float]] = {}
        for item_id in self._in_scope(match["scope"]):
            attributes = self.world.item(item_id).attributes
            prices.setdefault(str(attributes[match["name"]]), []).append(float(attributes["price"]))
        right = {value: (_price(sum(found) / len(found)), str(len(found))) for value, found in prices.items()}
        said = {m["value"].strip(): (m["mean"], m["count"]) for m in _RANKED_VALUE.finditer(match["values"])}
        wrong = [
            f"{value}: {found}, not {said.get(value)}" for value, found in right.items() if said.get(value) != found
        ]
        means = [float(mean) for mean, _ in said.values()]
        is_ordered = means == sorted(means, reverse=match["first"] == "highest")
        return (
            wrong + [f"{value} is not there" for value in said.keys() - right.keys()] + ["no order"] * (not is_ordered)
        )

    def _in_scope(self, scope: str | None) -> list[str]:
        wishes = scope.split(", ") if scope else []
        return [item_id for item_id in self.ids if all(self._meets(item_id, wish) for wish in wishes)]

    def _of_card(self, card: ItemCard, context: TurnContext) -> list[str]:
        item = self.world.item(card.item_id)
        wrong = [] if card.title == item.title else [f"{card.title} is called {item.title}"]
        if card.price is not None and card.price != item.attributes["price"]:
            wrong.append(f"{card.title} costs {item.attributes['price']}, not {card.price}")
        claims = [entry for entry in card.evidence if not self.holds(card.item_id, context.history, entry)]
        wrong += [f"{card.title}: {entry.claim}" for entry in claims]
        return wrong + [f"{card.title}: {word}" for word in self.unsupported(card.item_id, card.reason, card.evidence)]

    def _headline_wishes(self, text: str) -> list[str]:
        match = _HEADLINE.search(text)
        return match["wishes"].split(", ") if match and match["wishes"] else []

    def _of_headline(self, text: str, reply: Reply) -> list[str]:
        match = _HEADLINE.search(text)
        if match is None:
            return []
        count = 1 if match["count"] == "one" else int(match["count"])
        wrong = [] if count == len(reply.items) else [f"{count} items are said, {len(reply.items)} shown"]
        return wrong + [
            f"{card.title}: {wish}"
            for wish in self._headline_wishes(text)
            for card in reply.items
            if not self._meets(card.item_id, wish)
        ]

    def _meets(self, item_id: str, wish: str) -> bool:
        """Whether an item meets a wish in words: color red or blue, not brand Zaza, price under 40."""
        attributes = self.world.item(item_id).attributes
        name, _, value = wish.removeprefix("not ").partition(" ")
        if name == "price" and (match := _FROM_TO.match(value)):
            return all(
                self._meets(item_id, f"price {bound}") for bound in (f"at least {match[1]}", f"at most {match[2]}")
            )
        if name == "price":
            sign, _, bound = value.rpartition(" ")
            price, limit = float(attributes["price"]), float(bound)
            below, above = price < limit or _price(price) == bound, price > limit or _price(price) == bound
            return {"under": price < limit, "at most": below, "over": price > limit, "at least": above}[sign]
        return (attributes.get(name) in value.split(" or ")) != wish.startswith("not ")

    def _of_titles(self, text: str, reply: Reply, context: TurnContext) -> list[str]:
        """Titles that nobody spoke of, and values said right after a title that are another item's."""
        known = {*context.history, *context.seen, *(card.item_id for card in reply.items)}
        known |= {*reply.request.refers_to, *reply.request.liked, *reply.request.disliked}
        pieces, named = self.title_pattern.split(text), self.title_pattern.findall(text)
        wrong = [f"{title} was not spoken of" for title in named if not self.ids_by_title[title] & known]
        if reply.request.intent not in ("compare", "describe"):
            return wrong
        shown = {card.item_id for card in reply.items}
        items = [next(iter(self.ids_by_title[title] & (shown or known)), None) for title in named]
        for piece, item_id in zip(pieces[1:], items, strict=True):
            wrong += [] if item_id is None else self._foreign_values(piece, item_id)
        for item_id in items:
            wrong += [] if item_id is None else self._foreign_values(pieces[0], item_id)
        return wrong

    def _foreign_values(self, text: str, item_id: str) -> list[str]:
        mine = self.world.item(item_id).attributes
        values = {str(value).casefold() for value in mine.values()}
        numbers = [n for n in _NUMBER.findall(text) if n != _price(float(mine["price"]))]
        said = [value for value in self.values if _has_word(text.casefold(), value)]
        whole = [v for v in said if not any(v != other and _has_word(other, v) for other in said)]
        return [f"{self.world.item(item_id).title}: {word}" for word in (*numbers, *set(whole) - values)]


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _price(value: float | str) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".")
