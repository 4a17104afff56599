import numpy as np
import pyarrow as pa
import pytest

from genrec.data.tables import Table
from genrec.errors import SourceError

TABLE = Table.of("x.csv", {"sku": ["a", "b", "c"], "price": [1, 2.5, None], "mixed": [1, "x", [2]]})


def test_columns_are_typed_where_they_can_be() -> None:
    assert TABLE.columns["sku"].type == pa.string()  # type: ignore[union-attr]
    assert TABLE.columns["price"].type == pa.float64()  # type: ignore[union-attr]
    assert TABLE.columns["mixed"] == [1, "x", [2]]
    assert (len(TABLE), TABLE.lines) == (3, range(1, 4))


def test_some_rows_keep_their_lines() -> None:
    for rows in ([2, 0], np.array([2, 0])):
        taken = TABLE.take(rows)
        assert list(taken.rows()) == [
            {"sku": "c", "price": None, "mixed": [2]},
            {"sku": "a", "price": 1.0, "mixed": 1},
        ]
        assert list(taken.lines) == [3, 1]
    assert list(TABLE.head(1).rows()) == [{"sku": "a", "price": 1.0, "mixed": 1}]
    assert len(TABLE.head(9)) == 3
    assert len(TABLE.take([])) == 0


def test_some_columns_keep_the_order_of_the_file() -> None:
    assert list(TABLE.select(["mixed", "sku"]).columns) == ["sku", "mixed"]
    with pytest.raises(SourceError, match=r"x\.csv has no column 'cost'; it has sku, price, mixed"):
        TABLE.select(["cost"])


def test_no_column_can_be_changed() -> None:
    with pytest.raises(TypeError):
        TABLE.columns["sku"] = []  # type: ignore[index]
