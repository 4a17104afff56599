"""New items in a built workspace: recommendable at once, while nothing is fitted or tuned again.

Knows which stages a new item belongs to, and in which order they can be written; deliberately knows nothing of how an
item is encoded or gets its semantic ID.

Axis legend: M new items.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrec.artifacts import read_manifest, write_stage
from genrec.config import CONFIG_FILE, Config
from genrec.data.ingest import NewItems, append_items, extend_catalog, load_data
from genrec.encode.stage import cache_folder, encode_items, encoded_details, load_embeddings, save_embeddings
from genrec.generations import Generation, checked_base, new_folder, require_no_draft, writing
from genrec.runtime import pick_device
from genrec.schema import Embeddings
from genrec.semids.report import make_report
from genrec.semids.stage import load_semids, save_semids, semids_details


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItemsReport:
    """What adding items did.

    item_ids: the new items; num_known: rows that the catalog holds already, as they are; num_refused: rows that could
    not be used.
    """

    item_ids: tuple[str, ...]
    num_known: int
    num_refused: int


def add_items(directory: Path | str, path: Path, *, columns: Mapping[str, str] | None = None) -> NewItemsReport:
    """Make the items of a file recommendable at once; nothing is fitted or tuned again.

    Items that the catalog holds as they are count as known, so that the same file may be given again. Raises
    ArtifactError when the workspace is not built or a draft waits, SourceError on bad items, WorkspaceBusy.
    """
    root = Path(directory)
    Generation.open(root)
    with writing(root, "genrec add-items"):
        require_no_draft(root)
        base = checked_base(root)
        new = append_items(base, path, columns)
        if new.items:
            with new_folder(root, base, is_whole=True) as folder:
                admit_items(root, folder, new)
    return NewItemsReport(
        item_ids=tuple(item.item_id for item in new.items), num_known=new.num_known, num_refused=len(new.refused)
    )


def admit_items(root: Path, folder: Path, new: NewItems) -> None:
    """Encode new items, give them semantic IDs and write the three stages of a new generation that they belong to."""
    config = Config.load(folder / CONFIG_FILE)
    old = {name: read_manifest(folder / name, name) for name in ("embeddings", "semids")}
    given = {
        name: Embeddings.absent(name, len(new.items), e.vectors.shape[1])
        for name, e in load_data(folder).features.items()
    }
    encoded = encode_items(new.items, given, config.encode, pick_device(config.device), cache_folder(root))
    item_ids = tuple(item.item_id for item in new.items)
    grown = load_semids(folder / "semids").append(item_ids, encoded)
    embeddings = _joined(load_embeddings(folder / "embeddings"), encoded, len(item_ids))
    extend_catalog(folder, new)
    inputs = {**old["embeddings"].inputs, "catalog": read_manifest(folder / "catalog", "catalog").fingerprint}
    details = encoded_details(embeddings, origin=str(old["embeddings"].details["origin"]))
    with write_stage(folder / "embeddings", kind="embeddings", inputs=inputs, details=details) as stage:
        save_embeddings(stage, embeddings)
    inputs = {**old["semids"].inputs, "embeddings": read_manifest(folder / "embeddings", "embeddings").fingerprint}
    report = make_report(grown.fused, grown.quantizer, grown.table)
    with write_stage(folder / "semids", kind="semids", inputs=inputs, details=semids_details(grown.table)) as stage:
        save_semids(stage, grown.fused, grown.fuser, grown.quantizer, grown.table, report)


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
