"""The pictures of a folder, and which items they show.

Knows how people name pictures after items; deliberately decodes none: `images` does. Whatever is not taken is counted
and named in a note.
"""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genrec.data.file_kinds import kind_of_file
from genrec.data.id_matching import IdMatcher
from genrec.errors import SourceError

# Taken for pictures unseen, and looked at before they are used; others are looked at when they are found.
_USUAL = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"))
_NUMBERED = re.compile(r"(?P<id>.+?)(?:\s*[_\-. ]\s*(?P<number>\d{1,4})|\s*\((?P<bracketed>\d{1,4})\))")
_DIGITS = re.compile(r"(\d+)")
_NUM_NAMED = 3  # examples in a note
_LITTER = frozenset(("thumbs.db", "desktop.ini", "__macosx"))  # what systems leave in folders


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureIndex:
    """The files of a folder and below it, in order of their names.

    paths: absolute, of those that may be pictures; unread: of each other file, why it is not read, by path.
    """

    folder: Path | None = None
    paths: tuple[Path, ...] = ()
    unread: Mapping[Path, str] = field(default_factory=dict)
    num_hidden: int = 0

    def by_stem(self) -> dict[str, Path]:
        """The first picture of each name, suffixes aside."""
        found: dict[str, Path] = {}
        for path in self.paths:
            found.setdefault(_stem(path), path)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMatches:
    """The pictures of items, by item id, the main one first; notes: what a person should know of the others."""

    pictures: Mapping[str, tuple[Path, ...]]
    notes: tuple[str, ...] = ()


def index_pictures(folder: Path | None) -> PictureIndex:
    """The pictures of a folder, subfolders included; none where folder is None.

    Files of unusual names are taken by what they hold. Raises SourceError when the folder is named but missing.
    """
    if folder is None:
        return PictureIndex()
    if not folder.is_dir():
        raise SourceError(f"image folder {folder} is not there; give a folder with one picture per item id")
    root, paths, unread, num_hidden = Path(os.path.abspath(folder)), list[Path](), dict[Path, str](), 0
    for parent, folders, names in os.walk(root):
        num_hidden += sum(map(_is_hidden, names))
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        for name in sorted(name for name in names if not _is_hidden(name)):
            path = Path(parent, name)
            reason = None if os.path.splitext(name)[1].lower() in _USUAL else _why_no_picture(path)
            if reason is None:
                paths.append(path)
            else:
                unread[path] = reason
    return PictureIndex(folder=root, paths=tuple(paths), unread=unread, num_hidden=num_hidden)


def match_pictures(item_ids: Collection[str], index: PictureIndex, named: Collection[Path] = ()) -> PictureMatches:
    """Give each item the pictures that are named after it.

    ID.jpg is its main one; ID_1.jpg, ID-2.jpg and ID (3).jpg follow by their numbers, and then what lies in a folder
    ID that holds no picture of another item. Ids match as `IdMatcher` has it: 0108.jpg is of item 108. named: pictures
    that items name themselves, in a column, and so need no name of an item.
    """
    matcher = IdMatcher(item_ids if index.paths else ())
    found: dict[str, list[tuple[tuple[object, ...], Path]]] = defaultdict(list)
    main: set[str] = set()
    twice: list[Path] = []
    rest: list[Path] = []
    shared_folders: set[Path] = set()  # hold pictures that are named after items
    for path in index.paths:
        stem = _stem(path)
        item_id = matcher.find(stem)
        if item_id is not None:
            shared_folders.add(path.parent)
            if item_id in main:
                twice.append(path)
            else:
                main.add(item_id)
                found[item_id].append(((0,), path))
        elif numbered := _numbered(stem, matcher):
            shared_folders.add(path.parent)
            found[numbered[0]].append(((1, numbered[1]), path))
        else:
            rest.append(path)
    strangers = []
    for path in rest:
        item_id = None if path.parent in shared_folders else _folder_item(path, index.folder, matcher)
        if item_id is None:
            strangers.append(path)
        else:
            found[item_id].append(((2, len(path.parts), _natural(path.name)), path))
    pictures = {item_id: tuple(path for _, path in sorted(several)) for item_id, several in found.items()}
    named = named if isinstance(named, frozenset) else frozenset(named)
    strangers = [path for path in strangers if path not in named]
    notes = tuple(_notes(item_ids, index, pictures, strangers, twice, len(named)))
    return PictureMatches(pictures=pictures, notes=notes)


def _why_no_picture(path: Path) -> str | None:
    try:
        kind = kind_of_file(path)
    except OSError as error:
        return f"it cannot be opened ({error.strerror}); look at its permissions"
    return None if kind.media == "picture" and kind.is_read else kind.reason


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LITTER


def _stem(path: Path) -> str:
    """The name without its suffix; a suffix of digits is part of the name, as in 1.5 or 2024.01."""
    stem, suffix = os.path.splitext(path.name)
    return path.name if suffix[1:].isdigit() else stem


def _numbered(stem: str, matcher: IdMatcher) -> tuple[str, int] | None:
    """The item and the number of a picture that is one of several: ID_1, ID-2, ID (3)."""
    parts = _NUMBERED.fullmatch(stem)
    if parts is None:
        return None
    item_id = matcher.find(parts["id"])
    return None if item_id is None else (item_id, int(parts["number"] or parts["bracketed"]))


def _folder_item(path: Path, root: Path | None, matcher: IdMatcher) -> str | None:
    """The item after which the nearest folder of a picture is named."""
    for folder in path.parents:
        if folder == root:
            return None
        if (item_id := matcher.find(folder.name)) is not None:
            return item_id
    return None


def _natural(name: str) -> tuple[object, ...]:
    """A key by which 2.jpg comes before 10.jpg."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(name) if part)


def _notes(
    item_ids: Collection[str],
    index: PictureIndex,
    pictures: Mapping[str, Sequence[Path]],
    strangers: Sequence[Path],
    twice: Sequence[Path],
    num_named: int,
) -> Iterator[str]:
    if index.folder is None:
        return
    name, num_taken = f"{index.folder.name}/", len(index.paths)
    if num_named:
        yield f"{num_named:,} of {num_taken:,} pictures in {name} are named by items"
    elif num_taken:
        yield f"{len(pictures):,} of {len(item_ids):,} items have a picture in {name}"
    if strangers:
        yield (
            f"{len(strangers):,} of {num_taken:,} pictures in {name} match no item; their names look like "
            f"{_named(strangers)}, the ids like {', '.join(map(repr, list(item_ids)[:2]))}"
        )
    if twice:
        are = _are(len(twice), "picture")
        yield f"{are} named as another of the same item, which counts, in {name}: {_named(twice)}"
    by_reason: dict[str, list[Path]] = defaultdict(list)
    for path, reason in index.unread.items():
        by_reason[reason].append(path)
    for reason, paths in by_reason.items():
        yield f"{_are(len(paths), 'file')} not read in {name}: {_named(paths)} ({reason.removeprefix('it is ')})"
    if index.num_hidden:
        yield f"{_are(index.num_hidden, 'hidden file')} passed over in {name}"


def _are(count: int, what: str) -> str:
    return f"{count:,} {what} is" if count == 1 else f"{count:,} {what}s are"


def _named(paths: Sequence[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_NUM_NAMED])
    return f"{names}, …" if len(paths) > _NUM_NAMED else names
