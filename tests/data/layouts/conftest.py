"""Small sources written after their publishers' documentation, and what is found in them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from genrec.data.layouts.find import Source, find_source
from genrec.data.layouts.layout import Part, Shaped
from genrec.data.layouts.opening import open_table
from genrec.data.readers.item_source import shape

Files = Mapping[str, object]  # texts as they are, lists of objects as JSON-lines, other objects as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in a folder. items, events: shaped, None where there are none."""

    source: Source
    items: Shaped | None
    events: Shaped | None

    @property
    def layout(self) -> str | None:
        """The layout's name."""
        return self.source.layout.name if self.source.layout is not None else None

    def item(self, row: int = 0) -> dict[str, object]:
        """A row of the items by the columns' names."""
        assert self.items is not None
        return list(self.items.table.rows())[row]

    def event_cells(self, *roles: str) -> list[tuple[object, ...]]:
        """The events' cells of some roles."""
        assert self.events is not None
        names = [self.events.roles[role][0] for role in roles]
        return [tuple(row[name] for name in names) for row in self.events.table.rows()]

    def item_cells(self, *roles: str) -> list[tuple[object, ...]]:
        """The items' cells of some roles."""
        assert self.items is not None
        names = [self.items.roles[role][0] for role in roles]
        return [tuple(row[name] for name in names) for row in self.items.table.rows()]


def write(folder: Path, files: Files) -> Path:
    """Write files and return their folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif isinstance(content, list) and path.suffix != ".json":
            path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
        else:
            path.write_text(json.dumps(content), encoding="utf-8")
    return folder


def _shaped(paths: Sequence[Path], part: Part | None) -> Shaped | None:
    return shape(open_table(paths[0]), part) if paths else None


@pytest.fixture
def found_in(tmp_path: Path) -> Callable[[Files], Found]:
    """Writes files, finds a source in their folder and shapes its tables."""

    def find(files: Files) -> Found:
        source = find_source(write(tmp_path, files))
        layout = source.layout
        events_part = layout.events if layout is not None else None
        events = _shaped(source.events, events_part)
        items = _shaped([] if source.items is None else [source.items], layout.items if layout is not None else None)
        if items is None and events is not None and events_part is not None and events_part.items is not None:
            items = events_part.items(events.table)
        return Found(source=source, items=items, events=events)

    return find
