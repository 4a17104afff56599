"""Which column is what, by names, by cells, and by what joins two tables."""

from pathlib import Path

import pytest

from genrec.data.layouts.roles import find_event_roles, find_item_roles, link_share
from genrec.data.tables import Table
from genrec.data.tables.table import column_of


def table(**columns: list[object]) -> Table:
    return Table.of(Path("x.csv"), {name.replace("__", " "): cells for name, cells in columns.items()})


def item_roles(**columns: list[object]) -> dict[str, tuple[str, ...]]:
    return dict(find_item_roles(table(**columns), {}).roles)


def test_a_name_that_cells_contradict_settles_nothing() -> None:
    found = item_roles(
        item_id=["a", "b"],
        price=["red", "blue"],
        link=["see below", "none here"],
        title=["http://x/a.png", "http://x/b.png"],
    )
    assert "price" not in found
    assert "link" not in found
    assert "title" not in found


def test_what_is_given_is_not_looked_for_and_taken_columns_have_no_role() -> None:
    columns = table(item_id=["a", "b"], name=["Lamp", "Vase"], title=["L", "V"], price=[1, 2])
    found = find_item_roles(columns, {"title": ("name",)}, taken=("price",))
    assert found.roles["title"] == ("name",)
    assert "price" not in found.roles


def test_of_two_columns_called_ids_the_one_that_is_different_in_every_row_is_the_id() -> None:
    assert item_roles(product_id=["1", "1", "2"], sku=["a", "b", "c"], name=["x y", "y z", "z a"])["item_id"] == (
        "sku",
    )


@pytest.mark.parametrize(
    ("columns", "price"),
    [
        ({"price": [20, 30], "sale__price": [15, 30]}, ("sale price", "price")),
        ({"a__price": [20, 30], "b__price": [15, 30]}, ("b price", "a price")),
        ({"price": [20, 30], "compare__at__price": [25, 30]}, ("price", "compare at price")),
        ({"price": [20, 30], "cost__price": [5, 6]}, ("price",)),
        ({"price": [20, 30], "shipping__price": [1, 2]}, ("price",)),
        ({"old__price": [20, 30]}, ("old price",)),
    ],
)
def test_of_prices_the_lowest_that_customers_pay_comes_first(columns: dict, price: tuple[str, ...]) -> None:
    assert item_roles(item_id=["a", "b"], title=["x", "y"], **columns)["price"][: len(price)] == price


def test_rivals_for_the_price_are_a_question_and_none_is_taken() -> None:
    found = find_item_roles(table(item_id=["a", "b"], gold__price=[1, 5], silver__price=[2, 4]), {})
    assert "price" not in found.roles
    assert len(found.questions) == 1
    assert "--map price=COLUMN" in found.questions[0]


def test_pictures_are_no_link_and_pages_no_picture() -> None:
    found = item_roles(
        sku=["a", "b"], media__url=["https://x/a.jpg", "https://x/b.jpg"], page__url=["https://x/a", "https://x/b"]
    )
    assert (found["image"], found["link"]) == (("media url",), ("page url",))


@pytest.mark.parametrize("cells", [["A-1", "A-2"], ["x7", "y8"]])
def test_codes_without_a_name_that_says_so_are_ids_and_that_is_said(cells: list[object]) -> None:
    found = find_item_roles(table(words=["red lamp", "blue vase"], klucz=cells), {})
    assert found.roles["item_id"] == ("klucz",)
    assert any("taken for the ids" in note for note in found.notes)


@pytest.mark.parametrize(
    "columns", [{"words": ["red", "blue"], "size": [3, 4]}, {"price": [1, 2], "title": ["A1", "B2"]}]
)
def test_words_sizes_prices_and_titles_are_no_ids(columns: dict) -> None:
    assert "item_id" not in item_roles(**columns)


KEYS = {"id": ["1", "2", "3"], "sku": ["s1", "s2", "s3"], "title": ["Lamp", "Vase", "Mug"]}


@pytest.mark.parametrize(
    ("columns", "item_id", "key"),
    [
        ({"id": [1, 2, 3], "u": ["p", "p", "q"], "sku": ["s3", "s1", "s2"]}, "sku", "sku"),
        ({"who": ["p", "p", "q"], "what": ["Lamp", "Mug", "Lamp"]}, "what", "title"),
        ({"user_id": ["1", "2", "3"], "product": ["3", "1", "9"]}, "product", "id"),
        ({"who": ["p", "p", "q"], "quantity": [1, 2, 1], "ref": ["s1", "s2", "s3"]}, "ref", "sku"),
        ({"user_id": ["p", "q", "q"], "item_id": ["9", "8", "7"]}, "item_id", "id"),
    ],
)
def test_events_name_items_by_the_column_that_joins_the_tables(columns: dict, item_id: str, key: str) -> None:
    found, by = find_event_roles(table(**columns), {}, KEYS)
    assert (found.roles["item_id"], by) == ((item_id,), key)


@pytest.mark.parametrize(
    ("columns", "user"),
    [
        ({"user_pseudo_id": ["10.77", "11.77", "10.77"], "price": [1, 2, 3]}, "user_pseudo_id"),
        ({"increment_id": ["1", "2", "3"], "customer_email": ["a@x", "b@x", "a@x"]}, "customer_email"),
        ({"row": ["r1", "r2", "r3"], "person": ["a", "b", "a"]}, "person"),
        ({"order_id": [1, 1, 2], "add_to_cart_order": [1, 2, 1]}, "order_id"),
        ({"userId": ["NA", "NA", "NA"], "sessionId": [1, 1, 2]}, "sessionId"),
        ({"x": ["k1", "k2", "k3"], "y": ["p", "p", "q"]}, "y"),
    ],
)
def test_users_are_who_names_and_repetition_say(columns: dict, user: str) -> None:
    found, _ = find_event_roles(table(item_id=["1", "2", "3"], **columns), {}, {"item_id": ["1", "2", "3"]})
    assert found.roles["user_id"] == (user,)


def test_an_hour_of_the_day_is_no_time_of_an_event_and_an_index_that_is_called_one_is() -> None:
    hours, _ = find_event_roles(table(user_id=["p", "q"], item_id=["1", "2"], order_hour_of_day=[8, 7]), {}, {})
    index, _ = find_event_roles(table(user_id=["p", "q"], item_id=["1", "2"], timestamp=[0, 1]), {}, {})
    assert "timestamp" not in hours.roles
    assert index.roles["timestamp"] == ("timestamp",)


def test_the_share_of_a_link_is_of_the_filled_cells() -> None:
    assert link_share(column_of(["1", "", "9", None]), ["1", "2"]) == 0.5
    assert link_share(column_of(["", None]), ["1"]) == 0.0


def test_ids_may_be_as_long_as_a_hash_and_an_essay_is_none() -> None:
    hashes = ["0f" * 32, "1e" * 32]
    assert item_roles(item_id=hashes, title=["red lamp", "blue vase"])["item_id"] == ("item_id",)
    essays = [
        "a long text about a red lamp that stands in the hall " * 3,
        "and another about a vase of blue glass " * 3,
    ]
    assert "item_id" not in item_roles(product=essays, title=["red lamp", "blue vase"])


def test_the_same_price_in_two_currencies_is_a_question() -> None:
    found = find_item_roles(table(item_id=["a", "b"], title=["x", "y"], price_eur=[10, 20], price_usd=[11, 22]), {})
    assert "price" not in found.roles
    assert "price_eur" in found.questions[0]
    assert "--map price=" in found.questions[0]


def test_one_huge_cell_takes_no_title_away() -> None:
    assert item_roles(item_id=["a", "b"], title=["Lamp " * 20_000, "Vase"])["title"] == ("title",)


def test_what_was_paid_tells_returns_where_nothing_else_does() -> None:
    columns = table(user=["u", "u"], item_id=["a", "a"], amount=["12.50", "-12.50"])
    found, _ = find_event_roles(columns, {}, {})
    assert found.roles["quantity"] == ("amount",)
    assert "returns" in found.notes[0]
    counted, _ = find_event_roles(table(user=["u"], item_id=["a"], qty=["1"], amount=["-2"]), {}, {})
    assert counted.roles["quantity"] == ("qty",)
    paid, _ = find_event_roles(table(user=["u", "v"], item_id=["a", "a"], amount=["12.50", "3"]), {}, {})
    assert "quantity" not in paid.roles


def test_a_column_that_is_called_a_time_and_holds_none_is_named() -> None:
    found, _ = find_event_roles(table(user=["u"], item_id=["a"], date=["2 days ago"]), {}, {})
    assert "timestamp" not in found.roles
    assert "'2 days ago'" in found.notes[0]


def test_a_nameless_column_of_pictures_takes_no_words_along() -> None:
    found = item_roles(
        column_1=["B-1", "B-2"], column_2=["Oak chair", "Elm chair"], column_3=["http://x/1.jpg", "http://x/2.jpg"]
    )
    assert found["image"] == ("column_3",)
    assert found["title"] == ("column_2",)


def test_the_only_column_of_money_is_the_price_whatever_it_is_called() -> None:
    assert item_roles(item_id=["a", "b"], title=["x", "y"], wert=["5 €", "6 €"])["price"] == ("wert",)
    several = find_item_roles(table(item_id=["a", "b"], title=["x", "y"], v=["5 €", "6 €"], w=["7 €", "1 €"]), {})
    assert "price" not in several.roles
    assert "--map price=" in several.questions[0]


def test_what_is_called_a_price_may_hold_words_in_most_rows() -> None:
    assert item_roles(item_id=["a", "b"], title=["x", "y"], price=["$5 - $9", "Unavailable"])["price"] == ("price",)


def test_the_items_of_an_order_are_named_before_the_order_itself() -> None:
    columns = table(id=["1", "2"], email=["a@x", "b@x"], **{"line_items.product_id": ["11", "12"]})
    assert find_event_roles(columns, {}, {})[0].roles["item_id"] == ("line_items.product_id",)


def test_names_of_things_among_events_are_no_kinds_though_a_bag_is_a_cart():
    orders = table(
        order_id=["1", "2", "3"],
        customer_id=["a", "b", "a"],
        sku=["B1", "B2", "B3"],
        name=["Duffle Bag", "Tote Bag", "Sling Bag"],
        created_at=["2024-01-01", "2024-01-02", "2024-01-03"],
    )
    found, _ = find_event_roles(orders, {}, {"sku": ["B1", "B2", "B3"]})
    assert "kind" not in found.roles
    said, _ = find_event_roles(table(who=["a", "b"], sku=["B1", "B2"], x=["Added to cart", "viewed"]), {}, {})
    assert said.roles["kind"] == ("x",)


def test_what_a_column_says_of_the_item_is_no_person():
    reviews = table(
        product_id=["1", "2", "1"], rating=[5, 1, 4], text=["great", "bad", "great"], date=["2023-01-01"] * 3
    )
    found, _ = find_event_roles(reviews, {}, {"id": ["1", "2"]})
    assert "user_id" not in found.roles
    columns = {"id": ["h1", "h2"], "watched_at": ["2024-01-01", "2024-01-02"], "movie.ids.trakt": ["4", "16662"]}
    found, _ = find_event_roles(Table.of(Path("x.csv"), columns), {}, {"id": ["h1", "h2"]})
    assert "user_id" not in found.roles


def test_times_that_differ_in_every_row_are_no_ids_of_items():
    log = {"uts": [1704067200, 1704067500, 1704070000], "artist": ["A B", "A B", "C D"], "track": ["x y", "y z", "z a"]}
    assert "item_id" not in item_roles(**log) or item_roles(**log)["item_id"] != ("uts",)
