"""Objects open into columns, lists of them into rows."""

from pathlib import Path

from genrec.data.layouts.nested import has_nested, object_lists, opened, unrolled
from genrec.data.tables import Table


def table(**columns: list[object]) -> Table:
    return Table.of(Path("x.json"), columns)


def test_a_table_of_plain_cells_stays_as_it_is() -> None:
    plain = table(a=["x", "y"], b=[["p"], ["q"]])
    assert not has_nested(plain)
    assert opened(plain) is plain


def test_each_key_of_objects_becomes_a_column_and_names_never_clash() -> None:
    found = opened(table(**{"job.id": ["own", "own"], "job": [{"id": 1, "name": "x"}, {"id": 2}]}))
    assert [list(row.values()) for row in found.rows()] == [["own", 1, "x"], ["own", 2, None]]
    assert len(set(found.columns)) == 3


def test_elements_of_lists_become_rows_and_what_stands_beside_is_repeated() -> None:
    orders = table(order=["o1", "o2", "o3"], items=[[{"sku": "a"}, {"sku": "b"}], [{"sku": "c"}], []])
    assert has_nested(orders)
    assert object_lists(orders) == ["items"]
    found = unrolled(orders, "items")
    rows = [(row["order"], row["items.sku"]) for row in found.rows()]
    assert rows == [("o1", "a"), ("o1", "b"), ("o2", "c"), ("o3", None)]
    assert list(found.lines) == [1, 1, 2, 3]
