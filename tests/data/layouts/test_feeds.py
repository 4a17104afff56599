"""Product feeds: Google Merchant as table and as XML, agents' products.jsonl, schema.org."""

# ruff: noqa: E501 - rows of tables, as they are written

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from genrec.data.layouts.feeds import read_feed
from genrec.data.layouts.opening import is_table, open_table
from genrec.errors import SourceError

GOOGLE = (
    "id\ttitle\tdescription\tlink\timage link\tadditional image link\tavailability\tprice\tsale price\tbrand\tgtin\t"
    "item group id\tcolor\tsize\tgoogle product category\n"
    "S-R\tWool scarf - Red\tWarm\thttps://s/scarf?r\thttps://s/r.jpg\thttps://s/r2.jpg,https://s/r3.jpg\tout_of_stock\t"
    "29.99 EUR\t19.99 EUR\tLoom\t4006381333931\tSCARF\tred\tone\tApparel > Scarves\n"
    "S-B\tWool scarf - Blue\tWarm\thttps://s/scarf?b\thttps://s/b.jpg\t\tin_stock\t27.99 EUR\t\tLoom\t\tSCARF\tblue\tone\tApparel > Scarves\n"
    "CAP\tCap\tA cap\thttps://s/cap\thttps://s/c.jpg\t\tin_stock\t9.00 EUR\t\tLoom\t\t\tgrey\t\tApparel > Hats\n"
)
XML = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>The shop</title><link>https://s</link>
<item><g:id>S-R</g:id><g:title>Wool scarf - Red</g:title><g:description><![CDATA[<p>Warm</p>]]></g:description>
<g:link>https://s/scarf?r</g:link><g:image_link>https://s/r.jpg</g:image_link>
<g:additional_image_link>https://s/r2.jpg</g:additional_image_link><g:additional_image_link>https://s/r3.jpg</g:additional_image_link>
<g:availability>out_of_stock</g:availability><g:price>29.99 EUR</g:price><g:sale_price>19.99 EUR</g:sale_price>
<g:item_group_id>SCARF</g:item_group_id><g:color>red</g:color>
<g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping></item>
<item><g:id>S-B</g:id><g:title>Wool scarf - Blue</g:title><g:link>https://s/scarf?b</g:link><g:image_link>https://s/b.jpg</g:image_link>
<g:availability>in_stock</g:availability><g:price>27.99 EUR</g:price><g:item_group_id>SCARF</g:item_group_id><g:color>blue</g:color></item>
<item></item>
</channel></rss>
"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<title>The shop</title><entry><g:id>CAP</g:id><title>Cap</title><link href="https://s/cap"/><g:image_link>https://s/c.jpg</g:image_link>
<g:price>9.00 EUR</g:price><g:availability>preorder</g:availability></entry></feed>
"""


@pytest.mark.parametrize(("name", "content"), [("feed.tsv", GOOGLE), ("feed.xml", XML)])
def test_a_merchant_feed_has_an_item_for_each_group(found_in: Callable, name: str, content: str) -> None:
    found = found_in({name: content})
    assert found.layout == "Google Merchant feed"
    row = found.item()
    assert found.item_cells("item_id", "title")[0] == ("SCARF", "Wool scarf")
    price = [row[name] for name in found.items.roles["price"]]
    assert price == ["19.99 EUR", "29.99 EUR"]  # the sale price first, both of the cheapest variant
    assert row[found.items.roles["image"][0]] == ["https://s/r.jpg", "https://s/b.jpg"]
    assert row[found.items.roles["image"][1]] == ["https://s/r2.jpg", "https://s/r3.jpg"]
    assert row["color"] == ["red", "blue"]
    assert found.item_cells("availability")[0] == ("in_stock",)  # one of its variants is
    red, blue = found.items.variants["SCARF"]
    assert (red.variant_id, red.price, red.availability) == ("S-R", 19.99, "out_of_stock")
    assert (blue.price, dict(blue.attributes)) == (27.99, {"color": "blue"})
    assert found.items.aliases["S-R"] == "SCARF"


def test_what_does_not_vary_within_a_group_is_no_option(found_in: Callable) -> None:
    found = found_in({"feed.tsv": GOOGLE})
    assert found.item(0)["size"] == "one"
    assert found.item(1)["availability"] == "in_stock"
    assert "CAP" not in found.items.variants
    assert "gtin" in found.items.left_out
    assert "google product category" not in found.items.left_out


def test_an_atom_feed_is_read_with_its_link(found_in: Callable) -> None:
    found = found_in({"atom.xml": ATOM})
    assert found.layout == "Google Merchant feed"
    assert found.item_cells("item_id", "title", "link", "availability") == [("CAP", "Cap", "https://s/cap", "preorder")]


def test_a_packed_feed_is_read_and_an_empty_product_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml.gz"
    path.write_bytes(gzip.compress(XML.encode()))
    table = open_table(path)
    assert len(table) == 2
    assert table.columns["shipping"][0] == {"country": "DE", "price": "4.90 EUR"}
    assert [(row.line, row.reason) for row in table.refused] == [(11, "product without fields")]


def test_entities_in_a_feed_are_refused_and_nothing_is_read_by_them(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    path = tmp_path / "feed.xml"
    for entity in ('<!ENTITY x "aaaaaaaa">', f'<!ENTITY x SYSTEM "file://{secret}">'):
        path.write_text(
            f"<?xml version='1.0'?><!DOCTYPE rss [{entity}]><rss><channel><item><id>1</id><title>&x;</title></item></channel></rss>"
        )
        with pytest.raises(SourceError, match="declares entities"):
            read_feed(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<?xml version='1.0'?><rss><channel><item><id>1</id>", "broken XML"),
        ("<?xml version='1.0'?><urlset><url/></urlset>", "without products"),
    ],
)
def test_xml_that_is_no_whole_feed_is_refused_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(content)
    with pytest.raises(SourceError, match=message):
        open_table(path)


def test_an_agents_feed_is_read_under_its_older_names(found_in: Callable) -> None:
    rows = [
        {"id": "M-1", "title": "Mug", "description": "A mug", "link": "https://s/m", "image_link": "https://s/m.jpg",
         "additional_image_link": "https://s/m2.jpg,https://s/m3.jpg", "price": "12.00 EUR", "availability": "in_stock",
         "enable_search": "true", "enable_checkout": "false", "product_review_count": 12, "seller_name": "Birk"},
    ]  # fmt: skip
    found = found_in({"products.jsonl": rows})
    assert found.layout == "Agentic Commerce products"
    assert found.item_cells("item_id", "title", "price", "link") == [("M-1", "Mug", "12.00 EUR", "https://s/m")]
    assert found.item()["additional_image_link"] == ["https://s/m2.jpg", "https://s/m3.jpg"]
    assert {"enable_search", "seller_name", "product_review_count"} <= set(found.items.left_out)


def test_an_agents_feed_is_read_under_its_newer_names_with_variants(found_in: Callable) -> None:
    rows = [
        {"item_id": f"SHOE-{size}", "group_id": "SHOE", "title": "Runner", "description": "Light", "url": "https://s/shoe",
         "image_url": "https://s/1.jpg", "price": price, "availability": stock, "is_eligible_search": True,
         "variant_dict": {"size": size, "color": "blue"}, "brand": "Aro", "listing_has_variations": True}
        for size, price, stock in (("42", "80.00 USD", "out_of_stock"), ("43", "75.00 USD", "in_stock"))
    ]  # fmt: skip
    found = found_in({"products.jsonl": rows})
    assert found.layout == "Agentic Commerce products"
    assert found.item_cells("item_id", "price") == [("SHOE", "75.00 USD")]
    assert found.item()["size"] == ["42", "43"]
    assert [dict(one.attributes) for one in found.items.variants["SHOE"]] == [
        {"size": "42", "color": "blue"},
        {"size": "43", "color": "blue"},
    ]
    assert "variant_dict" not in found.items.table.columns
    assert "variant_dict" in found.items.left_out


def test_an_agents_feed_of_products_with_variants_within_is_read(found_in: Callable) -> None:
    rows = [
        {"id": "SHOE", "title": "Runner", "description": {"plain": "Light"}, "url": "https://s/shoe",
         "media": [{"type": "image", "url": "https://s/1.jpg"}],
         "variants": [
             {"id": "V42", "title": "Runner 42", "price": {"amount": 8000, "currency": "USD"}, "list_price": {"amount": 9000, "currency": "USD"},
              "availability": {"available": False}, "variant_options": [{"name": "Size", "value": "42"}]},
             {"id": "V43", "title": "Runner 43", "price": {"amount": 7550, "currency": "USD"},
              "availability": {"available": True, "status": "in_stock"}, "variant_options": [{"name": "Size", "value": "43"}]},
         ]},
    ]  # fmt: skip
    found = found_in({"products.jsonl": rows})
    assert found.layout == "Agentic Commerce products"
    assert found.item_cells("item_id", "title", "text") == [("SHOE", "Runner", "Light")]
    assert found.item()["Size"] == ["42", "43"]
    assert found.item()["image_link"] == ["https://s/1.jpg"]
    assert [(one.variant_id, one.price, one.availability) for one in found.items.variants["SHOE"]] == [
        ("V42", 80.0, "out_of_stock"),
        ("V43", 75.5, "in_stock"),
    ]


GROUP = {
    "@context": "https://schema.org/",
    "@type": "ProductGroup",
    "productGroupID": "COAT",
    "name": "Winter coat",
    "description": "Warm",
    "brand": {"@type": "Brand", "name": "Aro"},
    "variesBy": ["https://schema.org/size"],
    "aggregateRating": {"@type": "AggregateRating", "ratingValue": 4.5},
    "additionalProperty": [{"@type": "PropertyValue", "name": "weight", "value": "1.2", "unitText": "kg"}],
    "hasVariant": [
        {"@type": "Product", "sku": "COAT-S", "size": "S", "image": "https://s/s.jpg",
         "offers": {"@type": "Offer", "price": "129.00", "priceCurrency": "EUR", "availability": "https://schema.org/OutOfStock", "url": "https://s/coat?s"}},
        {"@type": "Product", "sku": "COAT-M", "size": "M",
         "offers": [{"@type": "Offer", "price": 119, "priceCurrency": "EUR", "availability": "https://schema.org/InStock"}]},
    ],
}  # fmt: skip
LAMP = {
    "@type": "Product",
    "sku": "L-1",
    "name": "Lamp",
    "image": [{"@type": "ImageObject", "contentUrl": "https://s/l.jpg"}, "https://s/l2.jpg"],
    "color": "green",
    "offers": {"@type": "AggregateOffer", "lowPrice": "19,99", "highPrice": "25,00", "priceCurrency": "EUR"},
}


def test_groups_and_products_of_schema_org_become_items(found_in: Callable) -> None:
    found = found_in(
        {
            "products.jsonld": {
                "@context": "https://schema.org",
                "@graph": [GROUP, LAMP, {"@type": "WebPage", "name": "Home"}],
            }
        }
    )
    assert found.layout == "schema.org JSON-LD"
    assert found.item_cells("item_id", "title", "price", "currency") == [
        ("COAT", "Winter coat", 119.0, "EUR"),
        ("L-1", "Lamp", 19.99, "EUR"),
    ]
    coat, lamp = found.items.table.rows()
    assert coat["size"] == ["S", "M"]
    assert coat["weight"] == "1.2 kg"
    assert coat["brand"] == "Aro"
    assert coat["availability"] == "https://schema.org/InStock"
    assert [(one.variant_id, one.price) for one in found.items.variants["COAT"]] == [
        ("COAT-S", 129.0),
        ("COAT-M", 119.0),
    ]
    assert lamp["image"] == ["https://s/l.jpg", "https://s/l2.jpg"]
    assert lamp["color"] == "green"
    assert "L-1" not in found.items.variants
    assert found.items.aliases["COAT-M"] == "COAT"
    assert "aggregateRating" not in coat


def test_an_item_list_and_a_list_of_documents_are_read(found_in: Callable) -> None:
    listed = {
        "@context": "https://schema.org",
        "@type": "ItemList",
        "itemListElement": [{"@type": "ListItem", "position": 1, "item": LAMP}],
    }
    found = found_in({"list.json": [listed, {**LAMP, "sku": "L-2", "name": "Lamp 2"}]})
    assert found.item_cells("item_id") == [("L-1",), ("L-2",)]


def test_a_folder_of_pages_is_one_catalog(found_in: Callable) -> None:
    import json

    page = "<html><head><script type='application/ld+json'>{}</script></head><body><h1>x</h1></body></html>"
    pages = {
        f"{n}.html": page.format(
            json.dumps({"@context": "https://schema.org", **LAMP, "sku": f"L-{n}", "name": f"Lamp {n}"})
        )
        for n in (1, 2)
    }
    found = found_in(pages | {"3.html": page.format("{broken")})
    assert found.layout == "schema.org JSON-LD"
    assert found.item_cells("item_id", "title") == [("L-1", "Lamp 1"), ("L-2", "Lamp 2")]
    assert [row.reason for row in found.items.table.refused] == ["a script of JSON-LD that is not valid JSON"]


def test_a_page_without_products_is_no_table(tmp_path: Path) -> None:
    page = tmp_path / "about.html"
    page.write_text("<html><body>About us</body></html>")
    assert not is_table(page)
