"""Catalogs and their given modalities on disk.

Items are one Parquet file written with pyarrow, and not LanceDB: the catalog is read whole, in order and at once (row
*i* is the same item in every artifact), never queried or updated in place; a stage is replaced as a directory, so the
versions and indexes of a vector store would be a second truth; and pyarrow opens the file anywhere. Attributes differ
from item to item in name and type, so they are one JSON column. Knows nothing of where items come from.
"""

import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from genrec.artifacts import write_file
from genrec.data.arrays import read_arrays
from genrec.data.media import Folders, stamp
from genrec.errors import ArtifactError, InputError, SourceError
from genrec.schema import AttributeValue, Catalog, Embeddings, Item

log = logging.getLogger(__name__)

ITEMS_FILE = "items.parquet"
_COLUMNS = ("item_id", "title", "text", "attributes", "image", "audio")
_STAMPS = {"image": "image_stamp", "audio": "audio_stamp"}  # of files outside the catalog's folder
STAMPS = frozenset(_STAMPS.values())  # columns that say nothing of an item
_FEATURES_PREFIX = "features-"
_FEATURE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def save_catalog(catalog: Catalog, directory: Path) -> None:
    """Write items.parquet into a directory.

    Media inside the directory are stored relative to it, others absolute, with the stamp of the file.
    """
    root = os.path.abspath(directory)
    columns: dict[str, list[str | None]] = {
        "item_id": [item.item_id for item in catalog],
        "title": [item.title for item in catalog],
        "text": [item.text for item in catalog],
        "attributes": [json.dumps(dict(item.attributes), ensure_ascii=False) for item in catalog],
        "image": [_stored_path(item.image, root) for item in catalog],
        "audio": [_stored_path(item.audio, root) for item in catalog],
    }
    for name, stamps in _STAMPS.items():
        columns[stamps] = [stamp(Path(path)) if path and os.path.isabs(path) else None for path in columns[name]]
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    with write_file(directory / ITEMS_FILE) as path:
        pq.write_table(table, path)


def load_catalog(directory: Path) -> Catalog:
    """Read items.parquet. Raises ArtifactError when it is missing or is no catalog.

    Pictures and sounds that neither lie in the directory nor are the files that were ingested are left out, with a
    warning.
    """
    path = directory / ITEMS_FILE
    try:
        known = [*_COLUMNS, *_STAMPS.values()]
        columns = pq.read_table(path, columns=[n for n in known if n in pq.read_schema(path).names]).to_pydict()
        root = Path(os.path.abspath(directory))
        for name, stamps in _STAMPS.items():
            columns[name] = _admitted(columns[name], columns.get(stamps), root, what=name)
        rows = zip(*(columns[name] for name in _COLUMNS), strict=True)
        return Catalog(
            items=tuple(
                Item(
                    item_id=item_id,
                    title=title,
                    text=text,
                    attributes=_parse_attributes(attributes),
                    image=image,
                    audio=audio,
                )
                for item_id, title, text, attributes, image, audio in rows
            )
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError, pa.ArrowException) as error:
        if isinstance(error, InputError):
            raise
        raise ArtifactError(f"{path} cannot be read as a catalog ({_one_line(error)}); run genrec ingest") from error


def save_features(directory: Path, embeddings: Embeddings) -> None:
    """Write one given modality, aligned to the catalog, as features-NAME.npz."""
    path = directory / f"{_FEATURES_PREFIX}{check_feature_name(embeddings.name)}.npz"
    with write_file(path) as partial:
        np.savez(partial, vectors=embeddings.vectors, present=embeddings.present)


def load_features(directory: Path) -> dict[str, Embeddings]:
    """Every given modality of a catalog directory by name, in the order of names. Raises ArtifactError."""
    features = {}
    for path in sorted(directory.glob(f"{_FEATURES_PREFIX}*.npz")):
        name = path.stem.removeprefix(_FEATURES_PREFIX)
        try:
            vectors, present = read_arrays(path, "vectors", "present")
            features[name] = Embeddings(name=name, vectors=vectors, present=present)
        except ValueError as error:
            raise ArtifactError(f"{path} cannot be read as features ({_one_line(error)}); run genrec ingest") from error
    return features


def check_feature_name(name: str) -> str:
    """The name itself, when it can name a file and a setting. Raises SourceError."""
    if not _FEATURE_NAME.fullmatch(name):
        raise SourceError(f"feature name {name!r} cannot be used; wanted letters, digits, '-', '_' and '.'")
    return name


def align_features(name: str, ids: Sequence[str], vectors: npt.NDArray[np.floating], catalog: Catalog) -> Embeddings:
    """Put the vectors of named items into catalog order, as unit rows.

    vectors: floats (M, D), row m for ids[m]. Items without a vector, and zero vectors, are marked absent; ids that
    the catalog lacks are left out. Raises SourceError when not one item of the catalog has a vector.
    """
    aligned = np.zeros((len(catalog), vectors.shape[1]), dtype=np.float32)
    pairs = [(catalog.row(item_id), row) for row, item_id in enumerate(ids) if item_id in catalog]
    if pairs:
        targets, sources = np.array(pairs, dtype=np.int64).T
        aligned[targets] = vectors[sources].astype(np.float32)
    norms = np.linalg.norm(aligned, axis=1)
    present = norms > 0
    if not present.any():
        example = repr(ids[0]) if len(ids) else "none"
        raise SourceError(
            f"features {name!r} has no vector for any of the {len(catalog)} items (its ids look like {example}, "
            f"the catalog's like {catalog.items[0].item_id!r}); give vectors for this catalog's ids"
        )
    aligned[present] /= norms[present, None]
    return Embeddings(name=name, vectors=aligned, present=present)


def _stored_path(path: Path | None, root: str) -> str | None:
    if path is None:
        return None
    absolute = os.path.abspath(path)
    return os.path.relpath(absolute, root) if absolute.startswith(root + os.sep) else absolute


def _admitted(
    paths: Sequence[str | None], stamps: Sequence[str | None] | None, root: Path, *, what: str
) -> list[Path | None]:
    """The stored paths as files; None for those that may not be read."""
    folder = Folders([root])
    found: list[Path | None] = []
    refused = []
    for path, seen in zip(paths, stamps or [None] * len(paths), strict=True):
        file = None if path is None else root / path
        if file is not None and not folder.hold(file) and (seen is None or stamp(file) != seen):
            refused.append(file)
            file = None
        found.append(file)
    if refused:
        log.warning(
            "%d %s files of %s are left out: they lie outside it and are not those that were ingested (%r first); "
            "ingest again where they have changed",
            *(len(refused), what, root, str(refused[0])),
        )
    return found


def _parse_attributes(text: str) -> Mapping[str, AttributeValue]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()}


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
