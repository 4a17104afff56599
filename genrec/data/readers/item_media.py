"""The pictures, sounds and videos of items: named by their cells, or called like the item in the image folder.

Knows which files are the source's own; deliberately decodes nothing itself. What is named and cannot be used is
counted, and its item stays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genrec.data.fetch import FetchedPictures, fetch_pictures, link_pictures
from genrec.data.images import why_unusable
from genrec.data.item_pictures import index_pictures, match_pictures
from genrec.data.losses import Losses
from genrec.data.media import Folders
from genrec.data.readers.items import ItemColumns, own_file
from genrec.data.readers.reading import ReadOptions
from genrec.data.sounds import why_unusable_sound
from genrec.data.videos import why_unusable_video
from genrec.offers import is_web_address
from genrec.runtime import progress

_FOREIGN = "{} is no file in the source's folders; the item stays if it has more"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFound:
    """Files of each item, in the order of `ItemColumns`, and addresses of videos, which are shown alone.

    pictures: the first is shown first; audio, videos: None without.
    """

    pictures: list[tuple[Path, ...]]
    audio: list[Path | None]
    videos: list[Path | str | None]
    notes: list[str]


def find_media(
    columns: ItemColumns, table: Path, images: Path | None, options: ReadOptions, losses: Losses
) -> MediaFound:
    """Find every item's files. table: the file that names them; images: the folder of pictures, None without."""
    finder = _Finder(columns, table, images, options, losses)
    pictures = finder.pictures()
    return MediaFound(pictures=pictures, audio=finder.audio(), videos=finder.videos(), notes=finder.notes)


class _Finder:
    """Finds the files of the items of one table."""

    def __init__(
        self, columns: ItemColumns, table: Path, images: Path | None, options: ReadOptions, losses: Losses
    ) -> None:
        self._columns, self._table, self._options, self._losses = columns, table, options, losses
        # A folder that was found, and not named by a person, may be a link out of the source.
        folders = (table.parent, options.images, options.media_directory)
        self._own = Folders([folder for folder in folders if folder is not None])
        self._index = index_pictures(images)
        self._stems = self._index.by_stem()
        self.notes: list[str] = []

    def pictures(self) -> list[tuple[Path, ...]]:
        """The pictures of each item that can be used: those that its cells name, else those called like it."""
        if not self._index.paths and not any(self._columns.pictures):
            self.notes += match_pictures(self._columns.item_ids, self._index).notes
            return [()] * len(self._columns)
        fetched = self._fetched()
        named = [self._named(place, fetched) for place in range(len(self._columns))]
        taken, known = {path for files in named for path in files}, frozenset(self._index.paths)
        matches = match_pictures(self._columns.item_ids, self._index, taken & known)
        found = [
            files or self._held(place, matches.pictures.get(item_id, ()))
            for place, (files, item_id) in enumerate(zip(named, self._columns.item_ids, strict=True))
        ]
        self.notes += matches.notes
        broken = self._broken({path for files in found for path in files})
        kept = []
        for place, files in enumerate(found):
            for path in files:
                if path in broken:
                    item_id = self._columns.item_ids[place]
                    kind = f"broken image: {broken[path]}"
                    self._lose(0, f"broken image of item {item_id!r}: {broken[path]}", path, kind)
            kept.append(tuple(path for path in files if path not in broken))
        return kept

    def audio(self) -> list[Path | None]:
        """The sound of each item."""
        return self._usable(self._columns.audio, "audio", "sound", why_unusable_sound)

    def videos(self) -> list[Path | str | None]:
        """The video of each item."""
        names = self._columns.video
        files = ["" if is_web_address(name) else name for name in names]
        found = self._usable(files, "video", "video", why_unusable_video)
        return [name if is_web_address(name) else path for name, path in zip(names, found, strict=True)]

    def _usable(
        self, names: Sequence[str], role: str, what: str, why_unusable: Callable[[Path], str | None]
    ) -> list[Path | None]:
        """The files that cells of a role name; those that cannot be used are counted, and their items stay."""
        found = [self._file(place, name, role) if name else None for place, name in enumerate(names)]
        for place, path in enumerate(found):
            reason = None if path is None else why_unusable(path)
            if path is not None and reason is not None:
                item_id = self._columns.item_ids[place]
                self._lose(0, f"broken {what} of item {item_id!r}: {reason}", path, f"broken {what}: {reason}")
                found[place] = None
        return found

    def _fetched(self) -> FetchedPictures:
        """What became of the addresses of pictures; nothing where they are not wanted."""
        addresses = [name for names in self._columns.pictures for name in names if is_web_address(name)]
        options = self._options
        if not addresses or options.fetch is None or options.fetch_folder is None or options.media_directory is None:
            return FetchedPictures(paths={})
        found = fetch_pictures(addresses, options.fetch_folder, options.fetch)
        self.notes += found.notes
        return replace(found, paths=link_pictures(found.paths, options.media_directory / "images"))

    def _named(self, place: int, fetched: FetchedPictures) -> tuple[Path, ...]:
        """The files that an item's cells name."""
        found = []
        for name in self._columns.pictures[place]:
            if is_web_address(name) or name.startswith(("data:", "//")):
                if name in fetched.paths:
                    found.append(fetched.paths[name])
                elif self._options.fetch is None:
                    reason = "picture is an address, which is not downloaded without --fetch-pictures; the item stays"
                    self._lose(self._columns.lines[place], reason, name)
                else:
                    why = fetched.failed.get(name, "it is no http or https address")
                    self._lose(self._columns.lines[place], f"picture was not fetched: {why}; the item stays", name)
            else:
                file = self._file(place, name, "picture")
                found += [] if file is None else [file]
        return tuple(dict.fromkeys(found))

    def _file(self, place: int, name: str, what: str) -> Path | None:
        """The file that a cell names: relative to the table's folder, else by its stem in the image folder."""
        path = own_file(name, self._table.parent)
        if path is None and what == "picture":
            path = self._stems.get(Path(name.replace("\\", "/")).stem)
        if path is None:
            self._lose(self._columns.lines[place], f"{what} is not there; the item stays if it has more", name)
        elif not self._own.hold(path):
            self._lose(self._columns.lines[place], _FOREIGN.format(what), name)
        else:
            return path
        return None

    def _held(self, place: int, files: Sequence[Path]) -> tuple[Path, ...]:
        """Those of the files that lie in the source's own folders, links followed."""
        held = tuple(path for path in files if self._own.hold(path))
        for path in files:
            if path not in held:
                self._lose(self._columns.lines[place], _FOREIGN.format("picture"), path)
        return held

    def _broken(self, paths: set[Path]) -> dict[Path, str]:
        """The pictures that cannot be used, and why; those outside of the source's folders are none of them."""
        ordered = sorted(paths)
        reasons = {path: why_unusable(path) for path in progress(ordered, label="check images", total=len(ordered))}
        return {path: reason for path, reason in reasons.items() if reason is not None}

    def _lose(self, line: int, reason: str, content: object, kind: str = "") -> None:
        self._losses.add(self._table, line, reason, content, kind=kind, is_row=False)
