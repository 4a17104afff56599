"""What typed words may mean among a catalog's."""

import numpy as np
import pytest

from genrec.search.vocabulary import Vocabulary

WORDS = (
    "wars",
    "star",
    "submarine",
    "submarines",
    "comedy",
    "comedies",
    "combat",
    "spielberg",
    "jurassic",
    "the",
    "sci",
    "fi",
)


@pytest.fixture
def vocabulary():
    return Vocabulary(WORDS, np.arange(len(WORDS), 0, -1))


def said(vocabulary, word):
    return [(vocabulary.words[reading.word], reading.relation) for reading in vocabulary.readings(word)]


def test_a_known_word_is_itself_and_its_forms(vocabulary):
    assert said(vocabulary, "submarine") == [("submarine", "exact"), ("submarines", "form")]
    assert said(vocabulary, "comedies") == [("comedies", "exact"), ("comedy", "form")]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("wras", "wars"), ("spielburg", "spielberg"), ("jurasic", "jurassic"), ("submarien", "submarine")],
)
def test_slips_are_told(vocabulary, typed, meant):
    assert said(vocabulary, typed)[0] == (meant, "corrected")


@pytest.mark.parametrize("typed", ["wombat", "teh", "asdfgh", "12345", "st"])
def test_what_is_no_slip_is_unknown(vocabulary, typed):
    assert said(vocabulary, typed) == []


def test_a_word_that_was_not_typed_to_its_end_is_told(vocabulary):
    assert said(vocabulary, "spielb") == [("spielberg", "corrected")]


def test_likeness_falls_with_every_slip(vocabulary):
    likeness = {
        typed: vocabulary.readings(typed)[0].likeness for typed in ("spielberg", "spielbreg", "spielburg", "spilburg")
    }
    assert likeness["spielberg"] == 1 > likeness["spielbreg"] > likeness["spielburg"] > likeness["spilburg"] > 0


def test_words_written_together_come_apart(vocabulary):
    parts = [(vocabulary.words[first], vocabulary.words[second]) for first, second in vocabulary.parts("scifi")]
    assert parts == [("sci", "fi")]
