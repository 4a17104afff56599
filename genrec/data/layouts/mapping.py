"""mapping.toml: which column became what, kept beside the catalog, so that what comes later is read the same way.

Knows how a mapping is written and read back; deliberately knows nothing of how it was found.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from genrec.artifacts import write_text
from genrec.data.layouts.layout import EVENT_ROLES, ITEM_ROLES, Roles
from genrec.data.values import Kind as AttributeKind
from genrec.errors import SourceError

MAPPING_FILE = "mapping.toml"
_TOP: Mapping[str, type] = {"layout": str, "positive": str, "negative": str, "day_first": bool, "fetch_pictures": bool}
_HEAD = (
    "# How the source was read: role = columns. The next ingest and add-items read by it; see genrec ingest --help.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The type of an attribute: number, list, text or truth; of a number its unit and currency, where it has one."""

    kind: AttributeKind
    unit: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMapping:
    """How one table was read. file: its name; roles: role to columns; attributes: name to type, items' alone."""

    file: str = ""
    roles: Roles = field(default_factory=dict)
    attributes: Mapping[str, Kind] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMapping:
    """How a source was read. layout: its name, None where it was none that is known.

    positive, negative: conditions on events; day_first: how dates such as 03/04/2017 are read, None where none is;
    fetch_pictures: whether pictures at addresses were downloaded, None where they were not.
    """

    layout: str | None = None
    items: TableMapping = field(default_factory=TableMapping)
    events: TableMapping = field(default_factory=TableMapping)
    positive: str | None = None
    negative: str | None = None
    day_first: bool | None = None
    fetch_pictures: bool | None = None

    def document(self) -> dict[str, object]:
        """The mapping as TOML values, what is absent left out."""
        top = {name: value for name in _TOP if (value := getattr(self, name)) is not None}
        tables = {name: _table(getattr(self, name)) for name in ("items", "events")}
        return {**top, **{name: table for name, table in tables.items() if table}}


def save_mapping(mapping: SourceMapping, path: Path) -> None:
    """Write a mapping."""
    write_text(path, _HEAD + tomli_w.dumps(mapping.document()))


def load_mapping(path: Path) -> SourceMapping:
    """Read a mapping. Raises SourceError where it is none."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a mapping ({error}); wanted TOML such as ingest writes") from error
    unknown = sorted(document.keys() - {*_TOP, "items", "events"})
    if unknown:
        raise SourceError(f"{path} has the unknown entry {unknown[0]!r}; wanted layout, items, events, positive …")
    return SourceMapping(
        **{name: _typed(document, name, kind, path) for name, kind in _TOP.items()},
        items=_read_table(document.get("items", {}), ITEM_ROLES, f"{path} [items]"),
        events=_read_table(document.get("events", {}), EVENT_ROLES, f"{path} [events]"),
    )


def _table(mapping: TableMapping) -> dict[str, object]:
    roles = {role: names[0] if len(names) == 1 else list(names) for role, names in mapping.roles.items()}
    kinds = {
        name: {key: value for key in ("kind", "unit", "currency") if (value := getattr(kind, key)) is not None}
        for name, kind in mapping.attributes.items()
    }
    parts = {"file": mapping.file, "roles": roles, "attributes": kinds}
    return {name: part for name, part in parts.items() if part}


def _typed(document: Mapping[str, Any], name: str, kind: type, path: Path | str) -> Any:  # Any: TOML holds anything
    value = document.get(name)
    if value is not None and not isinstance(value, kind):
        raise SourceError(f"{path}: {name} is {value!r}; wanted a {kind.__name__}")
    return value


def _read_table(document: object, roles: tuple[str, ...], where: str) -> TableMapping:
    if not isinstance(document, dict):
        raise SourceError(f"{where} is {document!r}; wanted a table")
    found: dict[str, tuple[str, ...]] = {}
    for role, names in (_typed(document, "roles", dict, where) or {}).items():
        if role not in roles:
            raise SourceError(f"{where} names the unknown role {role!r}; choose one of {', '.join(roles)}")
        columns = (names,) if isinstance(names, str) else tuple(names) if isinstance(names, list) else ()
        if not columns or not all(isinstance(name, str) for name in columns):
            raise SourceError(f"{where}: role {role} is {names!r}; wanted a column's name, or a list of them")
        found[role] = columns
    kinds = {}
    for name, kind in (_typed(document, "attributes", dict, where) or {}).items():
        if not isinstance(kind, dict) or kind.get("kind") not in ("number", "list", "text", "truth"):
            raise SourceError(f"{where}: attribute {name} is {kind!r}; wanted kind = number, list, text or truth")
        kinds[name] = Kind(kind=kind["kind"], unit=kind.get("unit"), currency=kind.get("currency"))
    return TableMapping(file=_typed(document, "file", str, where) or "", roles=found, attributes=kinds)
