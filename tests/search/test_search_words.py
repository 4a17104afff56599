"""Words of texts in many languages."""

import pytest

from genrec.search.words import terms_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pulp Fiction (1994)", ["pulp", "fiction", "1994"]),
        ("Women's JEANS", ["women", "jeans"]),
        ("l’amour, d'Artagnan", ["amour", "artagnan"]),
        ("rock'n'roll", ["rock", "roll"]),
        ("Amélie Straße ŁÓDŹ", ["amelie", "strasse", "łodz"]),
        ("ＡＢＣ１", ["abc1"]),
        ("كِتَابٌ", ["كتاب"]),
        ("हिन्दी किताब", ["हिन्दी", "किताब"]),
        ("Йод ёлка", ["иод", "елка"]),
        ("snake_case x-ray", ["snake", "case", "x", "ray"]),
        ("…?! ", []),
    ],
)
def test_words_are_folded_in_every_script(text, words):
    assert [word.text for word in words_of(text)] == words
    assert terms_of(text) == words


@pytest.mark.parametrize("text", ["東京物語", "서울의봄", "กรุงเทพ", "こんにちは"])
def test_writing_without_spaces_is_found_by_its_parts(text):
    terms = set(terms_of(text))
    for length in range(1, len(text)):
        part = text[:length]
        if text[length].isalnum():  # not within a letter and its mark
            assert {word.text for word in words_of(part)} <= terms


def test_a_word_says_where_it_stands():
    text = "Ein Film von Jean-Luc, 東京!"
    for word in words_of(text):
        assert [again.text for again in words_of(text[word.start : word.end])] == [word.text]


def test_mixed_scripts_fall_apart_where_the_script_changes():
    assert [word.text for word in words_of("Sony製テレビ")] == ["sony", "製テ", "テレ", "レビ"]
