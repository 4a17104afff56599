"""Domain adapters: a folder with a plain LoRA, what it was made for, and a card.

Knows how an adapter is written, found by name, checked against the model it is meant for, and merged into an ordinary
checkpoint; deliberately knows nothing of training. A workspace's adapter comes before a shipped one of its name.
"""

import json
import logging
import os
import re
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import tomli_w
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from genrec.artifacts import write_text
from genrec.disk import naming
from genrec.errors import ArtifactError, ConfigError, IdTableMismatch, InputError
from genrec.model.causal_lm import load_causal_lm
from genrec.model.lm.language import ADAPTER_DIR, BASE_DIR, IDS_FILE, LanguageModel, read_ids
from genrec.pretrained import LORA_CONFIG, LORA_WEIGHTS, check_lora, load_lora, load_processor
from genrec.sinks import markdown, markdown_code

log = logging.getLogger(__name__)

CARD_FILE = "adapter.toml"
RESERVED_NAMES = frozenset({"genrec"})  # by which the server offers the workspace itself
_CARD_BYTES = 64 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterCard:
    """The card of an adapter. id_space: of the semantic IDs it was trained on; metrics: on its own domain."""

    name: str
    foundation: str
    id_space: str
    license: str
    data: str
    rank: int
    minutes: float
    metrics: Mapping[str, float] = field(default_factory=dict)

    def check(self, *, foundation: str, id_space: str) -> None:
        """Raises IdTableMismatch unless the adapter was made for this foundation and id space."""
        if self.id_space != id_space:
            raise IdTableMismatch(
                f"adapter {self.name!r} was trained on id space {self.id_space}, but {id_space} is loaded; "
                f"rebuild the ids, or choose an adapter for {id_space}"
            )
        if self.foundation != foundation:
            raise IdTableMismatch(
                f"adapter {self.name!r} was trained on {self.foundation!r}, but {foundation!r} is loaded; "
                "choose an adapter for that model"
            )


def check_adapter_name(name: str) -> str:
    """The name itself. Raises ConfigError when it is reserved, or not of lower-case letters, digits, '.', '_', '-'."""
    if name in RESERVED_NAMES:
        raise ConfigError(f"adapter name {name!r} is the workspace's own; choose another")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"adapter name {name!r} is not usable; wanted letters a-z, digits, '.', '_', '-', at most 64")
    return name


def shipped_adapters() -> Path:
    """adapters/ inside the installed package, or beside it in a checkout."""
    here = Path(__file__).parents[2]
    return here / "adapters" if (here / "adapters").is_dir() else here.parent / "adapters"


def adapters_folder(workspace: Path) -> Path:
    """Where a workspace keeps its own adapters."""
    return workspace / "adapters"


def find_adapter(workspace: Path, name_or_path: str | Path) -> Path:
    """The folder of an adapter: a name in the workspace, a shipped name, or a path. Raises ArtifactError.

    What holds a separator, as ./beauty does, is a path; nothing else is looked for in the working directory.
    """
    name = os.fspath(name_or_path)
    named = _named_adapters(workspace)
    place = Path(name) if os.sep in name or (os.altsep or os.sep) in name else named.get(name)
    if place is None or not (place / CARD_FILE).is_file():
        there_are = ", ".join(sorted(named)) or "none"
        raise ArtifactError(f"adapter {name!r} was not found; there are: {there_are}; a folder is named as ./FOLDER")
    return place


def list_adapters(workspace: Path) -> dict[Path, AdapterCard]:
    """The folders and cards of the workspace's own and the shipped adapters, by name; broken ones are warned of."""
    cards = {}
    for name, folder in sorted(_named_adapters(workspace).items()):
        try:
            check_adapter_name(name)
            card = read_card(folder)
            if card.name != name:
                raise ArtifactError(f"its card names it {card.name!r}; name the folder so, or mend the card")
        except InputError as error:
            log.warning("adapter %r of %s is left out: %s", name, folder.parent, error)
            continue
        cards[folder] = card
    return cards


def _named_adapters(workspace: Path) -> dict[str, Path]:
    """Folder by name; of two with one name, the workspace's."""
    roots = (shipped_adapters(), adapters_folder(workspace))
    return {path.parent.name: path.parent for root in roots for path in root.glob(f"*/{CARD_FILE}")}


def read_card(directory: Path) -> AdapterCard:
    """An adapter's card. Raises ArtifactError when it is missing or broken."""
    path = directory / CARD_FILE
    try:
        if path.stat().st_size > _CARD_BYTES:
            raise ValueError(f"it has more than {_CARD_BYTES:,} bytes")
        card = AdapterCard(**tomllib.loads(path.read_text(encoding="utf-8")))
        for entry in fields(AdapterCard):
            wanted: Any = {"rank": int, "minutes": (int, float), "metrics": dict}.get(entry.name, str)
            if not isinstance(getattr(card, entry.name), wanted):
                raise TypeError(f"{entry.name} is a {type(getattr(card, entry.name)).__name__}")
        if not all(isinstance(value, int | float) for value in card.metrics.values()):
            raise TypeError("metrics are not all numbers")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{path} is not a readable adapter card ({error}); train the adapter again") from error
    return card


def fitting_adapter(workspace: Path, adapter: str | Path) -> Path:
    """The folder of an adapter that was made for the model of this workspace, whole and in its shapes.

    Raises ArtifactError, IdTableMismatch, InputError.
    """
    folder, model = find_adapter(workspace, adapter), workspace / "model"
    _, id_space, foundation = read_ids(model)
    read_card(folder).check(foundation=foundation, id_space=id_space)
    if not (model / ADAPTER_DIR).is_dir():
        raise InputError(
            f"adapter {folder.name!r} needs a model tuned by LoRA; this one was tuned with all its weights"
        )
    check_lora(folder, model / ADAPTER_DIR)
    return folder


def save_plain_lora(model: Any, directory: Path) -> None:
    """Save the LoRA matrices alone: a plain adapter that other engines load, without rows of the vocabulary."""
    partial = directory.with_name(f"{directory.name}.all")
    model.save_pretrained(partial, save_embedding_layers=False)
    weights = load_file(partial / LORA_WEIGHTS)
    settings = json.loads((partial / LORA_CONFIG).read_text(encoding="utf-8"))
    settings["trainable_token_indices"] = None
    settings["base_model_name_or_path"] = None
    settings["target_modules"] = sorted(settings["target_modules"])  # a set until now
    directory.mkdir(parents=True, exist_ok=True)
    save_file({k: v for k, v in weights.items() if "lora_" in k}, directory / LORA_WEIGHTS)
    write_text(directory / LORA_CONFIG, json.dumps(settings, indent=1, sort_keys=True))
    shutil.rmtree(partial)


def save_adapter(language_model: LanguageModel, directory: Path, card: AdapterCard) -> None:
    """Write the LoRA, adapter.toml and a README.md card into a fresh folder."""
    save_plain_lora(language_model.model, directory)
    metrics = {name: round(float(value), 4) for name, value in card.metrics.items()}
    table = {
        "name": card.name,
        "foundation": card.foundation,
        "id_space": card.id_space,
        "license": card.license,
        "data": card.data,
        "rank": card.rank,
        "minutes": round(card.minutes, 2),
        "metrics": metrics,
    }
    write_text(directory / "README.md", _card_text(card, metrics))
    write_text(directory / CARD_FILE, tomli_w.dumps(table))


def _card_text(card: AdapterCard, metrics: Mapping[str, float]) -> str:
    lines = "\n".join(f"| {markdown(name)} | {value:.4f} |" for name, value in metrics.items())
    foundation, id_space = markdown_code(card.foundation), markdown_code(card.id_space)
    return (
        f"# {card.name}\n\nA LoRA adapter (rank {card.rank}) for {foundation} with the id tokens of id space "
        f"{id_space}.\n\n- Data: {markdown(card.data)}\n- Training: {card.minutes:.1f} minutes\n"
        f"- License: {markdown(card.license)}\n\n"
        f"| measure | value |\n|---|---|\n{lines}\n\n"
        f"Use it with `genrec recommend DIR --adapter {card.name} …` or `genrec.load(DIR, adapter={card.name!r})`.\n"
    )


def export_merged(model_directory: Path, adapter: Path | None, out: Path) -> None:
    """Write an ordinary checkpoint: the tuned base with a LoRA merged into its weights, and the tokenizer.

    It reads items by their tokens alone, which one row in ten of the training did too.

    adapter: a domain adapter's folder, or None for the one that tuning made. Raises ArtifactError when `out` exists,
    IdTableMismatch when the adapter is for another model.
    """
    if out.exists():
        raise ArtifactError(f"{out} exists; give a new folder for the merged checkpoint")
    _, id_space, foundation = read_ids(model_directory)
    if adapter is not None:
        read_card(adapter).check(foundation=foundation, id_space=id_space)
        check_lora(adapter, model_directory / ADAPTER_DIR)
    base = model_directory / BASE_DIR
    model = load_causal_lm(str(base), dtype="float32", four_bit=False, device=torch.device("cpu"))
    lora = adapter or model_directory / ADAPTER_DIR
    if lora.is_dir():
        model = load_lora(model, lora).merge_and_unload()
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with naming(out):
            model.save_pretrained(partial)
        load_processor(AutoTokenizer, base).save_pretrained(partial)
        shutil.copy(base / IDS_FILE, partial / IDS_FILE)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
