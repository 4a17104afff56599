"""Logs of sessions, listening and watching after their publishers' documentation, with header or without."""

from pathlib import Path

import pytest

from genrec.data.layouts.blocks import is_blocks, read_blocks
from genrec.data.readers import READERS, ReadOptions
from genrec.data.readers.reading import Reading
from genrec.schema import POSITIVE

RADIOHEAD = "a74b1b7f-71a5-4011-9441-d0b5e4122711"
CREEP, KARMA = "d11fcceb-dfc5-4d19-b45d-f4e8f6d3eaa6", "3f9d2a4e-aaaa-4d19-b45d-f4e8f6d3eaa6"
TITLES = "1,2003,Dinosaur Planet\n2,NULL,Character\n3,1994,Paula, Live, Again\n"


def read(folder: Path, files: dict[str, str]) -> Reading:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return READERS["files"].read(folder, ReadOptions())


def test_otto_sessions_are_clicks_carts_and_orders(tmp_path: Path) -> None:
    lines = [
        '{"session": 0, "events": [{"aid": 7, "ts": 1659304800025, "type": "clicks"}, '
        '{"aid": 8, "ts": 1659304904511, "type": "carts"}]}',
        '{"session": 1, "events": [{"aid": 7, "ts": 1659304900511, "type": "orders"}]}',
    ]
    reading = read(tmp_path, {"x.jsonl": "\n".join(lines) + "\n"})
    assert reading.report.layout == "OTTO sessions"
    assert reading.interactions.histories() == {"0": ("7", "8"), "1": ("7",)}
    assert reading.interactions.kinds.tolist() == ["clicks", "carts", "orders"]
    assert reading.interactions.timestamps.tolist() == [1659304800, 1659304904, 1659304900]
    assert not any(item.has_content for item in reading.catalog)


def test_otto_in_rows_has_kinds_as_numbers(tmp_path: Path) -> None:
    rows = "session,aid,ts,type\n0,7,1659304800,0\n0,8,1659304904,1\n1,7,1659304900,2\n"
    reading = read(tmp_path, {"x.csv": rows})
    assert reading.report.layout == "OTTO sessions"
    assert reading.interactions.kinds.tolist() == ["clicks", "carts", "orders"]


def test_any_sessions_that_list_their_events_are_a_log(tmp_path: Path) -> None:
    rows = [
        f'{{"visitor": "v{n}", "history": [{{"product_id": "p{n}", "timestamp": 1600000000}}, '
        '{"product_id": "p9", "timestamp": 1600000001}]}\n'
        for n in range(4)
    ]
    reading = read(tmp_path, {"x.jsonl": "".join(rows)})
    assert reading.interactions.history("v2") == ("p2", "p9")


def test_yoochoose_joins_clicks_and_what_was_bought(tmp_path: Path) -> None:
    clicks = (
        "1,2014-04-07T10:51:09.277Z,214536502,0\n1,2014-04-07T10:54:09.868Z,214536500,S\n"
        "2,2014-04-07T13:56:37.614Z,214536502,5\n"
    )
    buys = "1,2014-04-07T11:51:09.277Z,214536502,12462,1\n2,2014-04-07T14:51:09.277Z,214536500,0,0\n"
    reading = read(tmp_path, {"one.dat": clicks, "two.dat": buys})
    assert reading.report.layout == "YOOCHOOSE"
    assert reading.interactions.histories() == {
        "1": ("214536502", "214536500", "214536502"),
        "2": ("214536502", "214536500"),
    }
    assert (reading.interactions.feedback == POSITIVE).all()  # a quantity of 0 is one that is not known
    assert reading.interactions.kinds.tolist().count("purchase") == 2
    assert reading.catalog["214536502"].attributes == {"category": ("5",), "price": 12462.0}
    assert reading.catalog["214536500"].attributes == {}


def test_scrobbles_are_plays_of_tracks(tmp_path: Path) -> None:
    rows = [
        ("user_1", "2009-05-04T23:08:57Z", RADIOHEAD, "Radiohead", CREEP, "Creep"),
        ("user_1", "2009-05-04T23:12:57Z", RADIOHEAD, "Radiohead", "", "Bones, Live"),
        ("user_2", "2009-05-05T23:08:57Z", "", "坂本龍一", KARMA, 'The "Last" Emperor'),
        ("user_2", "2009-05-06T23:08:57Z", RADIOHEAD, "Radiohead", CREEP, "Creep"),
    ]
    reading = read(tmp_path, {"x.tsv": "".join("\t".join(row) + "\n" for row in rows)})
    assert reading.report.layout == "Last.fm scrobbles"
    assert reading.interactions.histories() == {"user_1": (CREEP, "Radiohead - Bones, Live"), "user_2": (KARMA, CREEP)}
    assert [item.title for item in reading.catalog] == ["Creep", "Bones, Live", 'The "Last" Emperor']
    assert reading.catalog[KARMA].attributes == {"artist": "坂本龍一"}
    assert set(reading.interactions.kinds) == {"listen"}


def test_play_counts_name_artists(tmp_path: Path) -> None:
    rows = f"00000c28\t{RADIOHEAD}\tradiohead\t2137\n00000c28\t\tdie Ärzte\t1099\n00001411\t{RADIOHEAD}\tradiohead\t3\n"
    reading = read(tmp_path, {"x.tsv": rows})
    assert reading.report.layout == "Last.fm 360K"
    assert {item.item_id: item.title for item in reading.catalog} == {RADIOHEAD: "radiohead", "die Ärzte": "die Ärzte"}
    assert len(reading.interactions) == 3


LETTERBOXD = {
    "ratings.csv": "Date,Name,Year,Letterboxd URI,Rating\n2023-01-12,Dune,2021,https://boxd.it/a,4.5\n2023-02-12,Dune,1984,https://boxd.it/b,1\n",
    "watched.csv": "Date,Name,Year,Letterboxd URI\n2023-01-12,Dune,2021,https://boxd.it/a\n2023-03-12,Her,2013,https://boxd.it/c\n",
    "watchlist.csv": "Date,Name,Year,Letterboxd URI\n2023-03-12,Heat,1995,https://boxd.it/d\n",
    "profile.csv": "Date Joined,Username,Given Name\n2020-01-01,anna,\n",
}


def test_a_film_diary_is_of_one_person(tmp_path: Path) -> None:
    reading = read(tmp_path, LETTERBOXD)
    assert reading.report.layout == "Letterboxd export"
    assert reading.interactions.history("anna") == ("Dune (2021)", "Her (2013)")
    assert reading.interactions.aversion("anna") == ("Dune (1984)",)
    film = reading.catalog["Her (2013)"]
    assert film.title == "Her"
    assert film.attributes == {"year": 2013.0}
    assert film.sale()["link"] == "https://boxd.it/c"
    assert "Heat (1995)" not in reading.catalog  # what is wanted was not watched
    assert "watchlist.csv" in reading.report.unused


def test_a_diary_tells_when_a_film_was_watched_and_adds_what_ratings_lack(tmp_path: Path) -> None:
    head = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
    diary = f"{head}2023-03-09,Her,2013,https://boxd.it/e,,,,2023-01-01\n2023-02-01,Dune,2021,https://boxd.it/f,4.5,Yes,cinema,2023-02-01\n"
    alone = read(tmp_path / "alone", {"diary.csv": diary})
    assert alone.interactions.history("me") == ("Her (2013)", "Dune (2021)")  # by the day of watching
    assert set(alone.report.tables[-1].left_out) == {"Rewatch", "Tags"}
    beside = read(tmp_path / "beside", {"ratings.csv": LETTERBOXD["ratings.csv"], "diary.csv": diary})
    assert set(beside.interactions.item_ids.tolist()) == {"Dune (2021)", "Dune (1984)", "Her (2013)"}
    assert not beside.report.unused


def test_what_was_watched_comes_alone_too(tmp_path: Path) -> None:
    reading = read(tmp_path, {"films.csv": LETTERBOXD["watched.csv"]})
    assert reading.interactions.history("me") == ("Dune (2021)", "Her (2013)")
    assert any("one person" in note for note in reading.report.notes)


def test_blocks_of_ratings_are_events_of_the_item_above_them(tmp_path: Path) -> None:
    blocks = "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n\n2:\n1488844,4,2005-10-19\n3:\n822109,1,2005-12-26\n"
    reading = read(tmp_path, {"a.txt": blocks, "z.csv": TITLES})
    assert reading.report.layout == "Netflix Prize"
    assert [(item.title, dict(item.attributes)) for item in reading.catalog] == [
        ("Dinosaur Planet", {"year": 2003.0}),
        ("Character", {}),
        ("Paula, Live, Again", {"year": 1994.0}),
    ]
    assert reading.interactions.item_ids.tolist() == ["1", "2", "1", "3"]
    assert reading.interactions.feedback.tolist() == [0, 1, 1, -1]
    assert not reading.losses.total


def test_blocks_come_without_titles_too_and_name_what_is_no_row(tmp_path: Path) -> None:
    blocks = "1:\n14,3,2005-09-06\n15,5,2005-05-13\n16,5\n2:\n14,4,2005-10-19\n15,2,2005-10-19\n"
    reading = read(tmp_path, {"a.txt": blocks})
    assert len(reading.interactions) == 4
    assert [(refused.line, refused.reason) for refused in reading.refused] == [(4, "2 cells where 3 were wanted")]


def test_pieces_of_blocks_are_read_as_one(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(
        "".join(f"{n}:\n" + "".join(f"{u},{u % 5 + 1},2005-01-0{u + 1}\n" for u in range(n)) for n in range(1, 9))
    )
    whole = read_blocks(file)
    pieces = read_blocks(file, piece_bytes=7)
    assert [*pieces.rows()] == [*whole.rows()]
    assert pieces.lines.tolist() == whole.lines.tolist()
    assert len(whole) == 36


@pytest.mark.parametrize(
    "head", ["item_id,user\n1,2\n", "Note:\nthis file holds ratings, really\n", "1:\n2:\n", "a: 1\nb: 2\n", ""]
)
def test_other_texts_are_no_blocks(tmp_path: Path, head: str) -> None:
    assert not is_blocks(tmp_path / "a.txt", head.encode())


@pytest.mark.parametrize(
    ("row", "history"),
    [
        ("u{0},p{1},16000000{2:02}", ("p0", "p1", "p2", "p0", "p1", "p2")),
        ("{0},10{1},{3}", None),
    ],
)
def test_a_table_without_header_whose_ids_come_again_is_a_log(
    tmp_path: Path, row: str, history: tuple[str, ...] | None
) -> None:
    rows = [row.format(n % 5, n % 3, n, n % 5 + 1) for n in range(30)]
    reading = read(tmp_path, {"x.csv": "\n".join(rows) + "\n"})
    assert len(reading.interactions) == 30
    assert len(reading.catalog) == 3
    assert history is None or sorted(reading.interactions.history("u0")) == sorted(history)


def test_a_table_without_header_that_has_an_id_in_every_row_is_no_log(tmp_path: Path) -> None:
    reading = read(tmp_path, {"x.csv": "".join(f"{n},Lamp of kind {n},{n % 3},{n % 2}\n" for n in range(30))})
    assert len(reading.catalog) == 30
    assert not len(reading.interactions)


def test_groups_are_taken_from_whichever_file_maps_the_items_to_lists(tmp_path: Path) -> None:
    files = {
        "sequences.txt": "1 11 12 13\n2 12 11\n3 13 12 11 14\n",
        "item2attributes.json": '{"11": [1, 2], "12": [2], "14": []}',
        "other.json": '{"1": [5], "2": [6]}',
    }
    reading = read(tmp_path, files)
    assert reading.report.layout == "item sequences"
    assert [dict(item.attributes) for item in reading.catalog] == [{"groups": ("1", "2")}, {"groups": ("2",)}, {}, {}]
    assert reading.report.unused == ("other.json",)
