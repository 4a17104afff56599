"""Text whose cells are quoted by apostrophes."""

from pathlib import Path

from genrec.data.tables import read_table


def test_cells_between_apostrophes_are_read_with_both_signs_in_them(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("'item_id','title'\n'a','Lamp, 5\" tall'\n'b','Joe''s vase'\n", encoding="utf-8")
    table = read_table(path)
    assert list(table.columns) == ["item_id", "title"]
    assert [list(row.values()) for row in table.rows()] == [["a", 'Lamp, 5" tall'], ["b", "Joe's vase"]]
    assert table.notes == ("cells are quoted by apostrophes",)


def test_apostrophes_around_some_cells_are_their_own(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title\n'a','Lamp'\nb,Vase\n", encoding="utf-8")
    assert [list(row.values()) for row in read_table(path).rows()] == [["'a'", "'Lamp'"], ["b", "Vase"]]
