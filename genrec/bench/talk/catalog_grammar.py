"""Conversations made from a catalog's own values, titles, people and numbers, in the form of `form`, answers known.

Every conversation is one task: a wish, a negation, alternatives, a change of mind, bounds, comparisons with what was
shown, references by place, likes by title, questions of fact, counts, the least and the most, words that name nothing.
A task that the catalog or a language has nothing for is left out. Deliberately knows nothing of the reader.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from genrec.bench.talk.form import quoted
from genrec.bench.talk.naming import Value
from genrec.bench.talk.telling import LANGUAGES, Material, Telling, where_of
from genrec.chat.constraints import texts_of
from genrec.data.filters import parse_filter
from genrec.data.labels import format_number

Turns = list[dict[str, Any]]  # Any: tables of the form, as TOML would hold them

NUM_TRIES = 40
MIN_KNOWN = 6  # items of a kind of which a number is known, for a bound to be asked
_BOUND_SHARES = (0.3, 0.5, 0.7)  # of a kind's items below a number that is asked for
_LETTERS = ("bcdfglmnprstvz", "aeiou")
_DECADE, _CENTURY = 10, 100


def make_conversations(material: Material, count: int, language: str, seed: int) -> list[dict[str, Any]]:
    """Some conversations in one language, every task in its turn; none where the catalog has no kinds of things."""
    rng = np.random.default_rng([seed, LANGUAGES.index(language)])
    telling = Telling(material, language, rng)
    tasks = [task for task in _TASKS if _make(task, telling) is not None] if material.kinds else []
    made = (_make(tasks[number % len(tasks)], telling) for number in range(count if tasks else 0))
    return [{"person": "new", "turns": turns} for turns in made if turns is not None]


def _make(task: "_Task", telling: Telling) -> Turns | None:
    """One conversation of a task; None where some tries find none."""
    tried = (task(telling) for _ in range(NUM_TRIES))
    return next((turns for turns in tried if turns is not None), None)


_Task = Callable[[Telling], Turns | None]


def _turns(task: str, *turns: dict[str, Any] | None) -> Turns | None:
    """The turns of one task; None where any could not be said."""
    if any(turn is None or turn["say"] is None for turn in turns):
        return None
    return [{"task": task, **turn} for turn in turns if turn is not None]


def _opened(telling: Telling) -> tuple[Value, dict[str, Any]] | None:
    kind = telling.kind()
    if kind is None:
        return None
    return kind, {"say": telling.say("open", kinds=telling.things(kind)), "where": where_of(kind)}


def _wish(telling: Telling) -> Turns | None:
    """Things of a kind with one quality."""
    kind = telling.kind()
    value = None if kind is None else telling.quality(kind)
    if kind is None or value is None:
        return None
    say = telling.say("wish", kinds=telling.things(kind), **telling.value_slots(value))
    return _turns("wish", {"say": say, "where": f"{where_of(kind)} and {where_of(value)}"})


def _negation(telling: Telling) -> Turns | None:
    kind = telling.kind()
    value = None if kind is None else telling.quality(kind)
    if kind is None or value is None:
        return None
    say = telling.say("negation", kinds=telling.things(kind), **telling.value_slots(value))
    return _turns("negation", {"say": say, "where": f"{where_of(kind)} and {where_of(value, '!=')}"})


def _alternatives(telling: Telling) -> Turns | None:
    kind, other = telling.kind(), telling.kind()
    if kind is None or other is None or kind == other or kind.attribute != other.attribute:
        return None
    say = telling.say("alternatives", kinds=telling.things(kind), other=telling.things(other))
    return _turns("alternatives", {"say": say, "where": f"{where_of(kind)} or {where_of(other)}"})


def _change(telling: Telling) -> Turns | None:
    opened, other = _opened(telling), telling.kind()
    if opened is None or other is None or other == opened[0] or other.attribute != opened[0].attribute:
        return None
    say = telling.say("change", other=telling.things(other))
    return _turns("change of mind", opened[1], {"say": say, "where": where_of(other)})


def _take_back(telling: Telling) -> Turns | None:
    first = _wish(telling)
    if first is None:
        return None
    kind, _, value = first[0]["where"].partition(" and ")
    said = value.rpartition(" = ")[2].strip("'")
    return _turns("change of mind", first[0], {"say": telling.say("take_back", value=said), "where": kind})


def _bound(telling: Telling) -> Turns | None:
    """Things of a kind below, above or between numbers."""
    kind, number = telling.kind(), telling.number("price", "time", "measure")
    if kind is None or number is None:
        return None
    numbers_N = telling.material.numbers_of(number.attribute)
    known = numbers_N[telling.material.passing(where_of(kind)) & ~np.isnan(numbers_N)]
    if len(known) < MIN_KNOWN:
        return None
    low, middle, high = (_rounded(float(np.quantile(known, share)), number.word) for share in _BOUND_SHARES)
    attribute, things = quoted(number.attribute), telling.things(kind)
    slots = {"kinds": things, "name": number.name, "number": format_number(middle)}
    slots |= {"low": format_number(low), "high": format_number(high)}
    decade = middle // _DECADE * _DECADE
    way = telling.pick(("under", "over", "between", "decade"))
    bounds = {
        "under": f"{attribute} {'<' if number.word == 'time' else '<='} {middle}",
        "over": f"{attribute} >= {middle}",
        "between": f"{attribute} >= {low} and {attribute} <= {high}",
        "decade": f"{attribute} >= {decade} and {attribute} < {decade + _DECADE}",
    }
    if way == "decade":
        slots |= {"number": format_number(decade), "decade": format_number(decade % _CENTURY)}
    where = f"{where_of(kind)} and {bounds[way]}"
    if low >= high or not telling.material.passing(where).any():
        return None
    return _turns("bounds", {"say": telling.say(f"{number.word}_{way}", **slots), "where": where})


def _rounded(number: float, word: str) -> float:
    """A number as people ask by it."""
    if word == "time" or number < _DECADE:
        return float(round(number))
    size = 5.0 if number < _CENTURY else 10.0 ** (len(str(int(number))) - 2)
    return round(number / size) * size


def _comparison(telling: Telling) -> Turns | None:
    """Cheaper, newer, more of a number than the first shown, or than the one in a place."""
    opened, number = _opened(telling), telling.number("price", "time", "measure")
    if opened is None or number is None:
        return None
    at, place = telling.place()
    is_placed = bool(telling.rng.random() < 0.5)
    ways = {"price": ("less", "less_than"), "time": ("more", "less_than"), "measure": ("more", "more_than")}
    way = ways[number.word][is_placed]
    say = telling.say(f"{number.word}_{way}", place=place, name=number.name)
    operator, spoken_of = ("<" if way.startswith("less") else ">"), at if is_placed else 1
    bound = f"{quoted(number.attribute)} {operator} @{spoken_of}.'{number.attribute}'"
    return _turns("comparison", opened[1], {"say": say, "where": f"{opened[1]['where']} and {bound}"})


def _judgement(telling: Telling) -> Turns | None:
    """The one in a place is liked, or never to be seen again."""
    opened, (at, place) = _opened(telling), telling.place()
    if opened is None:
        return None
    name = telling.pick(("liked", "disliked"))
    say = telling.say(f"{name.removesuffix('d')}_place", place=place)
    return _turns("judgement by place", opened[1], {"say": say, "where": opened[1]["where"], name: [at]})


def _like_title(telling: Telling) -> Turns | None:
    found = telling.title()
    if found is None:
        return None
    say = telling.say("like_title", title=_spoken(found[1]))
    return _turns("like by title", {"say": say, "about": [found[1]], "kind": "list", "lacks": found[1]})


def _find_title(telling: Telling) -> Turns | None:
    found = telling.title()
    if found is None:
        return None
    say = telling.say("find_title", title=_spoken(found[1]))
    return _turns("find by title", {"say": say, "kind": ["list", "answer"], "shows": found[1]})


def _spoken(title: str) -> str:
    """A title without the year that catalogs put behind it."""
    head, _, tail = title.rpartition(" (")
    return head if head and tail.rstrip(")").isdigit() else title


def _person(telling: Telling) -> Turns | None:
    if not telling.material.people:
        return None
    person = telling.pick(telling.material.people)
    same = [value for value in telling.material.people if value.text == person.text]
    if len(person.text.split()) < 2 and telling.labels.role(person.attribute) == "cast":
        return None
    where = " or ".join(map(where_of, same))
    return _turns("person", {"say": telling.say("person", person=person.text), "where": where})


def _fact(telling: Telling) -> Turns | None:
    """What is asked of an item by its title, or of the one in a place."""
    word, attribute = telling.pick([*_askable(telling), (None, None)])
    found, opened = telling.title(), _opened(telling)
    if word is None or attribute is None or found is None or opened is None:
        return None
    if telling.rng.random() < 0.5 and word != "kind":
        at, place = telling.place()
        say = telling.say(f"fact_place_{word}", place=place)
        turn = {"say": say, "kind": "answer", "about": [at], "says": f"@{at}.'{attribute}'"}
        return _turns("fact by place", opened[1], turn)
    value = telling.material.catalog[found[0]].attributes.get(attribute)
    if value is None or value == ():
        return None
    said = list(texts_of(value)) or [format_number(float(value))]  # type: ignore[arg-type]
    say = telling.say(f"fact_{word}", title=_spoken(found[1]))
    return _turns("fact by title", {"say": say, "kind": "answer", "about": [found[1]], "says": said})


def _askable(telling: Telling) -> Iterator[tuple[str, str]]:
    labels = telling.labels
    named = {"maker": next(iter(labels.makers), None), "time": labels.time, "price": labels.price, "kind": labels.kind}
    yield from ((word, attribute) for word, attribute in named.items() if attribute is not None)


def _count(telling: Telling) -> Turns | None:
    kind = telling.kind()
    if kind is None:
        return None
    count = int(telling.material.passing(where_of(kind)).sum())
    say = telling.say("count", kinds=telling.things(kind))
    return _turns("count", {"say": say, "kind": "answer", "says": str(count)})


def _extreme(telling: Telling) -> Turns | None:
    """The cheapest, the newest, the oldest of a kind."""
    kind, number = telling.kind(), telling.number("price", "time")
    if kind is None or number is None:
        return None
    way = "least" if number.word == "price" else telling.pick(("least", "most"))
    numbers_N = telling.material.numbers_of(number.attribute)
    known = numbers_N[telling.material.passing(where_of(kind)) & ~np.isnan(numbers_N)]
    if not len(known):
        return None
    bound = f"<= {known.min() + 1e-6}" if way == "least" else f">= {known.max() - 1e-6}"
    say = telling.say(f"{number.word}_{way}", kinds=telling.things(kind))
    first = f"{where_of(kind)} and {quoted(number.attribute)} {bound}"
    return _turns("extreme", {"say": say, "kind": ["list", "answer"], "first": first})


def _unknown(telling: Telling) -> Turns | None:
    """A word that names nothing: the reply has to say so."""
    word = "".join(telling.pick(_LETTERS[n % 2]) for n in range(8)) + "k"
    known = parse_filter(f"text contains {word} or title contains {word}")
    if known.mask(telling.material.catalog).any():
        return None
    return _turns("unknown word", {"say": telling.say("unknown", nonsense=word), "kind": "any", "says": word})


_TASKS: tuple[_Task, ...] = (
    _wish, _negation, _alternatives, _change, _take_back, _bound, _comparison, _judgement, _like_title, _find_title,
    _person, _fact, _fact, _count, _extreme, _unknown,
)  # fmt: skip
