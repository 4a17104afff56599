"""Layouts: how one publisher, shop system or library writes a catalog and its events.

A layout is told by columns, not by file names, which people change. Knows roles, the parts of a layout and what a table
looks like once it is in shape; deliberately knows no layout (`known`) and no cell.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from genrec.data.tables import Table
from genrec.offers import Variant

ItemRole = Literal[
    "item_id",
    "title",
    "text",
    "image",
    "audio",
    "video",
    "link",
    "price",
    "price_upper",
    "currency",
    "availability",
    "stock",
]
EventRole = Literal["user_id", "item_id", "timestamp", "kind", "rating", "quantity", "amount", "feedback", "part"]
ITEM_ROLES: tuple[ItemRole, ...] = get_args(ItemRole)
EVENT_ROLES: tuple[EventRole, ...] = get_args(EventRole)
Roles = Mapping[str, tuple[str, ...]]  # role to the columns that have it, the first that is filled counting


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """A table with one row for each item (or event), and what does not fit in columns.

    roles: those that the layout knows; left_out: columns that say nothing of an item, with the reason, none of which
    becomes an attribute; variants: an item's id to its variants; aliases: other ids by which events may name an item,
    such as a variant's SKU, to the item's own; beside: other files of the source that were read, too; notes: what
    shaping did. Rows that shaping cannot use are among the table's refused ones.
    """

    table: Table
    roles: Roles
    left_out: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, tuple[Variant, ...]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


Shape = Callable[[Table], Shaped]
Predicate = Callable[[Table], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One table of a layout.

    columns: all of these are there, each in one of its spellings, as `plain` writes them; is_like: what else must be
    true of a look at it; roles: role to columns, as `plain` writes them; left_out: columns to the reason why they are
    no attributes; shape: what brings the table into one row per item or event, None where it is; no_rating: numbers
    that stand for an absent rating; names: words of which one is in the file's name, where tables of the layout have
    the same columns; is_split: whether several such tables are the parts of one; items: makes the items of a table of
    events in shape, where there is no table of items, None where their columns are those that an item's events agree
    on.
    """

    columns: Sequence[str | Sequence[str]]
    roles: Mapping[str, Sequence[str]]
    left_out: Mapping[str, str] = field(default_factory=dict)
    is_like: Predicate | None = None
    shape: Shape | None = None
    no_rating: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    is_split: bool = False
    items: Shape | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A known layout: its name as people say it, its tables, and what follows from it.

    events may be several tables of the same kind, such as the parts of a split. kind: of events that say none.
    has_vectors: whether arrays beside the events are given modalities, a row for each number that names an item
    (`vectors`). needs_events: whether its items are told by what stands beside them alone.
    """

    name: str
    items: Part | None = None
    events: Part | None = None
    kind: str = "interaction"
    has_vectors: bool = False
    needs_events: bool = False
