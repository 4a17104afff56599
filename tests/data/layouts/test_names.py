"""What names of columns say of their roles."""

import pytest

from genrec.data.layouts.names import EVENT_PHRASES, ITEM_PHRASES, plain, speaks_for

SURE = 0.6


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Variant Price", "variant price"),
        ("variantPrice", "variant price"),
        ("variant_price", "variant price"),
        ("  Body (HTML)", "body html"),
        ("Référence", "reference"),
        ("Größe", "grosse"),
        ("Ilość", "ilosc"),
        ("parentASIN", "parent asin"),
    ],
)
def test_a_name_is_its_words_however_it_is_written(name: str, words: str) -> None:
    assert plain(name) == words


def test_being_a_phrase_says_more_than_ending_with_it_and_that_more_than_holding_it() -> None:
    phrases = ITEM_PHRASES["price"]
    said = [
        speaks_for(name, phrases) for name in ("price", "unit cost price", "price per night", "the price paid", "x")
    ]
    assert said == sorted(said, reverse=True)
    assert said[0] > said[1] > said[2] > said[3] > said[4] == 0


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("item_id", ["SKU", "product_id", "Artikelnummer", "codigo", "Артикул", "商品コード", "商品编号", "ISBN"]),
        ("title", ["Name", "productDisplayName", "Bezeichnung", "nombre", "Nazwa", "Наименование", "商品名"]),
        ("text", ["Description", "Body (HTML)", "Beschreibung", "Descripción", "Opis", "Описание", "説明"]),
        ("price", ["price", "Variant Price", "Preis", "precio", "prix", "cena", "Цена", "価格", "UnitPrice"]),
        ("stock", ["stock", "Lagerbestand", "existencias", "Остаток", "在庫", "Quantité"]),
    ],
)  # fmt: skip
def test_columns_of_items_are_called_so_in_many_languages(role: str, names: list[str]) -> None:
    for name in names:
        said = {other: speaks_for(name, phrases) for other, phrases in ITEM_PHRASES.items()}
        assert said[role] >= SURE, name
        assert max(said, key=lambda other: said[other]) == role, name


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("user_id", ["user_id", "CustomerID", "reviewerID", "Kundennr", "Покупатель", "顧客ID", "guest_id"]),
        ("timestamp", ["timestamp", "t_dat", "InvoiceDate", "Bestelldatum", "fecha", "Дата", "注文日", "created_at"]),
        ("quantity", ["quantity", "qty_ordered", "Menge", "cantidad", "Ilość", "Количество", "数量"]),
        ("rating", ["rating", "overall", "stars", "Bewertung"]),
        ("kind", ["event_type", "action", "behavior"]),
    ],
)  # fmt: skip
def test_columns_of_events_are_called_so_in_many_languages(role: str, names: list[str]) -> None:
    for name in names:
        said = {other: speaks_for(name, phrases) for other, phrases in EVENT_PHRASES.items()}
        assert said[role] >= SURE, name
        assert max(said, key=lambda other: said[other]) == role, name


def test_a_bare_id_is_an_items_among_items_and_hardly_among_events() -> None:
    assert speaks_for("id", ITEM_PHRASES["item_id"]) > 0.9
    assert speaks_for("id", EVENT_PHRASES["item_id"]) < speaks_for("product_id", EVENT_PHRASES["item_id"])
    assert speaks_for("uid", EVENT_PHRASES["user_id"]) > speaks_for("uid", EVENT_PHRASES["item_id"])
