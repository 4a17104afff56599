"""The stages of a build in their order: what is fresh is skipped, what was killed is continued.

encode → `embeddings/`, learn what follows what → `sequence/`, by the language model, too → `item_head/`, weigh the item
scorer → `experts/`, fuse and tokenize → `semids/`, tune → `model/`, weigh the language model and the item scorer →
`mixture/`, index words → `search/`. Each stage is keyed by the fingerprints of what goes in; a stage that was killed is
made again, and training resumes from its last checkpoint.
Knows the order; deliberately knows nothing of what goes into a stage or how it does its work, which stand beside their
owners.
"""

import logging
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import tomli_w

from genrec import artifacts
from genrec.artifacts import fingerprint_folder
from genrec.config import CONFIG_FILE, Config
from genrec.data.labels import LABELS_FILE, Edits, load_edits
from genrec.data_defaults import resolve_config
from genrec.encode.stage import EMBEDDINGS
from genrec.generations import (
    ADAPTERS,
    OFFERS,
    Generation,
    begin,
    check_adapter_files,
    commit,
    draft_number,
    find_faults,
    refuse_faults,
    take_up_adapters,
    writing,
)
from genrec.hub import require_models
from genrec.model.sequence.stage import ITEM_HEAD, SEQUENCE, learned_item_vectors
from genrec.ranking.stages import ITEM_SCORER, MIXTURE, MODEL
from genrec.search.stage import SEARCH
from genrec.semids.stage import semids_stage
from genrec.stages import BuildContext, Stage

log = logging.getLogger(__name__)

_SEMIDS = semids_stage(learned_item_vectors)
STAGES: tuple[Stage, ...] = (EMBEDDINGS, SEQUENCE, ITEM_HEAD, ITEM_SCORER, _SEMIDS, MODEL, MIXTURE, SEARCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """One stage of a workspace: stale says why it must be made again, None when it is fresh."""

    name: str
    stale: str | None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """Seconds per stage that was made; fresh stages are named in skipped."""

    seconds: Mapping[str, float]
    skipped: tuple[str, ...]


def build(directory: Path | str, *, preset: str | None = None, settings: Iterable[str] = ()) -> BuildReport:
    """Encode, fuse, tokenize and tune an ingested workspace; fresh stages are skipped, a killed build is continued.

    The stages are made in a draft, which becomes the current generation when all are; until then whoever reads the
    workspace reads the current one. Raises ArtifactError when nothing was ingested, ConfigError on unknown settings,
    InputError where a model is not on this machine, WorkspaceBusy.
    """
    root = Path(directory)
    Generation.open_newest(root)  # a folder that holds nothing stays as it is
    with writing(root, "genrec build"):
        before = Generation.open_newest(root)  # another may have written meanwhile
        before.release()  # the lock keeps it
        faults = find_faults(before)
        refuse_faults(before, (fault for fault in faults if fault.is_of_data))
        check_adapter_files(root)
        load_edits(root / LABELS_FILE)
        config = resolve_config(root, before.folder, preset=preset, settings=settings)
        context = BuildContext.open(root, before.folder, config)
        if not (root / CONFIG_FILE).is_file() or Config.load(root / CONFIG_FILE) != config:
            artifacts.write_text(root / CONFIG_FILE, config.to_toml())
        is_begun = draft_number(root) is not None
        if not is_begun and not faults and not _has_changes(context):
            return BuildReport(seconds={}, skipped=tuple(stage.name for stage in STAGES))
        require_models(config, root)
        if not is_begun:
            context = replace(context, folder=begin(root, before.folder))
        report = _make_stages(context)
        _take_up_settings(context)
        commit(root)
    return report


def _has_changes(context: BuildContext) -> bool:
    """Whether a generation is not what a build would make now."""
    folder, root = context.folder, context.root
    is_stale = any(_stale_reason(stage, context) for stage in STAGES)
    is_said_otherwise = load_edits(folder / LABELS_FILE) != load_edits(root / LABELS_FILE)
    is_set_otherwise = Config.load(folder / CONFIG_FILE) != context.config
    return is_stale or is_said_otherwise or is_set_otherwise or _prints(folder) != _prints(root)


def _prints(directory: Path) -> dict[str, str]:
    """What tells whether two folders hold equal adapters."""
    adapters = directory / ADAPTERS
    return {path.name: fingerprint_folder(path) for path in adapters.iterdir()} if adapters.is_dir() else {}


def _stale_reason(stage: Stage, context: BuildContext) -> str | None:
    return artifacts.stale_reason(context.folder / stage.name, kind=stage.name, inputs=stage.inputs(context))


def _make_stages(context: BuildContext) -> BuildReport:
    seconds: dict[str, float] = {}
    skipped = []
    for stage in STAGES:
        artifacts.recover(context.folder / stage.name)
        inputs = stage.inputs(context)
        reason = _stale_reason(stage, context)
        if reason is None:
            skipped.append(stage.name)
            continue
        log.info("stage %s is made: %s", stage.name, reason)
        start = time.monotonic()
        _make(stage, context, inputs)
        seconds[stage.name] = time.monotonic() - start
    return BuildReport(seconds=seconds, skipped=tuple(skipped))


def _take_up_settings(context: BuildContext) -> None:
    """Put into a draft what the next generation takes up from the workspace's folder: settings, labels, adapters."""
    artifacts.write_text(context.folder / CONFIG_FILE, context.config.to_toml())
    (context.folder / LABELS_FILE).unlink(missing_ok=True)
    if edits := load_edits(context.root / LABELS_FILE):
        _warn_of_strangers(edits, context)
        artifacts.write_text(context.folder / LABELS_FILE, tomli_w.dumps(edits))
    take_up_adapters(context.root, context.folder)


def _warn_of_strangers(edits: Edits, context: BuildContext) -> None:
    """Labels of attributes that no item has take no effect, which is told."""
    known = set(context.catalog.column_names())
    for name in sorted(edits.keys() - known):
        has = ", ".join(sorted(known)[:8]) or "none"
        log.warning("%s names %r, which no item has (it has %s)", context.root / LABELS_FILE, name, has)


def _make(stage: Stage, context: BuildContext, inputs: Mapping[str, str]) -> None:
    details: dict[str, object] = {}
    with artifacts.write_stage(
        context.folder / stage.name, kind=stage.name, inputs=inputs, details=details
    ) as directory:
        details |= stage.make(context, directory, artifacts.fingerprint(dict(inputs)))
    shutil.rmtree(context.work(stage.name), ignore_errors=True)


def describe(directory: Path | str) -> list[StageState]:
    """Each stage of a workspace, fresh or stale and why. Raises ArtifactError when nothing was ingested."""
    root = Path(directory)
    newest = Generation.open_newest(root)
    context = BuildContext.open(root, newest.folder, resolve_config(root, newest.folder))
    states = [StageState(name="catalog", stale=None, details=context.manifest("catalog").details)]
    if (newest.folder / OFFERS).is_dir():
        states.append(StageState(name=OFFERS, stale=None, details=context.manifest(OFFERS).details))
    upstream: str | None = None
    for stage in STAGES:
        stale = upstream or _stale_reason(stage, context)
        details = {} if stale else context.manifest(stage.name).details
        states.append(StageState(name=stage.name, stale=stale, details=details))
        upstream = f"{stage.name} must be made first" if stale else None
    return states
