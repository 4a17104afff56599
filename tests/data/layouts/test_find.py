"""Which files of a folder are items and events, and what is left over."""

from pathlib import Path

import pytest

from genrec.data.layouts.find import Source, find_source
from genrec.errors import SourceError

ITEMS = "item_id,title\na,Red lamp\nb,Blue vase\nc,Big mug\n"
EVENTS = "user_id,item_id,timestamp\nu,a,1600000000\nu,b,1600000001\nv,c,1600000002\n"


def find(folder: Path, files: dict[str, str], **named: object) -> Source:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return find_source(folder, **named)  # type: ignore[arg-type]


def names(source: Source) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    return (
        source.items.name if source.items is not None else None,
        tuple(file.name for file in source.events),
        tuple(file.name for file in source.unused),
    )


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"items.csv": ITEMS, "events.csv": EVENTS}, ("items.csv", ("events.csv",), ())),
        ({"a.csv": EVENTS, "z.csv": ITEMS}, ("z.csv", ("a.csv",), ())),
        ({"z.csv": ITEMS}, ("z.csv", (), ())),
        ({"z.csv": EVENTS}, (None, ("z.csv",), ())),
        (
            {"items.csv": ITEMS, "events.csv": EVENTS, "users.csv": "user_id,age\nu,3\n", "README.md": "x"},
            ("items.csv", ("events.csv",), ("README.md", "users.csv")),
        ),
        (
            {
                "hotels.csv": "hotel_id,hotel_name,price_per_night\n1,Grand,5\n2,Budget,6\n",
                "bookings.csv": "booking_id,guest_id,hotel_id,check_in\nb1,g1,1,2023-05-01\nb2,g1,2,2023-06-01\n",
            },
            ("hotels.csv", ("bookings.csv",), ()),
        ),
        (
            {
                "a_log.csv": "uid,post_id,ts\n7,p1,1600000000\n8,p1,1600000001\n7,p2,1600000002\n",
                "posts.csv": "post_id,user_id,caption\np1,9,Sunset at sea\np2,8,My new cat\n",
            },
            ("posts.csv", ("a_log.csv",), ()),
        ),
    ],
)
def test_tables_are_told_by_their_columns(tmp_path: Path, files: dict[str, str], found: object) -> None:
    assert names(find(tmp_path, files)) == found


def test_a_folder_in_a_folder_is_looked_into_as_archives_have_it(tmp_path: Path) -> None:
    assert names(find(tmp_path, {"ml/data/items.csv": ITEMS, "ml/data/events.csv": EVENTS}))[0] == "items.csv"


def test_files_that_a_person_names_win(tmp_path: Path) -> None:
    files = {"items.csv": ITEMS, "other.csv": ITEMS, "events.csv": EVENTS, "more.csv": EVENTS}
    source = find(tmp_path, files, items=tmp_path / "other.csv", events=tmp_path / "more.csv")
    assert names(source) == ("other.csv", ("more.csv",), ("events.csv", "items.csv"))


def test_of_tables_of_events_the_one_that_has_the_items_ids_is_taken(tmp_path: Path) -> None:
    files = {
        "products.csv": "product_id,product_name\n1,Lamp red\n2,Vase blue\n",
        "orders.csv": "order_id,user_id,day\n1,10,3\n2,11,4\n",
        "order_lines_train.csv": "order_id,product_id,position\n1,1,1\n1,2,2\n",
    }
    assert names(find(tmp_path, files))[1] == ("order_lines_train.csv",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.png": "x"}, r"holds no table that can be read \(found a.png\)"),
        ({"a.csv": "x,y\n1,2\n", "b.csv": "p,q\n1,2\n"}, "holds no items .* name them, as in --items FILE"),
    ],
)
def test_a_folder_with_nothing_is_one_line_that_says_what_it_holds(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        find(tmp_path, files)
    assert "\n" not in str(caught.value)


def test_a_small_file_is_read_once(tmp_path: Path) -> None:
    source = find(tmp_path, {"items.csv": ITEMS, "events.csv": EVENTS})
    assert set(source.whole) == {source.items, *source.events}
    assert source.items is not None
    assert source.open(source.items) is source.whole[source.items]
    assert list(source.open(source.items, ["title"]).columns) == ["title"]
