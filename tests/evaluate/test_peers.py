"""Every peer on toy data whose answer is known, and laws that each must keep."""

import numpy as np
import pytest

from genrec.config import SequenceConfig
from genrec.data.splits import EvaluationCase
from genrec.errors import InputError
from genrec.evaluate.contract import TrainingData, products, top_rows
from genrec.evaluate.peers import PEERS, ContentKNN, ItemKNN, Popularity, fit_peer
from genrec.schema import Catalog, Interactions, Item

# Two tastes that never mix: a, b, c and x, y, z. Nobody has touched "new"; its content is that of x, y, z.
IDS = ("a", "b", "c", "x", "y", "z", "new")
# Those of Cornac learn codes, for which seven items are too few: test_generative_peers.py holds them to the same laws.
OF_OURS = sorted(set(PEERS) - {"tiger", "letter", "rpg"})
QUICK = SequenceConfig(num_features=8, epochs=5)
TASTES = {"u1": "abc", "u2": "ab", "u3": "bca", "u4": "xyz", "u5": "zy", "u6": "yxz", "u7": "ab"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(items=tuple(Item(item_id=item_id, title=item_id) for item_id in IDS))


@pytest.fixture(scope="module")
def train() -> Interactions:
    events = [(user, item) for user, items in TASTES.items() for item in items]
    return Interactions.sort(user_ids=[user for user, _ in events], item_ids=[item for _, item in events])


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    first, second = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    lean = np.array([0.0, 0.0, 1.0])
    rows = [first, first + 0.1 * lean, first - 0.2 * lean, second, second + 0.1 * lean, second - 0.2 * lean]
    rows.append(second + 0.05 * lean)
    stacked = np.stack(rows)
    return (stacked / np.linalg.norm(stacked, axis=1, keepdims=True)).astype(np.float32)


def rows_of(catalog: Catalog, items: str) -> np.ndarray:
    return catalog.rows(items)


def test_popularity_ranks_by_training_events(catalog: Catalog, train: Interactions) -> None:
    ranked = Popularity().fit(TrainingData(train, catalog)).rank([rows_of(catalog, "z")], [rows_of(catalog, "z")], 3)
    assert [IDS[row] for row in ranked[0]] == ["a", "b", "y"]  # 4, 4 and 3 events; z is excluded


def test_itemknn_stays_within_the_taste(catalog: Catalog, train: Interactions) -> None:
    histories = [rows_of(catalog, "a"), rows_of(catalog, "y"), rows_of(catalog, "xz")]
    ranked = ItemKNN().fit(TrainingData(train, catalog)).rank(histories, histories, 2)
    assert [[IDS[row] for row in rows] for rows in ranked] == [["b", "c"], ["z", "x"], ["y", "a"]]


def test_itemknn_scores_are_the_cosines_of_user_sets(catalog: Catalog, train: Interactions) -> None:
    peer = ItemKNN((3,)).fit(TrainingData(train, catalog))
    similarity = peer.similarity.toarray()
    a, b, c, x = (catalog.row(item) for item in "abcx")
    assert similarity[a, b] == pytest.approx(4 / np.sqrt(4 * 4))  # u1, u2, u3 and u7 have both
    assert similarity[a, c] == pytest.approx(2 / np.sqrt(4 * 2))
    assert similarity[a, x] == 0.0
    assert similarity[a, a] == 0.0


def test_itemknn_chooses_its_neighborhood_on_the_validation_cases() -> None:
    # With one neighbor each, n0 leads to p alone; with all, n0 leads to p and, through more shared users, to n1 too.
    baskets = [("p", "n0")] * 3 + [("n0", "n1")] * 2 + [(f"m{n}",) for n in range(12) for _ in range(3)]
    events = [(f"u{number}", item) for number, basket in enumerate(baskets) for item in basket]
    ids = ("p", "n0", "n1", *(f"m{n}" for n in range(12)))
    catalog = Catalog(items=tuple(Item(item_id=item_id, title=item_id) for item_id in ids))
    train = Interactions.sort(user_ids=[user for user, _ in events], item_ids=[item for _, item in events])

    def chosen(target: str) -> int:
        case = EvaluationCase(user_id="v", history=("n0",), target=target, timestamp=0)
        return ItemKNN((1, 5)).fit(TrainingData(train, catalog, (case,))).neighborhood_size

    assert chosen("n1") == 5  # with one neighbor n1 is behind the twelve that are more popular
    assert chosen("p") == 1  # both find it first; the smaller is kept


def test_itemknn_asks_the_history_for_its_neighbors_and_not_the_candidates() -> None:
    # n0's one neighbor is p, but p's is q: from n0 one reaches p, though r, unrelated, is the most popular.
    baskets = [("p", "q")] * 3 + [("p", f"n{n}") for n in range(12)] + [("r",)] * 20
    events = [(f"u{number}", item) for number, basket in enumerate(baskets) for item in basket]
    ids = ("p", "q", "r", *(f"n{n}" for n in range(12)))
    catalog = Catalog(items=tuple(Item(item_id=item_id, title=item_id) for item_id in ids))
    train = Interactions.sort(user_ids=[user for user, _ in events], item_ids=[item for _, item in events])
    history = [catalog.rows(["n0"])]
    ranked = ItemKNN((1,)).fit(TrainingData(train, catalog)).rank(history, history, 2)
    assert [ids[row] for row in ranked[0]] == ["p", "r"]


def test_repeated_events_do_not_change_itemknn(catalog: Catalog, train: Interactions) -> None:
    twice = Interactions.sort(user_ids=[*train.user_ids, *train.user_ids], item_ids=[*train.item_ids, *train.item_ids])
    once, again = (ItemKNN((3,)).fit(TrainingData(log, catalog)).similarity.toarray() for log in (train, twice))
    np.testing.assert_allclose(once, again)


def test_content_knn_serves_items_that_nobody_has_touched(
    catalog: Catalog, train: Interactions, vectors: np.ndarray
) -> None:
    history = [rows_of(catalog, "xy")]
    ranked = ContentKNN((3,)).fit(TrainingData(train, catalog, (), vectors)).rank(history, history, 2)
    assert [IDS[row] for row in ranked[0]] == ["new", "z"]


def test_content_knn_chooses_how_far_back_it_looks(vectors: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 8))
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    catalog = Catalog(items=tuple(Item(item_id=f"i{row}", title="t") for row in range(40)))
    train = Interactions.sort(user_ids=["u"], item_ids=["i0"])
    nearest = np.argsort(-(points @ points.T), axis=1)[:, 1]
    cases = tuple(
        EvaluationCase(user_id="u", history=(f"i{(row + 7) % 40}", f"i{row}"), target=f"i{nearest[row]}", timestamp=0)
        for row in range(40)
        if nearest[row] != (row + 7) % 40
    )
    assert ContentKNN((2, 1)).fit(TrainingData(train, catalog, cases, points)).num_last == 1


def test_content_knn_without_vectors_says_what_is_missing(catalog: Catalog, train: Interactions) -> None:
    with pytest.raises(InputError, match="wants the fused item vectors of 7 items, found none"):
        ContentKNN().fit(TrainingData(train, catalog))


@pytest.mark.parametrize("name", OF_OURS)
def test_every_peer_fills_lists_with_distinct_legal_rows(
    name: str, catalog: Catalog, train: Interactions, vectors: np.ndarray
) -> None:
    histories = [rows_of(catalog, items) for items in ("a", "abc", "zx", "")]
    peer = fit_peer(name, TrainingData(train, catalog, (), vectors, {"words": vectors}), sequence=QUICK)
    ranked = peer.rank(histories, histories, 4)
    assert ranked.shape == (4, 4)
    for rows, history in zip(ranked, histories, strict=True):
        assert len(set(rows.tolist())) == 4
        assert not set(rows.tolist()) & set(history.tolist())


@pytest.mark.parametrize("name", OF_OURS)
def test_every_peer_answers_one_as_it_answers_many(
    name: str, catalog: Catalog, train: Interactions, vectors: np.ndarray
) -> None:
    histories = [rows_of(catalog, items) for items in ("a", "bc", "zx")]
    peer = fit_peer(name, TrainingData(train, catalog, (), vectors, {"words": vectors}), sequence=QUICK)
    many = peer.rank(histories, histories, 4)
    for history, rows in zip(histories, many, strict=True):
        np.testing.assert_array_equal(peer.rank([history], [history], 4)[0], rows)


def test_an_unknown_peer_is_named_with_the_known_ones(catalog: Catalog, train: Interactions) -> None:
    with pytest.raises(InputError, match="peer 'magic' is unknown; choose among popularity, itemknn, content-knn"):
        fit_peer("magic", TrainingData(train, catalog))


def test_asking_for_more_than_is_legal_is_an_error() -> None:
    with pytest.raises(InputError, match="fewer than 3 items"):
        top_rows(np.ones((1, 4)), [np.array([0, 1])], 3)
    with pytest.raises(InputError, match="fewer than 5 items"):
        top_rows(np.ones((1, 4)), [np.zeros(0, dtype=np.int64)], 5)


@pytest.mark.parametrize("name", OF_OURS)
def test_every_peer_scores_once_for_all_masks(
    name: str, catalog: Catalog, train: Interactions, vectors: np.ndarray
) -> None:
    peer = fit_peer(name, TrainingData(train, catalog, (), vectors, {"words": vectors}), sequence=QUICK)
    histories = [rows_of(catalog, items) for items in ("ab", "zx")]
    scores = peer.scores_for(["u1", "u4"], histories)
    before = scores.copy()
    open_lists = top_rows(scores, [np.zeros(0, np.int64)] * 2, 7)
    masked = top_rows(scores, histories, 5)
    np.testing.assert_array_equal(scores, before)  # a mask leaves the scores as they were
    for open_list, short, history in zip(open_lists, masked, histories, strict=True):
        assert sorted(open_list.tolist()) == list(range(7))
        assert [row for row in open_list.tolist() if row not in history] == short.tolist()


def test_equal_scores_go_by_row_number_at_every_length() -> None:
    scores = np.array([[1.0, 2.0, 1.0, 2.0, 1.0, 0.0]])
    for k in range(1, 7):
        assert top_rows(scores, [np.zeros(0, np.int64)], k)[0].tolist() == [1, 3, 0, 2, 4, 5][:k]


def test_products_are_the_same_however_many_are_asked_for_and_equal_vectors_tie() -> None:
    rng = np.random.default_rng(5)
    right_ND = np.repeat(rng.standard_normal((37, 83)).astype(np.float32), 7, axis=0)
    left_BD = rng.standard_normal((65, 83)).astype(np.float32)
    together = products(left_BD, right_ND)
    np.testing.assert_allclose(together, left_BD @ right_ND.T, atol=1e-4)
    for size in (1, 3, 64):
        parts = [products(left_BD[start : start + size], right_ND) for start in range(0, len(left_BD), size)]
        assert np.array_equal(np.concatenate(parts), together)
    by_vector = together.reshape(len(left_BD), 37, 7)
    assert (by_vector == by_vector[:, :, :1]).all()
