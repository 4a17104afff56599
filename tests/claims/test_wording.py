"""Attributes, values and numbers read as English."""

from genrec.claims.wording import (
    format_number,
    format_price,
    is_sayable,
    say_attribute,
    say_sale,
    say_value,
    say_variants,
    words_of,
)
from genrec.offers import Offer, Variant
from genrec.schema import Item


def test_attributes_read_as_english() -> None:
    assert say_attribute("category", "umbrella") == "is an umbrella"
    assert say_attribute("style", "elegant") == "has an elegant style"
    assert say_attribute("perceived_color_name", "Dark Blue") == "has the perceived color name Dark Blue"
    assert say_attribute("is_vegan", True) == say_attribute("vegan", True) == "is vegan"


def test_numbers_and_values_are_said_as_people_write_them() -> None:
    assert [format_number(value) for value in (35.0, 34.5, 34.567, 0.03412)] == ["35", "34.5", "34.57", "0.0341"]
    assert say_value(("Comedy",)) == "Comedy"
    assert say_value(("Comedy", "Drama", "War")) == "Comedy, Drama and War"
    assert say_attribute("genres", ("Comedy",)) == "has the genre Comedy"


def test_prices_are_said_with_their_currency() -> None:
    assert format_price(35.0) == "35"
    assert format_price(34.5, "EUR") == "€34.50"
    assert format_price(1249, "JPY") == "¥1,249"
    assert format_price(12, "CHF", upper=30) == "CHF 12.00–CHF 30.00"
    assert format_price(12, upper=12) == "12"


def test_a_sale_is_said_in_a_few_words() -> None:
    def said(offer: Offer | None, price: float | None = 3.0) -> str:
        return say_sale(Item(item_id="a", offer=offer), price)

    assert said(None) == "3"
    assert said(None, None) == ""
    assert said(Offer(currency="EUR", availability="in_stock")) == "€3.00"
    assert said(Offer(currency="EUR", availability="out_of_stock")) == "€3.00, sold out"
    assert said(Offer(availability="preorder"), None) == "pre-order"
    assert said(Offer(price_upper=5)) == "3–5"
    assert say_sale(Item(item_id="a", removed=True), 3.0) == "3, removed"


def test_variants_are_said_by_what_there_is_to_choose() -> None:
    variants = [
        Variant(variant_id=f"{size}{color}", attributes={"size": size, "color": color}, availability=availability)
        for size, availability in (("S", "in_stock"), ("M", None), ("L", "out_of_stock"))
        for color in ("red", "blue")
    ]
    assert say_variants(variants) == "size S, M; color red, blue"
    assert say_variants([]) == ""


def test_what_cannot_be_said_is_told_apart() -> None:
    values = {"color": "red", "imdb_id": "tt1", "plot": "x" * 80, "page": "https://x.y", "new": False, "tags": ()}
    assert {name for name, value in values.items() if is_sayable(name, value)} == {"color"}


def test_the_words_of_a_text_are_those_that_are_said() -> None:
    assert words_of("It’s 1,200.50 — RED, isn't it?") == ("it's", "1,200.50", "red", "isn't", "it")
