"""Trials of fusion as rows: means and spreads over seeds, what controls cost, who is served worse; and as a picture.

Axis legend: U people.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from genrec.artifacts import write_file
from genrec.bench.fusion.setting import Data
from genrec.bench.fusion.trial import Result
from genrec.bench.measure import Row
from genrec.evaluate.metrics import paired_p_value

_SHOWN = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
_PARTS = ("tail_recall@10", "cold_recall@10")
_COSTS = ("parameters", "seconds_per_epoch", "seconds", "peak_mb")
_IDS = ("ids_recall@10", "ids_cosine", "ids_collisions")
_RIVALS = ("ease", "vbpr", "lightgcn")
_LABEL = (80, 14)  # pixels that a name takes in the picture
_SPARSE = 1 / 3  # of the people, who have the fewest training events


def make_rows(trials: Sequence[Result], data: Data) -> list[Row]:
    """One row per system and split, the best recall@10 first; the figures of variants beside the whole's.

    What no trial tells is an empty text.
    """
    by_place: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for trial in trials:
        by_place[trial["split"], trial["system"]].append(trial)
    rows = [_row(split, system, found, by_place, data) for (split, system), found in by_place.items()]
    return sorted(rows, key=lambda row: (str(row["split"]), -float(row["recall@10"] or 0.0)))


def _row(
    split: str, system: str, trials: Sequence[Result], by_place: Mapping[tuple[str, str], list[Result]], data: Data
) -> Row:
    whole = [trial for trial in trials if trial["variant"] == "whole"]
    row: Row = {"system": system, "dataset": data.name, "split": split, "seeds": len(whole)}
    for name in _SHOWN:
        row[name] = _mean(whole, name) if whole else ""
    row["spread"] = float(np.std([_figure(trial, "recall@10") for trial in whole])) if len(whole) > 1 else 0.0
    for name in _COSTS:
        row[name] = _mean_of(trial.get(name) for trial in whole)
    for name in _IDS:
        row[name] = _mean_of(trial.get(name) for trial in whole)
    row["tail_recall@10"] = _mean(whole, "tail_recall@10") if whole else ""
    row["sparse_recall@10"] = _sparse(whole) if whole else ""
    for variant in sorted({trial["variant"] for trial in trials} - {"whole", "reweighted"}):
        changed = [trial for trial in trials if trial["variant"] == variant]
        row[f"{variant}_recall@10"] = _mean(changed, "cold_recall@10" if variant == "cold" else "recall@10")
    for rival in _RIVALS:
        theirs = [trial for trial in by_place.get((split, rival), []) if trial["variant"] == "whole"]
        if rival != system and theirs and whole:
            row[f"p_{rival}"] = _p_value(whole, theirs)
    return row | _gaps(trials, data.groups)


def _gaps(trials: Sequence[Result], groups: Mapping[str, Mapping[str, str]]) -> Row:
    """Recall@10 of the group served best less that of the one served worst, also when all groups weigh the same."""
    row: Row = {}
    for by, label_of in groups.items():
        for variant, ending in (("whole", ""), ("reweighted", "_reweighted")):
            chosen = [t for t in trials if t["variant"] == variant and (variant == "whole" or t["by"] == by)]
            if chosen:
                row[f"gap_{by}{ending}"] = float(np.mean([_gap(trial, label_of) for trial in chosen]))
                if ending:
                    row[f"recall@10_{by}{ending}"] = _mean(chosen, "recall@10")
    return row


def _gap(trial: Result, label_of: Mapping[str, str]) -> float:
    found_U = np.array(trial["figures"]["recall@10"], float)
    labels_U = np.array([label_of.get(name, "") for name in trial["people"]])
    means = [np.nanmean(found_U[labels_U == label]) for label in np.unique(labels_U)]
    return float(max(means) - min(means))


def _sparse(trials: Sequence[Result]) -> float:
    """Recall@10 of those with the fewest training events."""
    means = []
    for trial in trials:
        counts_U = np.array(trial["num_trained"])
        is_sparse_U = counts_U <= np.quantile(counts_U, _SPARSE)
        means.append(np.nanmean(np.array(trial["figures"]["recall@10"], float)[is_sparse_U]))
    return float(np.mean(means)) if means else 0.0


def _figure(trial: Result, name: str) -> float:
    values_U = np.array(trial["figures"][name], float)
    return float(np.nanmean(values_U)) if np.isfinite(values_U).any() else 0.0


def _mean(trials: Sequence[Result], name: str) -> float:
    return float(np.mean([_figure(trial, name) for trial in trials])) if trials else 0.0


def _mean_of(values: Iterable[float | None]) -> float | str:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else ""


def _p_value(ours: Sequence[Result], theirs: Sequence[Result]) -> float:
    """Of a paired t-test over people, each one's recall@10 the mean over seeds."""
    sides = [np.mean([np.array(t["figures"]["recall@10"], float) for t in side], axis=0) for side in (ours, theirs)]
    asked_U = np.isfinite(sides[0]) & np.isfinite(sides[1])
    return paired_p_value(sides[0][asked_U].astype(np.float32), sides[1][asked_U].astype(np.float32))


def _spent(row: Row) -> float:
    return max(float(row["seconds"]), 0.05)


def draw_costs(rows: Sequence[Row], path: Path) -> None:
    """A PNG of accuracy against cost: each system's recall@10 over the seconds it learned, a panel for each split."""
    panels = list(dict.fromkeys((str(row["dataset"]), str(row["split"])) for row in rows))
    figure = Figure(figsize=(6.4 * len(panels), 5), dpi=110, layout="constrained", facecolor="white")
    for axes, (dataset, split) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        here = [row for row in rows if (row["dataset"], row["split"]) == (dataset, split) and row["seconds"]]
        axes.set(xscale="log")
        for row in here:
            axes.plot(_spent(row), float(row["recall@10"]), "o", color="#5b7aa8")
        figure.draw_without_rendering()
        taken: list[tuple[float, float]] = []
        for row in sorted(here, key=lambda row: -float(row["recall@10"])):
            point = _spent(row), float(row["recall@10"])
            x, y = axes.transData.transform(point)
            shown_y = y
            while any(
                abs(x - other_x) < _LABEL[0] and abs(shown_y - other_y) < _LABEL[1] for other_x, other_y in taken
            ):
                shown_y -= 2
            taken.append((x, shown_y))
            offset = (5, (shown_y - y) * 72 / figure.dpi - 3)
            axes.annotate(str(row["system"]), point, xytext=offset, textcoords="offset points", fontsize=8)
        axes.set(title=f"{dataset}, {split} split", xlabel="seconds to learn", ylabel="Recall@10")
        axes.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure)
    with write_file(path) as partial:
        figure.savefig(partial, format="png")
