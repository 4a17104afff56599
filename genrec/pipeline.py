"""Runs the stages in order and skips what is fresh.

encode → `embeddings/`, learn what follows what → `sequence/`, weigh the item scorer → `experts/`, fuse and tokenize →
`semids/`, tune → `model/`, weigh beams and experts → `mixture/`. Each stage is keyed by the fingerprints of what goes
in; a stage that was killed is made again, and training resumes from its last checkpoint. Knows what depends on what;
deliberately knows nothing of how a stage does its work.
"""

import logging
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from genrec import artifacts
from genrec.config import Config
from genrec.data.ingest import NewItems, append_items, extend_catalog, load_workspace_data
from genrec.data.splits import Split, split_interactions
from genrec.encode.collaborative import collaborative_embeddings, count_pairs
from genrec.encode.fusion import load_fuser, make_fuser
from genrec.encode.stage import ENCODED, encode_catalog, encode_items, load_embeddings, save_embeddings
from genrec.encode.taste_axes import learn_axis_weights
from genrec.errors import ArtifactError
from genrec.model.data_defaults import data_defaults, in_words
from genrec.model.lm.item_projector import LAYOUT
from genrec.model.lm.language import LanguageModel
from genrec.model.sequence.files import SEQUENCE_FILE, find_sequence_model, save_sequence_model
from genrec.model.training.tuning import add_lora, prepare_language_model, save_tuned
from genrec.ranking.item_scorer import COLD_LIKENESS, SCORER_FILE, SCORER_LAYOUT, ItemScorer, find_item_scorer
from genrec.ranking.mixing import COLD_PLACES
from genrec.ranking.training import MAX_MIXING_CASES, ValidationJudge, train_sequence_on, tune_on
from genrec.runtime import foundation_path, pick_device, seed_everything
from genrec.schema import Catalog, Embeddings, Interactions
from genrec.semids.report import make_report
from genrec.semids.stage import load_semids, save_semids, tokenize
from genrec.semids.table import SemanticIdTable

log = logging.getLogger(__name__)

CONFIG_FILE = "genrec.toml"
COLLABORATIVE = "collaborative"
STAGES = ("embeddings", "sequence", "experts", "semids", "model", "mixture")


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
    """A build's configuration: the workspace's own unless a preset is named; else that, or tiny, as suits the data.

    Settings come on top. Raises ConfigError, ArtifactError when nothing was ingested.
    """
    stored, settings = directory / CONFIG_FILE, list(settings)
    if preset is None and stored.is_file():
        return Config.load(stored).with_settings(settings)
    asked = Config.for_preset(preset or "tiny").with_settings(settings)
    catalog, interactions, _ = load_workspace_data(directory)
    bounds = split_interactions(interactions, asked.split).train.user_bounds()
    suited = data_defaults(len(catalog), np.array([end - start for start, end in bounds.values()], dtype=np.int64))
    log.info("settings that suit %d items and %d events: %s", len(catalog), len(interactions), in_words(suited))
    return Config.for_preset(asked.preset, suited).with_settings(settings)


def build(directory: Path | str, *, preset: str | None = None, settings: Iterable[str] = ()) -> BuildReport:
    """Encode, fuse, tokenize and tune an ingested workspace; fresh stages are skipped, a killed build is continued.

    Raises ArtifactError when nothing was ingested, ConfigError on unknown settings.
    """
    root = Path(directory)
    workspace = _Workspace.open(root, resolve_config(root, preset=preset, settings=settings))
    if not (root / CONFIG_FILE).is_file() or Config.load(root / CONFIG_FILE) != workspace.config:
        artifacts.write_text(root / CONFIG_FILE, workspace.config.to_toml())
    seconds: dict[str, float] = {}
    skipped = []
    makers = (_make_embeddings, _make_sequence, _make_experts, _make_semids, _make_model, _make_mixture)
    for name, make in zip(STAGES, makers, strict=True):
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
                "encode": artifacts.fingerprint(asdict(config.encode), ENCODED),
            }
        embeddings = artifacts.read_manifest(self.root / "embeddings", "embeddings")
        if stage == "sequence":
            return {
                "embeddings": str(embeddings.details["origin"]),  # added items leave what was learned as it is
                "events": events,
                "fuse": artifacts.fingerprint(asdict(config.fuse)),
                "sequence": artifacts.fingerprint(asdict(config.sequence)),
                "split": split,
            }
        sequence = artifacts.read_manifest(self.root / "sequence", "sequence").fingerprint
        if stage == "experts":
            return {
                "embeddings": str(embeddings.details["origin"]),
                "events": events,
                "layout": str(SCORER_LAYOUT),
                "sequence": sequence,
                "split": split,
            }
        if stage == "semids":
            return {
                "embeddings": embeddings.fingerprint,
                "events": events,
                "fuse": artifacts.fingerprint(asdict(config.fuse)),
                "tokenize": artifacts.fingerprint(asdict(config.tokenize)),
                "split": split,
            } | ({"sequence": sequence} if config.fuse.collaborative == "sequence" else {})
        item_scorer = artifacts.read_manifest(self.root / "experts", "experts").fingerprint
        if stage == "mixture":
            return {
                "embeddings": str(embeddings.details["origin"]),
                "events": events,
                "experts": item_scorer,
                "model": artifacts.read_manifest(self.root / "model", "model").fingerprint,
                "recommend": artifacts.fingerprint(
                    config.recommend.beam_width,
                    config.recommend.newcomer_exposure,
                    COLD_LIKENESS,
                    COLD_PLACES,
                ),
                "split": split,
            }
        return {
            "id_space": str(artifacts.read_manifest(self.root / "semids", "semids").details["id_space"]),
            "events": events,
            "foundation": _foundation_fingerprint(config.tune.base),
            "tune": artifacts.fingerprint(asdict(config.tune), LAYOUT),
            "experts": item_scorer,
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
    _save_embeddings(workspace.root, found, inputs, origin=artifacts.fingerprint(dict(inputs)))


def _cache_folder(root: Path) -> Path:
    return root / ".cache"


def _save_embeddings(root: Path, found: Mapping[str, Embeddings], inputs: Mapping[str, str], *, origin: str) -> None:
    """origin: what stands for the embeddings that a build made, whatever items were added since."""
    details: dict[str, object] = {
        name: {"items": int(e.present.sum()), "features": int(e.vectors.shape[1])} for name, e in found.items()
    }
    details["origin"] = origin
    with artifacts.write_stage(root / "embeddings", kind="embeddings", inputs=inputs, details=details) as stage:
        save_embeddings(stage, found)


def _make_semids(workspace: _Workspace, inputs: Mapping[str, str]) -> None:
    config = workspace.config
    modalities = dict(load_embeddings(workspace.root / "embeddings"))
    if len(workspace.split.train):
        modalities[COLLABORATIVE] = _collaborative(workspace)
    fuser = make_fuser(config.fuse).fit(modalities)
    fused = fuser.transform(modalities)
    train = workspace.split.train
    quantizer, table, report = tokenize(
        fused,
        workspace.catalog,
        config.tokenize,
        config.seed,
        graph=count_pairs(workspace.catalog, train, config.fuse.collaborative_window),
        popularity=np.bincount(workspace.catalog.rows(train.item_ids), minlength=len(workspace.catalog)),
    )
    details = _semids_details(table)
    with artifacts.write_stage(workspace.root / "semids", kind="semids", inputs=inputs, details=details) as stage:
        save_semids(stage, fused, fuser, quantizer, table, report)


def _collaborative(workspace: _Workspace) -> Embeddings:
    """Vectors that are alike for items chosen together, from training events alone; absent for items without any."""
    catalog, train, config = workspace.catalog, workspace.split.train, workspace.config.fuse
    counted = collaborative_embeddings(
        catalog, train, min(config.num_features, len(catalog) - 1), config.collaborative_window, workspace.config.seed
    )
    model = find_sequence_model(workspace.root / "sequence", pick_device("cpu"))
    if config.collaborative == "events" or model is None:
        return counted
    learned = model.item_vectors().detach().numpy()[counted.present[: model.num_items]]
    vectors = np.zeros((len(catalog), learned.shape[1]), np.float32)
    vectors[np.flatnonzero(counted.present)] = learned / np.linalg.norm(learned, axis=1, keepdims=True)
    return Embeddings(name=COLLABORATIVE, vectors=vectors, present=counted.present)


def _semids_details(table: SemanticIdTable) -> dict[str, object]:
    return {
        "id_space": table.id_space,
        "id_table": table.fingerprint,
        "items": len(table),
        "level_sizes": list(table.level_sizes),
    }


def _make_sequence(workspace: _Workspace, inputs: Mapping[str, str]) -> None:
    config, root = workspace.config, workspace.root
    details: dict[str, object] = {"kind": config.sequence.kind}
    if config.sequence.kind == "off" or not len(workspace.split.train):
        with artifacts.write_stage(root / "sequence", kind="sequence", inputs=inputs, details=details):
            return
    work = artifacts.open_work(root / ".sequence.work", artifacts.fingerprint(dict(inputs)))
    modalities = load_embeddings(root / "embeddings")
    fuser = make_fuser(config.fuse).fit(modalities)
    content = fuser.transform(modalities)
    model, report = train_sequence_on(workspace.catalog, workspace.split, config, content=content, work=work)
    details |= {
        "items": model.num_items,
        "best_epoch": report.best_epoch,
        "validation_ndcg@10": max(report.validation, default=0.0),
        "seconds": round(report.seconds, 1),
    }
    with artifacts.write_stage(root / "sequence", kind="sequence", inputs=inputs, details=details) as stage:
        save_sequence_model(model, report, stage / SEQUENCE_FILE)
        fuser.save(stage / "fuser")  # added items are known by their content
    shutil.rmtree(work)


def _make_experts(workspace: _Workspace, inputs: Mapping[str, str]) -> None:
    config, root, catalog = workspace.config, workspace.root, workspace.catalog
    modalities = load_embeddings(root / "embeddings")
    sequence_model = find_sequence_model(root / "sequence", pick_device(config.device), modalities)
    if sequence_model is None:
        with artifacts.write_stage(root / "experts", kind="experts", inputs=inputs):
            return
    content = load_fuser(root / "sequence" / "fuser").transform(modalities)
    validation = workspace.split.validation
    chosen = np.random.default_rng(config.seed).permutation(len(validation))
    cases = [(catalog.rows(validation[n].history), catalog.row(validation[n].target)) for n in chosen]
    train = workspace.split.train
    rows = catalog.rows(train.item_ids)
    histories = [rows[start:end] for start, end in train.user_bounds().values()]
    axes = learn_axis_weights(content, histories, np.bincount(rows, minlength=len(catalog)), config.seed)
    item_scorer = ItemScorer.of(sequence_model, train, catalog, content, axes).weighed(cases)
    details = asdict(item_scorer.weights)
    with artifacts.write_stage(root / "experts", kind="experts", inputs=inputs, details=details) as stage:
        item_scorer.save(stage / SCORER_FILE)


def _make_model(workspace: _Workspace, inputs: Mapping[str, str]) -> None:
    config, root = workspace.config, workspace.root
    semantic_ids = load_semids(root / "semids")
    work = artifacts.open_work(root / ".model.work", artifacts.fingerprint(dict(inputs)))
    device = pick_device(config.device)
    seed_everything(config.seed)  # the LoRA starts at random
    item_scorer = find_item_scorer(root, device, load_embeddings(root / "embeddings"))
    language_model = prepare_language_model(
        config.tune,
        catalog=workspace.catalog,
        table=semantic_ids.table,
        device=device,
        sequence_model=item_scorer.sequence_model if item_scorer is not None and config.tune.read_items else None,
        seed=config.seed,
    )
    if config.tune.method != "full":
        language_model = add_lora(language_model, config.tune, train_id_rows=True)
    report = tune_on(language_model, workspace.catalog, semantic_ids.table, workspace.split, config, work, item_scorer)
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


def _make_mixture(workspace: _Workspace, inputs: Mapping[str, str]) -> None:
    """Weigh the item scorer against the beams on validation cases."""
    config, root, catalog = workspace.config, workspace.root, workspace.catalog
    device = pick_device(config.device)
    share, cold_bonus = 0.0, None
    item_scorer = find_item_scorer(root, device, load_embeddings(root / "embeddings"))
    if item_scorer is not None:
        language_model = LanguageModel.load(
            root / "model", device=device, dtype=config.tune.dtype, four_bit=config.tune.method == "qlora"
        )
        language_model.fold()
        table, validation = load_semids(root / "semids").table, workspace.split.validation
        judge = ValidationJudge(
            catalog, table, validation, config.tune.max_history, config.seed, max_cases=MAX_MIXING_CASES
        )
        recommend = config.recommend
        share, cold_bonus = judge.mix(
            language_model, item_scorer, width=recommend.beam_width, exposure=recommend.newcomer_exposure
        )
    details = {"sequence_weight": share, "lift": cold_bonus}
    with artifacts.write_stage(root / "mixture", kind="mixture", inputs=inputs, details=details):
        pass


def add_items(directory: Path | str, path: Path, *, columns: Mapping[str, str] | None = None) -> NewItemsReport:
    """Make the items of a file recommendable at once; nothing is fitted or tuned again.

    Raises ArtifactError when the workspace is not built, SourceError on bad items.
    """
    root = Path(directory)
    require_built(root)
    return admit_items(root, append_items(root, path, columns))


def admit_items(root: Path, new: NewItems) -> NewItemsReport:
    """Encode new items, give them semantic IDs and write the three stages they belong to, each whole."""
    config = require_built(root)
    old = {name: artifacts.read_manifest(root / name, name) for name in ("embeddings", "semids")}
    given = {
        name: absent_embeddings(name, len(new.items), e.vectors.shape[1])
        for name, e in load_workspace_data(root).features.items()
    }
    encoded = encode_items(new.items, given, config.encode, pick_device(config.device), _cache_folder(root))
    item_ids = tuple(item.item_id for item in new.items)
    grown = load_semids(root / "semids").append(item_ids, encoded)
    embeddings = _joined(load_embeddings(root / "embeddings"), encoded, len(item_ids))
    # All that can fail is done; from here the stages are written.
    extend_catalog(root, new)
    catalog_print = artifacts.read_manifest(root / "catalog", "catalog").fingerprint
    origin = str(old["embeddings"].details["origin"])
    _save_embeddings(root, embeddings, {**old["embeddings"].inputs, "catalog": catalog_print}, origin=origin)
    embeddings_print = artifacts.read_manifest(root / "embeddings", "embeddings").fingerprint
    inputs = {**old["semids"].inputs, "embeddings": embeddings_print}
    report = make_report(grown.fused, grown.quantizer, grown.table)
    details = _semids_details(grown.table)
    with artifacts.write_stage(root / "semids", kind="semids", inputs=inputs, details=details) as stage:
        save_semids(stage, grown.fused, grown.fuser, grown.quantizer, grown.table, report)
    return NewItemsReport(item_ids=item_ids, num_refused=len(new.refused))


def require_built(root: Path) -> Config:
    """The configuration of a built workspace. Raises ArtifactError when it was not built."""
    if not (root / CONFIG_FILE).is_file():
        raise ArtifactError(
            f"{root} is not a built workspace ({CONFIG_FILE} is missing); run genrec build {root} first"
        )
    return Config.load(root / CONFIG_FILE)


def absent_embeddings(name: str, num_items: int, num_features: int) -> Embeddings:
    """A modality that none of the items has."""
    return Embeddings(
        name=name, vectors=np.zeros((num_items, num_features), np.float32), present=np.zeros(num_items, bool)
    )


def _joined(old: Mapping[str, Embeddings], new: Mapping[str, Embeddings], num_new: int) -> dict[str, Embeddings]:
    """Old rows, then new rows, for every modality the workspace has; a modality new items lack is absent there."""
    joined = {}
    for name, before in old.items():
        after = new.get(name) or absent_embeddings(name, num_new, before.vectors.shape[1])
        joined[name] = Embeddings(
            name=name,
            vectors=np.concatenate([before.vectors, after.vectors]),
            present=np.concatenate([before.present, after.present]),
        )
    return joined
