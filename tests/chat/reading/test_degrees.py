"""Which end of which measure words of degree mean, in four languages."""

import pytest

from genrec.chat.lexicon import words_of
from genrec.chat.reading.degrees import graded, with_degrees
from genrec.chat.reading.spans import Span


def settled(text: str, said: str, role: str, kind: str = "length") -> tuple[str, str]:
    start = text.index(said)
    (found,) = with_degrees([Span(role=role, type=kind, text=said, start=start, end=start + len(said), links=())], text)
    return found.role, found.type


@pytest.mark.parametrize(
    ("text", "said", "role", "expected"),
    [
        ("which is the oldest?", "oldest", "most", ("least", "time")),
        ("welcher davon ist der älteste?", "älteste", "least", ("least", "time")),
        ("Welche ist die teuerste?", "teuerste", "least", ("most", "price")),
        ("quelque chose de plus récent", "récent", "less", ("more", "time")),
        ("laquelle est la moins chère ?", "chère", "most", ("least", "price")),
        ("something older like that", "older", "more", ("less", "time")),
        ("too expensive", "expensive", "more", ("less", "price")),
        ("que no sea muy antigua", "antigua", "low", ("high", "time")),
        ("not too short", "short", "low", ("high", "length")),
        ("3 cheap bags", "cheap", "max", ("low", "price")),
    ],
)
def test_the_word_itself_says_which_end_is_meant(text: str, said: str, role: str, expected: tuple[str, str]) -> None:
    assert settled(text, said, role) == expected


def test_most_and_the_adjective_after_it_are_one() -> None:
    text = "the most expensive of these"
    spans = [
        Span(role="most", type="rating", text="most", start=4, end=8, links=()),
        Span(role="most", type="length", text="expensive", start=9, end=18, links=()),
    ]
    assert [(span.role, span.type, span.text) for span in with_degrees(spans, text)] == [
        ("most", "price", "most expensive")
    ]


@pytest.mark.parametrize("word", ["news", "altar", "longing", "carpet", "grandma", "shorts", "neutral"])
def test_words_that_only_begin_like_one_of_degree_are_none(word: str) -> None:
    assert graded(words_of(word)[0]) is None
