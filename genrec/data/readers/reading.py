"""Readings: what every reader hands over, what it says of itself, and what a person may say about a source.

Knows nothing of any source's layout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genrec.data.fetch import FetchLimits
from genrec.data.layouts.mapping import SourceMapping
from genrec.data.layouts.vectors import GivenArray
from genrec.data.losses import Losses, Refusal
from genrec.schema import Catalog, Interactions


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReport:
    """How one file was read. roles: column to role; attributes: name to type; left_out: column to the reason why it
    became nothing.
    """

    file: str
    num_rows: int
    roles: Mapping[str, str]
    attributes: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What a person should know of how a source was read, before they trust what comes of it.

    layout: the known layout it has, None for none; unused: files beside it that nothing was read from; missing: what no
    column holds, such as titles; questions: what the reader cannot decide, with the option that does; notes: what was
    decided, such as an encoding; feedback: what events were taken for.
    """

    layout: str | None = None
    tables: tuple[TableReport, ...] = ()
    unused: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    feedback: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader made of a source. details: facts that recreate it, kept in the catalog's manifest; mapping: how it
    was read, None where nothing is to be chosen; row_ids: the id in each row of the items' table, usable or not;
    arrays: given modalities that lie beside it, by name.
    """

    catalog: Catalog
    interactions: Interactions
    losses: Losses = field(default_factory=Losses)
    report: SourceReport = field(default_factory=SourceReport)
    mapping: SourceMapping | None = None
    row_ids: Sequence[str] = ()
    arrays: Mapping[str, GivenArray] = field(default_factory=dict)
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def refused(self) -> Sequence[Refusal]:
        """The first things of each kind that could not be used."""
        return self.losses.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a person may say about a source; each reader takes the ones it names in READERS.

    columns: role to column name, such as item_id to sku, items. or events. before it for one table. items, events,
    images: files and folder, where they are not found. positive, negative: conditions on events, "all" for every event.
    mapping: how an earlier reading went, which this one follows where it can. fetch: how pictures are got from their
    addresses, None where they are not wanted; fetch_folder: where they are kept. day_first: how dates such as
    03/04/2017 are meant. domains: seen or held-out. given_ids: items that have a given vector and so need no text or
    image. media_directory: where pictures that a reader makes or fetches are put.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    items: Path | None = None
    events: Path | None = None
    images: Path | None = None
    positive: str | None = None
    negative: str | None = None
    mapping: SourceMapping | None = None
    fetch: FetchLimits | None = None
    fetch_folder: Path | None = None
    day_first: bool | None = None
    seed: int | None = None
    domains: str | None = None
    num_items: int | None = None
    num_people: int | None = None
    given_ids: frozenset[str] = frozenset()
    media_directory: Path | None = None
