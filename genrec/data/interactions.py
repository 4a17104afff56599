"""Events on disk, and the k-core filter over them.

Knows nothing of items beyond their identifiers, nor of train and test.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from genrec.artifacts import write_file
from genrec.errors import ArtifactError, SourceError
from genrec.schema import Interactions, StringArray
from genrec.sinks import csv_cell

_STRINGS = ("user_ids", "item_ids", "kinds")
_NUMBERS = {"timestamps": pa.int64(), "weights": pa.float32()}


def save_interactions(interactions: Interactions, path: Path) -> None:
    """Write the events as Parquet, atomically, one column per field."""
    columns = {name: _encode(getattr(interactions, name)) for name in _STRINGS}
    columns |= {name: pa.array(getattr(interactions, name), kind) for name, kind in _NUMBERS.items()}
    with write_file(path) as partial:
        pq.write_table(pa.table(columns), partial, compression="zstd")


def load_interactions(path: Path) -> Interactions:
    """Read events that `save_interactions` wrote, in the stored order. Raises ArtifactError."""
    try:
        table = pq.read_table(path, columns=[*_STRINGS, *_NUMBERS], read_dictionary=list(_STRINGS))
        return Interactions(
            user_ids=_decode(table["user_ids"]),
            item_ids=_decode(table["item_ids"]),
            timestamps=table["timestamps"].to_numpy().copy(),
            kinds=_decode(table["kinds"]),
            weights=table["weights"].to_numpy().copy(),
        )
    except (OSError, KeyError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise ArtifactError(f"{path} cannot be read as interactions ({reason}); run genrec ingest") from error


def k_core(interactions: Interactions, k: int) -> Interactions:
    """Drop users and items with fewer than k events, again and again until none is left; k = 0 drops nothing.

    Raises SourceError when nothing is left.
    """
    if k <= 0 or not len(interactions):
        return interactions
    users, items = _codes(interactions.user_ids), _codes(interactions.item_ids)
    keep = np.ones(len(interactions), dtype=np.bool_)
    while True:
        user_counts = np.bincount(users[keep], minlength=1)
        item_counts = np.bincount(items[keep], minlength=1)
        kept = keep.copy()
        kept[keep] = (user_counts[users[keep]] >= k) & (item_counts[items[keep]] >= k)
        if kept.sum() == keep.sum():
            break
        keep = kept
    if not keep.any():
        raise SourceError(f"the {k}-core of {len(interactions)} events is empty; choose a smaller k-core")
    return interactions.select(keep)


def _codes(names: StringArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """int64 codes (E,), counted up by first appearance."""
    known: dict[str, int] = {}
    return np.fromiter((known.setdefault(name, len(known)) for name in names), dtype=np.int64, count=len(names))


def _encode(names: StringArray) -> pa.DictionaryArray:
    codes = _codes(names)
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int32()), pa.array(list(dict.fromkeys(names)), pa.string())
    )


def _decode(column: pa.ChunkedArray) -> StringArray:
    """Object array (E,) in which equal names are one string object."""
    parts = []
    for chunk in column.unify_dictionaries().chunks:
        names = np.array([*chunk.dictionary.to_pylist(), None], dtype=object)[:-1]
        parts.append(names[chunk.indices.to_numpy(zero_copy_only=False)])
    return np.concatenate(parts) if parts else np.zeros(0, dtype=object)


def write_events(parts: Sequence[Interactions], path: Path) -> int:
    """Write events as a CSV that `genrec ingest files` reads, atomically; returns how many.

    Ids that begin like a formula get an apostrophe before, which that reader takes off again.
    """
    with write_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["user_id", "item_id", "timestamp", "kind", "weight"])
        for part in parts:
            columns = (part.user_ids, part.item_ids, part.timestamps, part.kinds, part.weights)
            writer.writerows(map(csv_cell, row) for row in zip(*(column.tolist() for column in columns), strict=True))
    return sum(map(len, parts))
