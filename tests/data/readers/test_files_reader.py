"""Sources as people really have them, read by the reader of files: kinds of faults that were made, what is right."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from genrec.data.ingest import ingest
from genrec.data.readers import READERS, Reading, ReadOptions
from genrec.errors import SourceError

Files = Mapping[str, str | bytes | list[Any] | dict[str, Any]]


def read(folder: Path, files: Files, **options: Any) -> Reading:
    """The reading of a folder with these files: texts, bytes, lists (JSON lines) and other JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif isinstance(content, list):
            path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in content), encoding="utf-8")
        else:
            path.write_text(json.dumps(content), encoding="utf-8")
    return READERS["files"].read(folder, ReadOptions(**options))


def roles(reading: Reading, table: int = 0) -> dict[str, str]:
    """Column to role in the table of items (0) or of events (1)."""
    return dict(reading.report.tables[table].roles)


def events(reading: Reading) -> list[tuple[str, str]]:
    """User and item of each event."""
    return list(zip(reading.interactions.user_ids, reading.interactions.item_ids, strict=True))


ITEMS = "item_id,title\na,Lamp\nb,Vase\nc,Mug\n"


class TestEvents:
    def test_times_with_utc_keep_their_order_and_kinds_weigh(self, tmp_path: Path) -> None:
        log = (
            "event_time,event_type,product_id,user_id\n2020-03-01 00:00:09 UTC,purchase,1,u\n"
            "2020-03-01 00:00:05 UTC,view,1,u\n2020-03-01 00:00:05 UTC,cart,2,u\n"
        )
        found = read(tmp_path, {"products.csv": "product_id,name\n1,Lamp\n2,Vase\n", "events.csv": log})
        interactions = found.interactions
        assert list(interactions.kinds) == ["view", "cart", "purchase"]
        assert list(interactions.item_ids) == ["1", "2", "1"]
        assert interactions.weights[0] < interactions.weights[1] < interactions.weights[2]

    def test_milliseconds_within_a_second_keep_their_order(self, tmp_path: Path) -> None:
        log = "visitorid,itemid,timestamp\nu,c,1433221332300\nu,b,1433221332200\nu,a,1433221332100\n"
        assert [item for _, item in events(read(tmp_path, {"items.csv": ITEMS, "events.csv": log}))] == ["a", "b", "c"]

    def test_without_times_the_order_of_the_file_stands_and_is_said(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"items.csv": ITEMS, "events.csv": "user,item_id\nu,c\nu,a\nv,b\n"})
        assert events(found) == [("u", "c"), ("u", "a"), ("v", "b")]
        assert any("no time was found" in line for line in found.report.missing)
        assert found.details["times"] == "file order"

    def test_returns_are_no_purchases(self, tmp_path: Path) -> None:
        log = "customer_id,item_id,quantity,date\n1,a,2,2020-01-01\n1,b,-1,2020-01-02\n2,b,1,2020-01-02\n"
        found = read(tmp_path, {"items.csv": ITEMS, "orders.csv": log})
        assert roles(found, 1)["quantity"] == "quantity"
        assert found.report.feedback["positive"] == 2

    @pytest.mark.parametrize("names", ["user_id,id,item_id,time", "id,item_id,time,user_id"])
    def test_a_row_number_among_events_is_no_item(self, tmp_path: Path, names: str) -> None:
        cells = [
            {"id": n, "user_id": f"u{n % 2}", "item_id": str(3 - n % 3), "time": 1600000000 + n} for n in range(1, 4)
        ]
        log = "\n".join([names, *(",".join(str(row[name]) for name in names.split(",")) for row in cells)])
        found = read(tmp_path, {"items.csv": "id,item_id,name\n9,1,A\n8,2,B\n7,3,C\n", "clicks.csv": log})
        assert roles(found, 1)["item_id"] == "item_id"

    def test_small_counts_are_no_ids_of_items(self, tmp_path: Path) -> None:
        files = {
            "produits.csv": "ID;Référence;Nom\n1;demo_1;T-shirt\n2;demo_3;Pull\n3;demo_6;Affiche\n",
            "commandes.csv": "ID client;Référence produit;Quantité;Date\n7;demo_1;1;2023-01-05\n8;demo_6;2;2023-01-06",
        }
        assert events(read(tmp_path, files)) == [("7", "1"), ("8", "3")]

    def test_people_come_again_and_rows_do_not(self, tmp_path: Path) -> None:
        log = "increment_id,customer_email,sku,created_at\n01,a@x.org,a,2023-01-05\n02,a@x.org,b,2023-01-06\n"
        found = read(tmp_path, {"products.csv": ITEMS.replace("item_id", "sku"), "orders.csv": log})
        assert events(found) == [("a@x.org", "a"), ("a@x.org", "b")]

    def test_nobody_is_no_user_and_sessions_stand_in_for_a_column_of_nobodies(self, tmp_path: Path) -> None:
        log = "sessionId,userId,item_id,eventdate\n1,NA,a,2016-05-09\n1,NA,b,2016-05-09\n2,NA,c,2016-05-10\n"
        found = read(tmp_path, {"items.csv": ITEMS, "views.csv": log})
        assert roles(found, 1)["sessionId"] == "user_id"

    def test_line_items_of_orders_are_events_of_their_own(self, tmp_path: Path) -> None:
        orders = [
            {"id": 1, "customer": {"id": 5}, "created_at": "2023-01-01", "line_items": [{"sku": "a"}, {"sku": "b"}]},
            {"id": 2, "customer": {"id": 6}, "created_at": "2023-01-02", "line_items": [{"sku": "c"}]},
        ]
        found = read(tmp_path, {"products.csv": ITEMS.replace("item_id", "sku"), "orders.jsonl": orders})
        assert events(found) == [("5", "a"), ("5", "b"), ("6", "c")]
        assert any("3 events are the elements of 'line_items' in 2 rows" in note for note in found.report.notes)

    def test_a_table_that_names_items_is_found_whatever_it_is_called(self, tmp_path: Path) -> None:
        log = "when_utc,who,did,to_what\n2023-01-01T00:00:00Z,anna,bought,a\n2023-01-02T00:00:00Z,bert,looked at,b\n"
        found = read(tmp_path, {"what_happened.csv": log, "zz.csv": ITEMS, "colors.csv": "color,hex\nred,ff0000\n"})
        assert roles(found, 1) == {"to_what": "item_id", "who": "user_id", "did": "kind", "when_utc": "timestamp"}
        assert found.report.unused == ("colors.csv",)

    def test_a_table_of_items_and_their_categories_holds_no_events(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"items.csv": ITEMS, "links.csv": "item_id,category_id\na,1\nb,1\nc,2\n"})
        assert len(found.interactions) == 0
        assert found.report.unused == ("links.csv",)

    def test_events_that_name_their_items_need_no_table_of_items(self, tmp_path: Path) -> None:
        log = (
            "ts,username,artist,track\n2023-01-01,ann,Fox,Red Moon\n2023-01-02,ann,Fox,Blue Moon\n"
            "2023-01-03,bob,Fox,Red Moon\n"
        )
        found = read(tmp_path, {"listening.csv": log})
        assert [(item.item_id, item.title, item.attributes["artist"]) for item in found.catalog] == [
            ("Red Moon", "Red Moon", "Fox"),
            ("Blue Moon", "Blue Moon", "Fox"),
        ]
        assert len(found.interactions) == 3

    def test_when_almost_no_event_can_be_used_it_says_why_and_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"2 events, of which 0 can be used .*look like 'x', 'y', those of the"):
            read(tmp_path, {"items.csv": ITEMS, "events.csv": "user_id,item_id\nu,x\nu,y\n"})


class TestIds:
    def test_leading_zeros_stay_and_unused_tables_are_named(self, tmp_path: Path) -> None:
        files = {
            "articles.csv": "article_id,prod_name,detail_desc\n0108775015,Top,Narrow\n0110065001,Bra,Soft\n",
            "transactions_train.csv": "t_dat,customer_id,article_id\n2018-09-20,c1,0108775015\n",
            "customers.csv": "customer_id,age\nc1,30\n",
        }
        found = read(tmp_path, files)
        assert [item.item_id for item in found.catalog] == ["0108775015", "0110065001"]
        assert events(found) == [("c1", "0108775015")]
        assert found.report.unused == ("customers.csv",)

    def test_integers_of_parquet_find_pictures_that_have_leading_zeros(self, tmp_path: Path) -> None:
        pq.write_table(
            pa.table({"article_id": [108775015, 110065001], "prod_name": ["Top", "Bra"]}), tmp_path / "a.parquet"
        )
        (tmp_path / "images").mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / "images/0108775015.png")
        found = read(tmp_path, {})
        assert [item.image is not None for item in found.catalog] == [True, False]
        assert any("1 of 2 items have a picture" in note for note in found.report.notes)

    def test_twelve_is_the_item_that_another_table_calls_12_0(self, tmp_path: Path) -> None:
        files = {"items.csv": "item_id,title\n12.0,Vase\n13.0,Mug\n", "events.csv": "user_id,item_id\n1,12\n1,13\n"}
        assert events(read(tmp_path, files)) == [("1", "12"), ("1", "13")]

    def test_an_id_column_of_codes_is_found_where_no_name_says_so_and_that_is_said(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"x.csv": "wording,klucz\nRed lamp,K-1\nBlue vase,K-2\n"})
        assert [item.item_id for item in found.catalog] == ["K-1", "K-2"]
        assert any("'klucz' is taken for the ids" in note for note in found.report.notes)

    def test_a_variants_sku_names_its_product(self, tmp_path: Path) -> None:
        products = (
            "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
            "shirt,Shirt,Size,S,SH-S,39.00\nshirt,,,M,SH-M,41.00\ncap,Cap,Size,One,CAP,9.00\n"
        )
        bought = ("c1,SH-M,2023-01-01", "c1,CAP,2023-01-02", "c2,shirt,2023-01-03", "c2,SH-XXL,2023-01-04")
        log = "\n".join(["customer_id,sku,created_at", *bought])
        found = read(tmp_path, {"products.csv": products, "orders.csv": log})
        assert events(found) == [("c1", "shirt"), ("c1", "cap"), ("c2", "shirt")]
        assert [refusal.reason for refusal in found.losses.refused] == ["event names the unknown item 'SH-XXL'"]


class TestPrices:
    @pytest.mark.parametrize(
        ("header", "cells", "price"),
        [
            ("Regular price,Sale price", "20.00,15.00", 15.0),
            ("Regular price,Sale price", "20.00,", 20.0),
            ("Price,Sale Price", "225.00,0.00", 225.0),
            ("price_gross,price_net,purchase_price", "11.90,10.00,4.00", 11.9),
            ("Variant Price,weight_g", "5.50,100", 5.5),
            ("VK-Preis,UVP", "129.00,159.00", 129.0),
        ],
    )
    def test_the_price_is_what_a_customer_pays(self, tmp_path: Path, header: str, cells: str, price: float) -> None:
        rows = "".join(f"k{n},Item {n},{cells}\n" for n in range(3))
        found = read(tmp_path, {"items.csv": f"item_id,title,{header}\n{rows}"})
        assert {item.attributes["price"] for item in found.catalog} == {price}

    def test_two_columns_that_could_be_the_price_are_asked_about_and_a_person_decides(self, tmp_path: Path) -> None:
        table = {"items.csv": "item_id,title,gold price,silver price\na,Lamp,1,2\nb,Vase,5,4\n"}
        found = read(tmp_path, table)
        assert any("which of 'gold price', 'silver price' is the price?" in text for text in found.report.questions)
        assert "price" not in found.catalog["a"].attributes
        decided = read(tmp_path, table, columns={"price": "silver price"})
        assert decided.catalog["a"].attributes["price"] == 2.0
        assert decided.report.questions == ()

    def test_numbers_of_other_places_keep_their_currency(self, tmp_path: Path) -> None:
        table = 'item_id;title;preis;breite\na;Lampe;"19,99 €";1,5 m\nb;Vase;"1.249,00 €";2,0 m\n'
        found = read(tmp_path, {"items.csv": table})
        assert [item.attributes["price"] for item in found.catalog] == [19.99, 1249.0]
        assert found.catalog["a"].offer is not None
        assert found.catalog["a"].offer.currency == "EUR"
        assert found.report.tables[0].attributes["breite"] == "number m"

    def test_one_odd_cell_is_counted_and_named_and_the_column_stays_numbers(self, tmp_path: Path) -> None:
        rows = "".join(f"i{n},Show {n},{n + 5},{'Unknown' if n == 3 else n}\n" for n in range(20))
        found = read(tmp_path, {"items.csv": f"item_id,title,price,episodes\n{rows}i99,Gratis,Free,3\n"})
        assert found.report.tables[0].attributes["episodes"] == "number"
        assert any("'Unknown'" in kind for kind in found.losses.counts)
        assert any("'Free'" in kind for kind in found.losses.counts)
        assert found.losses.num_rows == 0
        assert len(found.catalog) == 21


class TestTables:
    def test_a_nameless_column_that_counts_rows_is_nothing(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"items.csv": ",item_id,description\n0,s1,Blue vase\n1,s2,Red mug\n"})
        assert [(item.item_id, item.title) for item in found.catalog] == [("s1", "Blue vase"), ("s2", "Red mug")]
        assert any("no column is called a title; 'description' is taken" in note for note in found.report.notes)

    @pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
    def test_encodings_cost_no_row(self, tmp_path: Path, encoding: str) -> None:
        found = read(tmp_path, {"items.csv": "item_id;title\na;Grüne Lampe für draußen\nb;Vase\n".encode(encoding)})
        assert found.catalog["a"].title == "Grüne Lampe für draußen"
        assert len(found.catalog) == 2

    def test_no_title_is_said_with_what_to_do(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"items.csv": "item_id,size\n1,3\n2,4\n"})
        assert "no title was found; say --map title=COLUMN where there is one" in found.report.missing

    def test_titles_may_be_numbers_and_years_are_no_prices(self, tmp_path: Path) -> None:
        found = read(tmp_path, {"movies.csv": "id,title,year\n1,1917,2019\n2,300,2006\n3,1984,1984\n"})
        assert [item.title for item in found.catalog] == ["1917", "300", "1984"]
        assert all("price" not in item.attributes for item in found.catalog)

    def test_lists_in_any_spelling_are_lists(self, tmp_path: Path) -> None:
        rows = (
            "id,name,tags,genres,cats\n1,A,\"['a', 'b']\",\"[{'id': 1, 'name': 'War'}]\",\"Drama, War\"\n"
            "2,B,\"['a']\",[],Drama\n3,C,\"['b']\",\"[{'id': 2, 'name': 'Art'}]\",\"Art, Drama\"\n"
        )
        found = read(tmp_path, {"items.csv": rows}).catalog["1"].attributes
        assert found == {"tags": ("a", "b"), "genres": ("War",), "cats": ("Drama", "War")}

    def test_numbered_columns_of_pictures_are_all_pictures(self, tmp_path: Path) -> None:
        for name in ("a1.png", "a2.png"):
            Image.new("RGB", (8, 8)).save(tmp_path / name)
        found = read(tmp_path, {"items.csv": "item_id,title,IMAGE1,IMAGE2\na,Lamp,a1.png,a2.png\nb,Vase,,\n"})
        assert found.catalog["a"].image == tmp_path / "a1.png"
        assert found.catalog["a"].more_images == (tmp_path / "a2.png",)

    def test_nested_objects_of_json_find_their_roles(self, tmp_path: Path) -> None:
        entries = [
            {"identifier": "n1", "label": {"en": "Lamp"}, "pricing": {"amount": 12.5, "currency": "EUR"}},
            {"identifier": "n2", "label": {"en": "Vase"}, "pricing": {"amount": 22.5, "currency": "EUR"}},
        ]
        found = read(tmp_path, {"export.json": {"meta": {"count": 2}, "data": {"entries": entries}}})
        assert [(item.item_id, item.title, item.attributes["price"]) for item in found.catalog] == [
            ("n1", "Lamp", 12.5),
            ("n2", "Vase", 22.5),
        ]

    @pytest.mark.parametrize(
        ("item_header", "event_header"),
        [
            ("Артикул,Наименование,Цена", "Дата,Покупатель,Артикул,Количество"),
            ("商品コード,商品名,価格", "注文日,顧客ID,商品コード,数量"),
            ("codigo,nombre,precio", "fecha,cliente,codigo,cantidad"),
            ("Référence,Désignation,Prix", "Date de commande,ID client,Référence,Quantité"),
            ("Kod,Nazwa,Cena", "Data,Klient,Kod,Ilość"),
            ("Artikelnr,Bezeichnung,Preis", "Datum,Kundennr,Artikelnr,Menge"),
        ],
    )
    def test_exports_are_read_in_many_languages(self, tmp_path: Path, item_header: str, event_header: str) -> None:
        files = {
            "a.csv": f"{item_header}\nT-1,Red lamp,20\nT-2,Blue vase,9\nT-3,Big mug,5\n",
            "b.csv": f"{event_header}\n2023-01-05,p1,T-1,1\n2023-01-06,p1,T-2,6\n2023-01-07,p2,T-3,2\n",
        }
        found = read(tmp_path, files)
        assert set(roles(found).values()) == {"item_id", "title", "price"}
        assert set(roles(found, 1).values()) == {"item_id", "user_id", "timestamp", "quantity"}
        assert events(found) == [("p1", "T-1"), ("p1", "T-2"), ("p2", "T-3")]


SHOP = {
    "items.csv": "item_id,title,label\na,Lamp,Red lamp\nb,Vase,Blue vase\n",
    "events.csv": "user_id,guest,item_id\nu,g,a\nv,h,b\n",
}


class TestPersonsDecide:
    def test_a_role_is_named_for_either_table(self, tmp_path: Path) -> None:
        found = read(tmp_path, SHOP, columns={"items.title": "label", "events.user_id": "guest"})
        assert [item.title for item in found.catalog] == ["Red lamp", "Blue vase"]
        assert found.catalog["a"].attributes == {"title": "Lamp"}
        assert [user for user, _ in events(found)] == ["g", "h"]

    def test_a_column_that_is_not_there_is_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"column 'ean' \(for item_id\) is not in .*items.csv; it has item_id"):
            read(tmp_path, SHOP, columns={"items.item_id": "ean"})


class TestStrangers:
    """Sources whose columns and files are called otherwise."""

    @pytest.mark.parametrize(
        ("name", "log"),
        [
            ("bestellingen.csv", "klant;sku;datum\nk1;A-1;2023-05-06\nk2;A-2;2023-05-07\n"),
            ("x1.csv", "hours,sku,who_knows\n2.5,A-1,k1\n0.5,A-2,k2\n1.5,A-1,k2\n"),
        ],
    )
    def test_events_are_told_by_what_they_name(self, tmp_path: Path, name: str, log: str) -> None:
        reading = read(tmp_path, {"items.csv": "sku,title\nA-1,Lamp\nA-2,Vase\n", name: log})
        assert events(reading)[:2] == [("k1", "A-1"), ("k2", "A-2")]

    def test_a_table_of_addresses_beside_the_items_is_no_events(self, tmp_path: Path) -> None:
        other = "sku,link_id\nA-1,100\nA-2,200\n"
        reading = read(tmp_path, {"items.csv": "sku,title\nA-1,Lamp\nA-2,Vase\n", "other.csv": other})
        assert len(reading.interactions) == 0
        assert reading.report.unused == ("other.csv",)

    @pytest.mark.parametrize(
        "rows",
        [
            [
                {"playlist_id": "k1", "name": "N", "songs": ["a", "b"]},
                {"playlist_id": "k2", "name": "M", "songs": ["b"]},
            ],
            "playlist_id,name,songs\nk1,N,\"['a', 'b']\"\nk2,M,['b']\n",
            "playlist_id,name,songs\nk1,N,a b\nk2,M,b\n",
            "playlist_id,name,songs\nk1,N,a;b\nk2,M,b\n",
        ],
    )
    def test_lists_of_ids_are_an_event_for_each(self, tmp_path: Path, rows: str | list[Any]) -> None:
        name = "playlists.csv" if isinstance(rows, str) else "playlists.jsonl"
        reading = read(tmp_path, {"items.csv": ITEMS, name: rows})
        assert events(reading) == [("k1", "a"), ("k1", "b"), ("k2", "b")]
        assert any("3 events are the elements of 'songs' in 2 rows" in note for note in reading.report.notes)

    def test_a_row_of_totals_is_no_item(self, tmp_path: Path) -> None:
        reading = read(tmp_path, {"items.csv": "item_id,title,price\na,Lamp,5\nb,Vase,6\n\nTotal,,11\n"})
        assert [item.item_id for item in reading.catalog] == ["a", "b"]
        assert reading.losses.counts["row of totals below the items, and no item"] == 1
        named = read(tmp_path, {"items.csv": "item_id,title\na,Lamp\ntotal,Total recall\n"})
        assert [item.item_id for item in named.catalog] == ["a", "total"]

    def test_the_currency_may_stand_in_the_header(self, tmp_path: Path) -> None:
        reading = read(tmp_path, {"items.csv": "item_id,title,price (EUR)\na,Lamp,5\nb,Vase,6\n"})
        assert [item.offer.currency for item in reading.catalog if item.offer] == ["EUR", "EUR"]
        assert any("prices are in EUR" in note for note in reading.report.notes)

    def test_pictures_may_be_named_as_windows_does(self, tmp_path: Path) -> None:
        (tmp_path / "pics").mkdir()
        Image.new("RGB", (8, 8), "red").save(tmp_path / "pics" / "a.png")
        reading = read(tmp_path, {"items.csv": "item_id,title,image\na,Lamp,pics\\a.png\n"})
        assert reading.catalog.items[0].image is not None

    def test_a_column_that_is_called_a_time_and_holds_none_is_said(self, tmp_path: Path) -> None:
        log = "user_id,item_id,date\nu,a,2 days ago\nv,b,yesterday\n"
        reading = read(tmp_path, {"items.csv": ITEMS, "events.csv": log})
        assert any("'2 days ago' are none that can be read" in note for note in reading.report.notes)


def test_what_was_said_of_events_and_dates_is_kept_for_the_next_reading(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\na,Lamp\nb,Vase\n")
    (tmp_path / "events.csv").write_text("user_id,item_id,date,rating\nu,a,03/04/2017,4\nu,b,05/06/2017,5\n")
    first = READERS["files"].read(tmp_path, ReadOptions(positive="rating >= 5", negative="rating < 5", day_first=True))
    again = READERS["files"].read(tmp_path, ReadOptions(mapping=first.mapping))
    assert again.interactions.feedback.tolist() == first.interactions.feedback.tolist() == [-1, 1]
    assert again.interactions.timestamps.tolist() == first.interactions.timestamps.tolist()
    assert again.report.questions == ()
    every = READERS["files"].read(tmp_path, ReadOptions(mapping=first.mapping, positive="all"))
    assert every.interactions.feedback.tolist() == [1, 1]


@pytest.mark.parametrize("condition", ["rating >= 4", "stars >= 4", "stars = 5 or shop = web", "not (shop = phone)"])
def test_conditions_speak_of_roles_and_of_any_column(tmp_path: Path, condition: str) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\na,Lamp\nb,Vase\n")
    (tmp_path / "events.csv").write_text(
        "user_id,item_id,ts,stars,shop\nu,a,1600000000,5,web\nu,b,1600000009,2,phone\n"
    )
    found = READERS["files"].read(tmp_path, ReadOptions(positive=condition)).interactions
    assert dict(zip(found.item_ids, found.feedback > 0, strict=True)) == {"a": True, "b": False}


def test_reviews_that_name_nobody_are_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("id,name,price\n1,Lamp,20\n2,Vase,30\n")
    (tmp_path / "reviews.csv").write_text("product_id,rating,text,date\n1,5,great,2023-01-01\n2,1,bad,2023-01-02\n")
    with pytest.raises(SourceError, match=r"no column for user_id.*events\.user_id=COLUMN.*the items alone"):
        ingest("files", tmp_path, tmp_path / "ws", dry_run=True)
    report = ingest("files", tmp_path / "products.csv", tmp_path / "ws", dry_run=True)
    assert (report.num_items, report.num_events) == (2, 0)
