"""The stages of a build in their order: what is fresh is skipped, what was killed is continued.

encode → `embeddings/`, learn what follows what → `sequence/`, weigh the item scorer → `experts/`, fuse and tokenize →
`semids/`, tune → `model/`, weigh beams and item scorer → `mixture/`. Each stage is keyed by the fingerprints of what
goes in; a stage that was killed is made again, and training resumes from its last checkpoint. Knows the order;
deliberately knows nothing of what goes into a stage or how it does its work, which stand beside their owners.
"""

import logging
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from genrec import artifacts
from genrec.config import CONFIG_FILE, Config
from genrec.data_defaults import resolve_config
from genrec.encode.stage import EMBEDDINGS
from genrec.model.sequence.stage import SEQUENCE, learned_item_vectors
from genrec.ranking.stages import ITEM_SCORER, MIXTURE, MODEL
from genrec.semids.stage import semids_stage
from genrec.stages import BuildContext, Stage

log = logging.getLogger(__name__)

STAGES: tuple[Stage, ...] = (EMBEDDINGS, SEQUENCE, ITEM_SCORER, semids_stage(learned_item_vectors), MODEL, MIXTURE)


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

    Raises ArtifactError when nothing was ingested, ConfigError on unknown settings.
    """
    root = Path(directory)
    context = BuildContext.open(root, resolve_config(root, preset=preset, settings=settings))
    if not (root / CONFIG_FILE).is_file() or Config.load(root / CONFIG_FILE) != context.config:
        artifacts.write_text(root / CONFIG_FILE, context.config.to_toml())
    seconds: dict[str, float] = {}
    skipped = []
    for stage in STAGES:
        inputs = stage.inputs(context)
        reason = artifacts.stale_reason(root / stage.name, kind=stage.name, inputs=inputs)
        if reason is None:
            skipped.append(stage.name)
            continue
        log.info("stage %s is made: %s", stage.name, reason)
        start = time.monotonic()
        _make(stage, context, inputs)
        seconds[stage.name] = time.monotonic() - start
    return BuildReport(seconds=seconds, skipped=tuple(skipped))


def _make(stage: Stage, context: BuildContext, inputs: Mapping[str, str]) -> None:
    details: dict[str, object] = {}
    with artifacts.write_stage(context.root / stage.name, kind=stage.name, inputs=inputs, details=details) as directory:
        details |= stage.make(context, directory, artifacts.fingerprint(dict(inputs)))
    shutil.rmtree(context.work(stage.name), ignore_errors=True)


def describe(directory: Path | str) -> list[StageState]:
    """Each stage of a workspace, fresh or stale and why. Raises ArtifactError when nothing was ingested."""
    root = Path(directory)
    context = BuildContext.open(root, resolve_config(root))
    states = [StageState(name="catalog", stale=None, details=context.manifest("catalog").details)]
    upstream: str | None = None
    for stage in STAGES:
        stale = upstream or artifacts.stale_reason(root / stage.name, kind=stage.name, inputs=stage.inputs(context))
        details = {} if stale else context.manifest(stage.name).details
        states.append(StageState(name=stage.name, stale=stale, details=details))
        upstream = f"{stage.name} must be made first" if stale else None
    return states
