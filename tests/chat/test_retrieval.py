"""Which wishes give way first."""

from genrec.chat.retrieval import subsets_by_weight


def test_wishes_are_left_out_by_their_weight() -> None:
    weights = [1.0, 8.0, 0.9, 2.5]
    found = list(subsets_by_weight(weights))
    totals = [sum(weights[place] for place in places) for places in found]
    assert totals == sorted(totals)
    assert len(set(found)) == len(found) == 2 ** len(weights) - 1
    assert found[:3] == [(2,), (0,), (0, 2)]
    assert list(subsets_by_weight([])) == []
