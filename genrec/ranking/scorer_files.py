"""The item scorer in a file: what was counted and weighed; the models and the content stay where they are.

Axis legend: N items.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from genrec.artifacts import write_file
from genrec.config import Config
from genrec.errors import ArtifactError
from genrec.fusion import load_fuser, make_fuser
from genrec.model.sequence.files import FUSER, content_vectors
from genrec.model.sequence.item_head import find_headed_model
from genrec.ranking.followers import Followers
from genrec.ranking.fuser_scores import FuserScores
from genrec.ranking.item_scorer import ItemScorer, ScorerWeights
from genrec.schema import Embeddings, FloatArray, IntArray

SCORER_FILE = "experts.safetensors"
SCORER_LAYOUT = 2  # of the file; scorers of another layout are made again


def save_item_scorer(item_scorer: ItemScorer, path: Path) -> None:
    """Write what was counted and learned into one safetensors file."""
    counts_NN = item_scorer.followers.counts_NN
    arrays = {"data": counts_NN.data, "indices": counts_NN.indices, "indptr": counts_NN.indptr}
    arrays |= {"counts": item_scorer.counts_N, "axes": item_scorer.axes_D}
    with write_file(path) as partial:
        save_file(arrays, partial, metadata={"weights": json.dumps(asdict(item_scorer.weights))})


def find_item_scorer(
    root: Path, device: torch.device, embeddings: Mapping[str, Embeddings], config: Config
) -> ItemScorer | None:
    """The pool of a built workspace; None where it does without a sequence model.

    embeddings: of the catalog as it is now; items that were added since training are known by their content. Raises
    ArtifactError on what an earlier genrec wrote.
    """
    from scipy import sparse

    model = find_headed_model(root, device, embeddings)
    if model is None:
        return None
    path = root / "experts" / SCORER_FILE
    with safe_open(path, framework="np") as stored:
        weights = ScorerWeights(**json.loads(stored.metadata()["weights"]))
    found = load_file(path)
    if "axes" not in found:
        raise ArtifactError(f"{path} lacks axes: an earlier genrec wrote it; run genrec build")
    shape = (len(found["counts"]), len(found["counts"]))
    counts_NN = sparse.csr_matrix((found["data"], found["indices"], found["indptr"]), shape=shape)
    content_ND = content_vectors(root / "sequence", embeddings, model.num_items)
    return ItemScorer(
        model,
        followers=Followers.of(counts_NN, model.num_items, window=config.scorer.window),
        counts_N=found["counts"],
        content_ND=content_ND,
        axes_D=found["axes"],
        fuser=None if not weights.fuser else find_fuser_scores(root, content_ND, found["counts"], config, weights),
        weights=weights,
        config=config,
    )


def find_fuser_scores(
    root: Path, content_ND: FloatArray, counts_N: IntArray, config: Config, weights: ScorerWeights | None = None
) -> FuserScores | None:
    """What the workspace's fuser expects; None where it did not learn from events.

    content_ND, counts_N: of the items as they are now, and their training events, which may cover fewer. weights: of a
    stored pool, whose scale is taken.
    """
    if not make_fuser(config.fuse).learned:
        return None
    is_known_N = np.pad(counts_N > 0, (0, len(content_ND) - len(counts_N)))
    scale = 1.0 if weights is None else weights.fuser_scale
    return FuserScores(load_fuser(root / "sequence" / FUSER), content_ND, is_known_N, scale=scale)
