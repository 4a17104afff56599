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

from genrec import artifacts
from genrec.config import CONFIG_FILE, Config
from genrec.data.ingest import NewItems, load_data
from genrec.data.splits import Split, split_interactions
from genrec.errors import InputError
from genrec.generations import (
    WHOLE_ADAPTER,
    Generation,
    checked_base,
    find_faults,
    new_folder,
    place_adapter,
    refuse_faults,
    require_no_draft,
    take_up_adapters,
    writing,
)
from genrec.model.causal_lm import load_causal_lm
from genrec.model.lm.adapters import AdapterCard, adapters_folder, check_adapter_name, save_adapter
from genrec.model.lm.language import ADAPTER_DIR, BASE_DIR, LanguageModel, read_ids
from genrec.model.lm.vocabulary import PromptTokenizer
from genrec.model.training.tuning import TuneReport
from genrec.new_items import admit_items
from genrec.pretrained import load_lora
from genrec.ranking.training import ValidationJudge, tune_on
from genrec.runtime import pick_device
from genrec.schema import Catalog, Interactions
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

    The new domain's items and the adapter, which lies in DIR/adapters/NAME, become part of the workspace in one step: a
    generation. Its metrics are Recall@10 on the new domain's test split, with the adapter
    and without it, ranked over the new domain's items and over the whole catalog.
    Raises ArtifactError when either workspace is unfit, WorkspaceBusy, InputError when the workspace was tuned without
    LoRA.
    """
    root, source = Path(directory), Path(new_data)
    check_adapter_name(name)
    domain_data = Generation.open_newest(source)
    refuse_faults(domain_data, find_faults(domain_data))
    Generation.open(root)
    with writing(root, "genrec adapt"):
        require_no_draft(root)
        base = checked_base(root)
        built = Config.load(base / CONFIG_FILE)
        config = _adapter_config(built, epochs, settings)
        work = root / f".adapter-{name}.work"
        with new_folder(root, base, is_whole=True) as folder:
            domain, num_new = _admitted(root, folder, domain_data.folder, config)
            made = work / WHOLE_ADAPTER / name
            card = _adapted(folder, domain, config, work, name=name, license_name=license_name, target=made)
            take_up_adapters(root, folder)
            shutil.rmtree(adapters_folder(folder) / name, ignore_errors=True)
            shutil.copytree(made, adapters_folder(folder) / name)
        place_adapter(root, made)
    target = adapters_folder(root) / name
    num_bytes = sum(path.stat().st_size for path in target.iterdir())
    return AdaptReport(card=card, path=target, num_new_items=num_new, num_bytes=num_bytes)


def _adapted(
    folder: Path, domain: "_Domain", config: Config, work: Path, *, name: str, license_name: str, target: Path
) -> AdapterCard:
    """Train and measure the adapter and write it to `target`; returns its card. folder: of the new generation."""
    language_model = _trainable_model(folder / "model", config)
    before = domain.recalls(language_model, config)
    report = _tune(language_model, domain, config, work)
    after = domain.recalls(language_model, config)
    _, id_space, foundation = read_ids(folder / "model")
    card = AdapterCard(
        name=name,
        foundation=foundation,
        id_space=id_space,
        license=license_name,
        data=domain.in_words(),
        rank=config.tune.rank,
        minutes=report.seconds / 60,
        metrics={f"{key} with": v for key, v in after.items()} | {f"{key} without": v for key, v in before.items()},
    )
    inputs = {"id_space": id_space, "foundation": foundation}
    with artifacts.write_stage(target, kind="adapter", inputs=inputs, details={"name": name}) as stage:
        save_adapter(language_model, stage, card)
    return card


def _adapter_config(built: Config, epochs: float, settings: Iterable[str]) -> Config:
    if built.tune.method == "full":
        raise InputError("this workspace was tuned with all weights; adapters need tune.method = lora or qlora")
    gentle = replace(built.tune, epochs=epochs, learning_rate=built.tune.learning_rate / 2)
    return replace(built, tune=gentle).with_settings(settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Domain:
    """The new domain's data, and the workspace's once its items are admitted.

    fingerprint: of the domain's catalog; table: the domain's rows of `whole`, the workspace's semantic IDs;
    everything: the workspace's catalog.
    """

    fingerprint: str
    catalog: Catalog
    interactions: Interactions
    split: Split
    table: SemanticIdTable
    everything: Catalog
    whole: SemanticIdTable

    def in_words(self) -> str:
        """What the card says of the data."""
        num_people = len(self.interactions.user_bounds())
        return f"{len(self.catalog)} items, {len(self.interactions)} events, {num_people} people"

    def recalls(self, language_model: LanguageModel, config: Config) -> dict[str, float]:
        """Recall@10 on the domain's test split, among its own items and among all of the workspace."""
        cases = self.split.test
        options = {"max_history": config.tune.max_history, "seed": config.seed, "max_cases": len(cases)}
        return {
            "recall@10 in domain": ValidationJudge(self.catalog, self.table, cases, **options)(language_model),
            "recall@10 in catalog": ValidationJudge(self.everything, self.whole, cases, **options)(language_model),
        }


def _admitted(root: Path, folder: Path, source: Path, config: Config) -> tuple[_Domain, int]:
    """The domain after its items have joined a new generation, and how many did not belong to it yet."""
    catalog, interactions, _ = load_data(source)
    known = load_data(folder).catalog
    missing = tuple(item for item in catalog if item.item_id not in known)
    if missing:
        admit_items(root, folder, NewItems(items=missing))
    whole = load_semids(folder / "semids").table
    domain = _Domain(
        fingerprint=artifacts.read_manifest(source / "catalog", "catalog").fingerprint,
        catalog=catalog,
        interactions=interactions,
        split=split_interactions(interactions, config.split),
        table=_subtable(whole, catalog),
        everything=load_data(folder).catalog,
        whole=whole,
    )
    return domain, len(missing)


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
    model = load_lora(base, directory / ADAPTER_DIR, is_trainable=True)
    prompts = PromptTokenizer(frozen.prompts.tokenizer, frozen.ids)
    if frozen.item_projector is not None:
        frozen.item_projector.requires_grad_(False)
    return LanguageModel(model, prompts, id_space=frozen.id_space, item_projector=frozen.item_projector)


def _tune(language_model: LanguageModel, domain: _Domain, config: Config, work: Path) -> TuneReport:
    """Train, resuming what a killed run left for the same data and settings."""
    start = time.monotonic()
    artifacts.open_work(work, artifacts.fingerprint(domain.fingerprint, asdict(config), domain.table.fingerprint))
    report = tune_on(language_model, domain.catalog, domain.table, domain.split, config, work, among=domain.whole)
    return replace(report, seconds=time.monotonic() - start)
