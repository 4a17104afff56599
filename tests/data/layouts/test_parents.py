"""Rows that are variants of others, in tables nobody knows."""

import pytest

from genrec.data.layouts.layout import Shaped
from genrec.data.layouts.parents import with_parents
from genrec.data.tables import Table


def shaped(*rows: tuple[object, ...]) -> Shaped | None:
    """rows: the header first; its names are kept as they are."""
    header, *body = rows
    return with_parents(Table.of("x.csv", {str(name): list(cells) for name, *cells in zip(header, *body, strict=True)}))


def rows_of(found: Shaped | None, *names: str) -> list[tuple[object, ...]]:
    assert found is not None
    return [tuple(row[name] for name in names) for row in found.table.rows()]


BY_PARENT = (
    ("id", "parent_id", "number", "name", "price_gross", "price_net", "stock", "color"),
    ("a1", None, "SW1", "Lamp", 30.0, 25.0, 4, "red"),
    ("b2", None, "SW2", "Shirt", 20.0, 16.0, 0, None),
    ("c3", "b2", "SW2.1", None, 18.0, 15.0, 2, "blue"),
    ("d4", "b2", "SW2.2", None, 22.0, 18.0, 3, "green"),
)


def test_rows_that_name_their_parent_are_its_variants():
    found = shaped(*BY_PARENT)
    assert rows_of(found, "id", "name", "price_gross", "stock", "color") == [
        ("a1", "Lamp", 30.0, 4.0, ["red"]),
        ("b2", "Shirt", 18.0, 5.0, ["blue", "green"]),
    ]
    assert found.roles == {"item_id": ("id",)}
    assert found.aliases == {"SW1": "a1", "SW2": "b2", "c3": "b2", "SW2.1": "b2", "d4": "b2", "SW2.2": "b2"}
    assert [(v.variant_id, dict(v.attributes), v.price) for v in found.variants["b2"]] == [
        ("c3", {"color": "blue"}, 18.0),
        ("d4", {"color": "green"}, 22.0),
    ]
    assert "parent_id" in found.left_out


def test_a_parent_may_list_its_variants_as_magento_does():
    found = shaped(
        ("sku", "product_type", "name", "price", "qty", "configurable_variations"),
        ("BAG", "simple", "Duffle bag", 34.0, 100, None),
        ("TEE", "configurable", "Tee", 22.0, 0, "sku=TEE-XS,size=XS,color=Blue|sku=TEE-M,size=M,color=Blue"),
        ("TEE-XS", "simple", "Tee-XS", 22.0, 7, None),
        ("TEE-M", "simple", "Tee-M", 19.0, 0, None),
    )
    assert rows_of(found, "sku", "name", "price", "qty") == [
        ("BAG", "Duffle bag", 34.0, 100.0),
        ("TEE", "Tee", 19.0, 7.0),
    ]
    assert found.aliases == {"TEE-XS": "TEE", "TEE-M": "TEE"}


def test_a_reduced_price_of_a_variant_counts():
    found = shaped(
        ("sku", "parent_sku", "name", "price", "special_price"),
        ("TEE", None, "Tee", 22.0, None),
        ("TEE-S", "TEE", "Tee S", 22.0, 18.5),
        ("TEE-M", "TEE", "Tee M", 22.0, None),
    )
    assert rows_of(found, "price", "special_price") == [(22.0, 18.5)]
    assert [variant.price for variant in found.variants["TEE"]] == [18.5, 22.0]


def test_untitled_rows_that_say_they_are_variants_follow_their_item():
    found = shaped(
        ("Item Type", "Product ID", "Product Name", "Product Code/SKU", "Price", "Sale Price"),
        ("Product", "77", "Towel", "T", 49.0, None),
        ("  SKU", "117", "", "T-A", 51.0, None),
        ("  SKU", "118", "", "T-B", 47.0, None),
        ("Product", "80", "Terrarium", "O", 109.0, 89.0),
    )
    assert rows_of(found, "Product ID", "Product Name", "Price") == [("77", "Towel", 47.0), ("80", "Terrarium", 109.0)]
    assert found.aliases["T-B"] == found.aliases["118"] == "77"


@pytest.mark.parametrize(
    "rows",
    [
        (("id", "name", "parent"), ("1", "Lamp", "Home"), ("2", "Vase", "Home")),  # no row's id
        (("id", "name", "parent_id"), ("1", "Lamp", "1"), ("2", "Vase", "2")),  # every row its own
        (("id", "name", "variants"), ("1", "Lamp", "red, blue"), ("2", "Vase", "small")),
        (("id", "name", "type"), ("1", "Lamp", "sku"), ("2", "Vase", "sku")),  # all of them titled
        (("id", "name"), ("1", "Lamp"), ("2", "Vase")),
    ],
)
def test_other_tables_stay_as_they_are(rows: tuple[tuple[str, ...], ...]):
    assert shaped(*rows) is None


def test_rows_that_name_each_other_in_a_circle_stand_for_themselves():
    found = shaped(("id", "parent_id", "name"), ("1", "2", "Lamp"), ("2", "1", "Vase"), ("3", None, "Rug"))
    assert rows_of(found, "id") == [("1",), ("2",), ("3",)]
