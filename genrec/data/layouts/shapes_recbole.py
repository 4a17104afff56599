"""Brings RecBole's atomic files into tables: .inter and .item, whose columns carry their types, as item_id:token.

Knows those types; deliberately knows nothing of .user, .kg, .link and .net, which are not read.
"""

from genrec.data.layouts.cells import converted, renamed
from genrec.data.layouts.layout import Shaped
from genrec.data.layouts.names import plain
from genrec.data.tables import Table


def recbole_names(table: Table) -> Shaped:
    """Columns of an atomic file under their names, read as their types say: token_seq are lists, titles stay texts."""
    names: dict[str, str] = {}
    for name in table.columns:
        base, _, kind = name.rpartition(":")
        if kind in ("token_seq", "float_seq") and not _is_prose(base):
            table = converted(table, name, lambda said: said.split())
        names[name] = base
    if len(set(names.values())) == len(names):
        table = renamed(table, names)
    return Shaped(table=table, roles={})


def _is_prose(name: str) -> bool:
    words = plain(name).split()
    return bool(words) and words[-1] in (
        "title",
        "name",
        "description",
        "text",
        "review",
        "summary",
        "abstract",
        "headline",
    )


def is_recbole(table: Table) -> bool:
    """Whether all columns are named with a type, as in item_id:token."""
    kinds = [name.rpartition(":")[2] for name in table.columns]
    return bool(kinds) and all(kind in ("token", "token_seq", "float", "float_seq") for kind in kinds)


def is_recbole_events(table: Table) -> bool:
    """Whether an atomic file is of events: it names a person, and by its name or columns is no list of people."""
    names = [plain(name.rpartition(":")[0]) for name in table.columns]
    return (
        is_recbole(table)
        and table.path.suffix != ".item"
        and len(names) > 1
        and "id" in names[0].split()
        and "id" in names[1].split()
    )


def is_recbole_items(table: Table) -> bool:
    """Whether an atomic file is of items."""
    return is_recbole(table) and not is_recbole_events(table)
