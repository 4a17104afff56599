"""Generative recommenders of Cornac as peers: TIGER, LETTER and RPG, with its settings.

Knows how our events and vectors become Cornac's data sets; how the models work is Cornac's. They come with the extra
`peers`. Best weights are chosen on the validation cases; items stand in Cornac under their catalog rows.

Axis legend: B cases, K positions, N items, D features.
"""

import contextlib
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from genrec.encode.collaborative import collaborative_embeddings
from genrec.errors import InputError
from genrec.evaluate.contract import Peer, Scores, TrainingData
from genrec.runtime import progress
from genrec.schema import FloatArray, IntArray

_SEED = 7
_NUM_CODES = 256  # of a codebook, Cornac's default
_NUM_COLLABORATIVE, _WINDOW = 32, 3  # LETTER wants item vectors of taste beside those of content


class CornacPeer(Peer):
    """One of Cornac's generative models. Raises InputError when Cornac or the item vectors are missing."""

    def __init__(self, name: str, options: Mapping[str, Any] | None = None) -> None:  # Any: Cornac's own settings
        self.name, self.options = name, dict(options or {})

    def fit(self, data: TrainingData) -> Self:
        catalog, vectors = data.catalog, data.vectors
        if vectors is None or len(vectors) != len(catalog):
            raise InputError(
                f"peer {self.name!r} wants the fused vectors of {len(catalog)} items; build the workspace, or leave "
                "this peer out"
            )
        histories = [catalog.rows(history) for history in data.train.histories().values()]
        num_codes = self.options.get("rqvae_codebook_size", _NUM_CODES)
        num_trained = len(np.unique(np.concatenate([*histories, np.zeros(0, np.int64)])))
        if self.name == "rpg" and num_trained < num_codes:
            raise InputError(
                f"peer 'rpg' quantizes into {num_codes} codes and wants as many items with training events, found "
                f"{num_trained}; leave this peer out"
            )
        if self.name == "letter" and len(catalog) < 2 * num_codes:
            raise InputError(
                f"peer 'letter' quantizes into {num_codes} codes and wants twice as many items, found {len(catalog)}; "
                "leave this peer out"
            )
        asked = [np.append(catalog.rows(case.history), catalog.row(case.target)) for case in data.validation]
        options: dict[str, Any] = {"val_sample": 500, "seed": _SEED, "verbose": True}
        options["model_selection"] = "best" if asked else "last"
        if self.name == "letter":
            width = min(_NUM_COLLABORATIVE, len(catalog) - 1)
            taste = collaborative_embeddings(catalog, data.train, width, _WINDOW, _SEED)
            taste_ND = np.zeros((len(catalog), _NUM_COLLABORATIVE), np.float32)  # as wide as its latent vectors
            taste_ND[:, : taste.vectors.shape[1]] = taste.vectors
            options |= {"cf_embeddings": taste_ND, "cf_embedding_ids": list(range(len(catalog)))}
        self._model = cornac_model(self.name)(**(options | self.options))
        with contextlib.redirect_stdout(sys.stderr):  # what it says on its way is no part of an answer
            self._model.fit(_dataset(histories, vectors), _dataset(asked, vectors) if asked else None)
        self._num_items = len(catalog)
        return self

    def scores(self, histories: Sequence[IntArray]) -> Scores:
        asked = progress(histories, label=f"ask {self.name}")
        return np.stack([self._model.score(0, rows.tolist())[: self._num_items] for rows in asked])


def cornac_model(name: str) -> Callable[..., Any]:
    """One of Cornac's models by a peer's name. Raises InputError when Cornac is missing."""
    try:
        from cornac.models import BPR, LETTER, RPG, TIGER, VBPR
    except ImportError as error:
        raise InputError(
            f"peer {name!r} comes from Cornac, which is not installed; pip install 'genrec[peers]', or leave it out"
        ) from error
    models: dict[str, Callable[..., Any]] = {"bpr": BPR, "letter": LETTER, "rpg": RPG, "tiger": TIGER, "vbpr": VBPR}
    return models[name]


def _dataset(histories: Sequence[IntArray], vectors_ND: FloatArray) -> Any:
    """Cornac's data set of sessions, one per history, in which an item's index is its catalog row."""
    from cornac.data import FeatureModality, SequentialDataset

    rows = OrderedDict((row, row) for row in range(len(vectors_ND)))
    events = [
        (number, int(row), place) for number, history in enumerate(histories) for place, row in enumerate(history)
    ]
    dataset = SequentialDataset.build(events, fmt="SIT", global_iid_map=rows, seed=_SEED)
    dataset.item_feature = FeatureModality(features=vectors_ND)
    return dataset
