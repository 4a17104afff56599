"""Exports of kinds that no layout names: parts, tables of persons and items, signs for ratings, pairs in cells."""

import gzip
import json
from pathlib import Path

import pytest

from genrec.data.feedback.kinds import meaning_of
from genrec.data.readers import READERS, Reading, ReadOptions
from genrec.data.values.attributes import flatten
from genrec.data.values.grades import grades
from genrec.errors import SourceError


def read(folder: Path, files: dict[str, str | bytes]) -> Reading:
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return READERS["files"].read(folder, ReadOptions())


def test_files_whose_names_only_numbers_tell_apart_are_parts_of_one_table(tmp_path: Path) -> None:
    def rows(*items: str) -> bytes:
        events = ({"session_id": f"s{i}", "item": i, "event_time": "2022-01-01T00:00:00Z"} for i in items)
        return gzip.compress("\n".join(map(json.dumps, events)).encode())

    reading = read(tmp_path, {"part-00000.json.gz": rows("a", "b"), "part-00001.json.gz": rows("b", "c")})
    assert len(reading.interactions) == 4
    assert not reading.report.unused


def test_items_in_parts_are_one_catalog(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "products-2021.csv": "sku,name,price\n1,Mug,5\n2,Cup,6\n",
        "products-2022.csv": "sku,name,price\n3,Jar,7\n",
        "orders.csv": "customer,sku,date\na,1,2021-01-01\nb,3,2022-01-01\n",
    }
    reading = read(tmp_path, files)
    assert [item.title for item in reading.catalog] == ["Mug", "Cup", "Jar"]
    assert len(reading.interactions) == 2
    assert any("parts of one table" in note for note in reading.report.notes)


def test_a_table_of_persons_and_items_is_a_rating_for_each_cell(tmp_path: Path) -> None:
    reading = read(tmp_path, {"jokes.csv": "user,j1,j2,j3\nu1,7.5,-3.2,99\nu2,99,4.4,-9.9\nu3,1,2,3\n"})
    assert len(reading.interactions) == 7
    assert reading.interactions.aversion("u2") == ("j3",)
    assert any("7 ratings are the cells" in note and "2 that lie far above" in note for note in reading.report.notes)


def test_items_with_numbers_are_no_table_of_persons(tmp_path: Path) -> None:
    reading = read(tmp_path, {"pumps.csv": "id,name,height,width,depth\n1,Big,3,4,5\n2,Small,1,2,3\n"})
    assert len(reading.catalog) == 2
    assert not len(reading.interactions)


def test_a_header_that_comes_again_is_no_row(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "films.csv": "id,title,genre\n1,Alpha,Drama\nid,title,genre\n2,Beta,War\n",
        "plays.csv": "user,id,time\nx,1,1600000001\nuser,id,time\ny,2,1600000002\n",
    }
    reading = read(tmp_path, files)
    assert [item.title for item in reading.catalog] == ["Alpha", "Beta"]
    assert len(reading.interactions) == 2
    assert sum("repeated the header" in note for note in reading.report.notes) == 2


def test_signs_and_shares_of_a_scale_are_ratings(tmp_path: Path) -> None:
    assert grades(["★★★★½", "★☆☆☆☆", "4/5", "5 out of 5", ""]) == ["4.5", "1", "4", "5", ""]
    assert grades(["8/10", "4/5"]) == ["8", "8"]
    assert grades(["A", "B-", "F"]) == ["4", "2.7", "0"]
    assert grades(["4", "5"]) == ["4", "5"]
    text = "who,item,stars,when\na,Kettle,★★★★★,2020-01-01\nb,Kettle,★☆☆☆☆,2020-01-02\na,Pan,★★☆☆☆,2020-01-03\n"
    reading = read(tmp_path, {"reviews.csv": text})
    assert reading.interactions.history("a") == ("Kettle",)
    assert set(reading.interactions.aversion("b")) == {"Kettle"}


@pytest.mark.parametrize(("sign", "meaning"), [("👍", 2.0), ("👍🏽", 2.0), ("👎", "negative"), ("❤️", 2.0), ("✓", None)])
def test_signs_are_kinds_of_events(sign: str, meaning: object) -> None:
    assert meaning_of(sign) == meaning


def test_a_column_of_reactions_is_their_kind_whatever_it_is_called(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "articles.csv": "article,headline\na1,One two\na2,Three four\n",
        "log.csv": "who,article,reaction,at\nu,a1,👍,1600000000\nu,a2,👎,1600000001\nv,a1,like,1600000002\n",
    }
    reading = read(tmp_path, files)
    assert reading.interactions.history("u") == ("a1",)
    assert reading.interactions.aversion("u") == ("a2",)


def test_lines_of_orders_are_events_by_what_joins_them(tmp_path: Path) -> None:
    products = {"data": {"products": [{"uid": f"p{n}", "title": f"Thing {n}"} for n in range(3)]}}
    orders = [
        {"id": n, "customer": {"id": f"c{n}"}, "created": "2021-05-01", "lines": [{"uid": "p0"}, {"uid": f"p{n}"}]}
        for n in (1, 2)
    ]
    files: dict[str, str | bytes] = {
        "catalog.json": json.dumps(products),
        "orders.json": json.dumps({"orders": orders}),
    }
    reading = read(tmp_path, files)
    assert reading.interactions.history("c2") == ("p0", "p2")


def test_pairs_in_a_cell_are_attributes() -> None:
    opened = flatten("specs", ["power=500 W; color=red", "power=900 W; color=blue", ""])
    assert {name: list(cells) for name, cells in opened.items()} == {
        "specs.power": ["500 W", "900 W", None],
        "specs.color": ["red", "blue", None],
    }
    prose = ["Note: it is heavy; handle with care", "Warm, soft and light"]
    assert list(flatten("text", prose)) == ["text"]


def test_a_log_of_one_person_is_read_and_that_is_said(tmp_path: Path) -> None:
    reading = read(tmp_path, {"ViewingHistory.csv": 'Title,Date\n"Dark: Secrets","1/5/20"\n"Roma","3/14/20"\n'})
    assert reading.interactions.history("me") == ("Dark: Secrets", "Roma")
    assert any("all events are of one person" in note for note in reading.report.notes)


def test_what_a_log_says_of_its_events_alone_is_named(tmp_path: Path) -> None:
    rows = [{"ts": 1600000000 + n, "user": "me", "track": f"t{n % 2}", "ms": n * 1000} for n in range(4)]
    reading = read(tmp_path, {"plays.jsonl": "\n".join(map(json.dumps, rows))})
    assert set(reading.report.tables[1].left_out) == {"ms"}


def test_what_is_the_same_for_an_item_is_no_amount_of_an_event(tmp_path: Path) -> None:
    lines = [f"{n % 3},{100 + n % 2},{2520377 + n % 2},{('pv', 'buy')[n % 2]},{1511544070 + n}" for n in range(12)]
    reading = read(tmp_path, {"behavior.csv": "\n".join(lines)})
    assert "amount" not in reading.report.tables[1].roles.values()


def test_small_files_of_the_east_are_no_western_ones(tmp_path: Path) -> None:
    text = "Kod;Nazwa;Cena\nK1;Kubek;1 249,00 zł\nK2;Łyżka;5,00 zł\n"
    item = read(tmp_path, {"produkty.csv": text.encode("cp1250")}).catalog["K2"]
    assert (item.title, item.attributes["price"]) == ("Łyżka", 5.0)
    assert item.sale()["currency"] == "PLN"


def test_a_backslash_before_an_amount_is_the_yen_of_shift_jis(tmp_path: Path) -> None:
    text = '商品コード,商品名,価格\n001,急須,"¥3,980"\n002,風呂敷,"¥1,200"\n'
    item = read(tmp_path, {"a.csv": text.encode("shift_jis", "replace").replace(b"?", b"\\")}).catalog["001"]
    assert (item.title, item.attributes["price"]) == ("急須", 3980.0)


def test_a_dump_of_a_database_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "shop.sql").write_text(
        "-- dump\nSET NAMES utf8;\nCREATE TABLE a (id INT);\nINSERT INTO a VALUES (1);\n"
    )
    with pytest.raises(SourceError, match="dump of a database"):
        READERS["files"].read(tmp_path / "shop.sql", ReadOptions())


def test_lines_of_orders_take_who_and_when_from_the_orders(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "products.csv": "sku,product_title\nA-1,Green tea\nA-2,Black tea\nA-3,White tea\n",
        "orders.csv": "order,customer,created_at\n#2,anna,2023-01-02\n#1,anna,2023-01-01\n#3,ben,2023-01-03\n",
        "order_lines.csv": "order,sku,qty\n#1,A-1,1\n#1,A-2,1\n#2,A-3,2\n#3,A-1,1\n",
    }
    reading = read(tmp_path, files)
    assert reading.interactions.history("anna") == ("A-1", "A-2", "A-3")
    assert any("who and when comes from orders.csv" in note for note in reading.report.notes)
    assert "orders.csv" not in reading.report.unused


def test_folders_of_part_files_are_tables(tmp_path: Path) -> None:
    for folder, rows in {
        "catalogue": ['{"sku": "b1", "title": "One"}', '{"sku": "b2", "title": "Two"}'],
        "interactions/dt=2024-03-01": ['{"user": "u", "sku": "b1", "time": 1700000000}'],
        "interactions/dt=2024-03-02": ['{"user": "u", "sku": "b2", "time": 1700000100}'],
    }.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "part-00000.json.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    reading = READERS["files"].read(tmp_path, ReadOptions())
    assert reading.interactions.history("u") == ("b1", "b2")


def test_tables_in_a_language_that_nobody_knows_are_told_by_what_joins_them(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "xa.csv": "kolo,wem,dat\nP1,nu,2024-01-01\nP2,nu,2024-01-02\nP1,la,2024-01-03\nP3,la,2024-01-04\n",
        "xb.csv": "kolo,rami\nP1,Sotu bana\nP2,Miro tela\nP3,Vano keru\n",
    }
    reading = read(tmp_path, files)
    assert [item.item_id for item in reading.catalog] == ["P1", "P2", "P3"]
    assert reading.interactions.history("nu") == ("P1", "P2")


def test_names_and_values_above_the_header_are_a_report_s(tmp_path: Path) -> None:
    head = "City Museum\nGenerated,2024-02-29\n\nObject number,Title,Materials\n"
    text = f"{head}1923.4,Chair,beech\n1923.40,Teapot,silver\n"
    reading = read(tmp_path, {"export.csv": text})
    assert [(item.item_id, item.title) for item in reading.catalog] == [("1923.4", "Chair"), ("1923.40", "Teapot")]


def test_a_matrix_beside_its_items_names_them_in_its_header(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "beers.csv": "Code,Beer\nPIL-01,Harbour Pils\nIPA-02,Hop Lantern\nSTO-03,Night Barge\n",
        "tasting.csv": "Taster,PIL-01,IPA-02,STO-03\nAna,5,0.5,3\nBen,4,,1\n",
    }
    reading = read(tmp_path, files)
    assert len(reading.interactions) == 5
    assert reading.interactions.history("Ana")[-1:] != ("IPA-02",)


def test_ratings_are_told_by_their_signs_whatever_the_column_is_called(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.csv": "id,title\n1,Stew\n2,Soup\n",
        "b.csv": "who,id,評価\nk,1,★☆☆☆☆\nk,2,★★★★★\n",
    }
    assert read(tmp_path, files).interactions.history("k") == ("2",)


def test_a_reader_s_library_is_books_and_what_was_read(tmp_path: Path) -> None:
    text = (
        "Book Id,Title,Author,ISBN13,My Rating,Date Read,Date Added,Exclusive Shelf,My Review\n"
        '11,Emma,Jane Austen,"=""978""",5,2021/03/14,2021/02/01,read,Nice\n'
        "12,Ulysses,James Joyce,,0,,2021/02/02,to-read,\n"
    )
    reading = read(tmp_path, {"goodreads_library_export.csv": text})
    assert reading.report.layout == "Goodreads library export"
    assert [(item.item_id, item.title) for item in reading.catalog] == [("11", "Emma"), ("12", "Ulysses")]
    assert "11" in reading.interactions.history("me")
    assert "My Review" in reading.report.tables[-1].left_out


def test_marks_that_nobody_sees_are_no_part_of_ids(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "items.csv": "sku,name\nA1,Oud\nA2,Musk\n",
        "orders.csv": "customer,sku,date\nc,A1\u200f,2024-01-01\nc,A2,2024-01-02\n",
    }
    assert read(tmp_path, files).interactions.history("c") == ("A1", "A2")


def test_words_before_an_amount_are_left_out_of_prices(tmp_path: Path) -> None:
    text = 'Ref,Headline,Price\nL1,Old mill,"Offers over £375,000"\nL2,New flat,"£215,000"\n'
    reading = read(tmp_path, {"listings.csv": text})
    assert [item.attributes["price"] for item in reading.catalog] == [375000.0, 215000.0]


def test_what_is_called_like_the_ids_is_the_title(tmp_path: Path) -> None:
    text = "Course code,Course,Instructor name\nBIO-1,Cell Biology,Dr. Ada\nCS-1,Programming,Dr. Lin\n"
    assert [item.title for item in read(tmp_path, {"courses.csv": text}).catalog] == ["Cell Biology", "Programming"]
