"""New items in a built workspace: recommendable at once, while nothing is fitted or tuned again.

Knows which stages a new item belongs to, and in which order they can be written; deliberately knows nothing of how an
item is encoded or gets its semantic ID.

Axis legend: M new items.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrec.artifacts import read_manifest, write_stage
from genrec.config import CONFIG_FILE, Config
from genrec.data.fetch import FetchLimits
from genrec.data.given import align_given, load_given
from genrec.data.ingest import CACHE, NewItems, append_items, extend_catalog, load_data
from genrec.encode.stage import cache_folder, encode_items, encoded_details, load_embeddings, save_embeddings
from genrec.errors import SourceError
from genrec.generations import Generation, checked_base, new_folder, require_no_draft, writing
from genrec.item_updates import return_items
from genrec.runtime import pick_device
from genrec.schema import Catalog, Embeddings
from genrec.search.stage import NAME as SEARCH_STAGE
from genrec.search.stage import save_search, search_inputs
from genrec.semids.report import make_report
from genrec.semids.stage import load_semids, save_semids, semids_details


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItemsReport:
    """What adding items did.

    item_ids: the new items; num_known: rows that the catalog holds already, as they are; num_refused: rows that could
    not be used; returned: items of the catalog that were removed, and are recommended again; notes: what was lost, and
    how the file was read.
    """

    item_ids: tuple[str, ...]
    num_known: int
    num_refused: int
    notes: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()


def add_items(
    directory: Path | str,
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    features: Mapping[str, Path] | None = None,
    fetch: FetchLimits | None = None,
) -> NewItemsReport:
    """Make the items of a file recommendable at once; nothing is fitted or tuned again.

    Items that the catalog holds as they are count as known, so that the same file may be given again; removed ones are
    recommended again. features: name of a modality that was given at the ingest, to a file of the new items' vectors;
    see `data.given`. fetch: how pictures are got from their addresses; None: they are where the ingest fetched its own.
    Raises ArtifactError when the workspace is not built or a draft waits, SourceError on bad items or
    vectors, WorkspaceBusy.
    """
    root = Path(directory)
    Generation.open(root)
    with writing(root, "genrec add-items"), _media_folder(root) as media:
        require_no_draft(root)
        base = checked_base(root)
        vectors = [load_given(name, file) for name, file in (features or {}).items()]
        known_ids = frozenset(item_id for given in vectors for item_id in given.known_ids())
        pictures = root / CACHE / "pictures"
        new = append_items(base, path, columns, given_ids=known_ids, fetch=fetch, fetch_folder=pictures, media=media)
        notes: tuple[str, ...] = (*new.losses.in_words(), *new.notes)
        if new.items or new.returned:
            aligned = [align_given(given, Catalog(items=new.items)) for given in vectors] if new.items else []
            notes += tuple(note for found in aligned for note in found.notes)
            with new_folder(root, base, is_whole=True) as folder:
                if new.items:
                    admit_items(root, folder, new, {found.embeddings.name: found.embeddings for found in aligned})
                if new.returned:
                    return_items(folder, new.returned)
    return NewItemsReport(
        item_ids=tuple(item.item_id for item in new.items),
        num_known=new.num_known,
        num_refused=new.losses.num_rows,
        notes=notes,
        returned=new.returned,
    )


@contextmanager
def _media_folder(root: Path) -> Iterator[Path]:
    """Where pictures that are fetched lie until the new generation has them; on the workspace's disk, to be linked."""
    folder = Path(os.path.abspath(root)) / CACHE / "added"
    shutil.rmtree(folder, ignore_errors=True)  # of a command that was killed
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def admit_items(root: Path, folder: Path, new: NewItems, vectors: Mapping[str, Embeddings] | None = None) -> None:
    """Encode new items, give them semantic IDs and write the stages of a new generation that they belong to.

    vectors: theirs in given modalities; they are absent from others. Raises SourceError where there is no such modality
    or it is of another width.
    """
    config = Config.load(folder / CONFIG_FILE)
    old = {name: read_manifest(folder / name, name) for name in ("embeddings", "semids")}
    given = _given_rows(load_data(folder).features, vectors or {}, len(new.items))
    encoded = encode_items(new.items, given, config.encode, pick_device(config.device), cache_folder(root))
    item_ids = tuple(item.item_id for item in new.items)
    known, semantic_ids = load_embeddings(folder / "embeddings"), load_semids(folder / "semids")
    _check_is_known(encoded, semantic_ids.fuser.modalities)
    grown = semantic_ids.append(item_ids, encoded)
    embeddings = _joined(known, encoded, len(item_ids))
    extend_catalog(folder, new, given)
    found: dict[str, object] = {}
    with write_stage(folder / SEARCH_STAGE, kind=SEARCH_STAGE, inputs=search_inputs(folder), details=found) as stage:
        found |= save_search(stage, load_data(folder, content_alone=True).catalog)
    inputs = {**old["embeddings"].inputs, "catalog": read_manifest(folder / "catalog", "catalog").fingerprint}
    details = encoded_details(embeddings, origin=str(old["embeddings"].details["origin"]))
    with write_stage(folder / "embeddings", kind="embeddings", inputs=inputs, details=details) as stage:
        save_embeddings(stage, embeddings)
    inputs = {**old["semids"].inputs, "embeddings": read_manifest(folder / "embeddings", "embeddings").fingerprint}
    report = make_report(grown.fused, grown.quantizer, grown.table)
    with write_stage(folder / "semids", kind="semids", inputs=inputs, details=semids_details(grown.table)) as stage:
        save_semids(stage, grown.fused, grown.fuser, grown.quantizer, grown.table, report)


def _check_is_known(encoded: Mapping[str, Embeddings], modalities: Sequence[str]) -> None:
    """Raises SourceError where new items have nothing by which the workspace's models know items."""
    if not any(e.present.any() for name, e in encoded.items() if name in modalities):
        raise SourceError(
            f"the new items have {', '.join(encoded) or 'no content'}, and the workspace knows items by "
            f"{', '.join(modalities)} alone; ingest them with their events, and build"
        )


def _given_rows(
    known: Mapping[str, Embeddings], vectors: Mapping[str, Embeddings], num_new: int
) -> dict[str, Embeddings]:
    """The M new rows of every given modality. Raises SourceError."""
    for name, e in vectors.items():
        if name not in known:
            have = ", ".join(known) or "none"
            raise SourceError(f"features {name!r} were not given at the ingest (there are: {have}); leave them out")
        wanted, found = known[name].vectors.shape[1], e.vectors.shape[1]
        if found != wanted:
            raise SourceError(
                f"features {name!r} have {found} numbers, those of the workspace {wanted}; make them alike"
            )
    return {n: vectors.get(n) or Embeddings.absent(n, num_new, e.vectors.shape[1]) for n, e in known.items()}


def _joined(old: Mapping[str, Embeddings], new: Mapping[str, Embeddings], num_new: int) -> dict[str, Embeddings]:
    """Old rows, then M new rows, for every modality the workspace has; a modality new items lack is absent there."""
    joined = {}
    for name, before in old.items():
        after = new.get(name) or Embeddings.absent(name, num_new, before.vectors.shape[1])
        joined[name] = Embeddings(
            name=name,
            vectors=np.concatenate([before.vectors, after.vectors]),
            present=np.concatenate([before.present, after.present]),
        )
    return joined
