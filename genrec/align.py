"""Alignment of the CLIP model to a catalog, before a build: words find pictures in a domain that nobody trained on.

Both towers are tuned on the catalog's own pairs of words and pictures. The tuned model is a folder of the workspace,
never written again, which genrec.toml then names, so that the next build encodes with it; what is built already stays
as it is. Items of one title are held out together, so that no product is on both sides. Deliberately knows nothing of
how towers are trained, which is `fusion.towers`'.
"""

import json
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from genrec.artifacts import fingerprint, fingerprint_folder, open_work, read_json, write_text
from genrec.config import CONFIG_FILE, Config
from genrec.data.ingest import load_data
from genrec.data_defaults import resolve_config
from genrec.encode.clip import ClipEncoder
from genrec.errors import InputError
from genrec.fusion.towers import Pair, align_towers, picture_recall
from genrec.generations import Generation, writing
from genrec.hub import card_entry
from genrec.pretrained import model_folder
from genrec.runtime import foundation_path, pick_device, shown_name
from genrec.schema import Catalog
from genrec.stages import foundation_fingerprint

TOWERS = "towers"  # the folder of a workspace that holds its aligned models
RECORD = "alignment.json"  # in each of them
MIN_PAIRS = 100
_SHARE, _LEAST, _MOST = 10, 30, 1000  # one of ten pairs is held out, and again to say when to stop; so many at least


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignReport:
    """What aligning did. model: that the towers came from; path: the aligned ones, None where they were no better.

    Recalls: Recall@10 from the words of num_held_out pairs, never trained on, to their pictures; by chance it is
    10 / num_held_out. best_epoch: whose weights were kept.
    """

    model: str
    path: Path | None
    num_pairs: int
    num_held_out: int
    recall_before: float
    recall_after: float
    best_epoch: int
    num_parameters: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """Pairs to train on, to say when to stop by, and to measure on."""

    training: Sequence[Pair]
    validation: Sequence[Pair]
    held_out: Sequence[Pair]


def align(directory: Path | str, *, preset: str | None = None, settings: Iterable[str] = ()) -> AlignReport:
    """Tune the model of encode.clip on a workspace's words and pictures, and name it in genrec.toml if it is better.

    A model that was aligned before is aligned anew, from the one that it came from, and must be better than it is.
    After a kill it goes on from its last epoch. Raises ArtifactError when nothing was ingested, InputError for too few
    pairs or a model that is not here, WorkspaceBusy.
    """
    root, began = Path(directory), time.monotonic()
    Generation.open_newest(root)  # a folder that holds nothing stays as it is
    with writing(root, "genrec align"):
        newest = Generation.open_newest(root)
        newest.release()  # the lock keeps it
        config = resolve_config(root, newest.folder, preset=preset, settings=settings)
        parts = _split(load_data(newest.folder, content_alone=True).catalog, config.seed)
        origin, device = _origin(config.encode.clip), pick_device(config.device)
        work = open_work(root / ".align.work", _identity(origin, config, parts))
        made = work / "tower"
        shutil.rmtree(made, ignore_errors=True)
        towers = align_towers(
            origin, parts.training, parts.validation, config.align, made, device=device, seed=config.seed, work=work
        )
        report = AlignReport(
            model=shown_name(origin),
            path=None,
            num_pairs=len(parts.training),
            num_held_out=len(parts.held_out),
            recall_before=picture_recall(ClipEncoder(config.encode.clip, device), parts.held_out),
            recall_after=picture_recall(ClipEncoder(str(made), device), parts.held_out),
            best_epoch=towers.best_epoch,
            num_parameters=towers.num_parameters,
            seconds=round(time.monotonic() - began, 1),
        )
        if report.recall_after > report.recall_before:
            report = replace(report, path=_keep(root, made, origin, report, config))
        shutil.rmtree(work, ignore_errors=True)
    return report


def _identity(origin: str, config: Config, parts: _Parts) -> str:
    """What tells whether a checkpoint is of the same training."""
    pairs = [(str(pair.picture), pair.words) for pair in (*parts.training, *parts.validation)]
    return fingerprint(foundation_fingerprint(origin), asdict(config.align), config.seed, pairs)


def _origin(clip: str) -> str:
    """The model that an aligned one came from; any other is its own."""
    record = Path(foundation_path(clip)) / RECORD
    return str(read_json(record)["model"]) if record.is_file() else clip


def _keep(root: Path, made: Path, origin: str, report: AlignReport, config: Config) -> Path:
    """Move aligned towers to where they stay, under a name that tells their contents, and name them in genrec.toml."""
    license_name = card_entry(Path(model_folder(origin)), "license")
    write_text(made / "README.md", _card(report, license_name))
    write_text(made / RECORD, json.dumps({"model": origin, **asdict(config.align)}, indent=1))
    # Absolute, as a model's folder is looked for from wherever a command is run.
    target = Path(os.path.abspath(root)) / TOWERS / f"{report.model.replace('/', '--')}-{fingerprint_folder(made)[:8]}"
    target.parent.mkdir(exist_ok=True)
    if target.exists():
        shutil.rmtree(made)
    else:
        made.rename(target)
    named = replace(config, encode=replace(config.encode, clip=str(target)))
    write_text(root / CONFIG_FILE, named.to_toml())
    return target


def _card(report: AlignReport, license_name: str | None) -> str:
    license_line = f"license: {license_name}\n" if license_name else ""
    return f"""---
base_model: {report.model}
{license_line}---
# {report.model}, aligned to a catalog

Tuned on {report.num_pairs:,} pairs of words and pictures. Recall@10 from words to pictures of {report.num_held_out:,}
held-out pairs: {report.recall_before:.4f} before, {report.recall_after:.4f} after. Whose pictures these are decides who
may use it.
"""


def _split(catalog: Catalog, seed: int) -> _Parts:
    """The pairs of a catalog, in an order that added items do not change. Raises InputError where they are too few."""
    by_title: dict[str, list[Pair]] = defaultdict(list)
    num_pairs = 0
    for item in catalog:
        if (pair := Pair.of(item)) is not None:
            by_title[item.title or item.words].append(pair)
            num_pairs += 1
    if num_pairs < MIN_PAIRS or len(by_title) < MIN_PAIRS // 2:
        raise InputError(
            f"{num_pairs:,} of {len(catalog):,} items have a picture and words, of {len(by_title):,} titles; aligning "
            f"wants {MIN_PAIRS} pairs of {MIN_PAIRS // 2} titles or more, so ingest a catalog with more pictures"
        )
    size = min(max(num_pairs // _SHARE, _LEAST), _MOST)
    parts: list[list[Pair]] = [[], [], []]
    for title in sorted(by_title, key=lambda title: fingerprint(seed, title)):
        place = next((place for place in (0, 1) if len(parts[place]) < size), 2)
        parts[place] += by_title[title]
    return _Parts(held_out=parts[0], validation=parts[1], training=parts[2])
