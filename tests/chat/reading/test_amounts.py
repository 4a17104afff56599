"""Amounts and places in a list, in the languages that are read."""

import pytest

from genrec.chat.reading.amounts import read_amounts, read_count, read_places


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("$1.5k", "en", 1500),
        ("forty-five bucks", "en", 45),
        ("1,299.50", "en", 1299.5),
        ("1.299,50 €", "de", 1299.5),
        ("19,99 €", "de", 19.99),
        ("vierzig Euro", "de", 40),
        ("quarante euros", "fr", 40),
        ("treinta y cinco", "es", 35),
        ("two and a half hours", "en", 2.5),
        ("4+ stars", "en", 4),
    ],
)
def test_amounts_are_read_as_people_write_them(text, language, expected):
    assert [amount.low for amount in read_amounts(text, language)] == [expected]


@pytest.mark.parametrize(
    ("text", "language", "low"),
    [
        ("the 90s", "en", 1990),
        ("1980s", "en", 1980),
        ("90ern", "de", 1990),
        ("années 80", "fr", 1980),
        ("20s", "en", 2020),
    ],
)
def test_decades_are_spans_of_years(text, language, low):
    (amount,) = read_amounts(text, language, is_year=True)
    assert (amount.low, amount.high) == (low, low + 9)


def test_a_year_is_no_decade():
    (amount,) = read_amounts("1990", "en", is_year=True)
    assert (amount.low, amount.high) == (1990, 1990)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("second", "en", [1]),
        ("number 3", "en", [2]),
        ("4th", "en", [3]),
        ("last one", "en", [4]),
        ("first two", "en", [0, 1]),
        ("the last two", "en", [3, 4]),
        ("ersten beiden", "de", [0, 1]),
        ("dritte", "de", [2]),
        ("les deux premiers", "fr", [0, 1]),
        ("segundo", "es", [1]),
        ("number 9", "en", []),
    ],
)
def test_places_in_a_list_of_five(text, language, expected):
    assert read_places(text, language, 5) == expected


def test_how_many_are_spoken_of():
    assert read_count("three", "en") == 3
    assert read_count("my last couple", "en") == 2
    assert read_count("my last one", "en") == 1
    assert read_count("what I usually buy", "en") is None
