"""Tables of persons and items, a row for each person and a column for each item, whose cells are ratings.

Knows such a table by its cells: numbers of one scale in many columns beside one of names. Deliberately knows no role of
other tables.
"""

from collections.abc import Sequence

import numpy as np

from genrec.data.layouts.cells import rebuilt, texts
from genrec.data.layouts.layout import Shaped
from genrec.data.layouts.looks import looks_of
from genrec.data.layouts.names import EVENT_PHRASES, ITEM_PHRASES, speaks_for
from genrec.data.tables import Table
from genrec.data.values import KnownIds, ids, match_ids, numbers
from genrec.data.values.numbers import Floats

_LEAST_ITEMS, _NAMELESS_ITEMS = 3, 20  # columns of ratings, and where nothing else tells that they are some
_SURE = 0.6
_WIDEST = 100.0  # from the least to the highest of a scale of ratings
_APART = 3.0  # so many times the rest of the scale lies a number that stands for no rating


def is_matrix(table: Table, known: Sequence[KnownIds | Sequence[str]] = ()) -> bool:
    """Whether a table rates items by persons. known: ids of items, if there are any."""
    names = list(table.columns)
    items = names[1:]
    if len(items) < _LEAST_ITEMS:
        return False
    head = table.head(200)
    looks = looks_of(head)
    filled = [name for name in items if looks[name].num_filled]
    if not filled or any(looks[name].numbers < 1 or looks[name].is_timed for name in filled):
        return False
    cells = np.concatenate([numbers(head.columns[name], name=name).values for name in filled])
    cells = _ratings(cells[np.isfinite(cells)])
    is_scale = len(cells) > 0 and cells.max() - cells.min() <= _WIDEST
    if not is_scale or any(_speaks(name) for name in items):
        return False
    linked = [match_ids(ids(items).values, one).rows >= 0 for one in known]
    says_who = speaks_for(names[0], EVENT_PHRASES["user_id"]) >= _SURE
    is_linked = any(share.mean() > _SURE for share in linked)
    return is_linked or (says_who and looks[names[0]].distinct == 1) or (len(items) >= _NAMELESS_ITEMS and says_who)


def _speaks(name: str) -> bool:
    """Whether a column says what it is of an item or an event: an age is no rating of an item called age."""
    phrases = [*ITEM_PHRASES.values(), *EVENT_PHRASES.values()]
    return any(speaks_for(name, some) >= _SURE for some in phrases)


def _ratings(cells: Floats) -> Floats:
    """Numbers without the one that lies far apart from all others, which says that there is no rating: 99."""
    if not len(cells):
        return cells
    rest = cells[cells != cells.max()]
    span = max(float(rest.max() - rest.min()), 1.0) if len(rest) else 0.0
    return rest if len(rest) and cells.max() - rest.max() > _APART * span else cells


def events_of_matrix(table: Table, known: Sequence[KnownIds | Sequence[str]] = ()) -> Shaped | None:
    """An event for each rating in a table of persons and items; None of any other table."""
    if not is_matrix(table, known):
        return None
    person, *items = table.columns
    values = np.stack([numbers(table.columns[name], name=name).values for name in items], axis=1)
    given = _ratings(values[np.isfinite(values)])
    least, most = (float(given.min()), float(given.max())) if len(given) else (0.0, 0.0)
    rows, columns = np.nonzero(np.isfinite(values) & (values >= least) & (values <= most))
    persons, lines = texts(table, person), np.asarray(table.lines, np.int64)
    num_apart = int(np.isfinite(values).sum()) - len(rows)
    shaped = rebuilt(
        table,
        {
            "user_id": [persons[row] for row in rows.tolist()],
            "item_id": [items[column] for column in columns.tolist()],
            "rating": values[rows, columns].tolist(),
        },
        lines[rows],
    )
    apart = f"; {num_apart:,} that lie far above the others say that there is none" if num_apart else ""
    note = f"{len(rows):,} ratings are the cells of {len(table):,} persons and {len(items):,} items{apart}"
    roles = {"user_id": ("user_id",), "item_id": ("item_id",), "rating": ("rating",)}
    return Shaped(table=shaped, roles=roles, notes=(note,))
