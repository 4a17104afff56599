"""Finds the rows in a JSON document: an array, a list within an envelope, ids to objects, or columns.

Knows how programs wrap tables; deliberately knows nothing of files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genrec.data.tables.dialect import header_word
from genrec.errors import SourceError

_MOST_LEVELS = 4  # of envelopes in each other
_WRAPPERS = ("node", "_source")  # around each row: GraphQL's, Elasticsearch's
_IDS = frozenset(("id", "itemid", "productid", "asin", "sku", "handle", "uri", "articleid", "movieid", "bookid"))
_TITLES = frozenset(("title", "name", "productname", "itemname"))
_LIST_TYPES = ("ItemList", "DataFeed", "OfferCatalog", "CollectionPage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """The rows of a document, and what a reader should be told of the rest."""

    rows: Sequence[object]
    notes: tuple[str, ...] = ()


def locate(document: object, path: Path, at: str | None) -> Located:
    """The rows of a document, or those of one place in it. Raises SourceError where there are none."""
    if at is not None:
        return _at(document, path, at)
    if isinstance(document, list):
        return Located(rows=_unwrapped(document))
    if not isinstance(document, dict) or not document:
        raise SourceError(f"{path} holds no rows; wanted an array of objects, or objects line by line")
    found = _as_columns(document) or _as_mapping(document, is_sure=True)
    if found is not None:
        return found
    if _is_item(document):
        return Located(rows=[document], notes=("the document is one object; it was read as one row",))
    tables = dict(_lists_in(document, ""))
    if tables:
        place = max(tables, key=lambda name: len(tables[name]))
        return Located(rows=_unwrapped(tables[place]), notes=_list_notes(document, tables, place))
    return _as_mapping(document, is_sure=False) or Located(
        rows=[document], notes=("the document is one object; it was read as one row",)
    )


def _list_notes(document: Mapping[str, object], tables: Mapping[str, list[object]], place: str) -> tuple[str, ...]:
    notes = [f"the rows are those of {place!r}"]
    others = [f"{name!r} ({len(rows):,})" for name, rows in tables.items() if name != place]
    if others:
        notes.append(f"other lists were left out: {', '.join(others)}; at=… reads one of them")
    within = {name.split(".")[0] for name in tables}
    beside = [name for name in document if name not in within]
    if beside:
        notes.append(f"left out beside the rows: {', '.join(map(repr, beside[:10]))}")
    return tuple(notes)


def _at(document: object, path: Path, at: str) -> Located:
    found = document
    for name in filter(None, at.split(".")):
        if not isinstance(found, dict) or name not in found:
            tables = dict(_lists_in(document, "")) if isinstance(document, dict) else {}
            known = ", ".join(map(repr, tables)) or "none"
            raise SourceError(f"{path} has no list {at!r}; its lists of objects are: {known}")
        found = found[name]
    if isinstance(found, list):
        return Located(rows=_unwrapped(found))
    if isinstance(found, dict) and found:
        return _as_columns(found) or _as_mapping(found, is_sure=False) or Located(rows=[found])
    raise SourceError(f"{path} has no rows at {at!r}; wanted a list of objects there")


def _is_item(document: Mapping[str, object]) -> bool:
    """Whether an object is itself what a row would be: it has an id and a title."""
    words = {header_word(name) for name, value in document.items() if isinstance(value, str | int)}
    if document.get("@type") in _LIST_TYPES:
        return False
    return bool(words & _TITLES) and (bool(words & _IDS) or "@type" in document)


def _lists_in(document: Mapping[str, object], place: str, level: int = 1) -> Iterator[tuple[str, list[object]]]:
    """The lists of objects in a document, not those within rows, with their places."""
    for name, value in document.items():
        where = f"{place}.{name}" if place else name
        if isinstance(value, list) and value and 2 * sum(isinstance(entry, dict) for entry in value) >= len(value):
            yield where, value
        elif isinstance(value, dict) and value and level < _MOST_LEVELS:
            if _is_item(value):
                yield where, [value]
                continue
            mapping = _as_mapping(value, is_sure=True)
            if mapping is not None:
                yield where, list(mapping.rows)
            else:
                yield from _lists_in(value, where, level + 1)


def _unwrapped(rows: Sequence[object]) -> list[object]:
    """Rows without what GraphQL and Elasticsearch wrap each of them in."""
    for wrapper in _WRAPPERS:
        if rows and all(isinstance(row, dict) and isinstance(row.get(wrapper), dict) for row in rows):
            return [
                {**{name: row[name] for name in ("_id",) if name in row}, **row[wrapper]}  # type: ignore[index,operator]
                for row in rows
            ]
    return list(rows)


def _as_columns(document: Mapping[str, object]) -> Located | None:
    """pandas' layouts: {"columns": …, "data": …}, lists by column, and cells by column and row."""
    names, cells = document.get("columns"), document.get("data", document.get("rows"))
    if isinstance(names, list) and isinstance(cells, list) and all(isinstance(row, list) for row in cells):
        rows = [dict(zip(map(str, names), row, strict=True)) if len(row) == len(names) else row for row in cells]
        return Located(rows=rows, notes=("read as columns and data, as pandas splits a table",))
    values = list(document.values())
    if all(isinstance(value, list) for value in values):
        lengths = {len(value) for value in values}  # type: ignore[arg-type]  # all are lists
        has_objects = any(isinstance(cell, dict) for value in values for cell in value)  # type: ignore[attr-defined]
        if len(lengths) == 1 and lengths != {0} and not has_objects:
            rows = [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)]
            return Located(rows=rows, notes=("read as lists by column",))
    return _as_cells_by_column(document)


def _as_cells_by_column(document: Mapping[str, object]) -> Located | None:
    columns = [value for value in document.values() if isinstance(value, dict) and value]
    if len(columns) != len(document) or any(isinstance(cell, dict) for column in columns for cell in column.values()):
        return None
    keys = dict.fromkeys(key for column in columns for key in column)
    is_counted = all(map(str.isdigit, keys)) and not all(map(str.isdigit, document))
    is_named = len(columns) > 1 and all(len(column) == len(keys) for column in columns) and len(keys) > len(document)
    if not is_counted and not is_named:
        return None
    rows = [{name: column.get(key) for name, column in zip(document, columns, strict=True)} for key in keys]
    if not is_counted and "id" not in document:
        rows = [{"id": key, **row} for key, row in zip(keys, rows, strict=True)]
    return Located(rows=rows, notes=("read as cells by column and row, as pandas writes a table",))


def _as_mapping(document: Mapping[str, object], *, is_sure: bool) -> Located | None:
    """Ids to objects. is_sure: only where the objects are plainly alike."""
    values = list(document.values())
    if not values or not all(isinstance(value, dict) for value in values):
        return None
    objects: list[dict[str, object]] = [value for value in values if isinstance(value, dict)]
    if is_sure and not all(map(str.isdigit, document)):
        common = [name for name in objects[0] if 2 * sum(name in other for other in objects) > len(objects)]
        if len(objects) < 2 or not common or all(_holds_rows(entry.get(name)) for entry in objects for name in common):
            return None
    has_id = all("id" in entry for entry in objects)
    rows: list[object] = list(objects) if has_id else [{"id": key, **entry} for key, entry in document.items()]  # type: ignore[dict-item]
    note = "the objects were read as rows; their keys " + (
        "were left out, for they have an 'id'" if has_id else "are 'id'"
    )
    return Located(rows=rows, notes=(note,))


def _holds_rows(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(entry, dict) for entry in value)
