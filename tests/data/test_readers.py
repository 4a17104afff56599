import gzip
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from genrec.data.images import why_unusable
from genrec.data.readers import READERS, Reading, ReadOptions, recreate_shop
from genrec.errors import ArtifactError, SourceError
from genrec.schema import Interactions
from genrec.shop import HELD_OUT_DOMAINS, ShopWorld

DATA = Path(os.environ.get("GENREC_DATA", Path(__file__).parents[2].parent / "shared/data"))

NO_PICTURE = "it is text, which is not read; fetch the picture again"

UNKNOWN = "item has neither content (text, attribute, image, audio, video or given vector) nor an event"


def research_data(name: str) -> Path:
    if not (DATA / name).is_dir():
        pytest.skip(f"research data {DATA / name} is not here; set GENREC_DATA to a folder that holds {name}")
    return DATA / name


def read(source: str, path: Path | None, **options: object) -> Reading:
    return READERS[source].read(path, ReadOptions(**options))  # type: ignore[arg-type]


def events(interactions: Interactions) -> list[tuple[str, str, int, int]]:
    """User, item, time and feedback (1 positive, -1 negative) of each event."""
    return list(
        zip(
            interactions.user_ids,
            interactions.item_ids,
            interactions.timestamps.tolist(),
            interactions.feedback.tolist(),
            strict=True,
        )
    )


def reasons(reading: Reading) -> list[tuple[str, int, str]]:
    return [(Path(refusal.source_file).name, refusal.line, refusal.reason) for refusal in reading.losses.refused]


def picture(path: Path, color: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32), color).save(path)
    return path


class TestMovieLens:
    def test_dat_files_are_read_with_latin_letters_times_and_ratings(self, tmp_path: Path) -> None:
        (tmp_path / "movies.dat").write_bytes(
            "1::Toy Story (1995)::Animation|Comedy\n2::Misérables, Les (1998)::Drama\n".encode("latin-1")
        )
        good = "".join(f"{user}::2::4::{978300000 + user}\n" for user in range(10, 50))
        (tmp_path / "ratings.dat").write_text(
            "7::2::1::978300760\n7::1::5::978300700\n8::3::5::978300001\n8::1::5::soon\n" + good
        )
        reading = read("movielens", tmp_path)
        assert reading.report.layout == "MovieLens .dat files"
        assert reading.catalog["2"].title == "Misérables, Les (1998)"
        assert reading.catalog["1"].attributes == {"genres": ("Animation", "Comedy"), "year": 1995.0}
        told = [event for event in events(reading.interactions) if event[0] in "78"]
        assert told == [("7", "1", 978300700, 1), ("7", "2", 978300760, -1)]
        assert len(reading.interactions) == 42
        assert reasons(reading) == [
            ("ratings.dat", 3, "event names the unknown item '3'"),
            ("ratings.dat", 4, "event has no readable time"),
        ]

    def test_csv_files_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "movies.csv").write_text(
            'movieId,title,genres\n1,"American President, The (1995)",Comedy|Drama\n2,Untitled,(no genres listed)\n'
        )
        (tmp_path / "ratings.csv").write_text(
            "userId,movieId,rating,timestamp\n1,2,0.5,1147880044\n1,1,4.0,1147868817\n"
        )
        picture(tmp_path / "posters/1.jpg")
        reading = read("movielens", tmp_path)
        assert reading.catalog["1"].title == "American President, The (1995)"
        assert reading.catalog["1"].image == tmp_path / "posters/1.jpg"
        assert reading.catalog["2"].attributes == {}
        assert events(reading.interactions) == [("1", "1", 1147868817, 1), ("1", "2", 1147880044, -1)]
        assert set(reading.interactions.kinds) == {"rating"}

    def test_a_folder_without_movielens_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "items.csv").write_text("id,title\n1,Lamp\n")
        with pytest.raises(SourceError, match=r"holds none of MovieLens.*try the source 'files'"):
            read("movielens", tmp_path)
        with pytest.raises(SourceError, match="is not there"):
            read("movielens", tmp_path / "none")

    @pytest.mark.data
    def test_the_real_folder_has_the_counts_of_its_readme(self) -> None:
        reading = read("movielens", research_data("movielens-1m"))
        assert len(reading.interactions) == 999_611
        assert len(reading.interactions.user_bounds()) == 6_040
        used = set(reading.interactions.item_ids)
        assert len(used) == 3_416
        assert sum(item.image is not None for item in reading.catalog if item.item_id in used) == 3_253
        assert reading.losses.total == 0


META_2014 = (
    "{'asin': 'B1', 'title': \"Men's cream\", 'price': 9.5, 'brand': 'Oak', 'categories': [['Beauty', 'Skin']]}\n"
)
META_2018 = {
    "asin": "B1", "title": "Men's cream", "price": "$9.50", "brand": "Oak", "category": ["Beauty", "Skin"],
    "description": ["Soft.", "Rich."], "feature": ["100 ml"], "imageURL": ["https://x/y.jpg"],
}  # fmt: skip
META_2023 = {
    "parent_asin": "B1", "title": "Men's cream", "price": 9.5, "store": "Oak", "categories": ["Beauty", "Skin"],
    "main_category": "All Beauty", "description": ["Soft.", "Rich."], "features": ["100 ml"],
    "details": {"Brand": "Other"}, "images": [{"large": "https://x/y.jpg"}],
}  # fmt: skip
OLD_REVIEW = {"reviewerID": "u", "asin": "B1", "overall": 5.0, "unixReviewTime": 1355616000, "reviewText": "good"}
NEW_REVIEW = {"user_id": "u", "asin": "B1-red", "parent_asin": "B1", "rating": 5.0, "timestamp": 1355616000500}


class TestAmazon:
    def check(self, reading: Reading) -> None:
        item = reading.catalog["B1"]
        assert item.title == "Men's cream"
        assert item.attributes == {"categories": ("Beauty", "Skin"), "brand": "Oak", "price": 9.5}
        assert events(reading.interactions) == [("u", "B1", 1355616000, 1)]

    def test_the_layout_of_2014_with_python_literals_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "meta_Beauty.json").write_text(META_2014)
        (tmp_path / "reviews_Beauty.json").write_text(json.dumps(OLD_REVIEW) + "\n")
        self.check(read("amazon", tmp_path))

    def test_the_gzipped_layout_of_2018_is_read(self, tmp_path: Path) -> None:
        with gzip.open(tmp_path / "meta_Beauty.json.gz", "wt") as stream:
            stream.write(json.dumps(META_2018) + "\n")
        with gzip.open(tmp_path / "Beauty.json.gz", "wt") as stream:
            stream.write(json.dumps(OLD_REVIEW) + "\n")
        reading = read("amazon", tmp_path)
        self.check(reading)
        assert reading.catalog["B1"].text == "Soft. Rich. 100 ml"

    def test_the_layout_of_2023_is_read_by_parent_and_milliseconds(self, tmp_path: Path) -> None:
        (tmp_path / "meta_All_Beauty.jsonl").write_text(json.dumps(META_2023) + "\n")
        with gzip.open(tmp_path / "All_Beauty.jsonl.gz", "wt") as stream:
            stream.write(json.dumps(NEW_REVIEW) + "\n")
        picture(tmp_path / "images/B1.jpg")
        reading = read("amazon", tmp_path)
        self.check(reading)
        assert reading.catalog["B1"].image == tmp_path / "images/B1.jpg"

    def test_broken_rows_are_refused_with_their_lines(self, tmp_path: Path) -> None:
        (tmp_path / "meta_B.json").write_text(META_2014 + "{'asin': __import__('os')}\n" + "[1]\n" + "{'asin': 'B2'}\n")
        stranger = {**OLD_REVIEW, "asin": "B9"}
        no_rating = {**OLD_REVIEW, "reviewerID": "v", "overall": None}
        lines = [json.dumps(OLD_REVIEW), "{oops", json.dumps(stranger), json.dumps(no_rating)]
        (tmp_path / "B.json").write_text("\n".join(lines))
        reading = read("amazon", tmp_path)
        assert [item.item_id for item in reading.catalog] == ["B1"]
        assert events(reading.interactions)[0] == ("u", "B1", 1355616000, 1)
        assert [(name, line) for name, line, _ in reasons(reading)] == [
            ("meta_B.json", 2),
            ("meta_B.json", 3),
            ("B.json", 2),
            ("B.json", 3),
            ("meta_B.json", 4),  # what events name is known only then
        ]
        assert any("have no rating" in note for note in reading.report.notes)

    def test_of_several_review_files_one_is_read_and_the_other_named(self, tmp_path: Path) -> None:
        (tmp_path / "meta_B.json").write_text(META_2014)
        for name in ("a.json", "b.json"):
            (tmp_path / name).write_text(json.dumps(OLD_REVIEW))
        reading = read("amazon", tmp_path)
        self.check(reading)
        assert reading.report.unused == ("b.json",)
        named = read("amazon", tmp_path, events=tmp_path / "b.json")
        self.check(named)
        assert "a.json" in named.report.unused

    @pytest.mark.data
    def test_the_real_folder_has_the_counts_of_its_readme(self) -> None:
        reading = read("amazon", research_data("amazon-beauty"))
        counts = len(reading.interactions.user_bounds()), len(reading.catalog), len(reading.interactions)
        assert counts == (22_363, 12_101, 198_502)
        assert reading.losses.total == 0


class TestFiles:
    def folder(self, root: Path) -> Path:
        root.mkdir(exist_ok=True)
        (root / "products.csv").write_text(
            "sku;name;desc;price;colour;tags;item_no\n007;Lamp;warm light;$1,200.50;red;a|b;12\n8;Mug;;3;blue;;013\n"
        )
        (root / "transactions.csv").write_text("user,article_id,t_dat\nu,8,2020-01-02\nu,007,2020-01-01\n")
        picture(root / "images/007.png")
        return root

    def test_files_and_columns_are_found_by_name(self, tmp_path: Path) -> None:
        reading = read("files", self.folder(tmp_path))
        lamp = reading.catalog["007"]
        assert (lamp.title, lamp.text, lamp.image) == ("Lamp", "warm light", tmp_path / "images/007.png")
        assert lamp.attributes == {"price": 1200.5, "colour": "red", "tags": ("a", "b"), "item_no": "12"}
        assert reading.catalog["8"].attributes == {"price": 3.0, "colour": "blue", "item_no": "013"}
        assert events(reading.interactions) == [("u", "007", 1577836800, 1), ("u", "8", 1577923200, 1)]
        assert reading.losses.total == 0

    def test_every_format_gives_the_same_reading(self, tmp_path: Path) -> None:
        rows = [{"id": "1", "title": "Lamp", "price": 2.5}, {"id": "2", "title": "Mug", "price": None}]
        happened = [{"user_id": "u", "id": "2", "timestamp": 5}, {"user_id": "u", "id": "1", "timestamp": 6}]

        def lines(table: list[dict[str, object]]) -> str:
            return "\n".join(json.dumps(row) for row in table)

        def cells(table: list[dict[str, object]], comma: str) -> str:
            return "\n".join(
                comma.join("" if x is None else str(x) for x in row) for row in [table[0], *map(dict.values, table)]
            )

        folders = {kind: tmp_path / kind for kind in ("csv", "tsv", "jsonl", "jsonl.gz", "json", "parquet")}
        for kind, folder in folders.items():
            folder.mkdir()
            for name, table in (("items", rows), ("events", happened)):
                file = folder / f"{name}.{kind}"
                if kind == "parquet":
                    pq.write_table(pa.Table.from_pylist(table), file)
                elif kind == "jsonl.gz":
                    file.write_bytes(gzip.compress(lines(table).encode()))
                else:
                    file.write_text(
                        {
                            "csv": cells(table, ","),
                            "tsv": cells(table, "\t"),
                            "jsonl": lines(table),
                            "json": json.dumps(table),
                        }[kind]
                    )
        readings = [read("files", folder) for folder in folders.values()]
        for reading in readings:
            assert reading.catalog == readings[0].catalog
            assert reading.catalog["1"].attributes == {"price": 2.5}
            assert events(reading.interactions) == [("u", "2", 5, 1), ("u", "1", 6, 1)]
            assert reading.losses.total == 0

    def test_named_columns_win_over_synonyms(self, tmp_path: Path) -> None:
        (tmp_path / "items.csv").write_text("id,sku,label,title\n1,a,Lamp,x\n2,b,Mug,y\n")
        (tmp_path / "events.csv").write_text("who,id,when,stars\nu,b,1,4\n")
        columns = {"item_id": "sku", "title": "label", "user_id": "who", "timestamp": "when", "rating": "stars"}
        reading = read("files", tmp_path, columns=columns)
        assert [item.title for item in reading.catalog] == ["Lamp", "Mug"]
        assert reading.catalog["a"].attributes == {"id": "1", "title": "x"}
        assert events(reading.interactions) == [("u", "b", 1, 1)]
        with pytest.raises(SourceError, match=r"0 can be used \(1 refused, 1 of them: event names an unknown item\)"):
            read("files", tmp_path, columns={**columns, "item_id": "id", "events.item_id": "who"})

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"item_id": "ean"}, "column 'ean' \\(for item_id\\) is not in .*products.csv; it has sku, name, desc"),
            ({"user_id": "customer"}, "column 'customer' \\(for user_id\\) is not in .*transactions.csv"),
            ({"events.item_id": "sku"}, "column 'sku' \\(for item_id\\) is not in .*transactions.csv"),
            ({"colour": "color"}, "column target 'colour' is unknown; choose one of item_id, title"),
            ({"shops.item_id": "sku"}, "column target 'shops.item_id' is unknown"),
        ],
    )
    def test_an_unknown_column_is_one_clear_error(self, tmp_path: Path, columns: dict[str, str], message: str) -> None:
        with pytest.raises(SourceError, match=message) as caught:
            read("files", self.folder(tmp_path), columns=columns)
        assert "\n" not in str(caught.value)

    def test_a_missing_required_column_is_one_clear_error(self, tmp_path: Path) -> None:
        (tmp_path / "items.csv").write_text("title,price\nLamp,1\n")
        with pytest.raises(SourceError, match=r"no column for item_id; .* --map item_id=COLUMN, of title, price"):
            read("files", tmp_path)

    def test_bad_rows_are_refused_with_reason_and_line(self, tmp_path: Path) -> None:
        (tmp_path / "items.csv").write_text(
            "id,title,picture\n1,Lamp,\n1,Again,\n,Nameless,\n2,,\n5,Mug,gone.png\n6,Bag,http://x/6.png\n"
        )
        (tmp_path / "events.csv").write_text(
            "user_id,id,time,stars\nu,1,2020-05-01T00:00:00Z,1\n,1,2020-05-01,1\nNULL,1,2020-05-01,1\n"
            "u,77,2020-05-01,1\nu,1,yesterday,1\nu,5,2020-05-02T00:00:00Z,many\n"
        )
        reading = read("files", tmp_path)
        assert [item.item_id for item in reading.catalog] == ["1", "5", "6"]
        assert [event[:3] for event in events(reading.interactions)] == [("u", "1", 1588291200), ("u", "5", 1588377600)]
        assert sorted(reasons(reading)) == [
            ("events.csv", 3, "event has no user id"),
            ("events.csv", 4, "event has no user id"),
            ("events.csv", 5, "event names the unknown item '77'"),
            ("events.csv", 6, "event has no readable time"),
            ("events.csv", 7, "rating 'stars' is not a number ('many'); the event stays without it"),
            ("items.csv", 3, "item id '1' appears twice; the first row counts"),
            ("items.csv", 4, "no item id"),
            ("items.csv", 5, UNKNOWN),
            ("items.csv", 6, "picture is not there; the item stays if it has more"),
            ("items.csv", 7, "picture is an address, which is not downloaded without --fetch-pictures; the item stays"),
        ]
        assert reading.losses.num_rows == 7  # what stays is no lost row

    def test_ids_that_no_address_can_hold_are_refused_with_their_reason(self, tmp_path: Path) -> None:
        def told(identifier: str) -> str:
            return json.dumps({"item_id": identifier, "title": "x"})

        ids = ("a/b", "..", "a\nb", "\x1b[31m", "x" * 257, "x" * 256, "a/image")
        (tmp_path / "items.jsonl").write_text("\n".join(map(told, ids)))
        happened = [{"user_id": user, "item_id": "a/b", "timestamp": 5} for user in ("u/1", "..", "u\x07", "u" * 300)]
        (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, happened)))
        reading = read("files", tmp_path)
        assert [item.item_id for item in reading.catalog] == ["a/b", "x" * 256, "a/image"]
        assert list(reading.interactions.user_ids) == ["u/1"]
        whys = ["is a step of a path, which no address can hold", "holds a control character",
                "is longer than 256 characters"]  # fmt: skip
        assert reasons(reading) == [
            ("items.jsonl", 2, f"item id {whys[0]}"),
            ("items.jsonl", 3, f"item id {whys[1]}"),
            ("items.jsonl", 4, f"item id {whys[1]}"),
            ("items.jsonl", 5, f"item id {whys[2]}"),
            ("events.jsonl", 2, f"event's user id {whys[0]}"),
            ("events.jsonl", 3, f"event's user id {whys[1]}"),
            ("events.jsonl", 4, f"event's user id {whys[2]}"),
        ]

    def test_a_broken_picture_is_refused_and_its_item_stays_only_with_more(self, tmp_path: Path) -> None:
        (tmp_path / "items.csv").write_text("id,title\n1,Lamp\n2,\n3,Mug\n")
        for stem in "12":
            (tmp_path / "images").mkdir(exist_ok=True)
            (tmp_path / f"images/{stem}.png").write_text("not a picture")
        picture(tmp_path / "images/3.png")
        reading = read("files", tmp_path)
        assert {item.item_id: item.image for item in reading.catalog} == {"1": None, "3": tmp_path / "images/3.png"}
        assert reasons(reading) == [
            ("items.csv", 0, f"broken image of item '1': {NO_PICTURE}"),
            ("items.csv", 0, f"broken image of item '2': {NO_PICTURE}"),
            ("items.csv", 3, UNKNOWN),
        ]
        assert [Path(refusal.content).name for refusal in reading.losses.refused[:2]] == ["1.png", "2.png"]

    def test_an_item_with_a_given_vector_needs_nothing_else(self, tmp_path: Path) -> None:
        (tmp_path / "items.csv").write_text("id,title\n1,\n")
        assert len(read("files", tmp_path, given_ids=frozenset("1")).catalog) == 1

    def test_an_item_that_only_an_event_names_is_kept_and_one_that_nothing_tells_of_is_counted(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "items.csv").write_text("id,title,color\n1,Lamp,\n2,,\n3,,red\n4,,\n5,,blue\n")
        (tmp_path / "events.csv").write_text("user_id,id,time\nu,1,5\nu,2,6\nv,2,5\n")
        reading = read("files", tmp_path)
        assert [item.item_id for item in reading.catalog] == ["1", "2", "3", "5"]
        assert [item.has_content for item in reading.catalog] == [True, False, True, True]
        assert reading.interactions.history("u") == ("1", "2")
        assert reasons(reading) == [("items.csv", 5, UNKNOWN)]

    def test_a_log_alone_makes_a_catalog_of_its_items(self, tmp_path: Path) -> None:
        (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nu,7,5\nu,08,6\nv,7,5\n")
        reading = read("files", tmp_path)
        assert [(item.item_id, item.title, item.name) for item in reading.catalog] == [("7", "", "7"), ("08", "", "08")]
        assert reading.interactions.histories() == {"u": ("7", "08"), "v": ("7",)}
        assert not reading.losses.total

    def test_items_alone_make_a_catalog(self, tmp_path: Path) -> None:
        (tmp_path / "lamps.jsonl").write_text('{"sku": 1, "attributes": {"color": "red"}, "size": {"w": 3}}')
        reading = read("files", tmp_path / "lamps.jsonl")
        assert reading.catalog["1"].attributes == {"color": "red", "size.w": 3.0}
        assert len(reading.interactions) == 0

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "is empty"),
            ("\n", "holds no row; wanted a line of column names"),
            ("id,title\n", "no usable row"),
            ("id,title\n1,\n", r"no usable item in \S+items.csv \(1 refused, 1 of them: item has neither content"),
        ],
    )
    def test_a_csv_with_nothing_usable_is_one_clear_error(self, tmp_path: Path, content: str, message: str) -> None:
        (tmp_path / "items.csv").write_text(content)
        with pytest.raises(SourceError, match=message) as caught:
            read("files", tmp_path)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", ["items.parquet", "items.json", "items.csv.gz", "items.txt", "items.arrow"])
    def test_a_file_of_another_kind_is_one_clear_error(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("[1, oops")
        with pytest.raises(SourceError, match=r"is no \w+ file|cannot be read|not valid JSON|no usable row"):
            read("files", tmp_path / name)

    def test_a_missing_path_is_one_clear_error(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="is not there"):
            read("files", tmp_path / "none")
        with pytest.raises(SourceError, match="holds no table that can be read"):
            read("files", tmp_path)

    @pytest.mark.slow
    @pytest.mark.data
    def test_the_real_fashion_folder_is_read_by_name_alone(self) -> None:
        reading = read("files", research_data("hm"))
        counts = len(reading.interactions.user_bounds()), len(reading.catalog), len(reading.interactions)
        assert counts == (1_364, 17_033, 31_662)
        assert all(item.image is not None for item in reading.catalog)
        assert reading.catalog["0108775015"].attributes["product_code"] == "0108775"


SIZES = {"num_items": 60, "num_people": 4}


class TestShop:
    def test_the_shop_is_the_world_of_its_seed_drawn(self, tmp_path: Path) -> None:
        reading = read("shop", Path("11"), media_directory=tmp_path, **SIZES)
        world = ShopWorld.create(seed=11, **SIZES)
        assert [item.item_id for item in reading.catalog] == [item.item_id for item in world.items]
        assert reading.interactions.histories() == {
            user: tuple(event.item_id for event in told) for user, told in world.histories.items()
        }
        first = reading.catalog.items[0]
        assert first.attributes == dict(world.items[0].attributes)
        assert first.image == tmp_path / "images" / f"{first.item_id}.png"
        with Image.open(first.image) as drawn:
            np.testing.assert_array_equal(np.asarray(drawn), np.asarray(world.picture(first.item_id)))

    def test_the_oracle_can_be_made_again_from_the_details(self, tmp_path: Path) -> None:
        reading = read("shop", Path("-"), domains="held-out", media_directory=tmp_path, **SIZES)
        assert {item.attributes["category"] for item in reading.catalog} == set(HELD_OUT_DOMAINS)
        world = recreate_shop(json.loads(json.dumps(reading.details)))
        assert {item.item_id for item in world.items} == {item.item_id for item in reading.catalog}
        history = reading.interactions.history(world.people[0].user_id)
        assert world.next_probabilities(world.people[0].user_id, history[:-1], 2**33)[world.row(history[-1])] > 0

    @pytest.mark.parametrize(
        ("path", "options", "message"),
        [
            (Path("seven"), {}, "'seven' is not a seed"),
            (Path("7"), {"seed": 8}, "two seeds, PATH 7 and option 8"),
            (None, {"domains": "lamp,boat"}, "domain 'boat' is unknown"),
        ],
    )
    def test_what_is_no_shop_is_refused(
        self, tmp_path: Path, path: Path | None, options: dict[str, object], message: str
    ) -> None:
        with pytest.raises(SourceError, match=message):
            read("shop", path, media_directory=tmp_path, **options)

    def test_details_of_another_source_make_no_world(self) -> None:
        with pytest.raises(ArtifactError, match="does not describe a shop"):
            recreate_shop({"layout": "ratings.dat"})


class TestImages:
    def test_whole_pictures_pass_and_broken_ones_say_why(self, tmp_path: Path) -> None:
        for name in ("a.png", "a.jpg", "a.webp", "a.gif"):
            assert why_unusable(picture(tmp_path / name)) is None
        assert why_unusable(tmp_path / "none.png") == "no such file"
        (tmp_path / "b.jpg").write_bytes(b"")
        assert "an empty file" in (why_unusable(tmp_path / "b.jpg") or "")

    @pytest.mark.parametrize("suffix", ["jpg", "png"])
    def test_a_picture_that_breaks_off_is_broken(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"noise.{suffix}"
        pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert why_unusable(path) is not None
