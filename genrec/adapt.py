"""Domain adapters: a small LoRA that teaches a built workspace a new domain.

The new domain's items are admitted to the catalog with the codebooks as they are; the workspace's own LoRA is then
trained on, on the new domain's events alone, and saved as an adapter of its own. Base weights and id rows never move,
so many adapters share one base.
"""

import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from peft import PeftModel

from genrec import artifacts
from genrec.config import Config
from genrec.data.ingest import NewItems, load_workspace_data
from genrec.data.splits import EvaluationCase, split_interactions
from genrec.errors import InputError
from genrec.model.lm.adapters import AdapterCard, check_adapter_name, save_adapter
from genrec.model.lm.language import ADAPTER_DIR, BASE_DIR, LanguageModel, load_causal_lm, read_ids
from genrec.model.lm.vocabulary import PromptTokenizer
from genrec.model.training.tuning import TuneReport
from genrec.pipeline import admit_items, require_built
from genrec.ranking.training import ValidationJudge, tune_on
from genrec.runtime import pick_device
from genrec.schema import Catalog
from genrec.semids.stage import load_semids
from genrec.semids.table import SemanticIdTable


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptReport:
    """What adapting did. card: the adapter's own words; num_new_items: admitted to the catalog; num_bytes: on disk."""

    card: AdapterCard
    path: Path
    num_new_items: int
    num_bytes: int


def adapt(
    directory: Path | str,
    new_data: Path | str,
    *,
    name: str,
    epochs: float = 16.0,
    settings: Iterable[str] = (),
    license_name: str = "Apache-2.0",
) -> AdaptReport:
    """Train a LoRA adapter for the domain in `new_data`, an ingested workspace, on top of a built one.

    The adapter lies in DIR/adapters/NAME. Its metrics are Recall@10 on the new domain's test split, with the adapter
    and without it, ranked over the new domain's items and over the whole catalog.
    Raises ArtifactError when either workspace is unfit, InputError when the workspace was tuned without LoRA.
    """
    root, source = Path(directory), Path(new_data)
    target = root / "adapters" / check_adapter_name(name)
    config = _adapter_config(root, epochs, settings)
    catalog, interactions, _ = load_workspace_data(source)
    num_new = _admit_missing(root, catalog)
    whole = load_semids(root / "semids").table
    domain = _subtable(whole, catalog)
    split = split_interactions(interactions, config.split)
    language_model = _trainable_model(root / "model", config)
    everything = load_workspace_data(root).catalog
    before = _recalls(language_model, catalog, domain, everything, whole, split.test, config)
    work = root / f".adapter-{name}.work"
    report = _tune(language_model, catalog, domain, whole, source, config, work)
    after = _recalls(language_model, catalog, domain, everything, whole, split.test, config)
    _, id_space, foundation = read_ids(root / "model")
    card = AdapterCard(
        name=name,
        foundation=foundation,
        id_space=id_space,
        license=license_name,
        data=f"{len(catalog)} items, {len(interactions)} events, {len(interactions.user_bounds())} people",
        rank=config.tune.rank,
        minutes=report.seconds / 60,
        metrics={
            **{f"{key} with": v for key, v in after.items()},
            **{f"{key} without": v for key, v in before.items()},
        },
    )
    inputs = {"id_space": id_space, "foundation": foundation}
    with artifacts.write_stage(target, kind="adapter", inputs=inputs, details={"name": name}) as stage:
        save_adapter(language_model, stage, card)
    shutil.rmtree(work)
    return AdaptReport(
        card=card,
        path=target,
        num_new_items=num_new,
        num_bytes=sum(path.stat().st_size for path in target.iterdir()),
    )


def _adapter_config(root: Path, epochs: float, settings: Iterable[str]) -> Config:
    stored = require_built(root)
    if stored.tune.method == "full":
        raise InputError("this workspace was tuned with all weights; adapters need tune.method = lora or qlora")
    gentle = replace(stored.tune, epochs=epochs, learning_rate=stored.tune.learning_rate / 2)
    return replace(stored, tune=gentle).with_settings(settings)


def _admit_missing(root: Path, catalog: Catalog) -> int:
    known = load_workspace_data(root).catalog
    missing = tuple(item for item in catalog if item.item_id not in known)
    if missing:
        admit_items(root, NewItems(items=missing, refused=()))
    return len(missing)


def _subtable(table: SemanticIdTable, catalog: Catalog) -> SemanticIdTable:
    """The rows of a table that belong to a catalog, in the catalog's order."""
    item_ids = tuple(item.item_id for item in catalog)
    rows = np.array([table.row_of(item_id) for item_id in item_ids])
    return replace(table, item_ids=item_ids, codes=table.codes[rows])


def _trainable_model(directory: Path, config: Config) -> LanguageModel:
    """The tuned base, frozen, with a trainable copy of the workspace's LoRA."""
    frozen = LanguageModel.load(directory, device=pick_device(config.device), dtype=config.tune.dtype)
    base = load_causal_lm(
        str(directory / BASE_DIR),
        dtype=config.tune.dtype,
        four_bit=config.tune.method == "qlora",
        device=pick_device(config.device),
    )
    model = PeftModel.from_pretrained(base, directory / ADAPTER_DIR, is_trainable=True)
    prompts = PromptTokenizer(frozen.prompts.tokenizer, frozen.ids)
    if frozen.item_projector is not None:
        frozen.item_projector.requires_grad_(False)
    return LanguageModel(model, prompts, id_space=frozen.id_space, item_projector=frozen.item_projector)


def _recalls(
    language_model: LanguageModel,
    catalog: Catalog,
    domain: SemanticIdTable,
    everything: Catalog,
    whole: SemanticIdTable,
    cases: tuple[EvaluationCase, ...],
    config: Config,
) -> dict[str, float]:
    options = {"max_history": config.tune.max_history, "seed": config.seed, "max_cases": len(cases)}
    return {
        "recall@10 in domain": ValidationJudge(catalog, domain, cases, **options)(language_model),
        "recall@10 in catalog": ValidationJudge(everything, whole, cases, **options)(language_model),
    }


def _tune(
    language_model: LanguageModel,
    catalog: Catalog,
    domain: SemanticIdTable,
    whole: SemanticIdTable,
    source: Path,
    config: Config,
    work: Path,
) -> TuneReport:
    """Train, resuming what a killed run left for the same data and settings."""
    start = time.monotonic()
    interactions = load_workspace_data(source).interactions
    key = artifacts.fingerprint(
        artifacts.read_manifest(source / "catalog", "catalog").fingerprint, asdict(config), domain.fingerprint
    )
    artifacts.open_work(work, key)
    split = split_interactions(interactions, config.split)
    report = tune_on(language_model, catalog, domain, split, config, work, among=whole)
    return replace(report, seconds=time.monotonic() - start)
