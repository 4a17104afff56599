"""Answers to questions of fact, read off the catalog: yes or no, a value, the cheapest, how many, which there are.

Every sentence is about items or values that exist; knows no model and no person.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from genrec.chat.constraints import counts_of, extremes_of, meeting, number_of, numbers_of, texts_of
from genrec.chat.lexicon import Lexicon, said_otherwise, stems, words_of
from genrec.chat.requests import Extreme, Question
from genrec.chat.wording import describe, facts, titles_of
from genrec.claims.about import about
from genrec.claims.wording import say_value
from genrec.data.filters import Predicate
from genrec.data.labels import Labels, format_number, plural
from genrec.offers import Offer
from genrec.schema import BoolArray, Catalog, Item

_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n")
NUM_LISTED = 15  # values of an attribute that are named
_WHOLE = " in the whole catalog"  # no scope is given
_KNOWN_EXTREMES = {
    ("price", False): "the cheapest",
    ("price", True): "the most expensive",
    ("year", False): "the oldest",
    ("year", True): "the newest",
}


def answer_of_items(question: Question, items: Sequence[Item], catalog: Catalog, labels: Labels) -> str:
    """What is asked of some items."""
    if question.is_plot:
        return " ".join(_about(item, labels) for item in items)
    if question.is_stock:
        return " ".join(_stock(item) for item in items)
    if question.is_mean:
        return " ".join(_mean_of(name, items) for name in question.attributes)
    if question.words:
        return _told_of(question.words, items, labels)
    if question.is_untold:
        return _untold(items, labels)
    if question.conditions:
        return _check(question.conditions, items, labels)
    said = []
    if question.extreme is not None:
        best = extremes_of(question.extreme, items)
        said.append(_superlative(question.extreme, best, len(items), catalog, labels))
        items = best
    for name in question.attributes if len(items) > 1 else ():  # who is in both
        shared = [v for v in texts_of(items[0].attributes.get(name)) if all(v in _texts(i, name) for i in items[1:])]
        said += [f"In common: {say_value(tuple(shared))}."] if shared else []
    return " ".join([*said, *(_value_of(item, name, labels) for item in items for name in question.attributes)])


def _texts(item: Item, name: str) -> tuple[str, ...]:
    return texts_of(item.attributes.get(name))


def _about(item: Item, labels: Labels) -> str:
    title, text = item.name, about(item, labels)
    return f"{title}: {text}" if text else f"What {title} is about this catalog does not tell."


def _told_of(words: Sequence[str], items: Sequence[Item], labels: Labels) -> str:
    """What the texts of items say of some words, sentence by sentence, and of which they do not say it."""
    told = [(item, _told(words, item)) for item in items]
    said = [f"The catalog says of {item.title or item.item_id}: “{text}”" for item, text in told if text]
    if not said:
        return _untold(items, labels)
    silent = tuple(item.title or item.item_id for item, text in told if not text)
    return " ".join([*said, *([f"It does not tell that of {say_value(silent)}."] if silent else [])])


def _untold(items: Sequence[Item], labels: Labels) -> str:
    if len(items) == 1:  # the field may be there, and its name not understood
        return f"I found no field that answers this. What the catalog tells of it: {facts(items, labels)}"
    return "I found no field that answers this."


def _told(words: Sequence[str], item: Item) -> str | None:
    """The sentence of an item's text that holds all of some words, in whichever language."""
    forms = [(said, *said_otherwise(said)) for said in map(words_of, words)]
    for sentence in _SENTENCES.split(item.text or ""):
        found = {stem for word in words_of(sentence) for stem in (word, *stems(word))}
        if all(any(found.issuperset(map(_stem, form)) for form in said) for said in forms):
            return sentence.strip()
    return None


def _stem(word: str) -> str:
    return stems(word)[0]


def _mean_of(name: str, items: Sequence[Item]) -> str:
    numbers = [number for item in items if (number := number_of(item, name)) is not None]
    said = name.replace("_", " ")
    if not numbers:
        return f"The {said} of these is not known."
    mean = format_number(round(sum(numbers) / len(numbers), 2))
    span = f"from {format_number(min(numbers))} to {format_number(max(numbers))}"
    return f"The average {said} of these {len(numbers)} is {mean}, {span}."


def _stock(item: Item) -> str:
    title = item.name
    if item.offer is None or not _is_told(item.offer):
        return f"Whether {title} is in stock this catalog does not tell."
    left = f", {format_number(item.offer.stock)} left" if item.available and item.offer.stock is not None else ""
    return f"{title} {'can be had' if item.available else 'is sold out'}{left}."


def _superlative(extreme: Extreme, best: Sequence[Item], count: int, catalog: Catalog, labels: Labels) -> str:
    name = extreme.attribute.replace("_", " ")
    if not best:
        return f"The {name} of these is not known."
    known = f"the {'highest' if extreme.is_most else 'lowest'} in {name}"
    superlative = _KNOWN_EXTREMES.get((name.lower(), extreme.is_most), known)
    value = labels.say(extreme.attribute, best[0].attributes[extreme.attribute])
    titles = titles_of((item.item_id for item in best), catalog)
    if count == 1:
        return f"{titles} is the only one here: it {value}."
    is_are, each = ("is", "it") if len(best) == 1 else ("are", "each")
    return f"{titles} {is_are} {superlative} of these {count}: {each} {value}."


def _value_of(item: Item, name: str, labels: Labels) -> str:
    title, value = item.name, item.attributes.get(name)
    if value is None:
        return f"The {name.replace('_', ' ')} of {title} is not known."
    return f"{title} {labels.say(name, value)}."


def _check(conditions: Sequence[Predicate], items: Sequence[Item], labels: Labels) -> str:
    """Yes or no, with what the items are in truth."""
    names = tuple(dict.fromkeys(condition.attribute for condition in conditions))
    if len(items) == 1:
        unknown = [name for name in names if name not in items[0].attributes]
        if unknown:
            return _value_of(items[0], unknown[0], labels)
        said = " and ".join(labels.say(name, items[0].attributes[name]) for name in names)
        holds = all(condition.holds(items[0]) for condition in conditions)
        return f"{'Yes' if holds else 'No'}: {items[0].name} {said}."
    holding = [item for item in items if all(condition.holds(item) for condition in conditions)]
    others = [item for item in items if item not in holding]
    if not others:
        return f"Yes, all {len(items)}: {_listed(holding, names)}."
    if not holding:
        return f"None of the {len(items)}: {_listed(others, names)}."
    return f"{len(holding)} of {len(items)}: {_listed(holding, names)}. Not so: {_listed(others, names)}."


def _listed(items: Iterable[Item], names: Sequence[str]) -> str:
    known = ((item, [item.attributes[name] for name in names if name in item.attributes]) for item in items)
    return ", ".join(f"{item.name} ({', '.join(map(say_value, values)) or 'not known'})" for item, values in known)


def answer_of_catalog(question: Question, catalog: Catalog, lexicon: Lexicon) -> str:
    """What is asked of the whole catalog, or of what meets the question's scope."""
    among_N = meeting(question.scope, catalog)
    num_items = int(among_N.sum())
    scope = f" ({', '.join(map(describe, question.scope))})" if question.scope else _WHOLE
    if question.is_untold:
        return "I found no field that answers this."
    missing = " or ".join(f"“{word}”" for word in question.missing)
    said = [f"No value here is called {missing}."] if missing else []
    if question.is_count:  # without the words that no value has, the number would be of something else
        if said:
            return f"{said[0]} So I cannot count that."
        return _count_in_stock(among_N, scope, catalog) if question.is_stock else _count(num_items, scope)
    if question.extreme is not None:
        return " ".join(_ranking(question.extreme, name, catalog, among_N, scope) for name in question.attributes)
    if question.conditions:
        count = int((among_N & meeting(question.conditions, catalog)).sum())
        asked = ", ".join(map(describe, question.conditions))
        if not num_items:
            return _count(0, scope)
        return f"{'Yes' if count == num_items else 'No'}: {count} of {num_items}{scope} meet {asked}."
    return " ".join([*said, *(_values_of(name, catalog, among_N, scope, lexicon) for name in question.attributes)])


def _ranking(extreme: Extreme, attribute: str, catalog: Catalog, among_N: BoolArray, scope: str) -> str:
    """The values of an attribute by the average of a number, the least or the most first."""
    numbers_N, column = numbers_of(extreme.attribute, catalog), catalog.column(attribute)
    known_N = among_N & ~np.isnan(numbers_N) & (column.places_N >= 0)
    places, size = column.places_N[known_N], len(column.values)
    sums_V, counts_V = np.bincount(places, numbers_N[known_N], size), np.bincount(places, minlength=size)
    sums, counts = Counter[str](), Counter[str]()
    for value, total, count in zip(column.values, sums_V.tolist(), counts_V.tolist(), strict=True):
        for text in texts_of(value) if count else ():
            sums[text] += total
            counts[text] += count
    means = {text: sums[text] / counts[text] for text in counts}
    name, by = (entry.replace("_", " ") for entry in (extreme.attribute, attribute))
    if not means:
        return f"The {name} is not known{scope}."
    order = sorted(means, key=means.__getitem__, reverse=extreme.is_most)[:NUM_LISTED]
    listed = ", ".join(f"{value} {format_number(means[value])} ({counts[value]})" for value in order)
    more = f", and {len(means) - NUM_LISTED} more" if len(means) > NUM_LISTED else ""
    first = "highest" if extreme.is_most else "lowest"
    return f"Average {name} by {by}{scope}, the {first} first: {listed}{more}."


def _count_in_stock(among_N: BoolArray, scope: str, catalog: Catalog) -> str:
    """How many can be had, as far as the catalog tells; how many meet what was wished, where it does not."""
    items = [catalog.items[row] for row in np.flatnonzero(among_N)]
    told = [item for item in items if item.offer is not None and _is_told(item.offer)]
    if not told:
        fitting = "" if scope == _WHOLE else f"{_count(len(items), scope)} "
        return f"{fitting}This catalog does not tell how many of each are left."
    silent = len(items) - len(told)
    more = f"; of {silent} this catalog does not tell" if silent else ""
    return f"{sum(item.available for item in told)} of {len(items)} items{scope} can be had{more}."


def _is_told(offer: Offer) -> bool:
    """Whether anything is known of whether it can be had."""
    said = (offer.availability, *(variant.availability for variant in offer.variants))
    return offer.stock is not None or any(one is not None for one in said)


def _count(count: int, scope: str) -> str:
    if count == 0:
        return f"There is none{scope}."
    return f"There {'is one item' if count == 1 else f'are {count} items'}{scope}."


def _values_of(attribute: str, catalog: Catalog, among_N: BoolArray, scope: str, lexicon: Lexicon) -> str:
    """Each value of an attribute, with how many items have it; of a number, its range and its mean."""
    name = attribute.replace("_", " ")
    if attribute in lexicon.numeric:
        numbers_N = numbers_of(attribute, catalog)
        numbers = numbers_N[among_N & ~np.isnan(numbers_N)]
        if not len(numbers):
            return f"No {name} is known{scope}."
        span = f"from {format_number(numbers.min())} to {format_number(numbers.max())}"
        return f"{name.capitalize()} is {span}{scope}, {format_number(round(numbers.mean(), 2))} on average."
    found = Counter[str]()
    for value, count in counts_of(attribute, catalog, among_N).items():
        for text in texts_of(value):
            found[text] += count
    if not found:
        return f"No {name} is known{scope}."
    listed = ", ".join(f"{value} ({count})" for value, count in found.most_common(NUM_LISTED))
    more = f", and {len(found) - NUM_LISTED} more" if len(found) > NUM_LISTED else ""
    many = name if name.endswith("s") or len(found) == 1 else plural(name)
    return f"There {'is' if len(found) == 1 else 'are'} {len(found)} {many}{scope}: {listed}{more}."
