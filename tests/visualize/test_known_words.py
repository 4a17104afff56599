import pytest

from genrec.visualize.vocabulary import WORDS_FILE, Vocabulary, vocabulary_of

KNOWN = Vocabulary(frozenset(["walnut", "desk", "evening", "in", "the", "on", "a", "striped", "candles"]))


@pytest.mark.parametrize(
    ("request_words", "told", "unknown"),
    [
        ("on a walnut desk, evening", "on a walnut desk, evening", ()),
        ("A cat on a bicycle", "", ("cat", "bicycle")),
        ("on a walnut desk with my cat", "on a walnut desk", ("cat",)),
        ("please show it in the evening", "in the evening", ()),
        ("a candle", "a candles", ()),
        ("desks", "desk", ()),
        ("auf dem Schreibtisch", "", ("schreibtisch",)),
        ("", "", ()),
        ("42 !!", "", ()),
    ],
)
def test_a_request_is_split_into_what_is_told_and_what_is_not_known(request_words, told, unknown):
    assert KNOWN.split(request_words) == (told, unknown)


def test_a_model_that_lists_no_words_is_told_all():
    assert Vocabulary().split("a cat on a bicycle") == ("a cat on a bicycle", ())


def test_words_are_read_beside_the_weights(tmp_path):
    assert vocabulary_of(str(tmp_path / "nowhere")).is_open
    (tmp_path / WORDS_FILE).write_text("walnut\nDesk\n")
    assert vocabulary_of(str(tmp_path)).words == {"walnut", "desk"}
