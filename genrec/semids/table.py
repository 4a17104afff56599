"""The semantic ID table: every item has exactly one ID, every ID names exactly one item.

A semantic ID is a quantizer's code path, coarse to fine, with a tie code at the end that tells apart the items that
share the path. Knows how ties are broken and how items are appended; deliberately knows nothing of vectors.

Axis legend: N items, L levels of the quantizer, depth = L + 1.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from genrec.artifacts import fingerprint, write_file
from genrec.errors import ArtifactError, ConfigError, IdTableMismatch, ShapeError, UnknownItem
from genrec.schema import SemanticId

CodeArray = npt.NDArray[np.int32]
_METADATA = b"genrec.semantic_ids"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SemanticIdTable:
    """Items and their semantic IDs, row by row as in the catalog; immutable.

    codes: int32 (N, depth), the tie code last; level_sizes: how many codes each level has, the tie level included;
    codebook_fingerprint: of the quantizer that made the codes.
    Raises ShapeError on ill-shaped or out-of-range codes and IdTableMismatch when two items would share an ID.
    """

    item_ids: tuple[str, ...]
    codes: CodeArray
    level_sizes: tuple[int, ...]
    codebook_fingerprint: str
    _row_of_item: Mapping[str, int] = field(init=False, repr=False)
    _row_of_id: Mapping[SemanticId, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        codes = np.array(self.codes, dtype=np.int32, order="C")
        _check_codes(codes, len(self.item_ids), self.level_sizes)
        codes.setflags(write=False)
        row_of_item = {item_id: row for row, item_id in enumerate(self.item_ids)}
        row_of_id: dict[SemanticId, int] = {}
        for row, semantic_id in enumerate(map(tuple, codes.tolist())):
            other = row_of_id.setdefault(semantic_id, row)
            if other != row:
                raise IdTableMismatch(
                    f"items {self.item_ids[other]!r} and {self.item_ids[row]!r} share the semantic ID {semantic_id}; "
                    "wanted one item per ID: build the table again with SemanticIdTable.build"
                )
        if len(row_of_item) != len(codes):
            raise IdTableMismatch(f"{len(codes) - len(row_of_item)} item ids appear twice; give each item one row")
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "_row_of_item", row_of_item)
        object.__setattr__(self, "_row_of_id", row_of_id)

    @classmethod
    def build(
        cls,
        item_ids: Sequence[str],
        codes: npt.NDArray[np.integer],
        *,
        num_tie_codes: int,
        level_sizes: Sequence[int],
        codebook_fingerprint: str,
        popularity: npt.NDArray[np.integer] | None = None,
    ) -> "SemanticIdTable":
        """Break ties among code paths and make the table.

        codes: integers (N, L); level_sizes: of the L quantizer levels. Items on one path are ranked by a hash of their
        id, so neither the order of the rows nor the order of the ids matters; by popularity first, integers (N,), when
        that is given.
        Raises ConfigError when more than num_tie_codes items share a path.
        """
        sizes = tuple(int(size) for size in level_sizes)
        paths = _checked_paths(codes, len(item_ids), sizes)
        empty = cls(
            item_ids=(),
            codes=np.zeros((0, len(sizes) + 1), dtype=np.int32),
            level_sizes=(*sizes, int(num_tie_codes)),
            codebook_fingerprint=codebook_fingerprint,
        )
        return empty.append(item_ids, paths, popularity)

    def append(
        self,
        item_ids: Sequence[str],
        codes: npt.NDArray[np.integer],
        popularity: npt.NDArray[np.integer] | None = None,
    ) -> "SemanticIdTable":
        """A table with new rows at the end; no existing ID changes.

        codes: integers (M, L) of the new items, from the same quantizer. New items take the next free tie codes.
        Raises IdTableMismatch for an item that has an ID already, ConfigError when a path has no tie code left.
        """
        known = [item_id for item_id in item_ids if item_id in self._row_of_item]
        if known:
            raise IdTableMismatch(
                f"item {known[0]!r} has a semantic ID already ({len(known)} such items); append new items alone"
            )
        paths = _checked_paths(codes, len(item_ids), self.level_sizes[:-1])
        ties = _rank_ties(item_ids, paths, popularity, taken=self.codes)
        self._check_ties(ties, paths)
        return SemanticIdTable(
            item_ids=(*self.item_ids, *item_ids),
            codes=np.concatenate([self.codes, np.column_stack([paths, ties]).astype(np.int32)]),
            level_sizes=self.level_sizes,
            codebook_fingerprint=self.codebook_fingerprint,
        )

    def _check_ties(self, ties: npt.NDArray[np.int64], paths: CodeArray) -> None:
        num_tie_codes = self.level_sizes[-1]
        if len(ties) and int(ties.max()) >= num_tie_codes:
            worst = int(ties.argmax())
            raise ConfigError(
                f"{int(ties.max()) + 1} items share the code path {tuple(paths[worst].tolist())}, but "
                f"tokenize.num_tie_codes is {num_tie_codes}; raise tokenize.num_tie_codes to {int(ties.max()) + 1} or "
                "more, or raise tokenize.num_codes or num_levels, and build again"
            )

    def __len__(self) -> int:
        return len(self.item_ids)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._row_of_item

    @property
    def depth(self) -> int:
        """The number of codes of an ID, the tie code included."""
        return len(self.level_sizes)

    @property
    def id_space(self) -> str:
        """16 hex digits over codebooks and level sizes: what a model's id tokens mean; unchanged by append."""
        return fingerprint("id space", self.codebook_fingerprint, list(self.level_sizes))

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the whole table."""
        return fingerprint("id table", self.id_space, list(self.item_ids), self.codes.tobytes())

    def row_of(self, key: str | SemanticId) -> int:
        """The row of an item id (a string) or of a semantic ID (a tuple). Raises UnknownItem."""
        row = self._row_of_item.get(key) if isinstance(key, str) else self._row_of_id.get(tuple(key))
        if row is None:
            what = "item" if isinstance(key, str) else "semantic ID"
            raise UnknownItem(f"{what} {key!r} is not among the {len(self)} items of the id table; see genrec info")
        return row

    def semantic_id(self, item_id: str) -> SemanticId:
        """The semantic ID of one item. Raises UnknownItem."""
        return tuple(self.codes[self.row_of(item_id)].tolist())

    def item_id(self, semantic_id: SemanticId) -> str:
        """The item that a semantic ID names. Raises UnknownItem."""
        return self.item_ids[self.row_of(tuple(semantic_id))]

    def save(self, path: Path) -> None:
        """Write one Parquet file: item_id, level_0 … level_L; replaced whole."""
        header = {"level_sizes": list(self.level_sizes), "codebook_fingerprint": self.codebook_fingerprint}
        columns = {"item_id": pa.array(self.item_ids, type=pa.string())}
        columns |= {f"level_{level}": pa.array(self.codes[:, level]) for level in range(self.depth)}
        table = pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(header).encode()})
        with write_file(path) as partial:
            pq.write_table(table, partial)

    @classmethod
    def load(cls, path: Path) -> "SemanticIdTable":
        """Read what save wrote. Raises ArtifactError."""
        try:
            table = pq.read_table(path)
            header = json.loads((table.schema.metadata or {})[_METADATA])
            levels = [table.column(f"level_{i}").to_numpy() for i in range(len(header["level_sizes"]))]
        except (OSError, KeyError, ValueError, TypeError, RecursionError, pa.ArrowException) as error:
            raise ArtifactError(f"{path} is not a semantic ID table ({error}); run genrec build again") from error
        return cls(
            item_ids=tuple(table.column("item_id").to_pylist()),
            codes=np.stack(levels, axis=1),
            level_sizes=tuple(header["level_sizes"]),
            codebook_fingerprint=header["codebook_fingerprint"],
        )


def _check_codes(codes: CodeArray, num_items: int, level_sizes: tuple[int, ...]) -> None:
    if codes.shape != (num_items, len(level_sizes)):
        raise ShapeError(f"codes have shape {codes.shape}, wanted {(num_items, len(level_sizes))} (items, levels)")
    outside = (codes < 0) | (codes >= np.array(level_sizes))
    if outside.any():
        row, level = (int(i) for i in np.argwhere(outside)[0])
        raise ShapeError(
            f"row {row} has code {codes[row, level]} at level {level}, wanted 0 to {level_sizes[level] - 1}; "
            "give the codes and level sizes of one quantizer"
        )


def _checked_paths(codes: npt.NDArray[np.integer], num_items: int, level_sizes: tuple[int, ...]) -> CodeArray:
    paths = np.asarray(codes, dtype=np.int32).reshape(len(codes), -1) if len(codes) else _no_paths(len(level_sizes))
    _check_codes(paths, num_items, level_sizes)
    return paths


def _no_paths(num_levels: int) -> CodeArray:
    return np.zeros((0, num_levels), dtype=np.int32)


def _rank_ties(
    item_ids: Sequence[str], paths: CodeArray, popularity: npt.NDArray[np.integer] | None, *, taken: CodeArray
) -> npt.NDArray[np.int64]:
    """Tie codes, int64 (M,): the rank by popularity, then hash, among the new items of a path, after those taken."""
    liked = np.zeros(len(item_ids), np.int64) if popularity is None else -np.asarray(popularity, np.int64)
    num_taken: dict[SemanticId, int] = {}
    for *path, tie in taken.tolist():
        num_taken[tuple(path)] = max(num_taken.get(tuple(path), 0), tie + 1)
    ties = np.zeros(len(item_ids), dtype=np.int64)
    keys = [tuple(path) for path in paths.tolist()]
    for row in sorted(range(len(item_ids)), key=lambda row: (liked[row], _tie_order(item_ids[row]))):
        ties[row] = num_taken.get(keys[row], 0)
        num_taken[keys[row]] = int(ties[row]) + 1
    return ties


def _tie_order(item_id: str) -> tuple[bytes, str]:
    return hashlib.blake2b(item_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), item_id
