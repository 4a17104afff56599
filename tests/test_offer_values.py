import pytest

from genrec.offers import Availability, Offer, Variant, availability_of, is_currency, is_web_address


@pytest.mark.parametrize(
    ("text", "availability"),
    [
        ("in_stock", "in_stock"),
        ("in stock", "in_stock"),
        ("https://schema.org/InStock", "in_stock"),
        ("http://schema.org/OutOfStock", "out_of_stock"),
        ("schema:SoldOut", "out_of_stock"),
        ("InStoreOnly", "in_stock"),
        ("LimitedAvailability", "in_stock"),
        ("PreOrder", "preorder"),
        ("pre_order", "preorder"),
        ("https://schema.org/BackOrder", "backorder"),
        ("onbackorder", "backorder"),
        ("Discontinued", "discontinued"),
        (" outofstock ", "out_of_stock"),
        ("unknown", None),
        ("", None),
        ("https://shop.example/in_stock", None),
    ],
)
def test_what_schema_org_google_and_shops_write_is_one_of_five(text: str, availability: Availability | None) -> None:
    assert availability_of(text) == availability


@pytest.mark.parametrize(
    ("offer", "available"),
    [
        (Offer(), True),
        (Offer(availability="in_stock"), True),
        (Offer(availability="preorder"), True),
        (Offer(availability="backorder", stock=0), True),
        (Offer(availability="out_of_stock"), False),
        (Offer(availability="discontinued", stock=3), False),
        (Offer(stock=0), False),
        (Offer(availability="in_stock", stock=0), False),
        (Offer(stock=3), True),
        (Offer(variants=(Variant(variant_id="1", availability="out_of_stock"),)), False),
        (Offer(variants=(Variant(variant_id="1", availability="out_of_stock"), Variant(variant_id="2"))), True),
        (Offer(availability="in_stock", variants=(Variant(variant_id="1", availability="out_of_stock"),)), True),
    ],
)
def test_only_what_is_known_to_be_sold_out_is_not_available(offer: Offer, available: bool) -> None:
    assert offer.available is available


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://shop.example/p/lamp?color=red#more", True),
        ("HTTP://shop.example", True),
        ("https://medium.example/@lamp", True),
        ("javascript:alert(1)", False),
        ("https://shop.example@evil.example/", False),
        ("https://shop.example\\@evil.example/", False),
        ("https://shop.example/a b", False),
        ("https://shop.example/\u202egnp", False),
        ("https:///p", False),
        ("//shop.example/p", False),
        ("ftp://shop.example/p", False),
        ("/p/lamp", False),
    ],
)
def test_only_plain_web_addresses_are_links(text: str, is_one: bool) -> None:
    assert is_web_address(text) is is_one


def test_a_currency_has_three_capital_letters() -> None:
    assert is_currency("EUR")
    assert not any(map(is_currency, ("eur", "€", "EURO", "")))
