"""Values, prices and titles read as English."""

from genrec.claims.wording import (
    format_price,
    say_sale,
    say_value,
    say_variants,
    spoken_title,
    words_of,
)
from genrec.data.labels import format_number
from genrec.offers import Offer, Variant
from genrec.schema import Item


def test_numbers_and_values_are_said_as_people_write_them() -> None:
    assert [format_number(value) for value in (35.0, 34.5, 34.567, 0.03412)] == ["35", "34.5", "34.57", "0.0341"]
    assert say_value(("Comedy",)) == "Comedy"
    assert say_value(("Comedy", "Drama", "War")) == "Comedy, Drama and War"


def test_the_article_of_a_title_stands_in_front() -> None:
    assert spoken_title("Usual Suspects, The (1995)") == "The Usual Suspects (1995)"
    assert spoken_title("Boot, Das") == "Das Boot"
    assert spoken_title("Enfer, L' (1994)") == "L'Enfer (1994)"
    assert spoken_title("Good, The Bad and The Ugly, The") == "The Good, The Bad and The Ugly"
    assert spoken_title("Hat, red") == "Hat, red"


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


def test_the_words_of_a_text_are_those_that_are_said() -> None:
    assert words_of("It’s 1,200.50 — RED, isn't it?") == ("it's", "1,200.50", "red", "isn't", "it")
