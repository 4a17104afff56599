import numpy as np

from genrec.data.splits import EvaluationCase
from genrec.evaluate.questions import Questions
from genrec.schema import Catalog, Item

CATALOG = Catalog(items=tuple(Item(item_id=name, title=name) for name in "abcdef"))


def test_what_was_disliked_may_never_be_recommended() -> None:
    cases = [
        EvaluationCase(user_id="u", history=("c", "a"), target="b", timestamp=3, disliked=("f", "a")),
        EvaluationCase(user_id="v", history=("d",), target="e", timestamp=4),
    ]
    questions = Questions.of(cases, CATALOG)
    assert [rows.tolist() for rows in questions.excluded([0, 1], True)] == [[0, 2, 5], [3]]
    assert [rows.tolist() for rows in questions.excluded([0, 1], False)] == [[0, 5], []]
    np.testing.assert_array_equal(questions.num_legal(True), [3, 5])
    np.testing.assert_array_equal(questions.num_legal(False), [4, 6])
