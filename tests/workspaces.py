"""Where the stages of a workspace lie, for tests that look at them or break them."""

import json
from pathlib import Path

from genrec.artifacts import fingerprint_file
from genrec.generations import CURRENT, INVENTORY, LEASE, Generation


def stages_of(root: Path) -> Path:
    """The folder of a workspace's newest generation."""
    return Generation.open_newest(root).folder


def recommit(root: Path) -> None:
    """Make a workspace's current generation whole as it stands, as whoever hands on a forged one could."""
    folder = Generation.open_newest(root).folder
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() or p.is_symlink()]
    kept = sorted(set(names) - {INVENTORY, LEASE})
    files = {name: [(folder / name).stat().st_size, fingerprint_file(folder / name)] for name in kept}
    (folder / INVENTORY).write_text(json.dumps({"format": 1, "number": int(folder.name), "files": files}))
    pointer = {"format": 1, "generation": int(folder.name), "inventory": fingerprint_file(folder / INVENTORY)}
    (root / CURRENT).write_text(json.dumps(pointer))
