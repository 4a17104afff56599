"""Checks of a whole workspace: every file against what was written, and every part against those beside it.

Knows what a workspace consists of; deliberately changes nothing: `genrec build` makes again what is broken.
"""

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from genrec.artifacts import read_manifest, stale_reason
from genrec.config import CONFIG_FILE, Config
from genrec.data.ingest import load_data
from genrec.data.labels import LABELS_FILE, load_edits
from genrec.errors import GenrecError
from genrec.generations import (
    ADAPTERS,
    CATALOG,
    CURRENT,
    Fault,
    Generation,
    current_number,
    draft_number,
    find_faults,
    parts_of,
)
from genrec.model.lm.adapters import fitting_adapter
from genrec.ranking.built_data import BuiltData
from genrec.sqlite_files import check_store_file

_STORE = "store.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at, and what is wrong with it, each with what to do; nothing where all is well."""

    part: str
    faults: tuple[str, ...] = ()


def check(directory: Path | str) -> list[Finding]:
    """Look at every file and every part of a workspace, whatever their size. Raises ArtifactError without one."""
    root = Path(directory)
    newest = Generation.open_newest(root)
    findings = [Finding(part=CURRENT, faults=_faults_of(lambda: current_number(root)))]
    if draft_number(root) is None:
        findings += _generation_findings(newest)
    else:
        current = current_number(root) if not findings[0].faults else None
        if current is not None:
            findings += _generation_findings(Generation(root, current))
        findings.append(_draft_finding(newest))
    findings.append(Finding(part=f"{CONFIG_FILE} for the next build", faults=_faults_of(lambda: _load_config(root))))
    if os.path.lexists(root / LABELS_FILE):
        broken = _faults_of(lambda: load_edits(root / LABELS_FILE))
        findings.append(Finding(part=f"{LABELS_FILE} for the next build", faults=broken))
    if os.path.lexists(root / _STORE):
        findings.append(Finding(part=_STORE, faults=_faults_of(lambda: _check_sqlite(root / _STORE))))
    return findings


def _generation_findings(generation: Generation) -> list[Finding]:
    """One finding for each part of a generation, one for how they fit, and one for pictures that lie elsewhere."""
    faults = find_faults(generation)
    parts = parts_of(generation.folder)
    findings = [
        Finding(part=part, faults=tuple(_told(fault, generation) for fault in faults if fault.part == part))
        for part in [*parts, *sorted({fault.part for fault in faults} - set(parts))]
    ]
    if faults:
        return findings
    findings.append(Finding(part="how parts fit", faults=_faults_of(lambda: BuiltData.of(generation))))
    folder = generation.folder
    for adapter in sorted(path.name for path in (folder / ADAPTERS).glob("*") if path.is_dir()):
        found = _faults_of(lambda name=adapter: fitting_adapter(folder, name))  # type: ignore[misc]
        findings.append(Finding(part=f"{ADAPTERS}/{adapter}", faults=found))
    findings.append(Finding(part="pictures", faults=_faults_of(lambda: _check_pictures(folder))))
    return findings


def _told(fault: Fault, generation: Generation) -> str:
    return f"{fault.path} {fault.reason}; {fault.remedy(generation.root)}"


def _draft_finding(draft: Generation) -> Finding:
    """A draft is unfinished by nature: what stands in it already must be whole."""
    name = f"generations/{draft.number}, which waits for genrec build"
    stages = [path for path in sorted(draft.folder.iterdir()) if (path / "manifest.json").is_file()]
    faults = [_faults_of(lambda stage=stage: read_manifest(stage, stage.name)) for stage in stages]  # type: ignore[misc]
    broken = [
        f"{stage.name}: {reason}; {_draft_remedy(stage.name)}"
        for stage, found in zip(stages, faults, strict=True)
        if not found
        and (reason := stale_reason(stage, kind=stage.name, inputs=read_manifest(stage, stage.name).inputs)) is not None
    ]
    return Finding(part=name, faults=(*(fault for found in faults for fault in found), *broken))


def _draft_remedy(stage: str) -> str:
    return "run genrec ingest again" if stage == CATALOG else "genrec build makes it again"


def _faults_of(look: Callable[[], object]) -> tuple[str, ...]:
    try:
        look()
    except (GenrecError, sqlite3.Error, OSError) as error:
        return (" ".join(str(error).split()),)
    return ()


def _load_config(root: Path) -> Config | None:
    return Config.load(root / CONFIG_FILE) if (root / CONFIG_FILE).exists() else None


def _check_pictures(folder: Path) -> None:
    pictures = (path for item in load_data(folder).catalog for path in (item.image, *item.more_images) if path)
    lost = [path for path in pictures if not path.is_file()]
    if lost:
        raise OSError(f"{len(lost):,} pictures are not there, such as {lost[0]}; put them back, or ingest again")


def _check_sqlite(path: Path) -> None:
    check_store_file(path)
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
    try:
        (found,) = connection.execute("PRAGMA integrity_check").fetchone()
    finally:
        connection.close()
    if found != "ok":
        raise OSError(f"{path} is damaged ({found}); put a backup back")
