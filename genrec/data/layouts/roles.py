"""Which column of a table nobody knows has which role: by its name, by its cells, and by the other table.

Names speak in many languages (`names`); cells must not contradict them (`looks`), and speak alone where names say
nothing. What joins the tables speaks loudest: events name items, so the columns whose cells are found among the items'
are their ids, whatever they are called. Deliberately knows no layout.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from genrec.data.feedback.kinds import meaning_of, says_a_kind
from genrec.data.layouts.looks import Look, looks_of
from genrec.data.layouts.names import EVENT_PHRASES, ITEM_PHRASES, plain, speaks_for
from genrec.data.layouts.prices import settle_price
from genrec.data.layouts.search import SURE, Search
from genrec.data.tables import Column, Table
from genrec.data.values import KnownIds, ids, match_ids, numbers
from genrec.data.values.grades import are_grades

_CALLED = 0.9  # from which a name says nothing but the role
_HELD = 0.7  # at most how surely a name speaks that only holds a phrase
_SHORT_CHARS = 80  # of a description that can stand as a title
_LEAST_NAMED = 0.5  # of events, that name an item where others name none
_KEYS = frozenset(
    ["id", "ids", "guid", "uuid", "uri", "url", "key", "code", "sku", "slug", "isbn", "ean", "asin", "no"]
)
_MAX_KINDS = 30
_WORDS_OF_CODE = 1.3  # in the mean, at most
_LEAST_JOINED = 0.8  # of cells that look like fractions, which are codes of items then
_FEW = 4  # events, which may well be of one person
_NUM_PAIRED = 2_000  # rows in which it is looked whether a column says something of the items
_PAID = (
    "total",
    "betrag",
    "summe",
    "umsatz",
    "montant",
    "importe",
    "importo",
    "revenue",
    "sales",
    "sales value",
    "value",
)
_NUMBER = re.compile(r"\d+$")
_NAMELESS = ("column ", "unnamed ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Roles of one table, and what a person should know or decide about them."""

    roles: Mapping[str, tuple[str, ...]]
    questions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_item_roles(table: Table, given: Mapping[str, tuple[str, ...]], *, taken: Sequence[str] = ()) -> Found:
    """The roles of an items table's columns.

    given: roles that are settled already; taken: columns that are none of an item's. Nothing is raised where a role has
    no column.
    """
    looks = looks_of(table)
    search = Search(looks, ITEM_PHRASES, given, taken)
    search.settle("item_id", lambda name: _item_id(name, table, looks[name]))
    search.settle("currency", lambda name: looks[name].mean_chars <= 4 and looks[name].words > 0.5)
    search.settle(
        "image", lambda name: looks[name].is_media or looks[name].lists > 0.5 or looks[name].mean_words < 2, least=0.4
    )
    search.settle("link", lambda name: looks[name].addresses > 0.5 > looks[name].pictures, least=0.35)
    search.settle("price_upper", lambda name: looks[name].numbers > 0.5, least=0.7)
    search.settle("stock", lambda name: looks[name].numbers > 0.5)
    for role in ("audio", "video"):
        search.settle(role, lambda name: looks[name].mean_words < 2 and looks[name].words > 0.5)
    _settle_title_beside_id(search, looks)
    search.settle("title", lambda name: _title(name, looks[name]), least=0.35)
    search.settle_all("text", lambda name: looks[name].words >= 0.5 > looks[name].objects and not looks[name].is_media)
    search.settle(
        "availability",
        lambda name: (looks[name].mean_words < 3 and looks[name].numbers < 0.9) or looks[name].distinct < 0.2,
    )
    questions = settle_price(search, table)
    notes = [*_by_looks(search, looks)]
    return Found(roles=search.roles, questions=tuple(questions), notes=tuple(notes))


def find_event_roles(
    table: Table, given: Mapping[str, tuple[str, ...]], items: Mapping[str, Sequence[str] | KnownIds]
) -> tuple[Found, str | None]:
    """The roles of an events table's columns, from a look at it, and which of the items' columns its items are named
    by.

    items: the items' ids by the column that holds them, the id first and other columns that could be meant, such as the
    title or the SKU, after it; empty where there is no items table.
    """
    looks = looks_of(table)
    search = Search(looks, EVENT_PHRASES, given, ())
    key, notes = None, list[str]()
    if items:
        linked = _best_link(table, looks, items, given.get("item_id", tuple(table.columns)))
        if linked is not None:
            column, key, share = linked
            search.take("item_id", column)
            if key != next(iter(items)):
                notes.append(f"events name items by {key!r} ({share:.0%} of them are found there)")
    # A bare id stands behind any other column that names items: it is likely to be the event's own.
    search.settle("item_id", lambda name: bool(looks[name].num_filled) * (0.9 if plain(name) == "id" else 1.0))
    search.settle("user_id", lambda name: not looks[name].is_float or 0.5 * _is_called(name, "user_id"))
    search.settle("timestamp", lambda name: _is_time(name, looks[name]))
    search.settle("kind", lambda name: _is_kind(name, looks[name]))
    search.settle("rating", lambda name: _is_measure(looks[name]) or are_grades(looks[name].values))
    for role in ("quantity", "amount"):
        search.settle(role, lambda name: _is_measure(looks[name]))
    if "quantity" not in search.roles:
        notes += _money_of_returns(search, looks)
    search.settle("feedback", lambda name: set(looks[name].values) <= {"1", "0", "-1"})
    search.settle("part", lambda name: len(looks[name].values) <= 4)
    _events_by_looks(table, search, looks)
    if "timestamp" not in search.roles:
        notes += _unread_times(search, looks)
    return Found(roles=search.roles, notes=tuple(notes)), key or next(iter(items), None)


def _is_measure(look: Look) -> bool:
    """Whether cells are numbers, or truths."""
    return look.numbers > 0.5 or set(map(str.lower, look.values)) <= {"true", "false"}


def _is_time(name: str, look: Look) -> float:
    """How well cells serve as times; small numbers are some only where the name says so alone (not hour_of_day)."""
    if look.times <= 0.5:
        return 0.0
    return 1.0 if look.is_timed else 0.5 * _is_called(name, "timestamp")


def _is_called(name: str, role: str) -> bool:
    """Whether a column of events is called like a role, and not only like something of it."""
    return speaks_for(name, EVENT_PHRASES[role]) > _HELD


def _item_id(name: str, table: Table, look: Look) -> float:
    """How well a column's cells serve as ids of items: different in every row, short."""
    if look.is_media or (look.mean_chars > 60 and look.mean_words > 2) or look.lists > 0.5:
        return 0.0
    values = ids(table.columns[name]).values
    filled = len(table) - (pc.sum(pc.equal(values, "")).as_py() or 0)
    distinct = pc.count_distinct(values).as_py() / max(1, len(table))
    is_code = look.mean_words <= _WORDS_OF_CODE  # where several could be ids, names are none
    return float(0.2 + distinct) * (filled / max(1, len(table))) * (1.0 if is_code else 0.6)


def _settle_title_beside_id(search: Search, looks: Mapping[str, Look]) -> None:
    """Give the title to the column that is called like the ids without the word for ids: course beside course code."""
    own = search.roles.get("item_id", ())
    words = plain(own[0]).split() if own else []
    called = " ".join(words[:-1]) if len(words) > 1 and words[-1] in _KEYS | {"number", "nr", "num"} else ""
    names = [name for name in search.free if plain(name) == called and _title(name, looks[name]) > 0]
    if names:
        search.take("title", names[0])


def _title(name: str, look: Look) -> float:
    """How well cells serve as titles: words, different from row to row; what is called a title may be any text."""
    if look.is_media or look.median_chars > 300 or look.lists > 0.5:
        return 0.0
    is_called = speaks_for(name, ITEM_PHRASES["title"]) > SURE
    return 0.3 + look.distinct if is_called or look.words >= 0.5 else 0.0


def _by_looks(search: Search, looks: Mapping[str, Look]) -> list[str]:
    """Settle by cells what names left open. Returns what was guessed."""
    guessed = []
    if "item_id" not in search.roles:
        unique = [n for n in search.free if looks[n].is_id and looks[n].distinct == 1 == looks[n].filled]
        unique = [n for n in unique if not looks[n].is_timed or is_short(looks[n])]  # rows of a log are no items
        coded = [n for n in unique if _is_code(n, looks[n]) or (n == next(iter(looks)) and _is_count(n, looks[n]))]
        coded += [n for n in search.free if _is_numbered(n, looks[n])]
        if coded:
            search.take("item_id", coded[0])
            _settle_title_beside_id(search, looks)
            guessed.append(f"{coded[0]!r} is taken for the ids, being different in every row")
    if "image" not in search.roles:
        pictures = [name for name in search.free if looks[name].is_media and looks[name].pictures > 0.5]
        if pictures:
            search.take("image", pictures[0])
            guessed.append(f"{pictures[0]!r} holds pictures")
    _add_numbered(search, looks, "image")
    if "title" not in search.roles:
        named = [
            n for n in search.roles.get("text", ()) if looks[n].mean_chars <= _SHORT_CHARS and looks[n].lists < 0.5
        ]
        free = [n for n in search.free if looks[n].is_name and looks[n].distinct > 0.7 and not is_said(n)]
        free = [n for n in free if looks[n].mean_words > 1.3 or _is_unspaced(looks[n])]
        title = next(iter(named or free), None)
        if title is not None:
            rest = tuple(name for name in search.roles.get("text", ()) if name != title)
            search.take("title", title)
            if named:
                del search.roles["text"]
                if rest:
                    search.take("text", *rest)
            guessed.append(f"no column is called a title; {title!r} is taken for it")
    if "text" not in search.roles:
        long = [n for n in search.free if looks[n].mean_words > 8 and looks[n].distinct > 0.5 and looks[n].lists < 0.5]
        if long:
            search.take("text", max(long, key=lambda name: looks[name].mean_chars))
            guessed.append(f"{search.roles['text'][0]!r} is taken for the description")
    return guessed


def _is_unspaced(look: Look) -> bool:
    """Whether cells are of a script that sets no spaces between words."""
    return sum(any("\u3040" <= char <= "\u9fff" for char in value) for value in look.values) > 0.5 * len(look.values)


def _is_code(name: str, look: Look) -> bool:
    """Whether cells are codes such as A-01: a word with digits and more, in a column whose name says nothing else."""
    is_code = [any(map(str.isdigit, value)) and not value.isdigit() for value in look.values]
    return all(is_code) and look.numbers < 0.1 and not look.times and not is_said(name)


def is_short(look: Look) -> bool:
    """Whether cells are numbers of four digits at most: years, or ids that look like some."""
    return look.numbers == 1 and look.mean_chars <= 4


def _is_numbered(name: str, look: Look) -> bool:
    """Whether cells are codes that look like fractions (1923.4), in a column that is called a number of things."""
    is_called = plain(name).split()[-1:] != [] and plain(name).split()[-1] in _KEYS | {"number", "nr", "num"}
    return is_called and look.is_float and look.distinct == 1 == look.filled


def _is_count(name: str, look: Look) -> bool:
    """Whether cells are whole numbers, or a column has no name, where a first column may hold ids."""
    return (look.numbers == 1 or plain(name).startswith(_NAMELESS)) and not is_said(name)


def is_said(name: str) -> bool:
    """Whether a name says what a column is, and that is no id."""
    return any(speaks_for(name, phrases) >= SURE for role, phrases in ITEM_PHRASES.items() if role != "item_id")


def _add_numbered(search: "Search", looks: Mapping[str, Look], role: str) -> None:
    """Give a role to further columns of a numbered row, such as IMAGE1, IMAGE2."""
    names = search.roles.get(role, ())
    if len(names) == 1 and _NUMBER.search(names[0]):
        stem = _NUMBER.sub("", names[0])
        more = [name for name in search.free if _NUMBER.search(name) and _NUMBER.sub("", name) == stem]
        is_named = not plain(names[0]).startswith(_NAMELESS)
        search.take(role, *names, *[n for n in more if looks[n].num_filled and (is_named or looks[n].is_media)])


def _events_by_looks(table: Table, search: Search, looks: Mapping[str, Look]) -> None:
    """Settle by cells what names left open; a table without header has no names at all."""
    if "rating" not in search.roles:
        graded = [n for n in search.free if looks[n].filled > _LEAST_NAMED and are_grades(looks[n].values)]
        if graded:
            search.take("rating", graded[0])
    if "timestamp" not in search.roles:
        timed = [n for n in search.free if looks[n].is_timed and looks[n].times > 0.9 and looks[n].filled > 0.9]
        if timed:
            search.take("timestamp", timed[0])
    if "kind" not in search.roles:
        kinds = [n for n in search.free if looks[n].filled > 0.9 and _is_kind(n, looks[n]) and _says_kinds(looks[n])]
        if kinds:
            search.take("kind", kinds[0])
    if "user_id" not in search.roles:
        persons = [n for n in search.free if looks[n].is_id and looks[n].filled > 0.9 and _may_be_person(n, looks[n])]
        persons = [n for n in persons if len(looks[n].values) > 1 or len(table) < _FEW or _is_called(n, "user_id")]
        if persons:  # the one whose name says so most; people come again, rows and what is counted do not
            said = {n: speaks_for(n, EVENT_PHRASES["user_id"]) for n in persons}
            counted = {n: _says_other(n, "user_id", "item_id") for n in persons}
            search.take("user_id", max(persons, key=lambda n: (said[n] - counted[n], looks[n].distinct < 1)))
    if "item_id" not in search.roles:
        things = [n for n in search.free if looks[n].filled > _LEAST_NAMED and not looks[n].is_timed]
        things = [n for n in things if not looks[n].is_float and len(looks[n].values) > 1]
        if things:  # called like an id, filled, and the first
            search.take("item_id", max(things, key=lambda n: (_is_key(n), looks[n].filled > 0.9)))
    nameless = [n for n in search.free if plain(n).startswith(_NAMELESS) and looks[n].numbers > 0.9]
    nameless = [n for n in nameless if not _is_of_item(table, n, search.roles.get("item_id", ()))]
    if nameless and not {"rating", "amount", "quantity"} & set(search.roles):
        look = looks[nameless[0]]
        values = numbers([*look.values], name=nameless[0]).values
        is_rating = np.nanmax(values) <= 10 and np.nanmin(values) >= -1 and not look.is_float
        search.take("rating" if is_rating else "amount", nameless[0])


def _is_key(name: str) -> bool:
    """Whether a column is called like what names a thing: episode.guid, page_url."""
    return plain(name).split()[-1:] != [] and plain(name).split()[-1] in _KEYS


def _is_of_item(table: Table, name: str, items: Sequence[str]) -> bool:
    """Whether a column says something of the items, such as their category: one and the same wherever one is named."""
    if not items:
        return False
    sample = table.head(_NUM_PAIRED)
    named, told = (ids(sample.columns[column]).values.to_pylist() for column in (items[0], name))
    values: dict[object, set[object]] = {}
    for item, value in zip(named, told, strict=True):
        values.setdefault(item, set()).add(value)
    return len(values) < len(named) and all(len(said) == 1 for said in values.values())


def _may_be_person(name: str, look: Look) -> bool:
    """Whether cells may be persons where no name says so: what a column says of itself, or of a movie, is none."""
    owner = name.partition(".")[0] if "." in name else ""
    is_of_item = bool(owner) and speaks_for(owner, EVENT_PHRASES["item_id"]) >= SURE
    return not look.is_timed and not look.is_media and not is_said(name) and not is_of_item


def _money_of_returns(search: Search, looks: Mapping[str, Look]) -> list[str]:
    """Settle by what was paid which events are returns, where some of it is below 0. Returns what was guessed."""
    for name in search.free:
        is_money = speaks_for(name, (*ITEM_PHRASES["price"], *_PAID)) >= SURE and looks[name].numbers > 0.9
        if is_money:
            paid = numbers([*looks[name].values], name=name).values
            if (paid < 0).any() and (paid > 0).any():
                search.take("quantity", name)
                return [f"{name!r} is below 0 in some rows, which are taken for returns"]
    return []


def _unread_times(search: Search, looks: Mapping[str, Look]) -> list[str]:
    """What to say of columns that are called times and hold none."""
    called = [n for n in search.free if looks[n].num_filled and speaks_for(n, EVENT_PHRASES["timestamp"]) >= SURE]
    return [
        f"{name!r} is called a time, but cells such as {looks[name].values[0]!r} are none that can be read; write "
        "2024-01-31 12:00, or Unix times"
        for name in called
    ]


def _is_kind(name: str, look: Look) -> float:
    """How well cells serve as kinds of events: few different words."""
    if len(look.values) > _MAX_KINDS or look.mean_words > 4 or (look.words < 0.5 and not _says_kinds(look)):
        return 0.0
    if all(value.lower() in ("true", "false", "yes", "no") for value in look.values):
        return 0.0
    return 1.0 if any(map(_is_known_kind, look.values)) else 0.5


def _says_kinds(look: Look) -> bool:
    """Whether cells are kinds of events where the column's name does not say so: a bag may be an item."""
    return 2 * sum(map(says_a_kind, look.values)) > len(look.values)


def _is_known_kind(text: str) -> bool:
    return meaning_of(text) is not None


def _best_link(
    table: Table,
    looks: Mapping[str, Look],
    items: Mapping[str, Sequence[str] | KnownIds],
    among: Sequence[str],
) -> tuple[str, str, float] | None:
    """The events' column, among some, and the items' column that have most cells in common, and the share of cells."""
    best: tuple[float, str, str, float] | None = None
    for column in among:
        cells = table.columns[column]
        if looks[column].num_filled == 0 or (looks[column].is_timed and not is_short(looks[column])):
            continue
        named = speaks_for(column, EVENT_PHRASES["item_id"]) - _says_other(column, "item_id")
        for place, (key, known) in enumerate(items.items()):
            share = link_share(cells, known)
            same = 0.2 if plain(key) == plain(column) != "id" else 0.0  # every table has an id of its own
            score = share + 0.3 * named + same - 0.05 * place
            if looks[column].is_float and share < _LEAST_JOINED:
                continue  # amounts, unless nearly all are codes
            if share > 0 and (best is None or score > best[0]):
                best = (score, column, key, share)
    return None if best is None else best[1:]


def _says_other(name: str, *roles: str) -> float:
    """How surely a column's name speaks for a role among events that is none of these."""
    return max(speaks_for(name, phrases) for other, phrases in EVENT_PHRASES.items() if other not in roles)


def link_share(cells: Column, known: Sequence[str] | KnownIds) -> float:
    """The share of the filled cells that are found among known ids."""
    wanted = ids(cells).values
    filled = wanted.filter(pc.not_equal(wanted, ""))
    if not len(filled):
        return 0.0
    return float((match_ids(filled, known).rows >= 0).mean())
