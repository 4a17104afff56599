"""From a source to a workspace's catalog and interactions, whole or not at all; and back into memory.

What is read becomes a draft of the workspace's next generation; the events' fingerprint stands in the catalog's
manifest. Knows nothing of what is built from the data.
"""

import csv
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genrec import shop
from genrec.artifacts import fingerprint_file, read_manifest, write_stage
from genrec.config import CONFIG_FILE
from genrec.data.catalog import (
    check_feature_name,
    count_items,
    load_catalog,
    load_features,
    save_catalog,
    save_features,
)
from genrec.data.fetch import FetchLimits
from genrec.data.given import GivenVectors, align_given, load_given
from genrec.data.interactions import k_core as keep_k_core
from genrec.data.interactions import load_interactions, save_interactions
from genrec.data.labels import LABELS_FILE, Labels, load_edits, write_listing
from genrec.data.layouts.mapping import MAPPING_FILE, Kind, SourceMapping, TableMapping, load_mapping, save_mapping
from genrec.data.losses import Losses, Refusal
from genrec.data.offers import with_offers, write_offers
from genrec.data.readers import READERS, Reading, ReadOptions, SourceReport, read_new_items
from genrec.data.values import Kind as AttributeKind
from genrec.data.words import provide_words
from genrec.errors import ArtifactError, SourceError
from genrec.generations import (
    CATALOG,
    CURRENT,
    GENERATIONS,
    HOLDER,
    INTERACTIONS,
    LOCK,
    OFFERS,
    Generation,
    find_faults,
    is_ingested,
    link_tree,
    new_folder,
    refuse_faults,
    writing,
)
from genrec.runtime import many_objects
from genrec.schema import AttributeValue, Catalog, Embeddings, Interactions, Item, coded_texts
from genrec.sinks import csv_cell, from_csv_cell

REFUSED = "refused.csv"
_KIND_OF: Mapping[type, AttributeKind] = {bool: "truth", float: "number", int: "number", tuple: "list", str: "text"}
CACHE = ".cache"  # of a workspace: what was fetched or encoded before
_WORKSPACE_SIGNS = (GENERATIONS, CURRENT, CONFIG_FILE, CATALOG, f".{CATALOG}.old")
# What a killed ingest leaves behind.
_LEFTOVERS = re.compile(
    rf"{re.escape(CACHE)}|\.catalog\.partial|\.{{1,2}}interactions\..*|{re.escape(LOCK)}|\.?{re.escape(HOLDER[:-5])}.*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What an ingest did, or would do. losses: what could not be used, by reason; first_losses: the place of the first
    of each; source: how it was read; notes: what else a person should know. out: None when nothing was written.
    """

    num_items: int
    num_users: int
    num_events: int
    num_refused: int
    num_images: int
    out: Path | None
    losses: Mapping[str, int] = field(default_factory=dict)
    first_losses: Mapping[str, str] = field(default_factory=dict)
    source: SourceReport = field(default_factory=SourceReport)
    notes: tuple[str, ...] = field(default=())


class WorkspaceData(NamedTuple):
    """A workspace's data: row *i* of every given modality is item *i* of the catalog."""

    catalog: Catalog
    interactions: Interactions
    features: dict[str, Embeddings]


@dataclass(frozen=True, slots=True)
class NewItems:
    """Items read for an existing catalog, how many it holds already, what was lost, and how they were read.

    returned: ids of those it holds that were removed; media: the folder of the pictures that were fetched for them.
    """

    items: tuple[Item, ...]
    num_known: int = 0
    losses: Losses = field(default_factory=Losses)
    notes: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    media: Path | None = None


@many_objects()
def ingest(
    source: str,
    path: Path | str | None,
    out: Path | str,
    *,
    features: Mapping[str, Path] | None = None,
    k_core: int = 0,
    columns: Mapping[str, str] | None = None,
    mapping: Path | None = None,
    strict: bool = False,
    dry_run: bool = False,
    **options: Any,  # as ReadOptions names and types them
) -> IngestReport:
    """Read a source into a workspace, as a draft of its next generation, which a build finishes; see `generations`.

    source: shop, movielens, amazon or files; path: what that reader takes. features: modality name to a file of given
    vectors. k_core: keep users and items with at least so many events; 0 keeps all, items without any event included.
    columns: role to column; mapping: a mapping.toml to read by, else the one of the workspace's newest catalog, where
    its columns are there. strict: raise where anything is lost. dry_run: write nothing. options: the readers'
    (ReadOptions). Pictures of a source stay where they are and are referred to by absolute path; pictures that a reader
    makes, or fetches, are stored in catalog/images. Raises SourceError, and then leaves `out` as it was, and
    WorkspaceBusy.
    """
    out, path = Path(out), None if path is None else Path(path)
    reader = READERS.get(source)
    if reader is None:
        raise SourceError(f"source {source!r} is unknown; choose one of {', '.join(READERS)}")
    asked = ReadOptions(columns=columns or {}, **options)
    _check_options(source, asked)
    if k_core < 0:
        raise SourceError(f"k-core is {k_core}; wanted 0 (keep all) or more")
    given = [load_given(check_feature_name(name), file) for name, file in (features or {}).items()]
    _check_out(out)
    asked = replace(
        asked,
        given_ids=frozenset(item_id for vectors in given for item_id in vectors.known_ids()),
        mapping=(load_mapping(mapping) if mapping is not None else _newest_mapping(out)) if reader.is_mapped else None,
    )
    asked = replace(asked, fetch=asked.fetch or _fetch_as(asked.mapping))

    def make(stage: Path) -> _Contents:
        reading = reader.read(path, replace(asked, media_directory=stage, fetch_folder=out / CACHE / "pictures"))
        if strict and reading.losses.total:
            raise SourceError(
                f"{reading.losses.total:,} losses ({'; '.join(reading.losses.in_words(3))}); mend them, or leave "
                "--strict out"
            )
        catalog, interactions = _keep_core(reading, k_core)
        row_ids = reading.row_ids or [item.item_id for item in reading.catalog]
        beside = [
            GivenVectors(name=name, file=array.path, ids=array.ids, vectors=np.load(array.path, allow_pickle=False))
            for name, array in reading.arrays.items()
            if name not in (features or {})
        ]
        aligned = [align_given(vectors, catalog, row_ids) for vectors in (*given, *beside)]
        notes = [note for found in aligned for note in found.notes]
        embeddings = [found.embeddings for found in aligned]
        readings.append(reading)
        return _Contents(catalog, interactions, embeddings, reading.refused, reading.details, reading.mapping, notes)

    readings: list[Reading] = []
    if dry_run:
        with tempfile.TemporaryDirectory() as folder:
            contents = make(Path(folder))
    else:
        contents = _write_draft(out, source, make)
        provide_words(Path(shop.__file__) if source == "shop" else path, out)
    return _report(contents, readings[0], None if dry_run else out)


def _fetch_as(mapping: SourceMapping | None) -> FetchLimits | None:
    """How pictures are fetched where an earlier reading fetched them; None where it did not."""
    return FetchLimits() if mapping is not None and mapping.fetch_pictures else None


def kept_mapping(folder: Path) -> SourceMapping | None:
    """How the catalog in a generation's folder was read; None where nothing tells."""
    file = folder / CATALOG / MAPPING_FILE
    return load_mapping(file) if file.is_file() else None


def _newest_mapping(out: Path) -> SourceMapping | None:
    """How the newest catalog of a workspace was read; None where there is none yet."""
    return kept_mapping(Generation.open_newest(out).folder) if is_ingested(out) else None


def load_workspace_data(root: Path) -> WorkspaceData:
    """The newest data of a workspace, built or not yet; see `load_data`."""
    generation = Generation.open_newest(root)
    return load_data(generation.folder)


@many_objects()
def load_data(directory: Path, *, content_alone: bool = False) -> WorkspaceData:
    """The catalog, the interactions and the given modalities of a generation's folder.

    content_alone: the catalog as vectors are made of it, without offers and what changed with them. Raises
    ArtifactError when a part is missing, broken, or does not belong to the others.
    """
    events_file = _checked_events_file(directory)
    catalog = load_catalog(directory / CATALOG)
    features = load_features(directory / CATALOG)
    for embeddings in features.values():
        if len(embeddings.vectors) != len(catalog):
            raise ArtifactError(
                f"features {embeddings.name!r} have {len(embeddings.vectors)} rows, the catalog {len(catalog)} items; "
                "run genrec ingest again"
            )
    if not content_alone:
        catalog = with_offers(catalog, directory)
    return WorkspaceData(catalog, load_interactions(events_file), features)


def load_labels(directory: Path, catalog: Catalog) -> Labels:
    """The labels of a generation's catalog: made from it, under what a person changed. Raises ConfigError."""
    return Labels.of(catalog, load_edits(directory / LABELS_FILE), _units(kept_mapping(directory)))


def _units(mapping: SourceMapping | None) -> dict[str, str]:
    """The units of numbers, as the source gave them."""
    kinds = {} if mapping is None else mapping.items.attributes
    return {name: kind.unit for name, kind in kinds.items() if kind.unit is not None}


@many_objects()
def load_events(directory: Path) -> tuple[Interactions, int]:
    """The interactions of a generation's folder, and how many items its catalog has, which is not read.

    Raises ArtifactError, as `load_data` does.
    """
    return load_interactions(_checked_events_file(directory)), count_items(directory / CATALOG)


def _checked_events_file(directory: Path) -> Path:
    """The events beside a catalog. Raises ArtifactError when they are missing or not those that came with it."""
    manifest = read_manifest(directory / CATALOG, CATALOG)
    path = directory / INTERACTIONS
    if not path.is_file():
        raise ArtifactError(f"{path} is missing; run genrec ingest")
    found, wanted = fingerprint_file(path), manifest.inputs.get("interactions")
    if found != wanted:
        raise ArtifactError(f"{path} is {found}, the catalog was made with {wanted}; run genrec ingest again")
    return path


def append_items(
    directory: Path,
    path: Path,
    columns: Mapping[str, str] | None = None,
    *,
    given_ids: frozenset[str] = frozenset(),
    fetch: FetchLimits | None = None,
    fetch_folder: Path | None = None,
    media: Path | None = None,
) -> NewItems:
    """Read new items for the catalog in a generation's folder, which is left as it is; see `extend_catalog`.

    path: an items file or a folder with one, read as the catalog was (its mapping.toml, its attributes' types), or
    another workspace. given_ids: items that have a given vector, as in ReadOptions. fetch: as there; None: as the
    catalog was read. media: where fetched pictures are put; fetch_folder keeps them. Raises SourceError when ids are in
    the catalog already for other items, or no row is usable.
    """
    known = load_data(directory).catalog
    if is_ingested(path):
        other = Generation.open_newest(path)  # held until it is read
        refuse_faults(other, find_faults(other))
        items, losses, notes = _known_by_content(load_data(other.folder).catalog, given_ids, path)
    else:
        mapping = kept_mapping(directory) or SourceMapping(items=TableMapping(attributes=_kinds_of(known)))
        asked = ReadOptions(
            columns=columns or {},
            mapping=mapping,
            given_ids=given_ids,
            fetch=fetch or _fetch_as(mapping),
            fetch_folder=fetch_folder,
            media_directory=media,
        )
        items, losses, notes = read_new_items(path, asked)
    there = [item for item in items if item.item_id in known]
    twice = [item.item_id for item in there if _words(known[item.item_id]) != _words(item)]
    if twice:
        raise SourceError(
            f"{len(twice)} of {len(items)} item ids are in the catalog already, with other contents "
            f"({', '.join(twice[:3])}); take them out of {path}, or change prices and offers with genrec update-items"
        )
    fresh = tuple(item for item in items if item.item_id not in known)
    returned = tuple(item.item_id for item in there if known[item.item_id].removed)
    return NewItems(fresh, len(there), losses, notes, returned, media)


def _known_by_content(
    catalog: Catalog, given_ids: frozenset[str], path: Path
) -> tuple[tuple[Item, ...], Losses, tuple[str, ...]]:
    """The items of another workspace that can join: those with content, for its events stay there."""
    losses, usable = Losses(), list[Item]()
    for item in catalog:
        if item.has_content or item.item_id in given_ids:
            usable.append(item)
        else:
            losses.add(path, 0, "item has no content, and its events stay in its workspace", item.item_id)
    if not usable:
        raise SourceError(
            f"none of the {len(catalog):,} items of {path} has content; only by that can items join others"
        )
    return tuple(usable), losses, ()


def _kinds_of(catalog: Catalog) -> dict[str, Kind]:
    """The types of a catalog's attributes, where no mapping was kept."""
    firsts: dict[str, AttributeValue] = {}
    for item in catalog:
        firsts = {**item.attributes, **firsts} if item.attributes.keys() - firsts.keys() else firsts
    return {name: Kind(kind=_KIND_OF[type(value)]) for name, value in firsts.items()}


def _words(item: Item) -> dict[str, object]:
    """All that is said of an item; its files may lie elsewhere."""
    words = replace(item, image=None, audio=None, more_images=(), video=None).record()
    return words if item.offer is None else words | item.offer.record()


def extend_catalog(directory: Path, new: NewItems, given: Mapping[str, Embeddings] | None = None) -> Catalog:
    """Write the catalog of a new generation's folder again with new items after the old. Returns it whole.

    given: the new items' vectors in given modalities; they are absent from others. Pictures in catalog/images are
    shared; interactions stay as they are. Raises ArtifactError.
    """
    content, interactions, features = load_data(directory, content_alone=True)
    offered = with_offers(content, directory)
    manifest = read_manifest(directory / CATALOG, CATALOG)
    old = directory / CATALOG

    def make(stage: Path) -> _Contents:
        if (old / "images").is_dir():
            link_tree(old / "images", stage / "images")
        moved, added = [_moved(item, old, stage) for item in content], new.items
        if new.media is not None:
            link_tree(new.media / "images", stage / "images")
            added = tuple(_moved(item, new.media, stage) for item in added)
        refused = (*_read_refused(old / REFUSED), *new.losses.refused)
        joined = [_joined(rows, (given or {}).get(name), len(new.items)) for name, rows in features.items()]
        mapping = kept_mapping(directory)
        grown = Catalog(items=(*moved, *added))
        return _Contents(grown, interactions, joined, refused, manifest.details, mapping)

    contents = _write_catalog(directory, manifest.inputs.get("source", "files"), make)
    write_offers(directory, Catalog(items=(*offered, *new.items)), contents.catalog)
    return load_catalog(old)


@dataclass(frozen=True, slots=True)
class _Contents:
    """Everything that a catalog stage and the events file beside it hold."""

    catalog: Catalog
    interactions: Interactions
    features: Sequence[Embeddings]
    refused: Sequence[Refusal]
    details: Mapping[str, object]
    mapping: SourceMapping | None = None
    notes: Sequence[str] = ()


def _write_draft(out: Path, source: str, make: Callable[[Path], _Contents]) -> _Contents:
    """Let `make` fill the catalog of a new draft; on failure `out` stays as it was.

    Stages that are there already are taken along: those that suit the new data need not be made again.
    """
    is_new = not out.exists()
    with writing(out, "genrec ingest"):
        try:
            base = Generation.open_newest(out).folder if is_ingested(out) else None
            with new_folder(out, base, without=(CATALOG, OFFERS, INTERACTIONS)) as folder:
                contents = _write_catalog(folder, source, make)
                write_offers(folder, contents.catalog, contents.catalog)
            write_listing(Labels.of(contents.catalog, units=_units(contents.mapping)), out / LABELS_FILE)
            return contents
        except BaseException:
            if is_new:
                _clear(out)
            raise


def _clear(out: Path) -> None:
    """Remove what a failed ingest began, but for what was fetched, which the next one goes on with."""
    for entry in out.iterdir():
        if entry.name != CACHE:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    if not any(out.iterdir()):
        out.rmdir()


def _write_catalog(folder: Path, source: str, make: Callable[[Path], _Contents]) -> _Contents:
    """Let `make` fill the catalog of a new generation's folder, then put catalog and events in place."""
    inputs, details = {"source": source}, dict[str, object]()
    with write_stage(folder / CATALOG, kind=CATALOG, inputs=inputs, details=details) as stage:
        contents = make(stage)
        save_catalog(contents.catalog, stage)
        for embeddings in contents.features:
            save_features(stage, embeddings)
        _write_refused(contents.refused, stage / REFUSED)
        if contents.mapping is not None:
            save_mapping(contents.mapping, stage / MAPPING_FILE)
        save_interactions(contents.interactions, folder / INTERACTIONS)
        inputs["interactions"] = fingerprint_file(folder / INTERACTIONS)
        details |= contents.details
    return contents


def _check_out(out: Path) -> None:
    """Raises SourceError when `out` is a file, or a folder that holds something else than a workspace."""
    if out.exists() and not out.is_dir():
        raise SourceError(f"{out} is a file; wanted a new folder, or a workspace, to write to")
    if not out.is_dir() or any((out / sign).exists() for sign in _WORKSPACE_SIGNS):
        return
    foreign = sorted(entry.name for entry in out.iterdir() if not _LEFTOVERS.fullmatch(entry.name))
    if foreign:
        raise SourceError(f"{out} is not empty and no workspace (it holds {foreign[0]!r}); give a new folder")


def _check_options(source: str, options: ReadOptions) -> None:
    """Raises SourceError when an option is given that the source's reader does not take."""
    usual = ReadOptions()
    given = {e.name for e in fields(options) if getattr(options, e.name) != getattr(usual, e.name)}
    unused = sorted(given - READERS[source].options)
    if unused:
        takes = ", ".join(sorted(READERS[source].options))
        raise SourceError(f"option {unused[0]!r} has no effect on source {source!r}, which takes {takes}; leave it out")


def _keep_core(reading: Reading, k: int) -> tuple[Catalog, Interactions]:
    """The events of the k-core and, when k is not 0, only the items in it."""
    if k == 0:
        return reading.catalog, reading.interactions
    interactions = keep_k_core(reading.interactions, k)
    kept = set(coded_texts(interactions.item_ids).values)
    if not kept:
        raise SourceError(f"there are no events to take a {k}-core of; leave k-core out, or give events")
    return Catalog(items=tuple(item for item in reading.catalog if item.item_id in kept)), interactions


def _report(contents: _Contents, reading: Reading, out: Path | None) -> IngestReport:
    catalog, interactions = contents.catalog, contents.interactions
    num_idle = len(catalog) - len(coded_texts(interactions.item_ids).values)
    return IngestReport(
        num_items=len(catalog),
        num_users=len(interactions.user_bounds()),
        num_events=len(interactions),
        num_refused=reading.losses.num_rows,
        num_images=sum(item.image is not None for item in catalog),
        out=out,
        losses=dict(reading.losses.counts),
        first_losses=dict(reading.losses.firsts),
        source=reading.report,
        notes=(*_notes(catalog, num_idle if len(interactions) else 0), *contents.notes),
    )


def _notes(catalog: Catalog, num_idle: int) -> Iterator[str]:
    if num_idle:
        yield f"{num_idle:,} items have no event"
    if num_bare := sum(not item.has_content for item in catalog):
        yield f"{num_bare:,} of {len(catalog):,} items have no content: events and given vectors alone tell of them"
    if num_heard := sum(
        bool(item.audio and not (item.image or item.words or isinstance(item.video, Path))) for item in catalog
    ):
        advice = "set encode.audio to a CLAP model for the build, or give vectors with --features audio=FILE"
        yield f"{num_heard:,} items have nothing but a sound; {advice}"


def _write_refused(refused: Iterable[Refusal], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([entry.name for entry in fields(Refusal)])
        writer.writerows(map(csv_cell, astuple(refusal)) for refusal in refused)


def _read_refused(path: Path) -> tuple[Refusal, ...]:
    if not path.is_file():
        return ()
    with path.open(newline="", encoding="utf-8") as stream:
        return tuple(
            Refusal(source_file=file, line=int(line), reason=reason, content=content)
            for file, line, reason, content in [map(from_csv_cell, row) for row in list(csv.reader(stream))[1:]]
        )


def _moved(item: Item, old: Path, new: Path) -> Item:
    """The item with the files of the old stage replaced by their copies in the new one."""
    old, new = Path(os.path.abspath(old)), Path(os.path.abspath(new))

    def moved(path: Path) -> Path:
        return new / path.relative_to(old) if path.is_relative_to(old) else path

    return replace(
        item,
        image=None if item.image is None else moved(item.image),
        audio=None if item.audio is None else moved(item.audio),
        more_images=tuple(map(moved, item.more_images)),
        video=moved(item.video) if isinstance(item.video, Path) else item.video,
    )


def _joined(old: Embeddings, new: Embeddings | None, num_new: int) -> Embeddings:
    """Old rows, then new ones, absent where there are none."""
    new = new or Embeddings.absent(old.name, num_new, old.vectors.shape[1])
    return Embeddings(
        name=old.name,
        vectors=np.concatenate([old.vectors, new.vectors]),
        present=np.concatenate([old.present, new.present]),
    )
