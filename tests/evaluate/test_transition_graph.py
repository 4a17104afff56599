"""TGH on graphs whose rings are known."""

import numpy as np
import pytest

from genrec.data.splits import EvaluationCase
from genrec.errors import InputError
from genrec.evaluate.contract import TrainingData
from genrec.evaluate.transition_graph import TransitionGraph, transitions
from genrec.schema import Catalog, Interactions, Item


def make_data(
    walks: list[str], ids: str, content: dict[str, np.ndarray], cases: list[tuple[str, str]] | None = None
) -> TrainingData:
    """Walks through items of one letter; cases: a history and its target."""
    catalog = Catalog(items=tuple(Item(item_id=item_id, title=item_id) for item_id in ids))
    events = [(f"u{number}", item) for number, walk in enumerate(walks) for item in walk]
    train = Interactions.sort(
        user_ids=[user for user, _ in events], item_ids=[item for _, item in events], timestamps=range(len(events))
    )
    asked = [EvaluationCase(user_id="v", history=tuple(h), target=target, timestamp=0) for h, target in cases or []]
    return TrainingData(train, catalog, asked, None, content)


def alike(ids: str, to_first: dict[str, float]) -> np.ndarray:
    """Unit vectors whose cosine to the first item is as given, 0 where it is not."""
    vectors = np.zeros((len(ids), len(ids)), np.float32)
    for row, item in enumerate(ids):
        vectors[row, 0] = 1.0 if row == 0 else to_first.get(item, 0.0)
        vectors[row, row] += np.sqrt(1 - vectors[row, 0] ** 2)
    return vectors


def ranked(peer: TransitionGraph, ids: str, history: str, k: int) -> str:
    rows = [np.array([ids.index(item) for item in history], np.int64)]
    return "".join(ids[row] for row in peer.rank(rows, rows, k)[0])


def test_transitions_count_what_directly_followed_another() -> None:
    counts = transitions([np.array([0, 1, 2]), np.array([0, 1, 1]), np.array([], np.int64)], 3)
    assert counts.toarray().tolist() == [[0, 2, 0], [0, 0, 1], [0, 0, 0]]


def test_rings_come_one_after_another_and_what_none_holds_by_content() -> None:
    ids = "abcdefg"
    content = alike(ids, {"c": 0.1, "b": 0.2, "d": 0.5, "e": 0.7, "g": 0.9, "f": 0.8})
    peer = TransitionGraph().fit(make_data(["abd", "acd", "abde", "fg"], ids, {"words": content}))
    assert peer.way == "TGH-1"
    # b and c are one step away, d two, e three; g and f are on no way, and g is more alike.
    assert ranked(peer, ids, "a", 6) == "bcdegf"


def test_frequent_transitions_outweigh_small_differences_in_content_but_not_large_ones() -> None:
    ids = "abc"
    walks = ["ab"] * 7 + ["ac"]  # log(8) against log(2), of which the half counts: 1/2 against 1/6
    for likeness, expected in ((0.2, "bc"), (0.4, "cb")):
        peer = TransitionGraph().fit(make_data(walks, ids, {"words": alike(ids, {"c": likeness})}))
        assert ranked(peer, ids, "a", 2) == expected


def test_the_first_ring_gives_seven_of_ten_and_a_small_ring_leaves_its_places() -> None:
    ids = "abcdefghijxyz"
    walks = [f"a{item}" for item in "bcdefghij"] + ["bx", "by"]
    content = alike(ids, {item: 0.9 - 0.05 * place for place, item in enumerate("bcdefghijxyz")})
    peer = TransitionGraph().fit(make_data(walks, ids, {"words": content}))
    assert ranked(peer, ids, "a", 12) == "bcdefgh" + "xy" + "ij" + "z"


@pytest.mark.parametrize(("target", "way", "expected"), [("q", "TGH-2", "psqtu"), ("u", "TGH-1", "psutq")])
def test_the_second_way_looks_around_the_last_two_and_validation_chooses(target: str, way: str, expected: str) -> None:
    ids = "abtqpsuvwxyz"
    walks = ["apsu", "bqt"]  # after a: p, then s, then u; after b, which came before a: q, then t
    content = np.eye(len(ids), dtype=np.float32)
    peer = TransitionGraph().fit(make_data(walks, ids, {"words": content}, [("ba", target)] * 3))
    assert peer.way == way
    assert ranked(peer, ids, "ba", 5) == expected


def test_what_no_ring_holds_and_is_equally_alike_goes_by_popularity() -> None:
    ids = "abcd"
    walks = ["ab", "d", "d", "d", "c"]
    peer = TransitionGraph().fit(make_data(walks, ids, {"words": np.eye(len(ids), dtype=np.float32)}))
    assert ranked(peer, ids, "a", 3) == "bdc"


def test_validation_chooses_which_vectors_are_read() -> None:
    ids = "abcdefghijklmnop"
    useless = alike(ids, {"p": -0.9, "c": 0.5, "d": 0.4})
    useful = alike(ids, {"p": 0.9})
    cases = [("a", "p")] * 3
    data = make_data(["bc", "de"], ids, {"photo": useless, "words": useful}, cases)
    peer = TransitionGraph().fit(data)
    assert peer.read == "words"
    assert ranked(peer, ids, "a", 1) == "p"


def test_without_vectors_it_says_what_is_missing() -> None:
    with pytest.raises(InputError, match="peer 'tgh' wants vectors of the items' content, found none"):
        TransitionGraph().fit(make_data(["ab"], "ab", {}))
