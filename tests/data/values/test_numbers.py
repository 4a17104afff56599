import numpy as np
import pyarrow as pa
import pytest
from babel.numbers import format_currency, format_decimal
from columns_of import column
from hypothesis import given, settings
from hypothesis import strategies as st

from genrec.data.values import numbers
from genrec.data.values.units import currency_named

LOCALES = ("de", "en", "fr", "de_CH", "pt_BR")


def read(*cells: str | None, name: str = "") -> list[float | None]:
    values = numbers(column(*cells), name=name).values
    return [None if np.isnan(value) else value for value in values.tolist()]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("1.249,00", "19,99"), [1249, 19.99]),
        (("1 249,00", "1\u202f249,5", "1\xa0000"), [1249, 1249.5, 1000]),
        (("1'249.00", "CHF 1’249.50"), [1249, 1249.5]),
        (("19,99 €", "EUR 19,99", "1.249,-", "5,00\xa0€"), [19.99, 19.99, 1249, 5]),
        (("$1,299.50", "US$ 5", "from 12.99", "ab 5 €"), [1299.5, 5, 12.99, 5]),
        (("0.5 kg", "500 g", "< 1 kg"), [0.5, 0.5, 1]),
        (("3%", "4.5 %"), [3, 4.5]),
        (("-5", "(5)", "5-", "−5", "-$5", "$-5", "($5.00)", "-5 €"), [-5] * 8),
        (("1e5", "1.2E-3"), [1e5, 0.0012]),
        (("٣٫٥", "１２", "१२"), [3.5, 12, 12]),
        (("12,34,567.89", "1,234,567"), [1234567.89, 1234567]),
        (("10,000+", "1.2K", "2.5 kg"), [10000, 1200, 2.5]),
        (("R$ 1.234,56", "5 zł", "100 kr", "¥500", "Rs. 20", "₹1,00,000"), [1234.56, 5, 100, 500, 20, 100000]),
        (("4.5 out of 5 stars", "3 out of 5 stars"), [4.5, 3]),
        (('12"', "5.5 inches"), [12, 5.5]),
        ((".5", "+7", "7.", "1½"), [0.5, 7, 7, 1.5]),
        (("5.00-7.00", "8.00"), [5, 8]),
    ],
)
def test_numbers_are_read_as_the_world_writes_them(cells, values):
    assert read(*cells, name="price") == pytest.approx(values)


@pytest.mark.parametrize(
    ("cells", "values", "decimal"),
    [
        (("1.249", "19,99"), [1249, 19.99], ","),
        (("1.249", "1.5"), [1.249, 1.5], "."),
        (("1,249", "19.99"), [1249, 19.99], "."),
        (("1,249", "4,5"), [1.249, 4.5], ","),
        (("1.249 €", "2.500 €"), [1249, 2500], ","),
        (("$1,249", "$2,500"), [1249, 2500], "."),
        (("0,125", "1,250"), [0.125, 1.25], ","),
        (("1.249", "2.500"), [1.249, 2.5], "."),
    ],
)
def test_the_column_decides_what_an_ambiguous_number_is(cells, values, decimal):
    found = numbers(column(*cells))
    assert found.values.tolist() == pytest.approx(values)
    assert found.decimal == decimal


def test_prices_with_three_digits_after_every_point_are_thousands():
    assert numbers(column("1.249", "2.500", "990"), name="Preis").values.tolist() == [1249, 2500, 990]
    assert numbers(column("1.249", "2.500", "990"), name="depth").values.tolist() == [1.249, 2.5, 990]
    assert numbers(column("1.249", "2.5"), name="Preis").values.tolist() == [1.249, 2.5]


def test_a_guess_of_thousands_is_noted():
    found = numbers(column("1,249", "3,500"))
    assert found.values.tolist() == [1249, 3500]
    assert "'1,249' is read with thousands" in found.notes[0]


def test_a_range_is_its_lowest_number_and_the_highest_is_kept():
    found = numbers(column("$12.99 - $30.00", "$5.00", "10–12 €"))
    assert found.values.tolist() == [12.99, 5, 10]
    assert found.upper.tolist()[::2] == [30, 12]
    assert np.isnan(found.upper[1])
    assert any("ranges in 2 cells" in note for note in found.notes)


@pytest.mark.parametrize(
    ("cells", "currency"),
    [
        (("19,99 €", "5"), "EUR"),
        (("$5", "US$ 6"), "USD"),
        (("£3", "4 GBP"), "GBP"),
        (("CHF 3", "4 Fr."), "CHF"),
        (("5 zł", "6 PLN"), "PLN"),
        (("R$ 5", "6"), "BRL"),
        (("A$5", "CA$5"), None),
        (("5", "6"), None),
    ],
)
def test_the_currency_of_a_column_is_known(cells, currency):
    assert numbers(column(*cells)).currency == currency


def test_rows_keep_their_currency_where_they_differ():
    found = numbers(column("5 €", "$6", "7"))
    assert (found.currency, found.currencies) == (None, ["EUR", "USD", None])
    assert any("several currencies" in note for note in found.notes)


def test_a_sign_that_currencies_share_is_noted():
    assert numbers(column("5 kr", "6 kr")).notes == ("'kr' is taken as SEK",)


@pytest.mark.parametrize(
    ("cells", "values", "unit"),
    [
        (("0.5 kg", "1 kg", "500 g"), [0.5, 1, 0.5], "kg"),
        (("250 ml", "1 l", "500ml"), [250, 1000, 500], "ml"),
        (("3%", "0"), [3, 0], "%"),
        (("12 Monate", "24 Monate", "1 Monat"), [12, 24, 1], "monate"),
        (("100 W", "1.5 kW", "60 W"), [100, 1500, 60], "W"),
        (("5 stars", "1 star"), [5, 1], "stars"),
        (("90 Min.", "1.5 h"), [90, 90], "min"),
    ],
)
def test_units_are_one_to_a_column(cells, values, unit):
    found = numbers(column(*cells))
    assert found.values.tolist() == pytest.approx(values)
    assert found.unit == unit


def test_numbers_are_converted_to_a_wanted_unit_and_others_are_odd():
    found = numbers(column("0.5 kg", "1 kg", "2 l"), unit="g")
    assert found.values.tolist()[:2] == [500, 1000]
    assert (found.unit, found.odd.count, found.odd.examples) == ("g", 1, ("2 l",))


@pytest.mark.parametrize("word", ["Free", "gratis", "Unknown", "N/A", "-", "ask", "?"])
def test_one_odd_cell_never_turns_a_column_to_text(word):
    found = numbers(column("5", "6.5", word, "7"))
    assert found.is_number
    assert (found.odd.count, found.odd.examples, found.odd.rows.tolist()) == (1, (word,), [2])
    assert found.values.tolist()[:2] == [5, 6.5]


@pytest.mark.parametrize(
    "cells",
    [
        ("S", "M", "38", "40"),
        ("Babylon 5", "300", "1984"),
        ("A1", "B2", "3"),
        ("2017-08-25", "2017-08-26"),
        ("10-20", "20-30", "30-40"),
        ("7 x 5 inches", "8 x 5 inches"),
        ("12 Main", "14 Oak", "16 Elm"),
        ("red", "blue"),
        ("1.2.3", "1.4.0"),
    ],
)
def test_columns_of_words_codes_and_dates_are_no_numbers(cells):
    assert not numbers(column(*cells)).is_number


def test_a_fifth_of_a_column_may_be_odd_and_no_more():
    assert numbers(column(*"123456789", "X-1", "X-2")).is_number
    assert not numbers(column(*"1234567", "X-1", "X-2")).is_number


def test_at_most_three_different_odd_cells_are_shown():
    found = numbers(column("1", "2", "a", "a", "b", "c", "d"))
    assert (found.odd.count, found.odd.examples) == (5, ("a", "b", "c"))


def test_numbers_of_parquet_and_json_stay():
    assert numbers(pa.chunked_array([pa.array([1, None, 3])])).values.tolist()[::2] == [1, 3]
    mixed = numbers([1, 2.5, "3,5", None, True, [1]])
    assert mixed.values.tolist()[:3] == [1, 2.5, 3.5]
    assert mixed.odd.count == 2


def test_plain_numbers_beside_odd_ones_are_read_as_alone():
    plain = [f"{number / 8}" for number in range(2000)]
    with_odd = numbers(column(*plain, "Free")).values[:-1]
    assert (with_odd == numbers(column(*plain)).values).all()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 2)), min_size=1, max_size=8),
    st.sampled_from(LOCALES),
)
def test_numbers_formatted_in_a_locale_are_read_back(values, locale):
    cells = [format_decimal(value, locale=locale, format="#,##0.00") for value in values]
    assert numbers(column(*cells)).values.tolist() == pytest.approx(values)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(-(10**9), 10**9).map(lambda number: number / 100), min_size=1, max_size=8),
    st.sampled_from(LOCALES),
    st.sampled_from(["EUR", "USD", "CHF", "BRL", "GBP"]),
)
def test_prices_formatted_in_a_locale_are_read_back_with_their_currency(values, locale, code):
    found = numbers(column(*(format_currency(value, code, locale=locale) for value in values)))
    assert found.values.tolist() == pytest.approx(values)
    assert found.currency == code


@settings(deadline=None)
@given(
    st.lists(st.none() | st.text() | st.from_regex(r"[$€(+-]?[\d.,' ]{1,12}[%a-z)-]{0,4}", fullmatch=True), min_size=1)
)
def test_any_text_is_a_number_or_odd_or_missing(cells):
    found = numbers([*cells])
    present = sum(cell is not None and cell.strip() not in ("", "[]", "{}") for cell in cells)
    assert np.isfinite(found.values).sum() + found.odd.count == present


def test_numbers_that_are_not_exact_are_read_and_named() -> None:
    found = numbers(column("1", "10+", "≈5", "ca. 7"), name="plays")
    assert found.values.tolist() == [1, 10, 5, 7]
    assert found.notes == ("3 cells that are no exact numbers ('10+', '≈5', 'ca. 7') are read as those",)
    assert numbers(column("1", "+5", "-3"), name="plays").notes == ()


@pytest.mark.parametrize(
    ("name", "currency"),
    [
        ("price_eur", "EUR"),
        ("Unit Price (EUR)", "EUR"),
        ("price in USD", "USD"),
        ("Preis €", "EUR"),
        ("price", None),
        ("euro", None),
        ("price_per_cup", None),
        ("price_all", None),
    ],
)
def test_the_name_of_a_column_of_prices_may_tell_the_currency(name: str, currency: str | None) -> None:
    assert currency_named(name) == currency
