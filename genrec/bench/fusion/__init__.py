"""`genrec bench fusion`: every fuser on one workspace's events, by the same split, the same loss and the same stop.

Trials are kept in the workspace and not made again, so that a bench that was killed goes on. Each runs in a process of
its own, whose memory is told. Settings are chosen on validation alone, and the test is asked once.
"""

import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from genrec.artifacts import fingerprint, fingerprint_file, write_text
from genrec.bench.fusion.report import draw_costs, make_rows
from genrec.bench.fusion.setting import ONLY, VARIANTS, Data, make_setting
from genrec.bench.fusion.trial import Result, is_system, run_trial
from genrec.bench.measure import Row
from genrec.errors import InputError
from genrec.evaluate.peers import PEERS
from genrec.fusion import FUSERS
from genrec.generations import INTERACTIONS, Generation
from genrec.runtime import ProgressMeter

KEPT = ".fusion-bench"
_BESIDE = ("popularity", "ease")
_FORMAT = 1  # of kept trials; another makes them anew


def bench_fusion(
    seed: int,
    *,
    directory: Path | None = None,
    systems: Sequence[str] = (),
    splits: Sequence[str] = (),
    variants: Sequence[str] = ("whole",),
    seeds: int = 1,
    people: Path | None = None,
    sheet: Path | None = None,
) -> list[Row]:
    """One row per system and split. See `genrec bench fusion --help`.

    systems: fusers and peers, all fusers, EASE and Popularity where none is named; seeds: how many, from `seed` on;
    people: a CSV that groups people; sheet: a PNG of accuracy against cost. Raises InputError on what is unknown.
    """
    if directory is None:
        raise InputError("bench fusion measures a workspace; give its folder: genrec bench fusion DIR")
    data = Data.open(directory, people)
    wanted = _trials(data, systems or (*_BESIDE, *FUSERS), splits or data.splits, variants, range(seed, seed + seeds))
    folder = (
        directory
        / KEPT
        / fingerprint(
            _FORMAT, fingerprint_file(Generation.open_newest(directory).folder / INTERACTIONS), sorted(data.embeddings)
        )
    )
    meter = ProgressMeter(label="trials of fusion", total=len(wanted))
    found = []
    for trial in wanted:
        found.append(_kept_or_made(data, trial, folder))
        meter.advance()
    meter.close()
    rows = make_rows(found, data)
    if sheet is not None:
        draw_costs(rows, sheet)
    return rows


_Trial = tuple[str, str, str, int, str | None]  # system, split, variant, seed, grouping


def _trials(
    data: Data, systems: Sequence[str], splits: Sequence[str], variants: Sequence[str], seeds: Sequence[int]
) -> list[_Trial]:
    for system in systems:
        if not is_system(system):
            raise InputError(
                f"system {system!r} is unknown; choose among {', '.join(dict.fromkeys((*FUSERS, *PEERS)))}"
            )
    for split in splits:
        if split not in data.splits:
            raise InputError(f"{data.name} cannot be split by {split!r}; choose among {', '.join(data.splits)}")
    for variant in variants:
        if variant not in VARIANTS and not variant.startswith(ONLY):
            raise InputError(f"variant {variant!r} is unknown; choose among {', '.join(VARIANTS)}, {ONLY}MODALITY")
        for by in (data.groups or (None,)) if variant == "reweighted" else (None,):
            make_setting(data, splits[0], variant, by=by)  # said before hours are spent
    return [
        (system, split, variant, seed, by)
        for split in splits
        for variant in variants
        for system in systems
        if variant == "whole" or system in FUSERS  # peers read no content, or have no say in what they read
        for seed in (seeds if variant == "whole" else seeds[:1])
        for by in (data.groups if variant == "reweighted" else (None,))
    ]


def _kept_or_made(data: Data, trial: _Trial, folder: Path) -> Result:
    system, split, variant, seed, by = trial
    path = folder / f"{system}.{split}.{variant}{'' if by is None else '-' + fingerprint(by)}.{seed}.json"
    if path.is_file():
        try:
            kept: Result = json.loads(path.read_text(encoding="utf-8"))
            return kept
        except ValueError:
            path.unlink()  # cut off; made again
    # A fresh process tells how much memory one trial takes; what is imported is shared with it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["genrec.bench.fusion.trial"])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        made = pool.submit(run_trial, data, system, split, variant, seed, by=by).result()
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(made))
    return made
