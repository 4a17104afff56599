"""What a reading could not use: rows, cells and pictures, each with a place, a reason and a count; nothing in silence.

A source of millions of rows may lose millions, so of each reason the first are kept whole and all are counted. Knows
nothing of why anything is lost.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genrec.schema import IntArray

KEPT = 1_000  # refusals of one reason that are kept whole
_SHOWN = 60  # characters of it that are printed
_MAX_CONTENT = 500  # characters of what was refused that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something that could not be used. line counts from 1; 0 when there is no line, such as a broken image."""

    source_file: str
    line: int
    reason: str
    content: str


@dataclass(slots=True)
class Losses:
    """What was refused so far, by reason. kind: the reason without the names that differ from row to row; firsts: where
    the first of each kind stands."""

    refused: list[Refusal] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    firsts: dict[str, str] = field(default_factory=dict)
    num_rows: int = 0

    def add(self, path: Path, line: int, reason: str, content: object, *, kind: str = "", is_row: bool = True) -> None:
        """Count one loss. is_row: whether a whole row is lost, and not a cell or a picture of one that stays."""
        kind = kind or reason
        self.counts[kind] += 1
        self.num_rows += is_row
        if self.counts[kind] <= KEPT:
            text = str(content)
            if kind not in self.firsts:
                self.firsts[kind] = _place(path, line, content.name if isinstance(content, Path) else text)
            self.refused.append(Refusal(source_file=str(path), line=line, reason=reason, content=text[:_MAX_CONTENT]))

    def add_many(
        self,
        path: Path,
        lines: Sequence[int] | range | IntArray,
        places: IntArray,
        reason: Callable[[int], str] | str,
        content: Callable[[int], object],
        *,
        kind: str,
        is_row: bool = True,
    ) -> None:
        """Count a loss at each of these places of a table; lines: of all its rows; reason, content: by place."""
        if not len(places):
            return
        room = max(0, KEPT - self.counts[kind])
        for place in places[:room].tolist():
            said = reason if isinstance(reason, str) else reason(place)
            self.add(path, int(lines[place]), said, content(place), kind=kind, is_row=is_row)
        rest = len(places) - min(room, len(places))
        self.counts[kind] += rest
        self.num_rows += rest * is_row

    def merge(self, other: "Losses") -> None:
        """Take another's losses."""
        self.refused += other.refused
        self.counts += other.counts
        self.firsts = other.firsts | self.firsts
        self.num_rows += other.num_rows

    @property
    def total(self) -> int:
        """All losses."""
        return sum(self.counts.values())

    def in_words(self, most: int = 8) -> list[str]:
        """The commonest kinds, one line each, and how many more there are."""
        lines = [f"{count:,} × {kind}" for kind, count in self.counts.most_common(most)]
        rest = len(self.counts) - most
        return [*lines, f"{rest} more kinds of losses, in refused.csv"] if rest > 0 else lines


def _place(path: Path, line: int, content: str) -> str:
    """Where something is lost, and what, in few words."""
    content = " ".join(content.split())
    cut = content if len(content) <= _SHOWN else f"{content[:_SHOWN]}…"
    return f"{path.name}, line {line}: {cut}" if line else f"{path.name}: {cut}"
