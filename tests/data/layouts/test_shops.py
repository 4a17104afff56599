"""What shop systems export: Shopify and WooCommerce."""

# ruff: noqa: E501 - rows of tables, as they are written

from collections.abc import Callable

import pytest

from genrec.data.layouts.variants import shared_title

SHOPIFY = """\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,\
Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Image Src,Image Position,Status
bowl,Oak bowl,<p>Turned by hand</p>,Birk,Bowls,"wood, kitchen",true,Size,S,Finish,Oil,B-S,shopify,0,deny,24.00,30.00,https://c/b1.jpg,1,active
bowl,,,,,,,,M,,Wax,B-M,shopify,3,deny,22.50,28.00,https://c/b2.jpg,2,
bowl,,,,,,,,,,,,,,,,,https://c/b3.jpg,3,
spoon,Spoon,,Birk,Spoons,,true,Title,Default Title,,,SP,,,,6.00,,,,active
draft,Lost thing,,Birk,,,true,Title,Default Title,,,X,,,,1.00,,,,draft
,No handle,,,,,,,,,,,,,,,,,,
"""


def test_shopify_rows_of_variants_and_pictures_become_one_item(found_in: Callable) -> None:
    found = found_in({"products_export.csv": SHOPIFY})
    assert found.layout == "Shopify products"
    assert found.item_cells("item_id", "title", "price") == [("bowl", "Oak bowl", "22.50"), ("spoon", "Spoon", "6.00")]
    bowl = found.item(0)
    assert bowl["Image Src"] == ["https://c/b1.jpg", "https://c/b2.jpg", "https://c/b3.jpg"]
    assert bowl["Size"] == ["S", "M"]
    assert bowl["Finish"] == ["Oil", "Wax"]
    assert bowl["Variant Compare At Price"] == "28.00"  # of the cheapest variant, not of the first
    assert bowl["availability"] == "in stock"


def test_shopify_variants_have_their_own_price_and_stock_and_name_the_item(found_in: Callable) -> None:
    items = found_in({"p.csv": SHOPIFY}).items
    small, medium = items.variants["bowl"]
    assert (small.variant_id, dict(small.attributes), small.price) == ("B-S", {"Size": "S", "Finish": "Oil"}, 24.0)
    assert (small.availability, medium.availability) == ("out_of_stock", "in_stock")
    assert items.aliases == {"B-S": "bowl", "B-M": "bowl", "SP": "spoon"}
    assert "spoon" not in items.variants  # its only variant is itself


def test_shopify_drafts_and_rows_without_handle_are_refused_by_name(found_in: Callable) -> None:
    items = found_in({"p.csv": SHOPIFY}).items
    assert [(row.reason, row.content) for row in items.table.refused] == [
        ("no handle", "No handle"),
        ("the product is not published", "Lost thing"),
    ]
    assert any("not published" in note for note in items.notes)
    assert "Variant Inventory Qty" in items.left_out
    assert "Option1 Name" in items.left_out


def test_shopify_keeps_a_catalog_of_which_nothing_is_published(found_in: Callable) -> None:
    items = found_in({"p.csv": SHOPIFY.replace("active", "draft").replace(",draft\nspoon", ",draft\nspoon")}).items
    assert items.table.columns["Handle"].to_pylist() == ["bowl", "spoon", "draft"]
    assert "no product is published; all are kept" in items.notes


def test_shopify_reads_the_header_of_its_newer_template(found_in: Callable) -> None:
    found = found_in(
        {
            "products.csv": "Title,URL handle,Description,Vendor,Tags,Published on online store,Status,SKU,Option1 name,"
            "Option1 value,Price,Compare-at price,Inventory tracker,Inventory quantity,Product image URL\n"
            "Jug,jug,A jug,Birk,clay,TRUE,Active,J1,Color,Blue,12.00,,shopify,4,https://c/j.jpg\n"
            ",jug,,,,,,J2,,Red,11.00,,shopify,0,\n"
        }
    )
    assert found.layout == "Shopify products"
    assert found.item_cells("item_id", "price", "availability") == [("jug", "11.00", "in stock")]
    assert found.item()["Color"] == ["Blue", "Red"]


def test_shopify_json_has_the_lowest_price_and_lists_of_options(found_in: Callable) -> None:
    product = {
        "id": 701, "title": "Jug", "handle": "jug", "body_html": "<p>Clay</p>", "vendor": "Birk", "product_type": "Jugs",
        "tags": "clay, blue", "published_at": "2024-01-01T00:00:00Z", "options": [{"name": "Color", "position": 1}],
        "images": [{"id": 1, "src": "https://c/1.jpg"}, {"id": 2, "src": "https://c/2.jpg"}],
        "variants": [
            {"id": 11, "sku": "J-B", "option1": "Blue", "price": "14.00", "compare_at_price": "20.00", "available": False},
            {"id": 12, "sku": "J-R", "option1": "Red", "price": "12.00", "available": True},
        ],
    }  # fmt: skip
    found = found_in(
        {"products.json": {"products": [product, {**product, "id": 702, "handle": "cup", "variants": []}]}}
    )
    assert found.layout == "Shopify products.json"
    assert found.item_cells("item_id", "title", "price", "availability")[0] == ("701", "Jug", "12.00", "in stock")
    row = found.item()
    assert row["tags"] == ["clay", "blue"]
    assert row["images"] == ["https://c/1.jpg", "https://c/2.jpg"]
    assert row["Color"] == ["Blue", "Red"]
    assert found.items.aliases["J-R"] == found.items.aliases["11"] == found.items.aliases["jug"] == "701"
    assert [variant.availability for variant in found.items.variants["701"]] == ["out_of_stock", "in_stock"]
    assert "published_at" in found.items.left_out


def test_shopify_json_keeps_the_currency_of_a_price_that_is_an_object(found_in: Callable) -> None:
    product = {
        "id": 1,
        "title": "Jug",
        "handle": "jug",
        "price": {"amount": 12.5, "currency": "EUR"},
        "variants": [{"price": "12.50"}],
    }
    found = found_in({"products.json": [product, {**product, "id": 2, "variants": []}]})
    assert found.item_cells("item_id", "price", "currency") == [("1", "12.50", "EUR"), ("2", 12.5, "EUR")]


WOO_HEADERS = {
    "en": "ID,Type,SKU,Name,Published,Description,Sale price,Regular price,Categories,Images,Parent,Attribute 1 name,Attribute 1 value(s)",
    "de": "ID,Typ,Artikelnummer,Name,Veröffentlicht,Beschreibung,Angebotspreis,Regulärer Preis,Kategorien,Bilder,Übergeordnetes Produkt,Attribut 1 Name,Attribut 1 Wert(e)",
    "fr": "ID,Type,UGS,Nom,Publié,Description,Tarif promo,Tarif régulier,Catégories,Images,Parent,Nom de l’attribut 1,Valeur(s) de l’attribut 1",
    "es": "ID,Tipo,SKU,Nombre,Publicado,Descripción,Precio rebajado,Precio normal,Categorías,Imágenes,Superior,Nombre del atributo 1,Valor(es) del atributo 1",
    "it": "ID,Tipo,COD,Nome,Pubblicato,Descrizione,Prezzo in offerta,Prezzo di listino,Categorie,Immagine,Genitore,Nome dell'attributo 1,Valore dell'attributo 1",
    "nl": "ID,Type,SKU,Naam,Gepubliceerd,Beschrijving,Actieprijs,Reguliere prijs,Categorieën,Afbeeldingen,Hoofd,Naam eigenschap 1,Waarde(n) eigenschap 1",
    "pl": "ID,Rodzaj,SKU,Nazwa,Opublikowane,Opis,Cena promocyjna,Cena,Kategorie,Obrazki,Nadrzędny,Nazwa atrybutu 1,Wartości atrybutu 1",
}
WOO_ROWS = """
11,simple,T-1,Mug,1,A mug,,19.99,Kitchen > Mugs,"https://s/1.jpg, https://s/2.jpg",,Clay,"Red, White"
12,variable,V-1,Vase,1,Tall,,,Decor > Vases,https://s/3.jpg,,Color,"Red, Blue"
13,"variation, virtual",V-1-R,Vase - Red,1,,35.00,40.00,,,V-1,Color,Red
14,variation,V-1-B,Vase - Blue,1,,,38.00,,,id:12,Color,Blue
15,simple,H-1,Hidden,0,Not sold,,5.00,,,,,
"""


@pytest.mark.parametrize("language", WOO_HEADERS)
def test_woocommerce_is_read_in_any_language(found_in: Callable, language: str) -> None:
    found = found_in({"wc-product-export.csv": WOO_HEADERS[language] + WOO_ROWS})
    assert found.layout == "WooCommerce products"
    names = WOO_HEADERS[language].split(",")
    assert found.items.roles["item_id"] == ("ID",)
    assert found.items.roles["price"] == (names[6], names[7])
    mug, vase = found.items.table.rows()
    assert (mug["ID"], mug[names[7]], vase["ID"], vase[names[6]], vase[names[7]]) == (
        "11",
        "19.99",
        "12",
        "35.00",
        "40.00",
    )
    assert mug["Clay"] == ["Red", "White"]
    assert vase["Color"] == ["Red", "Blue"]
    red, blue = found.items.variants["12"]
    assert (red.variant_id, dict(red.attributes), red.price) == ("V-1-R", {"Color": "Red"}, 35.0)
    assert (blue.variant_id, blue.price) == ("V-1-B", 38.0)
    aliases = found.items.aliases
    assert {aliases[name] for name in ("V-1-R", "V-1-B", "V-1", "13", "id:14")} == {"12"}
    assert aliases["T-1"] == "11"
    assert [(row.reason, row.content) for row in found.items.table.refused] == [
        ("the product is not published", "Hidden")
    ]


def test_woocommerce_prices_of_unknown_names_are_told_by_which_is_lower(found_in: Callable) -> None:
    header = "ID,Tip,Kod,Ad,Yayinda,Aciklama,Fiyat A,Fiyat B,Kategoriler,Gorseller,Ust,Nitelik 1,Deger 1"
    rows = "\n1,simple,a,Mug,1,,20.00,15.00,,,,,\n2,variable,b,Vase,1,,,25.00,,,,,\n3,variation,c,Red,1,,30.00,25.00,,,b,,\n"
    found = found_in({"p.csv": header + rows})
    assert found.items.roles["price"] == ("Fiyat B", "Fiyat A")
    assert found.items.aliases["c"] == "2"  # the column that only variations fill says whose they are


def test_a_whole_woocommerce_export_is_told_by_the_order_of_its_columns(found_in: Callable) -> None:
    names = [f"c{place}" for place in range(39)]
    header = ",".join(["ID", *names])
    values = {
        0: "simple",
        1: "S1",
        3: "Mug",
        4: "1",
        5: "0",
        6: "visible",
        8: "Text",
        11: "taxable",
        13: "1",
        24: "9",
        25: "12",
        26: "Cups",
    }
    row = ",".join(["7", *(values.get(place, "") for place in range(39))])
    found = found_in({"p.csv": f"{header}\n{row}\n"})
    assert found.layout == "WooCommerce products"
    assert found.items.roles["title"] == ("c3",)
    assert found.items.roles["price"] == ("c24", "c25")
    assert found.item_cells("availability") == [("in stock",)]


def test_a_variation_without_its_parent_stands_for_itself(found_in: Callable) -> None:
    found = found_in({"p.csv": WOO_HEADERS["en"] + "\n3,variation,V-R,Vase - Red,1,,,40.00,,,V-9,Color,Red\n"})
    assert found.item_cells("item_id") == [("3",)]
    assert any("whose parent is not in the file" in note for note in found.items.notes)


def test_titles_of_variants_are_cut_to_what_they_share() -> None:
    assert shared_title(["Wool scarf - Red", "Wool scarf - Blue"]) == "Wool scarf"
    assert shared_title(["Scarf red", "Hat red"]) == ""
