"""A taste's colors as the vector that a palette adapter reads. Knows no model."""

# K colors

import numpy as np

from genrec.errors import ShapeError
from genrec.schema import FloatArray

MAX_COLORS = 4
PALETTE_WIDTH = 4 * MAX_COLORS


def palette_vector(palette_K3: FloatArray | None, weights_K: FloatArray | None) -> FloatArray:
    """Up to four colors, heaviest first, as (L/100, a/100, b/100, weight) each; float32 (16,).

    palette_K3: CIELAB; weights_K: positive, None for all alike; those of the colors that are kept are scaled to sum to
    1. Absent colors are zeros, and so is no palette (None, or no color). Colors without weight are left out.
    Raises ShapeError.
    """
    vector = np.zeros((MAX_COLORS, 4), dtype=np.float32)
    colors = np.zeros((0, 3)) if palette_K3 is None else np.asarray(palette_K3, dtype=np.float32)
    weights = np.ones(len(colors)) if weights_K is None else np.asarray(weights_K, dtype=np.float32)
    if colors.ndim != 2 or colors.shape[1] != 3 or weights.shape != (len(colors),):
        raise ShapeError(
            f"palette of shape {colors.shape} with weights of shape {weights.shape}; wanted (K, 3) in CIELAB and (K,)"
        )
    heaviest = np.argsort(-weights, kind="stable")[:MAX_COLORS]
    kept = heaviest[weights[heaviest] > 0]
    if len(kept):
        vector[: len(kept), :3] = colors[kept] / 100
        vector[: len(kept), 3] = weights[kept] / weights[kept].sum()
    return vector.ravel()
