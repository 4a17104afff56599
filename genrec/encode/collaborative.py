"""Item vectors from co-consumption: what the same people chose close together.

Positive pointwise mutual information of co-consumption within a window, factored by a truncated SVD: implicit word
embeddings over histories (Levy and Goldberg, NIPS 2014; Levy, Goldberg and Dagan, TACL 2015). Knows only the events it
is given: pass the training split alone.

Axis legend: N items, D features, E events.
"""

import numpy as np
from scipy import sparse

from genrec.data.arrays import unit_rows
from genrec.errors import ConfigError
from genrec.schema import Catalog, Embeddings, FloatArray, Interactions

NAME = "collaborative"
CONTEXT_SMOOTHING = 0.75  # Levy, Goldberg and Dagan: keeps rare items from looking surprising everywhere


def collaborative_embeddings(
    catalog: Catalog, train: Interactions, num_features: int, window: int, seed: int
) -> Embeddings:
    """Vectors of shape (N, num_features), unit rows; items never seen beside another one are absent.

    window: pairs of events at most so many steps apart in one history count, a pair d steps apart as 1/d.
    Raises UnknownItem for an event outside the catalog, ConfigError when num_features or window is not positive.
    """
    if num_features < 1 or window < 1:
        raise ConfigError(
            f"fuse.num_features = {num_features} and fuse.collaborative_window = {window}; both must be 1 or more"
        )
    counts_NN = count_pairs(catalog, train, window)
    vectors = np.zeros((len(catalog), num_features), dtype=np.float32)
    rank = min(num_features, len(catalog) - 1)
    if counts_NN.nnz and rank > 0:
        vectors[:, :rank] = _factor(_ppmi(counts_NN), rank, seed)
    return Embeddings(name=NAME, vectors=vectors, present=np.asarray(vectors.any(axis=1), dtype=bool))


def count_pairs(catalog: Catalog, train: Interactions, window: int) -> sparse.csr_matrix:
    """Symmetric weighted co-consumption counts, (N, N), with an empty diagonal."""
    followers_NN = count_followers(catalog, train, window)
    followers_NN.setdiag(0)
    followers_NN.eliminate_zeros()
    return (followers_NN + followers_NN.T).tocsr()


def count_followers(catalog: Catalog, train: Interactions, window: int) -> sparse.csr_matrix:
    """Counts of items that were chosen after each item, (N, N), earlier ones in the rows; d steps later counts 1/d."""
    items = catalog.rows(train.item_ids)
    total = sparse.csr_matrix((len(catalog), len(catalog)), dtype=np.float64)
    for distance in range(1, min(window, len(items) - 1) + 1):
        near = train.user_ids[distance:] == train.user_ids[:-distance]
        earlier, later = items[:-distance][near], items[distance:][near]
        weights = np.full(len(earlier), 1.0 / distance)
        total += sparse.csr_matrix((weights, (earlier, later)), shape=total.shape)
    return total


def _ppmi(counts_NN: sparse.csr_matrix) -> sparse.csr_matrix:
    totals_N = np.asarray(counts_NN.sum(axis=1)).ravel()
    context_N = totals_N**CONTEXT_SMOOTHING
    context_N /= context_N.sum()
    pairs = counts_NN.tocoo()
    information = np.log(pairs.data / (totals_N[pairs.row] * context_N[pairs.col]))
    positive = information > 0
    entries = (information[positive], (pairs.row[positive], pairs.col[positive]))
    return sparse.csr_matrix(entries, shape=counts_NN.shape)


def _factor(ppmi_NN: sparse.csr_matrix, rank: int, seed: int) -> FloatArray:
    from sklearn.utils.extmath import randomized_svd  # takes a second, and only building needs it

    left_NR, values_R, _ = randomized_svd(ppmi_NN, n_components=rank, n_iter=6, random_state=seed)
    scaled_NR = left_NR * np.sqrt(values_R)
    scaled_NR[np.asarray(abs(ppmi_NN).sum(axis=1)).ravel() == 0.0] = 0.0
    return unit_rows(scaled_NR)
