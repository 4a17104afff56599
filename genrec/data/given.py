"""Given modalities: vectors that people bring for their items, from files, put into catalog order.

Knows how vectors and the ids of their rows are kept (.npz, .npy with ids beside it, Parquet, CSV, safetensors); reads
no pickles, which could run code. Ids match as `IdMatcher` has it. Deliberately knows nothing of what the vectors mean.

Axis legend: M rows of a file, N items, D features.
"""

import csv
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from genrec.data.arrays import read_arrays
from genrec.data.id_matching import IdMatcher, plain_form
from genrec.errors import SourceError
from genrec.schema import BoolArray, Catalog, Embeddings

Array = npt.NDArray[Any]  # Any: whatever a file holds
_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".joblib", ".h5")
_ID_NAMES = ("item_id", "id", "ids", "item_ids", "itemid", "iid", "asin", "parent_asin", "article_id", "movie_id",
             "movieid", "product_id", "productid", "sku", "item")  # fmt: skip
_IDS_BESIDE = (".ids.txt", ".ids.json", ".ids.npy", ".ids.csv", "_ids.txt", "_ids.json", "_ids.npy", "_ids.csv")
_NUMBERED = re.compile(r"(.*?)(\d+)")
_MAX_RATIO, _RATIO_FROM_BYTES = 100, 64 * 2**20  # how much more a file may unpack to, from some size on
_ROWS_AT_ONCE = 65_536
_WANTED = (
    "wanted .npz (ids, vectors), .npy with ids beside it (NAME.ids.txt, or NAME=vectors.npy,ids.txt), .safetensors, or "
    ".parquet with an id column and a list column or one column per number"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenVectors:
    """Vectors of a file. ids: of each row, None where the file names none; vectors: numbers (M, D)."""

    name: str
    file: Path
    ids: tuple[str, ...] | None
    vectors: Array

    def known_ids(self) -> frozenset[str]:
        """The ids of rows that hold a vector, as the file spells them and in their plain form."""
        named = [] if self.ids is None else [i for i, use in zip(self.ids, _usable(self.vectors), strict=True) if use]
        return frozenset((*named, *map(plain_form, named)))


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedVectors:
    """A given modality in catalog order, and what a person should know of how it got there."""

    embeddings: Embeddings
    notes: tuple[str, ...]


def load_given(name: str, file: Path) -> GivenVectors:
    """Read vectors and the ids of their rows. file: one of them, or two as VECTORS,IDS. Raises SourceError."""
    file, ids_file = _split(file)
    if not file.is_file():
        raise SourceError(f"features {name!r}: {file} is {'a folder' if file.is_dir() else 'not there'}; {_WANTED}")
    if file.suffix.lower() in _PICKLES:
        raise SourceError(
            f"features {name!r}: {file} is not read, for files of its kind can run code; save the array by "
            "numpy.save or safetensors"
        )
    try:
        read = _READERS.get(file.suffix.lower())
        if read is None:
            raise ValueError(f"{file.suffix or 'no suffix'} is no kind that is read")
        ids, vectors = read(file)
        if vectors.ndim != 2 or vectors.dtype.kind not in "fiu" or 0 in vectors.shape:
            raise ValueError(f"its vectors are {vectors.dtype} of shape {vectors.shape}, no numbers (M, D)")
        if ids_file is not None or ids is None:
            ids = _ids_beside(file, ids_file, len(vectors))
        if ids is not None and len(ids) != len(vectors):
            raise ValueError(f"there are {len(ids):,} ids for {len(vectors):,} vectors")
    except (OSError, ValueError, TypeError, KeyError, RecursionError, pa.ArrowException) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"features {name!r}: {file} cannot be read ({reason}); {_WANTED}") from error
    return GivenVectors(name=name, file=file, ids=None if ids is None else tuple(map(_id_text, ids)), vectors=vectors)


def align_given(given: GivenVectors, catalog: Catalog, row_ids: Sequence[str] | None = None) -> AlignedVectors:
    """Put vectors into catalog order, as float32 unit rows (N, D).

    Items without a vector, or with one that is zero or not finite, are marked absent; ids that the catalog lacks are
    left out, and of an id that comes twice the first row counts. row_ids: the items file's ids in order, for vectors
    without ids; None for the catalog's. Raises SourceError when not one item of the catalog has a vector, or vectors
    without ids are more or fewer than rows.
    """
    notes = []
    ids = given.ids
    if ids is None:
        ids = tuple(row_ids) if row_ids is not None else tuple(item.item_id for item in catalog)
        if len(ids) != len(given.vectors):
            raise SourceError(
                f"features {given.name!r}: {given.file} has {len(given.vectors):,} vectors without ids, and there are "
                f"{len(ids):,} items; give their ids beside it ({given.file.stem}.ids.txt)"
            )
        notes.append(f"{given.file.name} names no ids, so its vectors are taken for the items in their order")
    usable = _usable(given.vectors)
    source_of, num_twice, strangers = _rows_of(ids, catalog)
    targets = np.array([row for row, source in source_of.items() if usable[source]], dtype=np.int64)
    if not len(targets):
        raise SourceError(
            f"features {given.name!r}: {given.file} has no vector for any of the {len(catalog)} items (its ids look "
            f"like {ids[0]!r}, the catalog's like {catalog.items[0].item_id!r}); give vectors for this catalog's ids"
        )
    aligned = np.zeros((len(catalog), given.vectors.shape[1]), dtype=np.float32)
    for start in range(0, len(targets), _ROWS_AT_ONCE):
        rows = targets[start : start + _ROWS_AT_ONCE]
        aligned[rows] = _unit_rows(given.vectors[[source_of[row] for row in rows.tolist()]])
    present = np.zeros(len(catalog), dtype=np.bool_)
    present[targets] = True
    notes.append(f"{len(targets):,} of {len(catalog):,} items have a vector of {aligned.shape[1]:,} numbers")
    if num_odd := int((~usable).sum()):
        notes.append(f"{num_odd:,} of {len(ids):,} vectors are zero or not finite, and count as absent")
    if num_twice:
        notes.append(f"{num_twice:,} of {len(ids):,} ids come twice; the first vector counts")
    if strangers:
        notes.append(f"{len(strangers):,} of {len(ids):,} ids match no item, such as {strangers[0]!r}")
    embeddings = Embeddings(name=given.name, vectors=aligned, present=present)
    return AlignedVectors(embeddings=embeddings, notes=tuple(f"features {given.name!r}: {note}" for note in notes))


def _rows_of(ids: Sequence[str], catalog: Catalog) -> tuple[dict[int, int], int, list[str]]:
    """The row of the file for each row of the catalog, how many ids come twice, and those of no item."""
    matcher = IdMatcher(item.item_id for item in catalog)
    source_of: dict[int, int] = {}
    num_twice, strangers = 0, []
    for source, name in enumerate(ids):
        item_id = matcher.find(name)
        if item_id is None:
            strangers.append(name)
        elif (row := catalog.row(item_id)) in source_of:
            num_twice += 1
        else:
            source_of[row] = source
    return source_of, num_twice, strangers


def _usable(vectors: Array) -> BoolArray:
    """Which rows are finite, in float32 too, and not zero, bool (M,)."""
    found = np.zeros(len(vectors), dtype=np.bool_)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        rows = np.asarray(vectors[start : start + _ROWS_AT_ONCE]).astype(np.float64)
        found[start : start + len(rows)] = np.isfinite(rows).all(axis=1) & rows.any(axis=1)
    return found


def _unit_rows(vectors: Array) -> npt.NDArray[np.float32]:
    """Rows of length one, however large or small their numbers are."""
    with np.errstate(over="ignore"):
        rows = vectors.astype(np.float32)
        norms = np.linalg.norm(rows, axis=1)
    odd = ~np.isfinite(norms) | (norms < np.finfo(np.float32).tiny)
    rows[odd] = vectors[odd] / np.abs(vectors[odd]).astype(np.float64).max(axis=1, keepdims=True)
    norms[odd] = np.linalg.norm(rows[odd], axis=1)
    return rows / norms[:, None]


def _id_text(value: object) -> str:
    """An id as text: 12 for 12.0, nothing for what is absent."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float):
        return "" if value != value else str(int(value)) if value.is_integer() else str(value)
    return "" if value is None else str(value).strip()


def _split(file: Path) -> tuple[Path, Path | None]:
    """The files of vectors and of ids that VECTORS,IDS names; a file that has a comma in its name is one."""
    vectors, comma, ids = str(file).rpartition(",")
    return (file, None) if not comma or file.exists() else (Path(vectors), Path(ids))


def _ids_beside(file: Path, ids_file: Path | None, num_rows: int) -> Sequence[object] | None:
    """The ids in a file of their own: the one that is named, or the one called like the vectors'; None without any."""
    if ids_file is None:
        ids_file = next((p for end in _IDS_BESIDE if (p := file.with_name(file.stem + end)).is_file()), None)
        if ids_file is None:
            return None
    suffix = ids_file.suffix.lower()
    if suffix == ".npy":
        ids: Sequence[object] = np.load(ids_file, allow_pickle=False).ravel().tolist()
        return ids
    text = ids_file.read_text(encoding="utf-8-sig")
    if suffix == ".json":
        return _json_ids(json.loads(text), ids_file)
    if suffix in (".csv", ".tsv"):
        rows = [row for row in csv.reader(text.splitlines(), delimiter="\t" if suffix == ".tsv" else ",") if row]
        column = _id_place([name.casefold() for name in rows[0]]) if len(rows) == num_rows + 1 else 0
        return [row[column] for row in rows[len(rows) == num_rows + 1 :]]
    lines = text.splitlines()
    return lines[1:] if len(lines) == num_rows + 1 and lines[0].strip().casefold() in _ID_NAMES else lines


def _json_ids(found: object, file: Path) -> Sequence[object]:
    """A list of ids, or a mapping from id to row, or from row to id."""
    if isinstance(found, list):
        return found
    if isinstance(found, dict) and sorted(map(str, found.values())) == sorted(map(str, range(len(found)))):
        return sorted(found, key=lambda item_id: int(found[item_id]))
    if isinstance(found, dict) and all(str(row) in found for row in range(len(found))):
        return [found[str(row)] for row in range(len(found))]
    raise ValueError(f"{file.name} is neither a list of ids nor a mapping from ids to rows")


def _id_place(header: Sequence[str]) -> int:
    """The column of ids: by its name, else the first that has one."""
    named = next((header.index(name) for name in _ID_NAMES if name in header), None)
    return named if named is not None else next((place for place, name in enumerate(header) if name), 0)


# ---- files


def _read_npz(file: Path) -> tuple[Sequence[object] | None, Array]:
    try:
        with zipfile.ZipFile(file) as packed:
            names = [name.removesuffix(".npy") for name in packed.namelist() if name.endswith(".npy")]
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error
    return _chosen(dict(zip(names, read_arrays(file, *names), strict=True)))


def _read_npy(file: Path) -> tuple[Sequence[object] | None, Array]:
    return None, np.load(file, mmap_mode="r", allow_pickle=False)


def _read_safetensors(file: Path) -> tuple[Sequence[object] | None, Array]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as tensors:
            found = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
            said = next((text for name, text in (tensors.metadata() or {}).items() if name.lower() in _ID_NAMES), None)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    arrays = {name: (t.float() if t.is_floating_point() else t).numpy() for name, t in found.items()}
    ids, vectors = _chosen(arrays)
    return (ids if said is None else _json_ids(json.loads(said), file)), vectors


def _chosen(arrays: Mapping[str, Array]) -> tuple[Sequence[object] | None, Array]:
    """The ids and the vectors among arrays: by name, else the only ones that can be."""
    tables = {name: array for name, array in arrays.items() if array.ndim == 2 and array.dtype.kind in "fiu"}
    vectors = (
        arrays.get("vectors") if "vectors" in arrays else next(iter(tables.values())) if len(tables) == 1 else None
    )
    if vectors is None:
        raise ValueError(f"it holds {', '.join(arrays) or 'nothing'}, and no array called vectors")
    lists = {
        name: a for name, a in arrays.items() if a.ndim == 1 and a.dtype.kind in "USiuf" and len(a) == len(vectors)
    }
    named = next((array for name, array in arrays.items() if name.lower() in _ID_NAMES), None)
    ids = named if named is not None else next(iter(lists.values())) if len(lists) == 1 else None
    if ids is not None and (ids.ndim != 1 or ids.dtype.kind not in "USiuf"):
        raise ValueError(f"its ids are {ids.dtype} of shape {ids.shape}, no list of ids")
    return None if ids is None else ids.tolist(), vectors


def _read_parquet(file: Path) -> tuple[Sequence[object] | None, Array]:
    with pq.ParquetFile(file) as packed:
        groups = packed.metadata.num_row_groups
        num_bytes = sum(packed.metadata.row_group(number).total_byte_size for number in range(groups))
        if num_bytes > max(_RATIO_FROM_BYTES, _MAX_RATIO * file.stat().st_size):
            raise ValueError(f"it unpacks to {num_bytes / 2**20:,.0f} MiB, over {_MAX_RATIO} times its size")
        return _from_table(packed.read())


def _read_csv(file: Path) -> tuple[Sequence[object] | None, Array]:
    options = pyarrow.csv.ParseOptions(delimiter="\t" if file.suffix.lower() == ".tsv" else ",")
    return _from_table(pyarrow.csv.read_csv(file, parse_options=options))


def _from_table(table: pa.Table) -> tuple[Sequence[object] | None, Array]:
    """Vectors of one list column, or of many columns of numbers; the ids stand in a column beside them."""
    lists = [field.name for field in table.schema if _is_list_of_numbers(field.type)]
    if len(lists) > 1:
        raise ValueError(f"it has {len(lists)} columns of lists ({', '.join(lists[:4])}); wanted one")
    columns = lists or _number_columns(table.schema)
    if not columns:
        raise ValueError(f"its columns are {', '.join(table.column_names[:8])}, none of which holds vectors")
    vectors = _from_lists(table[lists[0]]) if lists else np.stack([_numbers(table[name]) for name in columns], axis=1)
    rest = [name for name in table.column_names if name not in columns]
    place = _id_place([name.casefold() for name in rest]) if rest else None
    return None if place is None else table[rest[place]].to_pylist(), vectors


def _is_list_of_numbers(kind: pa.DataType) -> bool:
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return is_list and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))


def _number_columns(schema: pa.Schema) -> list[str]:
    """The columns that make up a vector: emb_0, emb_1 … in the order of their numbers, else all beside the id.

    None where there is anything else: a table of items has numbers, too.
    """
    numbers = [f.name for f in schema if pa.types.is_floating(f.type) or pa.types.is_integer(f.type)]
    parts = {name: found for name in numbers if (found := _NUMBERED.fullmatch(name))}
    (prefix, count), *_ = Counter(found[1] for found in parts.values()).most_common(1) or [("", 0)]
    if count > 1:
        return sorted((n for n, found in parts.items() if found[1] == prefix), key=lambda name: int(parts[name][2]))
    fractions = [f.name for f in schema if pa.types.is_floating(f.type) and f.name.casefold() not in _ID_NAMES]
    return fractions if len(fractions) > 1 and len(fractions) == len(schema) - 1 else []


def _numbers(column: pa.ChunkedArray) -> Array:
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float32)  # null is NaN


def _from_lists(column: pa.ChunkedArray) -> Array:
    """The lists of a column as rows; of NaN where there is none. Raises ValueError where they differ in length."""
    lists = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    widths = sorted({int(length) for length in np.unique(lengths)} - {0})
    if len(widths) != 1:
        raise ValueError(f"its lists have {', '.join(map(str, widths[:4])) or 'no'} numbers; wanted equally many")
    rows = np.full((len(lists), widths[0]), np.nan, dtype=np.float32)
    flat = pc.list_flatten(lists.filter(pa.array(lengths > 0)))
    rows[lengths > 0] = flat.cast(pa.float64()).to_numpy(zero_copy_only=False).reshape(-1, widths[0])
    return rows


_READERS: Mapping[str, Callable[[Path], tuple[Sequence[object] | None, Array]]] = {
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".safetensors": _read_safetensors,
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".tsv": _read_csv,
}
