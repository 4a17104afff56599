"""Whether answers to questions of fact are right: counts, values with their counts, averages, the least and the most.

Every figure is taken again from the catalog by the question that was understood, and looked for in the text. Knows how
figures stand beside names; deliberately does not know whether the question was understood rightly, which the
conversation's own expectations tell.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from genrec.chat.constraints import extremes_of, meeting, numbers_of, texts_of
from genrec.chat.conversation import Reply
from genrec.chat.requests import Question
from genrec.chat.wording import describe, described
from genrec.data.filters import Predicate
from genrec.data.labels import format_number
from genrec.schema import BoolArray, Catalog, Item

NUM_LISTED = 15  # values that an answer names, the rest being counted
_HOW_MANY = re.compile(r"There (?:is|are) (?P<count>none|one item|\d+ items)\b")
_SHARE = re.compile(r"\b(?P<count>\d+) of (?P<all>\d+)\b")
_SPAN = re.compile(r"is from (?P<low>[\d.]+\d|\d) to (?P<high>[\d.]+\d|\d)(?:.*?, (?P<mean>[\d.]+\d|\d) on average)?")
_COUNTED = re.compile(r"(?:: |, )(?P<value>[^:]+?)(?: (?P<mean>\d[\d.]*))? \((?P<count>\d+)\)(?=, |\.|$)")
_MANY_VALUES = re.compile(r"There (?:is|are) (?P<count>\d+) (?!items\b)")


def said_wishes(text: str, wishes: Sequence[Predicate]) -> tuple[list[Predicate], list[str]]:
    """The wishes that a text says, the longest words first, and what else stands in its first parentheses."""
    known: dict[str, tuple[Predicate, ...]] = {}
    for wish in wishes:
        known.setdefault(describe(wish), (wish,))
        for other in wishes:
            both = described([wish, other])
            if len(both) == 1 and wish != other:
                known.setdefault(both[0], (wish, other))
    found: list[Predicate] = []
    for words in sorted(known, key=len, reverse=True):
        if words in text:
            text = text.replace(words, "", 1)
            found += known[words]
    inside = re.match(r"Here (?:is|are) \w+ for you \((?P<rest>[^()]*)\)", text)
    rest = "" if inside is None else inside["rest"].strip(", ")
    return found, [rest] if rest else []


def falsehoods_of_answer(text: str, reply: Reply, catalog: Catalog) -> list[str]:
    """What an answer to a question of fact counts, compares or confirms wrongly."""
    question = reply.request.question
    if question is None:
        return []
    if reply.request.intent == "browse":
        return list(_of_catalog(text, question, catalog))
    items = [catalog[item_id] for item_id in reply.request.refers_to]
    wrong = []
    if question.extreme is not None and items:
        best = {item.item_id for item in extremes_of(question.extreme, items)}
        shown = {card.item_id for card in reply.items}
        wrong += [] if shown == best or not best else [f"of these, {sorted(best)} has the extreme, not {sorted(shown)}"]
    if question.conditions and not (question.is_plot or question.is_stock or question.is_untold):
        wrong += _of_conditions(text, question, items)
    return wrong


def _of_conditions(text: str, question: Question, items: Sequence[Item]) -> Iterator[str]:
    """Who is said to meet what was asked, and who is not."""
    known = [i for i in items if all(condition.attribute in i.attributes for condition in question.conditions)]
    if len(items) == 1 and not known:
        return
    holding = {item.item_id for item in items if all(condition.holds(item) for condition in question.conditions)}
    confirmed = "" if re.search(r"\bNo(?:ne of the \d+)?:", text) else text.partition("Not so:")[0]
    for item in items:
        if (item.title in confirmed) != (item.item_id in holding):
            yield f"{item.title} is on the wrong side"


def _of_catalog(text: str, question: Question, catalog: Catalog) -> Iterator[str]:
    among_N = meeting(question.scope, catalog)
    count = int(among_N.sum())
    match = _HOW_MANY.search(text)
    if match is not None:
        said = {"none": 0, "one item": 1}.get(match["count"])
        said = int(match["count"].split()[0]) if said is None else said
        if said != count:
            yield f"{count} items, not {said}"
    elif question.is_count and not (question.is_stock or question.missing):  # a refusal is no falsehood
        yield "a count is not said"
    if question.conditions and (match := _SHARE.search(text)):
        right = (int((among_N & meeting(question.conditions, catalog)).sum()), count)
        if right != (int(match["count"]), int(match["all"])):
            yield f"{right[0]} of {right[1]}, not {match[0]}"
    if question.extreme is not None:
        for name in question.attributes:
            yield from _of_ranking(text, question, name, catalog, among_N)
    elif not question.is_count:
        for name in question.attributes:
            yield from _of_values(text, name, catalog, among_N)


def _of_values(text: str, attribute: str, catalog: Catalog, among_N: BoolArray) -> Iterator[str]:
    """How many have each value; of a number, from where to where it goes."""
    numbers_N = numbers_of(attribute, catalog)
    numbers = numbers_N[among_N & ~np.isnan(numbers_N)]
    counts = Counter(value for item in _items(catalog, among_N) for value in texts_of(item.attributes.get(attribute)))
    if len(numbers) and not counts:
        match = _SPAN.search(text)
        right = {"low": numbers.min(), "high": numbers.max(), "mean": numbers.mean()}
        said = {} if match is None else match.groupdict()
        yield from (
            f"{attribute}: {name} is {format_number(value)}, not {said.get(name)}"
            for name, value in right.items()
            if said.get(name) not in (format_number(value), *([None] if name == "mean" else []))
        )
        return
    pairs = {m["value"].strip(): int(m["count"]) for m in _COUNTED.finditer(text) if m["value"].strip() in counts}
    yield from (f"{value}: {counts[value]}, not {said}" for value, said in pairs.items() if counts[value] != said)
    if len(pairs) < min(len(counts), NUM_LISTED):
        yield f"{min(len(counts), NUM_LISTED) - len(pairs)} values of {attribute} are not told"
    for match in _MANY_VALUES.finditer(text):
        if int(match["count"]) != len(counts):
            yield f"{len(counts)} values, not {match['count']}"


def _of_ranking(text: str, question: Question, attribute: str, catalog: Catalog, among_N: BoolArray) -> Iterator[str]:
    """Wrong averages, counts and places of values, and values that are missing."""
    assert question.extreme is not None
    found: dict[str, list[float]] = defaultdict(list)
    for item in _items(catalog, among_N):
        number = item.attributes.get(question.extreme.attribute)
        if isinstance(number, int | float) and not isinstance(number, bool):
            for value in texts_of(item.attributes.get(attribute)):
                found[value].append(float(number))
    means = {value: sum(numbers) / len(numbers) for value, numbers in found.items()}
    best = sorted(means.values(), reverse=question.extreme.is_most)[:NUM_LISTED]
    said = {
        match["value"].strip(): (match["mean"], int(match["count"]))
        for match in _COUNTED.finditer(text)
        if match["mean"] is not None
    }
    for value, (mean, count) in said.items():
        if value not in means or (mean, count) != (format_number(means[value]), len(found[value])):
            yield f"{value} is not {mean} ({count})"
    told = [mean for mean, _ in said.values()]
    if told != [format_number(mean) for mean in best]:
        yield f"the order is not {', '.join(map(str, told))}"


def _items(catalog: Catalog, among_N: BoolArray) -> Iterator[Item]:
    return (catalog.items[row] for row in np.flatnonzero(among_N))
