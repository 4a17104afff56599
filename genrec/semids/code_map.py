"""A map of codes: the space that semantic IDs divide as a picture, and how evenly their codes are used.

Axis legend: N items, D features, L levels, K codes.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure

from genrec.artifacts import write_file
from genrec.schema import FloatArray
from genrec.semids.report import perplexity

MAX_DOTS = 20_000
_INK, _MUTED, _BAR = "#22252b", "#8a8f98", "#5b7aa8"


def draw_code_map(vectors_ND: FloatArray, codes_NL: npt.NDArray[np.integer], path: Path) -> None:
    """Draw a PNG: items on their two main axes, colored by first code, and how much each level's codes are used.

    codes_NL: the quantizer's codes, tie code left out.
    """
    points_N2, shares = _project(vectors_ND)
    colors_K3 = _code_colors(points_N2, codes_NL[:, 0])
    num_levels = codes_NL.shape[1]
    figure = Figure(figsize=(12, 6.4), dpi=110, layout="constrained", facecolor="white")
    grid = figure.add_gridspec(num_levels, 2, width_ratios=(1.45, 1))
    _draw_items(figure.add_subplot(grid[:, 0]), points_N2, shares, codes_NL[:, 0], colors_K3)
    for level in range(num_levels):
        _draw_usage(figure.add_subplot(grid[level, 1]), codes_NL[:, level], level, colors_K3 if level == 0 else None)
    FigureCanvasAgg(figure)
    with write_file(path) as partial:
        figure.savefig(partial, format="png")


def _project(vectors_ND: FloatArray) -> tuple[FloatArray, tuple[float, float]]:
    """Coordinates on the two main principal axes, (N, 2), and the share of the variance that each explains."""
    centered = vectors_ND - vectors_ND.mean(axis=0)
    variances, axes = np.linalg.eigh(centered.T.astype(np.float64) @ centered)
    points = np.zeros((len(vectors_ND), 2), dtype=np.float32)
    kept = min(2, vectors_ND.shape[1])
    points[:, :kept] = centered @ axes[:, ::-1][:, :kept]
    total = max(float(variances.sum()), 1e-12)
    explained = [*(float(v) / total for v in variances[::-1][:kept]), 0.0]
    return points, (explained[0], explained[1])


def _code_colors(points_N2: FloatArray, codes_N: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """One color per first-level code: hue by the angle at which its items lie, so that neighbors look alike."""
    num_codes = int(codes_N.max()) + 1
    sums = np.stack([np.bincount(codes_N, weights=points_N2[:, axis], minlength=num_codes) for axis in (0, 1)])
    hues = np.argsort(np.argsort(np.arctan2(sums[1], sums[0]))) / num_codes
    saturation = np.where(np.arange(num_codes) % 2, 0.55, 0.8)
    return np.asarray(hsv_to_rgb(np.stack([hues, saturation, np.full(num_codes, 0.82)], axis=1)))


def _draw_items(
    axes: Axes,
    points_N2: FloatArray,
    shares: tuple[float, float],
    codes_N: npt.NDArray[np.integer],
    colors_K3: npt.NDArray[np.float64],
) -> None:
    step = -(-len(points_N2) // MAX_DOTS)
    size = float(np.clip(18_000 / len(points_N2), 3, 40))
    shown_N2 = points_N2[::step]
    axes.scatter(shown_N2[:, 0], shown_N2[:, 1], c=colors_K3[codes_N[::step]], s=size, alpha=0.75, linewidths=0)
    shown = f" ({-(-len(points_N2) // step):,} shown)" if step > 1 else ""
    num_used = len(np.unique(codes_N))
    axes.set_title(f"{len(points_N2):,} items{shown}, colored by their first code ({num_used} in use)", color=_INK)
    axes.set_xlabel(f"principal axis 1 ({shares[0]:.0%} of the variance)", color=_INK)
    axes.set_ylabel(f"principal axis 2 ({shares[1]:.0%} of the variance)", color=_INK)
    _clean(axes)


def _draw_usage(
    axes: Axes, codes_N: npt.NDArray[np.integer], level: int, colors_K3: npt.NDArray[np.float64] | None
) -> None:
    counts = np.bincount(codes_N)
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    axes.bar(np.arange(len(order)), counts[order], width=0.9, color=_BAR if colors_K3 is None else colors_K3[order])
    axes.axhline(counts.sum() / len(order), color=_INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_title(f"level {level + 1}: {len(order)} codes in use, perplexity {perplexity(codes_N):.1f}", color=_INK)
    axes.set_xlabel("codes, most used first (dashed: mean use)", color=_MUTED)
    axes.set_ylabel("items", color=_INK)
    axes.set_xlim(-0.8, len(order) - 0.2)
    _clean(axes)


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_MUTED)
    axes.tick_params(colors=_MUTED, labelsize=8)
