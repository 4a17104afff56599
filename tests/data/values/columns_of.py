"""Columns for tests of typed values."""

from datetime import UTC, datetime

import pyarrow as pa

from genrec.data.values import Times


def column(*cells: str | None) -> pa.ChunkedArray:
    """A column of a text file, in two chunks."""
    half = len(cells) // 2
    return pa.chunked_array([pa.array(part, pa.string()) for part in (cells[:half], cells[half:])])


def moments(found: Times) -> list[str | None]:
    """Times as ISO texts in UTC, None where there is none."""
    return [
        datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        if known
        else None
        for ms, known in zip(found.milliseconds.tolist(), found.present.tolist(), strict=True)
    ]
