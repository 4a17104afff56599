"""Catalogs and their given modalities on disk.

Items are one Parquet file written with pyarrow, and not LanceDB: the catalog is read whole, in order and at once (row
*i* is the same item in every artifact), never queried or updated in place; a stage is replaced as a directory, so the
versions and indexes of a vector store would be a second truth; and pyarrow opens the file anywhere. Attributes differ
from item to item in name and type, so they are one JSON column. Further pictures and videos have columns only where an
item has some. How items are sold is kept beside it, by `offers`. Knows nothing of where items come from.
"""

import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from genrec.artifacts import write_file
from genrec.data.arrays import read_arrays
from genrec.data.media import Folders, stamp
from genrec.errors import ArtifactError, InputError, SourceError
from genrec.offers import is_web_address
from genrec.schema import AttributeValue, Catalog, Embeddings, Item

log = logging.getLogger(__name__)

ITEMS_FILE = "items.parquet"
_COLUMNS = ("item_id", "title", "text", "attributes", "image", "audio")
_STAMPS = {"image": "image_stamp", "audio": "audio_stamp"}  # of files outside the catalog's folder
_MORE = ("more_images", "more_images_stamp", "video", "video_stamp")  # lists for pictures; where any item has some
STAMPS = frozenset({*_STAMPS.values(), "more_images_stamp", "video_stamp"})  # columns that say nothing of an item
_PARSED_AT_ONCE = 10_000  # items whose attributes are one document
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
        columns[stamps] = [_stamp(path) for path in columns[name]]
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()} | _more(catalog, root))
    with write_file(directory / ITEMS_FILE) as path:
        pq.write_table(table, path)


def load_catalog(directory: Path) -> Catalog:
    """Read items.parquet. Raises ArtifactError when it is missing or is no catalog.

    Pictures and sounds that neither lie in the directory nor are the files that were ingested are left out, with a
    warning.
    """
    path = directory / ITEMS_FILE
    try:
        known = [*_COLUMNS, *_STAMPS.values(), *_MORE]
        columns = pq.read_table(path, columns=[n for n in known if n in pq.read_schema(path).names]).to_pydict()
        root = Path(os.path.abspath(directory))
        for name, stamps in _STAMPS.items():
            columns[name] = _admitted(columns[name], columns.get(stamps), root, what=name)
        columns["attributes"] = _parsed(columns["attributes"])
        rows = zip(
            *(columns[name] for name in _COLUMNS),
            _admitted_lists(columns, root) if "more_images" in columns else repeat(()),
            _admitted_videos(columns, root) if "video" in columns else repeat(None),
            strict=False,  # repeat never ends
        )
        return Catalog(
            items=tuple(
                Item(
                    item_id=item_id,
                    title=title,
                    text=text,
                    attributes=attributes,
                    image=image,
                    audio=audio,
                    more_images=more_images,
                    video=video,
                )
                for item_id, title, text, attributes, image, audio, more_images, video in rows
            )
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError, pa.ArrowException) as error:
        if isinstance(error, InputError):
            raise
        raise ArtifactError(f"{path} cannot be read as a catalog ({_one_line(error)}); run genrec ingest") from error


def count_items(directory: Path) -> int:
    """How many items a catalog has, without reading them. Raises ArtifactError when it is missing or is none."""
    path = directory / ITEMS_FILE
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException) as error:
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


def _more(catalog: Catalog, root: str) -> dict[str, pa.Array]:
    """The columns of further pictures and of videos, each where any item has some."""
    columns = {}
    if any(item.more_images for item in catalog):
        paths = [[str(_stored_path(path, root)) for path in item.more_images] for item in catalog]
        stamps = [[_stamp(path) for path in row] for row in paths]
        columns = {name: pa.array(v, pa.list_(pa.string())) for name, v in zip(_MORE[:2], (paths, stamps), strict=True)}
    if any(item.video is not None for item in catalog):
        videos = [v if isinstance(v := item.video, str) else _stored_path(v, root) for item in catalog]
        columns |= {"video": pa.array(videos, pa.string()), "video_stamp": pa.array(map(_stamp, videos), pa.string())}
    return columns


def _stamp(path: str | None) -> str | None:
    """The stamp of a stored path that leads out of the catalog's folder."""
    return stamp(Path(path)) if path and os.path.isabs(path) else None


def _admitted_lists(columns: Mapping[str, list[list[str]]], root: Path) -> list[tuple[Path, ...]]:
    """The further pictures of each item, without those that may not be read."""
    paths = [path for row in columns["more_images"] for path in row]
    stamps = [seen for row in columns["more_images_stamp"] for seen in row]
    admitted = iter(_admitted(paths, stamps, root, what="further image"))
    return [tuple(path for path in islice(admitted, len(row)) if path) for row in columns["more_images"]]


def _admitted_videos(columns: Mapping[str, list[str | None]], root: Path) -> list[Path | str | None]:
    """The video of each item: an address as it is, a file where it may be read."""
    videos = columns["video"]
    files = [None if video is None or is_web_address(video) else video for video in videos]
    admitted = _admitted(files, columns["video_stamp"], root, what="video")
    return [
        video if video is not None and file is None else path
        for video, file, path in zip(videos, files, admitted, strict=True)
    ]


def _parsed(texts: Sequence[str]) -> list[Mapping[str, AttributeValue]]:
    """The attributes of all items, many in one document, which share the objects of their names."""
    parsed: list[Mapping[str, AttributeValue]] = []
    for start in range(0, len(texts), _PARSED_AT_ONCE):
        batch = texts[start : start + _PARSED_AT_ONCE]
        found = json.loads(f"[{','.join(batch)}]")
        if len(found) != len(batch):
            raise ValueError("a cell of attributes holds several objects")
        parsed += map(_as_attributes, found)
    return parsed


def parse_attributes(text: str) -> Mapping[str, AttributeValue]:
    return _as_attributes(json.loads(text))


def _as_attributes(found: Mapping[str, Any]) -> Mapping[str, AttributeValue]:  # Any: JSON
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
