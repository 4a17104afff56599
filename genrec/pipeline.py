"""Runs the stages in order and skips what is fresh.

encode → `embeddings/`, fuse and tokenize → `semids/`, tune → `model/`. Each stage is keyed by the fingerprints of what
goes in; a stage that was killed is made again, and tuning resumes from its last checkpoint. Knows what depends on what;
deliberately knows nothing of how a stage does its work.
"""

import json
import logging
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from genrec import artifacts
from genrec.config import Config, FuseConfig
from genrec.data.ingest import append_items, extend_catalog, load_workspace_data
from genrec.data.splits import EvaluationCase, Split, split_interactions
from genrec.encode.collaborative import collaborative_embeddings
from genrec.encode.fusion import make_fuser
from genrec.encode.stage import encode_catalog, encode_items, load_embeddings, save_embeddings
from genrec.errors import ArtifactError
from genrec.model.examples import AlignmentExamples, history_prompt, next_item_examples
from genrec.model.language import LanguageModel
from genrec.model.tuning import TuneReport, add_lora, prepare_language_model, save_tuned, train
from genrec.runtime import foundation_path, pick_device
from genrec.schema import Catalog, Embeddings, Interactions
from genrec.semids.report import make_report
from genrec.semids.stage import SemanticIds, load_semids, save_semids, tokenize
from genrec.semids.table import SemanticIdTable
from genrec.semids.trie import Trie

log = logging.getLogger(__name__)

CONFIG_FILE = "genrec.toml"
COLLABORATIVE = "collaborative"
MAX_VALIDATION_CASES = 500  # cases that choose the best checkpoint
VALIDATION_WIDTH = 20
STAGES = ("embeddings", "semids", "model")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItemsReport:
    """What adding items did. item_ids: the new items; num_refused: rows that could not be used."""

    item_ids: tuple[str, ...]
    num_refused: int


def resolve_config(directory: Path, *, preset: str | None = None, settings: Iterable[str] = ()) -> Config:
    """A build's configuration: the preset when one is named, else the workspace's own, else tiny; then settings."""
    stored = directory / CONFIG_FILE
    if preset is None and stored.is_file():
        return Config.load(stored).with_settings(settings)
    return Config.for_preset(preset or "tiny").with_settings(settings)


def build(directory: Path | str, *, preset: str | None = None, settings: Iterable[str] = ()) -> BuildReport:
    """Encode, fuse, tokenize and tune an ingested workspace; fresh stages are skipped, a killed build is continued.

    Raises ArtifactError when nothing was ingested, ConfigError on unknown settings.
    """
    root = Path(directory)
    workspace = _Workspace.open(root, resolve_config(root, preset=preset, settings=settings))
    artifacts.write_text(root / CONFIG_FILE, workspace.config.to_toml())
    seconds: dict[str, float] = {}
    skipped = []
    for name, make in (("embeddings", _make_embeddings), ("semids", _make_semids), ("model", _make_model)):
        inputs = workspace.inputs(name)
        reason = artifacts.stale_reason(root / name, kind=name, inputs=inputs)
        if reason is None:
            skipped.append(name)
            continue
        log.info("stage %s is made: %s", name, reason)
        start = time.monotonic()
        make(workspace, inputs)
        seconds[name] = time.monotonic() - start
    return BuildReport(seconds=seconds, skipped=tuple(skipped))


def describe(directory: Path | str) -> list[StageState]:
    """Each stage of a workspace, fresh or stale and why. Raises ArtifactError when nothing was ingested."""
    root = Path(directory)
    workspace = _Workspace.open(root, resolve_config(root))
    catalog = artifacts.read_manifest(root / "catalog", "catalog")
    states = [StageState(name="catalog", stale=None, details=catalog.details)]
    upstream: str | None = None
    for name in STAGES:
        stale = upstream
        if stale is None:
            stale = artifacts.stale_reason(root / name, kind=name, inputs=workspace.inputs(name))
        details = {} if stale else artifacts.read_manifest(root / name, name).details
        states.append(StageState(name=name, stale=stale, details=details))
        upstream = f"{name} must be made first" if stale else None
    return states


@dataclass(frozen=True, slots=True, kw_only=True)
class _Workspace:
    """What every stage reads."""

    root: Path
    config: Config
    catalog: Catalog
    interactions: Interactions
    features: Mapping[str, Embeddings]
    split: Split

    @classmethod
    def open(cls, root: Path, config: Config) -> "_Workspace":
        catalog, interactions, features = load_workspace_data(root)
        return cls(
            root=root,
            config=config,
            catalog=catalog,
            interactions=interactions,
            features=features,
            split=split_interactions(interactions, config.split),
        )

    def inputs(self, stage: str) -> dict[str, str]:
        """The fingerprints that decide whether a stage is fresh."""
        config = self.config
        events = artifacts.fingerprint_file(self.root / "interactions.parquet")
        split = artifacts.fingerprint(asdict(config.split), config.seed)
        if stage == "embeddings":
            return {
                "catalog": artifacts.read_manifest(self.root / "catalog", "catalog").fingerprint,
                "clip": _foundation_fingerprint(config.encode.clip),
                "encode": artifacts.fingerprint(asdict(config.encode)),
            }
        if stage == "semids":
            return {
                "embeddings": artifacts.read_manifest(self.root / "embeddings", "embeddings").fingerprint,
                "events": events,
                "fuse": artifacts.fingerprint(asdict(config.fuse)),
                "tokenize": artifacts.fingerprint(asdict(config.tokenize)),
                "split": split,
            }
        # New items change the id table but not the id space, so the model stays fresh when items are added.
        return {
            "id_space": str(artifacts.read_manifest(self.root / "semids", "semids").details["id_space"]),
            "events": events,
            "foundation": _foundation_fingerprint(config.tune.base),
            "tune": artifacts.fingerprint(asdict(config.tune)),
            "split": split,
        }


def _foundation_fingerprint(name_or_path: str) -> str:
    folder = Path(foundation_path(name_or_path))
    return artifacts.fingerprint_folder(folder) if folder.is_dir() else name_or_path


def _make_embeddings(workspace: _Workspace, inputs: Mapping[str, str]) -> None:
    config = workspace.config
    found = encode_catalog(
        workspace.catalog,
        workspace.features,
        config.encode,
        pick_device(config.device),
        _cache_folder(workspace.root),
    )
    _save_embeddings(workspace.root, found, inputs)


def _cache_folder(root: Path) -> Path:
    return root / ".cache"


def _save_embeddings(root: Path, found: Mapping[str, Embeddings], inputs: Mapping[str, str]) -> None:
    details = {name: {"items": int(e.present.sum()), "features": int(e.vectors.shape[1])} for name, e in found.items()}
    with artifacts.write_stage(root / "embeddings", kind="embeddings", inputs=inputs, details=details) as stage:
        save_embeddings(stage, found)


def _make_semids(workspace: _Workspace, inputs: Mapping[str, str]) -> None:
    config = workspace.config
    modalities = dict(load_embeddings(workspace.root / "embeddings"))
    if len(workspace.split.train):
        modalities[COLLABORATIVE] = _collaborative(workspace.catalog, workspace.split.train, config.fuse, config.seed)
    fuser = make_fuser(config.fuse).fit(modalities)
    fused = fuser.transform(modalities)
    quantizer, table, report = tokenize(fused, workspace.catalog, config.tokenize, config.seed)
    details = _semids_details(table)
    with artifacts.write_stage(workspace.root / "semids", kind="semids", inputs=inputs, details=details) as stage:
        save_semids(stage, fused, fuser, quantizer, table, report)


def _collaborative(catalog: Catalog, train_events: Interactions, config: FuseConfig, seed: int) -> Embeddings:
    return collaborative_embeddings(
        catalog, train_events, min(config.num_features, len(catalog) - 1), config.collaborative_window, seed
    )


def _semids_details(table: SemanticIdTable) -> dict[str, object]:
    return {
        "id_space": table.id_space,
        "id_table": table.fingerprint,
        "items": len(table),
        "level_sizes": list(table.level_sizes),
    }


def _make_model(workspace: _Workspace, inputs: Mapping[str, str]) -> None:
    config, root = workspace.config, workspace.root
    semantic_ids = load_semids(root / "semids")
    work = _work_folder(root / ".model.work", inputs)
    device = pick_device(config.device)
    language_model = prepare_language_model(
        config.tune, catalog=workspace.catalog, table=semantic_ids.table, device=device
    )
    if config.tune.method != "full":
        language_model = add_lora(language_model, config.tune, train_id_rows=True)
    report = tune_on(language_model, workspace.catalog, semantic_ids, workspace.split, config, work)
    details = {
        "id_space": semantic_ids.table.id_space,
        "foundation": config.tune.base,
        "method": config.tune.method,
        "best_step": report.best_step,
        "validation_recall@10": dict(report.validation)[report.best_step],
        "seconds": round(report.seconds, 1),
    }
    with artifacts.write_stage(root / "model", kind="model", inputs=inputs, details=details) as stage:
        save_tuned(language_model, stage, config=config.tune, report=report)
    shutil.rmtree(work)


def _work_folder(work: Path, inputs: Mapping[str, str]) -> Path:
    """The folder a killed tuning left for the same inputs, else an empty one."""
    record = work / "inputs.json"
    text = json.dumps(dict(inputs), sort_keys=True)
    if not record.is_file() or record.read_text(encoding="utf-8") != text:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        artifacts.write_text(record, text)
    return work


def tune_on(
    language_model: LanguageModel,
    catalog: Catalog,
    semantic_ids: SemanticIds,
    split: Split,
    config: Config,
    work: Path,
) -> TuneReport:
    """Train on a split's histories and alignment tasks; validation cases choose the checkpoint."""
    table, tune = semantic_ids.table, config.tune
    semantic_id_of = {item.item_id: table.semantic_id(item.item_id) for item in catalog}
    histories = list(split.train.histories().values())
    examples = next_item_examples(
        language_model.prompts,
        [[semantic_id_of[item_id] for item_id in history] for history in histories],
        max_history=tune.max_history,
    )
    alignment = AlignmentExamples(
        language_model.prompts, catalog, semantic_id_of, histories, max_history=tune.max_history
    )
    num_alignment = round((len(examples) or len(catalog)) * tune.alignment_share / (1 - tune.alignment_share))
    examples += alignment.draw(max(1, num_alignment), np.random.default_rng(config.seed))
    judge = _Judge(catalog, table, split.validation, tune.max_history, config.seed)
    return train(language_model, examples, config=tune, validate=judge, work=work, seed=config.seed)


class _Judge:
    """Recall@10 on a fixed sample of validation cases, items of the history masked; 0 when there are none."""

    def __init__(
        self,
        catalog: Catalog,
        table: SemanticIdTable,
        cases: Sequence[EvaluationCase],
        max_history: int,
        seed: int,
    ) -> None:
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(cases))[:MAX_VALIDATION_CASES]
        self._cases = [cases[number] for number in sorted(chosen)]
        self._catalog, self._table, self._max_history = catalog, table, max_history
        self._trie: Trie | None = None

    def __call__(self, language_model: LanguageModel) -> float:
        if not self._cases:
            return 0.0
        if self._trie is None:
            self._trie = Trie.build(self._table.codes, device=language_model.device)
        hits = sum(self._count_hits(language_model, self._cases[i : i + 64]) for i in range(0, len(self._cases), 64))
        return hits / len(self._cases)

    def _count_hits(self, language_model: LanguageModel, cases: Sequence[EvaluationCase]) -> int:
        assert self._trie is not None
        allowed = torch.ones(len(cases), len(self._catalog), dtype=torch.bool)
        for number, case in enumerate(cases):
            allowed[number, self._catalog.rows(case.history)] = False
        prompts = [
            history_prompt(
                language_model.prompts,
                [self._table.semantic_id(item_id) for item_id in case.history],
                max_history=self._max_history,
            )
            for case in cases
        ]
        beams = language_model.search(prompts, trie=self._trie, width=VALIDATION_WIDTH, allowed_BN=allowed)
        targets = torch.from_numpy(self._catalog.rows(case.target for case in cases)).to(beams.row.device)
        return int((beams.row[:, :10] == targets[:, None]).any(dim=1).sum())


def add_items(directory: Path | str, path: Path, *, columns: Mapping[str, str] | None = None) -> NewItemsReport:
    """Make new items recommendable at once: they are encoded and get semantic IDs; nothing is fitted or tuned again.

    Raises ArtifactError when the workspace is not built, SourceError on bad items.
    """
    root = Path(directory)
    if not (root / CONFIG_FILE).is_file():
        raise ArtifactError(f"{root} is not a built workspace; run genrec build {root} first")
    config = Config.load(root / CONFIG_FILE)
    old = {name: artifacts.read_manifest(root / name, name) for name in ("embeddings", "semids")}
    new = append_items(root, path, columns)
    given = {
        name: Embeddings(
            name=name,
            vectors=np.zeros((len(new.items), e.vectors.shape[1]), np.float32),
            present=np.zeros(len(new.items), bool),
        )
        for name, e in load_workspace_data(root).features.items()
    }
    encoded = encode_items(new.items, given, config.encode, pick_device(config.device), _cache_folder(root))
    item_ids = tuple(item.item_id for item in new.items)
    semantic_ids = load_semids(root / "semids")
    grown = semantic_ids.append(item_ids, encoded)
    embeddings = _joined(load_embeddings(root / "embeddings"), encoded, len(item_ids))
    # Everything that can fail is done; now the three stages are written, each whole.
    extend_catalog(root, new)
    catalog_print = artifacts.read_manifest(root / "catalog", "catalog").fingerprint
    _save_embeddings(root, embeddings, {**old["embeddings"].inputs, "catalog": catalog_print})
    embeddings_print = artifacts.read_manifest(root / "embeddings", "embeddings").fingerprint
    inputs = {**old["semids"].inputs, "embeddings": embeddings_print}
    report = make_report(grown.fused, grown.quantizer, grown.table)
    details = _semids_details(grown.table)
    with artifacts.write_stage(root / "semids", kind="semids", inputs=inputs, details=details) as stage:
        save_semids(stage, grown.fused, grown.fuser, grown.quantizer, grown.table, report)
    return NewItemsReport(item_ids=item_ids, num_refused=len(new.refused))


def _joined(old: Mapping[str, Embeddings], new: Mapping[str, Embeddings], num_new: int) -> dict[str, Embeddings]:
    """Old rows, then new rows, for every modality the workspace has; a modality new items lack is absent there."""
    joined = {}
    for name, before in old.items():
        after = new.get(name)
        vectors = np.zeros((num_new, before.vectors.shape[1]), np.float32) if after is None else after.vectors
        present = np.zeros(num_new, bool) if after is None else after.present
        joined[name] = Embeddings(
            name=name,
            vectors=np.concatenate([before.vectors, vectors]),
            present=np.concatenate([before.present, present]),
        )
    return joined
