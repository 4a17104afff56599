"""A person's taste as one vector: what their history looks like, seen from the item at hand."""

# H history pictures, D features

import numpy as np

from genrec.errors import ShapeError
from genrec.schema import FloatArray


def taste_vector(history_HD: FloatArray, item_D: FloatArray, temperature: float) -> FloatArray:
    """The likeness-weighted centroid of a history in CLIP space, float32 (D,), unit length.

    history_HD: unit rows (H, D), H >= 1; item_D: unit vector (D,). Weights are softmax(cosine / temperature): a low
    temperature listens to history items like the item, a high one to all alike.
    Raises ShapeError when the history is empty or of another width.
    """
    if history_HD.ndim != 2 or not len(history_HD) or history_HD.shape[1:] != item_D.shape:
        raise ShapeError(
            f"taste needs history vectors (H >= 1, {item_D.shape[-1]}) like the item's, got {history_HD.shape}; "
            "encode history and item with the same model"
        )
    likeness_H = history_HD @ item_D / max(temperature, 1e-6)
    weights_H = np.exp(likeness_H - likeness_H.max())
    centroid_D = weights_H @ history_HD / weights_H.sum()
    length = float(np.linalg.norm(centroid_D))
    return (centroid_D / max(length, 1e-12)).astype(np.float32)
