"""What a table says is new of known items, and what of it is left out and named."""

from pathlib import Path

import pytest

from genrec.data.changes import ItemChange, read_changes, read_item_ids
from genrec.errors import SourceError
from genrec.offers import Offer, Variant
from genrec.schema import Catalog, Item

CATALOG = Catalog(
    items=(
        Item(
            item_id="007",
            title="Lamp",
            attributes={"price": 12.5, "color": "red", "rating": 4.0, "new": True},
            offer=Offer(variants=(Variant(variant_id="007-xl"),)),
        ),
        Item(item_id="mug", title="Mug", attributes={"price": 4.0}),
    )
)


def read(tmp_path: Path, text: str, **columns: str):
    file = tmp_path / "changes.csv"
    file.write_text(text, encoding="utf-8")
    return read_changes(file, CATALOG, columns)


def test_an_offers_columns_are_read_as_shops_write_them(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "item_id,price,availability,link,stock,price_upper\n"
        '007,"19,99 €",https://schema.org/InStock,https://shop.example/007?a=1,3,"1.249,00 €"\n'
        "mug,15.00 USD,out of stock,,0,\n",
    )
    assert found.changes == {
        "007": ItemChange(
            offer={
                "price_upper": 1249.0,
                "currency": "EUR",
                "availability": "in_stock",
                "stock": 3.0,
                "link": "https://shop.example/007?a=1",
            },
            attributes={"price": 19.99},
        ),
        "mug": ItemChange(
            offer={"currency": "USD", "availability": "out_of_stock", "stock": 0.0}, attributes={"price": 15.0}
        ),
    }
    assert not any("lost" in note or "left" in note for note in found.notes)


def test_numbers_and_truths_change_and_texts_titles_and_strange_columns_are_named(tmp_path: Path) -> None:
    found = read(tmp_path, "sku,rating,new,color,title,foo\n007,4.5,no,blue,Other,1\n")
    assert found.changes == {"007": ItemChange(attributes={"rating": 4.5, "new": False})}
    assert found.notes == (
        "left as they were: color, title; genrec ingest and build take up content",
        "not used: foo",
    )


def test_cells_that_cannot_be_read_are_counted_and_named_and_empty_ones_change_nothing(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "item_id,price,availability,link,currency,new\n"
        "007,cheap,maybe,javascript:alert(1),euros,perhaps\nmug,,,,,\n,3,,,,\nmug,5,,,,\n",
    )
    assert found.changes == {"007": ItemChange(), "mug": ItemChange(attributes={"price": 5.0})}
    assert set(found.notes) == {
        "1 × no item id",
        "1 × item id appears twice",
        "1 × cell: 'price' is a number and cannot hold this ('cheap')",
        "1 × cell: 'new' is a truth and cannot hold this ('perhaps')",
        "changes.csv: availability 'maybe' is not understood and left unknown",
        "not used: link, currency",
    }


def test_a_sale_price_goes_before_the_price_where_it_is_filled(tmp_path: Path) -> None:
    found = read(tmp_path, "id,Price,Sale Price\n007,20,15\nmug,5,\n")
    assert {any_id: change.attributes for any_id, change in found.changes.items()} == {
        "007": {"price": 15.0},
        "mug": {"price": 5.0},
    }


def test_a_row_is_of_the_variant_that_it_names(tmp_path: Path) -> None:
    found = read(tmp_path, "item_id,variant_sku,price\n007,007-xl,20\nmug,,5\nmug,mug-s,6\n")
    assert {any_id: change.attributes["price"] for any_id, change in found.changes.items()} == {"007-xl": 20, "mug": 6}


def test_columns_can_be_named(tmp_path: Path) -> None:
    found = read(tmp_path, "Nummer,Preis\n007,20\n", item_id="Nummer", price="Preis")
    assert found.changes == {"007": ItemChange(attributes={"price": 20.0})}


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("item_id,title\n007,Other\n", {}, r"no column that can change \(title\).*run genrec ingest"),
        ("name,price\n008,3\n", {}, "no column for item_id; name it, as in --map item_id=COLUMN"),
        ("item_id,price\n007,3\n", {"price": "Preis"}, r"column 'Preis' \(for price\) is not in"),
        ("item_id,price\n007,3\n", {"cost": "price"}, "column target 'cost' is unknown"),
        ("item_id,price\n", {}, "no usable row"),
    ],
)
def test_a_table_that_changes_nothing_is_refused_in_one_line(tmp_path: Path, text, columns, message) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read(tmp_path, text, **columns)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.csv", "title,sku\nLamp,007\nMug,mug\nMug,mug\n"), ("b.csv", "Nr\n007\nmug\n"), ("c.txt", "007\n\n mug\n")],
)
def test_ids_are_read_from_a_table_or_from_lines(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_item_ids(tmp_path / name) == ("007", "mug")


def test_a_file_without_ids_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "a.txt").write_text("\n\n")
    with pytest.raises(SourceError, match="no column of item ids"):
        read_item_ids(tmp_path / "a.csv")
    with pytest.raises(SourceError, match="has no id"):
        read_item_ids(tmp_path / "a.txt")
