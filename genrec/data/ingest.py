"""From a source to a workspace's catalog and interactions, whole or not at all; and back into memory.

What is read becomes a draft of the workspace's next generation; the events' fingerprint stands in the catalog's
manifest. Knows nothing of what is built from the data.
"""

import csv
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrec.artifacts import fingerprint_file, read_manifest, write_stage
from genrec.config import CONFIG_FILE
from genrec.data.arrays import read_arrays
from genrec.data.catalog import (
    align_features,
    check_feature_name,
    load_catalog,
    load_features,
    save_catalog,
    save_features,
)
from genrec.data.interactions import k_core as keep_k_core
from genrec.data.interactions import load_interactions, save_interactions
from genrec.data.readers import READERS, Reading, ReadOptions, Refusal
from genrec.data.readers.files import ITEM_FILES, find_images, find_table, read_items
from genrec.data.readers.reading import Assembler
from genrec.data.readers.tables import require_file
from genrec.errors import ArtifactError, SourceError
from genrec.generations import (
    CATALOG,
    CURRENT,
    GENERATIONS,
    HOLDER,
    INTERACTIONS,
    LOCK,
    Generation,
    find_faults,
    is_ingested,
    link_tree,
    new_folder,
    refuse_faults,
    writing,
)
from genrec.schema import Catalog, Embeddings, Interactions, Item
from genrec.sinks import csv_cell, from_csv_cell

REFUSED = "refused.csv"
_WORKSPACE_SIGNS = (GENERATIONS, CURRENT, CONFIG_FILE, CATALOG, f".{CATALOG}.old")
# What a killed ingest leaves behind.
_LEFTOVERS = re.compile(
    rf"\.catalog\.partial|\.{{1,2}}interactions\..*|{re.escape(LOCK)}|\.?{re.escape(HOLDER[:-5])}.*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What an ingest did. notes: what a person should know, such as why rows were refused."""

    num_items: int
    num_users: int
    num_events: int
    num_refused: int
    num_images: int
    out: Path
    notes: tuple[str, ...] = field(default=())


class WorkspaceData(NamedTuple):
    """A workspace's data: row *i* of every given modality is item *i* of the catalog."""

    catalog: Catalog
    interactions: Interactions
    features: dict[str, Embeddings]


class NewItems(NamedTuple):
    """Items read for an existing catalog, how many it holds already, and the rows that could not be used."""

    items: tuple[Item, ...]
    num_known: int = 0
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class _GivenVectors:
    ids: Sequence[str]
    vectors: npt.NDArray[np.floating]


def ingest(
    source: str,
    path: Path | str | None,
    out: Path | str,
    *,
    features: Mapping[str, Path] | None = None,
    k_core: int = 0,
    columns: Mapping[str, str] | None = None,
    items: Path | None = None,
    events: Path | None = None,
    images: Path | None = None,
    seed: int | None = None,
    domains: str | None = None,
    num_items: int | None = None,
    num_people: int | None = None,
) -> IngestReport:
    """Read a source into a workspace, as a draft of its next generation, which a build finishes; see `generations`.

    source: shop, movielens, amazon or files; path: what that reader takes. features: modality name to an .npz file
    with `ids` and `vectors` (M, D). k_core: keep users and items with at least so many events; 0 keeps all, items
    without any event included. The other options are the readers' (ReadOptions). Pictures of a source stay where they
    are and are referred to by absolute path; pictures that a reader makes are stored in catalog/images.
    Raises SourceError, and then leaves `out` as it was, and WorkspaceBusy.
    """
    out, path = Path(out), None if path is None else Path(path)
    reader = READERS.get(source)
    if reader is None:
        raise SourceError(f"source {source!r} is unknown; choose one of {', '.join(READERS)}")
    options = ReadOptions(
        columns=columns or {}, items=items, events=events, images=images,
        seed=seed, domains=domains, num_items=num_items, num_people=num_people,
    )  # fmt: skip
    _check_options(source, options)
    if k_core < 0:
        raise SourceError(f"k-core is {k_core}; wanted 0 (keep all) or more")
    given = {check_feature_name(name): _load_vectors(name, file) for name, file in (features or {}).items()}
    options = replace(options, given_ids=frozenset(item_id for vectors in given.values() for item_id in vectors.ids))
    _check_out(out)

    def make(stage: Path) -> _Contents:
        reading = reader.read(path, replace(options, media_directory=stage))
        catalog, interactions = _keep_core(reading, k_core)
        embeddings = [align_features(name, v.ids, v.vectors, catalog) for name, v in given.items()]
        return _Contents(catalog, interactions, embeddings, reading.refused, reading.details)

    return _report(_write_draft(out, source, make), out)


def load_workspace_data(root: Path) -> WorkspaceData:
    """The newest data of a workspace, built or not yet; see `load_data`."""
    generation = Generation.open_newest(root)
    return load_data(generation.folder)


def load_data(directory: Path) -> WorkspaceData:
    """The catalog, the interactions and the given modalities of a generation's folder.

    Raises ArtifactError when a part is missing, broken, or does not belong to the others.
    """
    manifest = read_manifest(directory / CATALOG, CATALOG)
    events_file = directory / INTERACTIONS
    if not events_file.is_file():
        raise ArtifactError(f"{events_file} is missing; run genrec ingest")
    found, wanted = fingerprint_file(events_file), manifest.inputs.get("interactions")
    if found != wanted:
        raise ArtifactError(f"{events_file} is {found}, the catalog was made with {wanted}; run genrec ingest again")
    catalog = load_catalog(directory / CATALOG)
    features = load_features(directory / CATALOG)
    for embeddings in features.values():
        if len(embeddings.vectors) != len(catalog):
            raise ArtifactError(
                f"features {embeddings.name!r} have {len(embeddings.vectors)} rows, the catalog {len(catalog)} items; "
                "run genrec ingest again"
            )
    return WorkspaceData(catalog, load_interactions(events_file), features)


def append_items(directory: Path, path: Path, columns: Mapping[str, str] | None = None) -> NewItems:
    """Read new items for the catalog in a generation's folder, which is left as it is; see `extend_catalog`.

    path: an items file as the `files` source takes it (CSV, JSON-lines, Parquet), a folder that holds one, such as
    ShopWorld.write makes, or another workspace. Raises SourceError when ids are in the
    catalog already for other items, or no row is usable.
    """
    known = load_catalog(directory / CATALOG)
    if is_ingested(path):
        other = Generation.open_newest(path)  # held until it is read
        refuse_faults(other, find_faults(other))
        items, refused, file = load_catalog(other.folder / CATALOG).items, list[Refusal](), path
    else:
        items, refused, file = _read_new(path, columns or {})
    there = [item for item in items if item.item_id in known]
    twice = [item.item_id for item in there if _words(known[item.item_id]) != _words(item)]
    if twice:
        raise SourceError(
            f"{len(twice)} of {len(items)} item ids are in the catalog already, with other contents "
            f"({', '.join(twice[:3])}); take them out of {file}"
        )
    fresh = tuple(item for item in items if item.item_id not in known)
    return NewItems(fresh, len(there), tuple(refused))


def _read_new(path: Path, columns: Mapping[str, str]) -> tuple[tuple[Item, ...], list[Refusal], Path]:
    """The items of a table or of a folder with one, the rows that could not be used, and the table."""
    file = find_table(path, ITEM_FILES) if path.is_dir() else path
    if file is None:
        raise SourceError(f"{path} holds no items file; wanted one of {', '.join(ITEM_FILES)}, or the file itself")
    images = find_images(file)
    assembler = Assembler(ReadOptions(), (file.parent,))
    for item, line in read_items(require_file(file), columns, images, assembler):
        assembler.add_item(item, file, line)
    return assembler.finish_items().items, assembler.refused, file


def _words(item: Item) -> dict[str, object]:
    """All that is said of an item; its files may lie elsewhere."""
    return replace(item, image=None, audio=None).record()


def extend_catalog(directory: Path, new: NewItems) -> Catalog:
    """Write the catalog of a new generation's folder again with new items after the old. Returns it whole.

    New items are absent from given modalities. Pictures in catalog/images are shared; interactions stay as they are.
    Raises ArtifactError.
    """
    catalog, interactions, features = load_data(directory)
    manifest = read_manifest(directory / CATALOG, CATALOG)
    old = directory / CATALOG

    def make(stage: Path) -> _Contents:
        if (old / "images").is_dir():
            link_tree(old / "images", stage / "images")
        moved = [_moved(item, old, stage) for item in catalog]
        refused = (*_read_refused(old / REFUSED), *new.refused)
        padded = [_padded(embeddings, len(new.items)) for embeddings in features.values()]
        return _Contents(Catalog(items=(*moved, *new.items)), interactions, padded, refused, manifest.details)

    _write_catalog(directory, manifest.inputs.get("source", "files"), make)
    return load_catalog(old)


@dataclass(frozen=True, slots=True)
class _Contents:
    """Everything that a catalog stage and the events file beside it hold."""

    catalog: Catalog
    interactions: Interactions
    features: Sequence[Embeddings]
    refused: Sequence[Refusal]
    details: Mapping[str, object]


def _write_draft(out: Path, source: str, make: Callable[[Path], _Contents]) -> _Contents:
    """Let `make` fill the catalog of a new draft; on failure `out` stays as it was.

    Stages that are there already are taken along: those that suit the new data need not be made again.
    """
    is_new = not out.exists()
    with writing(out, "genrec ingest"):
        try:
            base = Generation.open_newest(out).folder if is_ingested(out) else None
            with new_folder(out, base, without=(CATALOG, INTERACTIONS)) as folder:
                return _write_catalog(folder, source, make)
        except BaseException:
            if is_new:
                shutil.rmtree(out)
            raise


def _write_catalog(folder: Path, source: str, make: Callable[[Path], _Contents]) -> _Contents:
    """Let `make` fill the catalog of a new generation's folder, then put catalog and events in place."""
    inputs, details = {"source": source}, dict[str, object]()
    with write_stage(folder / CATALOG, kind=CATALOG, inputs=inputs, details=details) as stage:
        contents = make(stage)
        save_catalog(contents.catalog, stage)
        for embeddings in contents.features:
            save_features(stage, embeddings)
        _write_refused(contents.refused, stage / REFUSED)
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
    given = {entry.name for entry in fields(options) if getattr(options, entry.name)}
    unused = sorted(given - READERS[source].options)
    if unused:
        takes = ", ".join(sorted(READERS[source].options))
        raise SourceError(f"option {unused[0]!r} has no effect on source {source!r}, which takes {takes}; leave it out")


def _load_vectors(name: str, file: Path) -> _GivenVectors:
    """The ids and the finite float vectors (M, D) of an .npz file. Raises SourceError."""
    wanted = "wanted an .npz with ids (M) of text and vectors (M, D) of float16 or float32"
    try:
        ids, vectors = read_arrays(require_file(file), "ids", "vectors")
    except SourceError:
        raise
    except ValueError as error:
        raise SourceError(f"features {name!r}: {file} cannot be read ({error}); {wanted}") from error
    if vectors.ndim != 2 or ids.shape != vectors.shape[:1] or vectors.dtype.kind != "f" or ids.dtype.kind not in "Ui":
        raise SourceError(
            f"features {name!r}: {file} has ids {ids.shape} of {ids.dtype} and vectors {vectors.shape} of "
            f"{vectors.dtype}; {wanted}"
        )
    if not np.isfinite(vectors).all():
        raise SourceError(f"features {name!r}: {file} has vectors that are not finite; remove or mend them")
    return _GivenVectors([str(item_id) for item_id in ids], vectors)


def _keep_core(reading: Reading, k: int) -> tuple[Catalog, Interactions]:
    """The events of the k-core and, when k is not 0, only the items in it."""
    if k == 0:
        return reading.catalog, reading.interactions
    interactions = keep_k_core(reading.interactions, k)
    kept = set(interactions.item_ids)
    if not kept:
        raise SourceError(f"there are no events to take a {k}-core of; leave k-core out, or give events")
    return Catalog(items=tuple(item for item in reading.catalog if item.item_id in kept)), interactions


def _report(contents: _Contents, out: Path) -> IngestReport:
    catalog, interactions = contents.catalog, contents.interactions
    num_idle = len(catalog) - len(set(interactions.item_ids))
    reasons = Counter(re.sub(r"'.*'", "…", refusal.reason) for refusal in contents.refused)
    notes = [f"{count:,} refused: {reason}" for reason, count in reasons.most_common(8)]
    notes += [f"{num_idle:,} items have no event"] if num_idle else []
    notes += ["there are no events"] if not len(interactions) else []
    return IngestReport(
        num_items=len(catalog),
        num_users=len(interactions.user_bounds()),
        num_events=len(interactions),
        num_refused=len(contents.refused),
        num_images=sum(item.image is not None for item in catalog),
        out=out,
        notes=tuple(notes),
    )


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
    """The item with a picture of the old stage replaced by its copy in the new one."""
    root = Path(os.path.abspath(old))
    if item.image is None or not item.image.is_relative_to(root):
        return item
    return replace(item, image=Path(os.path.abspath(new)) / item.image.relative_to(root))


def _padded(embeddings: Embeddings, num_new: int) -> Embeddings:
    vectors = np.pad(embeddings.vectors, ((0, num_new), (0, 0)))
    return Embeddings(name=embeddings.name, vectors=vectors, present=np.pad(embeddings.present, (0, num_new)))
