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
from genrec.schema import POSITIVE, Interactions, StringArray, coded_texts, text_codes
from genrec.sinks import csv_cell

_STRINGS = ("user_ids", "item_ids", "kinds")
_NUMBERS = {"timestamps": pa.int64(), "feedback": pa.int8(), "weights": pa.float32()}
_PARTS = "parts"  # of a given split, where there is one
_NO_TIMES = {b"genrec.times": b"order of the source"}
_ADDED = "feedback"  # files without it are of a time when weights meant nothing, and every event was a liking


def save_interactions(interactions: Interactions, path: Path) -> None:
    """Write the events as Parquet, atomically, one column per field."""
    columns = {name: _encode(getattr(interactions, name)) for name in _STRINGS}
    columns |= {name: pa.array(getattr(interactions, name), kind) for name, kind in _NUMBERS.items()}
    if interactions.parts is not None:
        columns[_PARTS] = pa.array(interactions.parts, pa.int8())
    table = pa.table(columns)
    if not interactions.has_times:
        table = table.replace_schema_metadata(_NO_TIMES)
    with write_file(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def load_interactions(path: Path) -> Interactions:
    """Read events that `save_interactions` wrote, in the stored order. Raises ArtifactError.

    Without a column of feedback, as earlier versions wrote it, every event is positive, with strength 1.
    """
    try:
        schema = pq.read_schema(path)
        is_judged, has_parts = _ADDED in schema.names, _PARTS in schema.names
        numbers = [*(_NUMBERS if is_judged else ("timestamps",)), *((_PARTS,) if has_parts else ())]
        table = pq.read_table(path, columns=[*_STRINGS, *numbers], read_dictionary=list(_STRINGS))
        return Interactions(
            user_ids=_decode(table["user_ids"]),
            item_ids=_decode(table["item_ids"]),
            timestamps=table["timestamps"].to_numpy().copy(),
            kinds=_decode(table["kinds"]),
            feedback=table["feedback"].to_numpy().copy() if is_judged else np.ones(len(table), np.int8),
            weights=table["weights"].to_numpy().copy() if is_judged else np.ones(len(table), np.float32),
            parts=table[_PARTS].to_numpy().copy() if has_parts else None,
            has_times=not (_NO_TIMES.items() <= (schema.metadata or {}).items()),
        )
    except (OSError, KeyError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise ArtifactError(f"{path} cannot be read as interactions ({reason}); run genrec ingest") from error


def k_core(interactions: Interactions, k: int) -> Interactions:
    """Drop users and items with fewer than k positive events, again and again until none is left, with all of their
    events; k = 0 drops nothing.

    Raises SourceError when nothing is left.
    """
    if k <= 0 or not len(interactions):
        return interactions
    users, items = text_codes(interactions.user_ids), text_codes(interactions.item_ids)
    is_positive = interactions.feedback == POSITIVE
    keep = np.ones(len(interactions), dtype=np.bool_)
    while True:
        user_counts = np.bincount(users[keep & is_positive], minlength=users.max() + 1)
        item_counts = np.bincount(items[keep & is_positive], minlength=items.max() + 1)
        kept = keep.copy()
        kept[keep] = (user_counts[users[keep]] >= k) & (item_counts[items[keep]] >= k)
        if kept.sum() == keep.sum():
            break
        keep = kept
    if not keep.any():
        raise SourceError(f"the {k}-core of {len(interactions)} events is empty; choose a smaller k-core")
    return interactions.select(keep)


def _encode(names: StringArray) -> pa.DictionaryArray:
    coded = coded_texts(names)
    return pa.DictionaryArray.from_arrays(
        pa.array(coded.places_N.astype(np.int32)), pa.array(coded.values, pa.string())
    )


def _decode(column: pa.ChunkedArray) -> StringArray:
    """Object array (E,) in which equal names are one string object."""
    if not column.num_chunks:
        return np.zeros(0, dtype=object)
    chunks = column.unify_dictionaries().chunks
    names = np.array([*chunks[0].dictionary.to_pylist(), None], dtype=object)[:-1]  # all chunks have it
    return np.concatenate([names[chunk.indices.to_numpy(zero_copy_only=False)] for chunk in chunks])


def write_events(parts: Sequence[Interactions], path: Path) -> int:
    """Write events as a CSV that `genrec ingest files` reads, atomically; returns how many.

    feedback: 1, 0 or -1; weight: the event's strength. Ids that begin like a formula get an apostrophe before, which
    that reader takes off again.
    """
    with write_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["user_id", "item_id", "timestamp", "kind", "feedback", "weight"])
        for part in parts:
            columns = (part.user_ids, part.item_ids, part.timestamps, part.kinds, part.feedback, part.weights)
            writer.writerows(map(csv_cell, row) for row in zip(*(column.tolist() for column in columns), strict=True))
    return sum(map(len, parts))
