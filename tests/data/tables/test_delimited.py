import csv
import io
import random
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from genrec.data.tables import Table, read_table
from genrec.data.tables import delimited as delimited_module
from genrec.data.tables.delimited import find_quotes, read_delimited
from genrec.errors import SourceError


def table_of(tmp_path: Path, text: str | bytes, name: str = "items.csv", **options: object) -> Table:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, **options)  # type: ignore[arg-type]


def cells(table: Table) -> list[list[object]]:
    return [list(row.values()) for row in table.rows()]


def refusals(table: Table) -> list[tuple[int, str]]:
    return [(row.line, row.content) for row in table.refused]


class TestSeparators:
    @pytest.mark.parametrize("separator", [",", ";", "\t", "|", "::", "^", "\x01"])
    def test_each_is_found(self, tmp_path: Path, separator: str) -> None:
        rows = [("sku", "title", "price"), ("k1", "Blue cup", "3.50"), ("k2", "Red cup", "4"), ("k3", "Jug", "12")]
        table = table_of(tmp_path, "\n".join(map(separator.join, rows)))
        assert list(table.columns) == ["sku", "title", "price"]
        assert cells(table) == list(map(list, rows[1:]))
        assert table.notes == ()

    def test_other_separators_within_cells_do_not_win(self, tmp_path: Path) -> None:
        semicolons = table_of(tmp_path, "sku|title|tags\nk1|Cup|a;b;c;d\nk2|Jug|a\nk3|Pot|b;c\n")
        assert list(semicolons.columns) == ["sku", "title", "tags"]
        commas = table_of(tmp_path, "sku;preis;tiefe\nk1;1,50;2,5\nk2;19,99;3,5\nk3;7,00;1,25\n")
        assert cells(commas)[0] == ["k1", "1,50", "2,5"]
        pipes = table_of(tmp_path, "sku,title,genres\nk1,Up,Family|Comedy\nk2,Dune,Drama|War\nk3,Her,Drama|Love\n")
        assert cells(pipes)[1] == ["k2", "Dune", "Drama|War"]
        one = table_of(tmp_path, "sku;preis\nk1;1,50\nk2;2,50\n")
        assert cells(one) == [["k1", "1,50"], ["k2", "2,50"]]

    def test_a_film_file_without_header_has_numbered_columns(self, tmp_path: Path) -> None:
        lines = [f"{n}|Film {n} (199{n})|01-Jan-199{n}||http://x/{n}|0|1|0" for n in range(1, 6)]
        table = table_of(tmp_path, "\n".join(lines), "u.item")
        assert list(table.columns) == [f"column_{n}" for n in range(1, 9)]
        assert cells(table)[2][:3] == ["3", "Film 3 (1993)", "01-Jan-1993"]
        assert table.notes == ("no header was found; the columns are column_1 to column_8",)

    @pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;"])
    def test_a_line_that_names_the_separator_is_obeyed(self, tmp_path: Path, first: str) -> None:
        table = table_of(tmp_path, f"{first}\r\nsku;title\r\nk1;Cup, blue\r\n")
        assert list(table.rows()) == [{"sku": "k1", "title": "Cup, blue"}]
        assert table.notes == ("'sep=;' obeyed",)
        assert list(table.lines) == [3]

    def test_one_that_is_given_is_taken(self, tmp_path: Path) -> None:
        assert cells(table_of(tmp_path, "sku~title\nk1~Cup\n", separator="~")) == [["k1", "Cup"]]

    def test_blanks_separate_numbers(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, "1 20 5\n1 31 3\n2 20 4\n", "ratings.txt")
        assert cells(table)[1] == ["1", "31", "3"]
        titles = table_of(tmp_path, "Blue cup\nRed cup\n", "titles.txt")
        assert len(titles.columns) == 1

    def test_the_file_may_be_called_anything(self, tmp_path: Path) -> None:
        assert cells(table_of(tmp_path, "sku\ttitle\nk1\tCup\n", "export.xyz")) == [["k1", "Cup"]]


class TestQuotes:
    def test_cells_hold_separators_line_breaks_and_doubled_quotes(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, 'sku,"title\n(fr)",text\nk1,"Cup, ""big""","one\r\n\r\ntwo, three"\nk2,Jug,\n')
        assert list(table.columns) == ["sku", "title (fr)", "text"]
        assert cells(table) == [["k1", 'Cup, "big"', "one\n\ntwo, three"], ["k2", "Jug", ""]]
        assert list(table.lines) == [3, 6]

    def test_a_backslash_escapes_a_quote(self, tmp_path: Path) -> None:
        table = table_of(
            tmp_path, 'sku,title,price\nk1,"Cup \\"big\\", blue",3\nk2,"Jug \\"small\\"",4\nk3,"a\\\\b",5\n'
        )
        assert [row[1] for row in cells(table)] == ['Cup "big", blue', 'Jug "small"', "a\\b"]

    def test_a_backslash_at_the_end_of_a_cell_is_no_escape_elsewhere(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, 'sku,folder,price\nk1,"C:\\",3\nk2,"D:\\",4\n')
        assert [row[1] for row in cells(table)] == ["C:\\", "D:\\"]

    @pytest.mark.parametrize(
        "title",
        ['Pipe 12" long', 'Pipe "x', '"Pipe x', 'Pipe" x', '"Pipe" x', '"Pipe 12" long"', '12"', "'Pipe'", '""Pipe" x'],
    )
    @pytest.mark.parametrize("place", [0, 3, 9])
    def test_a_stray_quote_swallows_no_other_row(self, tmp_path: Path, title: str, place: int) -> None:
        rows = [f"k{n},Cup {n},{n}" for n in range(10)]
        rows[place] = f"k{place},{title},{place}"
        rows[5] = 'k5,"Cup, 5",5'
        table = table_of(tmp_path, "\n".join(["sku,title,price", *rows]))
        assert [row[0] for row in cells(table)] == [f"k{n}" for n in range(10)]
        kept = {'"Pipe 12" long"': 'Pipe 12" long'}.get(title, title)
        assert cells(table)[place][1:] == [kept, str(place)]

    def test_a_quote_never_closed_before_another_that_ends_a_line_is_found(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, 'sku,title\n101,"Vase\n102,Pipe 12"\n103,Mug\n')
        assert [row[0] for row in cells(table)] == ["101", "102", "103"]
        assert any("never closed" in note for note in table.notes)

    def test_a_text_over_lines_that_has_as_many_separators_as_rows_stays_whole(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, 'sku,text\nk1,"First line, long\nSecond line, short"\nk2,x\n')
        assert cells(table)[0] == ["k1", "First line, long\nSecond line, short"]

    def test_blanks_around_quotes_belong_to_no_cell(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, 'sku, title, price\nk1, "Cup, big" , 3\n')
        assert list(table.columns) == ["sku", "title", "price"]
        assert cells(table)[0][1] == "Cup, big"

    def test_quotes_stand_in_cells_between_two_signs_too(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, '1::Film "One"::Drama\n2::"Two: more"::War\n3::Three::Drama\n', "films.dat")
        assert [row[1] for row in cells(table)] == ['Film "One"', "Two: more", "Three"]


class TestHeader:
    @pytest.mark.parametrize(
        "above",
        ["\n\n", "# exported 2024\n", "# a, b\n# c\n\n", "Product list\n", "My shop,,\n\n", "Export of May, 2024\n"],
    )
    def test_what_stands_above_it_is_left_out(self, tmp_path: Path, above: str) -> None:
        table = table_of(tmp_path, above + "sku,title,price\nk1,Cup,3\nk2,Jug,4\n")
        assert list(table.columns) == ["sku", "title", "price"]
        assert len(table) == 2
        assert table.lines[0] == above.count("\n") + 2
        assert bool(table.notes) == bool(above.strip())

    def test_one_in_a_comment_is_a_header(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, "# user_id\titem_id\trating\n1\t20\t5\n1\t30\t4\n", "r.txt")
        assert list(table.columns) == ["user_id", "item_id", "rating"]
        assert len(table) == 2

    def test_a_name_that_stands_twice_gets_a_number(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, "sku,tag,tag,tag.2,tag\nk1,a,b,c,d\n")
        assert list(table.columns) == ["sku", "tag", "tag.3", "tag.2", "tag.4"]
        assert "the header has 'tag' twice; the later one is 'tag.3'" in table.notes

    def test_cells_that_trail_are_no_columns(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, "sku,title,,\nk1,Cup,,\nk2,Jug,,\n")
        assert list(table.columns) == ["sku", "title"]
        assert any("neither name nor values" in note for note in table.notes)
        kept = table_of(tmp_path, "sku,title,\nk1,Cup,blue\nk2,Jug,\n")
        assert list(kept.columns) == ["sku", "title", "unnamed_3"]

    @pytest.mark.parametrize("name", ["", "Unnamed: 0"])
    @pytest.mark.parametrize("numbers", ["0 1 2", "1 2 3", "4 9 2"])
    def test_the_index_of_pandas_is_left_out(self, tmp_path: Path, name: str, numbers: str) -> None:
        rows = "".join(f"{number},k{number},Cup\n" for number in numbers.split())
        table = table_of(tmp_path, f"{name},sku,title\n{rows}")
        assert list(table.columns) == ["sku", "title"]
        assert any("only counts the rows" in note for note in table.notes)

    def test_a_first_column_without_name_that_does_not_count_is_kept(self, tmp_path: Path) -> None:
        assert list(table_of(tmp_path, ",title\nk1,Cup\nk2,Jug\n").columns) == ["unnamed_1", "title"]
        assert list(table_of(tmp_path, ",title\n17,Cup\n4,Jug\n").columns) == ["unnamed_1", "title"]

    def test_names_lose_blanks_breaks_and_marks(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, '\ufeff sku ," my\ntitle ",\ufeffprice\nk1,Cup,3\n')
        assert list(table.columns) == ["sku", "my title", "price"]

    @pytest.mark.parametrize(
        "rows",
        [
            ["71,Star Quest,bought,1.0,0", "71,Star Quest,played,23.5,0", "80,Maze,bought,1.0,0"],
            ["u1\ti1", "u2\ti7", "u3\ti1"],
            ["2024-01-05;k1;3", "2024-01-06;k2;1"],
            ["k1,cup,blue", "k2,cup,red", "k3,jug,red"],
            ["5,A film,Action"],
        ],
    )
    def test_rows_without_one_are_all_rows(self, tmp_path: Path, rows: list[str]) -> None:
        table = table_of(tmp_path, "\n".join(rows))
        assert len(table) == len(rows)
        assert next(iter(table.columns)) == "column_1"
        assert "no header was found" in table.notes[0]

    @pytest.mark.parametrize(
        "header",
        ["sku,title,price", "artnr,bez,vk", "a,b,c", "Kennung,Was es ist,Betrag", "x:token,y:token_seq,z:float"],
    )
    def test_one_is_found_above_texts_and_numbers(self, tmp_path: Path, header: str) -> None:
        table = table_of(tmp_path, f"{header}\nk1,Blue cup,3\nk2,Jug,4.5\n")
        assert list(table.columns) == header.split(",")

    def test_it_may_be_told(self, tmp_path: Path) -> None:
        assert len(table_of(tmp_path, "title\nCup\nJug\n", has_header=False)) == 3
        assert list(table_of(tmp_path, "1,2\n3,4\n", has_header=True).columns) == ["1", "2"]

    def test_alone_it_makes_a_table_without_rows(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, "user_id,item_id,timestamp\n")
        assert (list(table.columns), len(table)) == (["user_id", "item_id", "timestamp"], 0)

    def test_row_names_as_r_writes_them_have_no_name(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, '"sku","title"\n"1","k1","Cup"\n"2","k2","Jug"\n')
        assert list(table.columns) == ["sku", "title"]
        assert cells(table) == [["k1", "Cup"], ["k2", "Jug"]]

    def test_recboles_names_keep_their_types(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, "user_id:token\titem_id:token\n5\t9\n5\t8\n", "tiny.inter")
        assert list(table.columns) == ["user_id:token", "item_id:token"]


class TestRows:
    def test_a_separator_that_nobody_quoted_goes_back_into_the_text(self, tmp_path: Path) -> None:
        last = table_of(tmp_path, "sku,price,title\nk1,3,Cup, big, blue\nk2,4,Jug of glass\n")
        assert cells(last)[0] == ["k1", "3", "Cup, big, blue"]
        middle = table_of(tmp_path, "sku,title,price\nk1,Cup, big,3\nk2,Jug of glass,4\nk3,Pot,5\n")
        assert cells(middle)[0] == ["k1", "Cup, big", "3"]
        assert middle.notes == (
            "1 row had more cells than the header (a ',' without quotes); what is over went to 'title'",
        )

    def test_a_decimal_comma_goes_back_into_its_number(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, "sku,title,price\nk1,Cup of tin,3\nk2,Jug,4\nk3,Pot,19,99\n")
        assert cells(table)[2] == ["k3", "Pot", "19,99"]

    def test_what_fits_nowhere_is_refused_with_its_line(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, "user;item;time\n1;2;3\n1;2;3;4;5;6\n2;3;4\n")
        assert len(table) == 2
        assert refusals(table) == [(3, "1;2;3;4;5;6")]
        assert table.refused[0].reason == "row has 6 cells, the header 3"

    def test_what_is_missing_is_empty_and_blank_rows_are_none(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, "sku,title,price\nk1,Cup\n\n,,\n  \nk2\nk3,Jug,4\n")
        assert cells(table) == [["k1", "Cup", ""], ["k2", "", ""], ["k3", "Jug", "4"]]
        assert table.notes == (
            "2 rows had fewer cells than the header; the missing ones are empty",
            "3 rows were blank",
        )
        assert list(table.lines) == [2, 6, 7]

    @pytest.mark.parametrize("footer", ["Total: 2", "Total: 2,,", "Summe,,", "(2 rows)", "# end", "Exported by a shop"])
    def test_a_footer_is_refused(self, tmp_path: Path, footer: str) -> None:
        table = table_of(tmp_path, f"sku,title,price\nk1,Cup,3\nk2,Jug,4\n{footer}\n")
        assert len(table) == 2
        assert [row.line for row in table.refused] == [4]
        assert "footer" in table.refused[0].reason

    @pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
    def test_lines_end_in_any_way(self, tmp_path: Path, ending: str) -> None:
        table = table_of(tmp_path, ending.join(["sku,title", "k1,Cup", 'k2,"a,b"', "k3,Jug"]))
        assert cells(table) == [["k1", "Cup"], ["k2", "a,b"], ["k3", "Jug"]]

    def test_long_cells_come_in_whole(self, tmp_path: Path) -> None:
        text = "x, " * 50_000
        table = table_of(tmp_path, f'sku,title,text\nk1,Cup,"{text}"\nk2,"two\nlines","{text}"\n')
        assert [row[2] for row in cells(table)] == [text, text]

    def test_a_line_that_is_too_long_is_refused_and_reading_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delimited_module, "MAX_ROW_CHARS", 1000)
        table = table_of(tmp_path, f"sku,title\nk1,Cup\nk2,{'x' * 1001}\nk3,Jug\nk4,{'y' * 2000}")
        assert cells(table) == [["k1", "Cup"], ["k3", "Jug"]]
        assert [(row.line, row.reason) for row in table.refused] == [
            (3, "more than 1,000 characters on a line"),
            (5, "more than 1,000 characters on a line"),
        ]

    def test_the_apostrophe_that_guards_against_formulas_goes(self, tmp_path: Path) -> None:
        assert [row[1] for row in cells(table_of(tmp_path, "sku,title\nk1,'=1+1\nk2,'quoted'\n"))] == [
            "=1+1",
            "'quoted'",
        ]


class TestColumns:
    def test_only_those_wanted_are_kept_in_the_order_of_the_file(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, "sku,title,price\nk1,Cup,3\n", columns=["price", "sku"])
        assert list(table.columns) == ["sku", "price"]
        with pytest.raises(SourceError, match="no column 'cost'; it has sku, title, price"):
            table_of(tmp_path, "sku,title,price\nk1,Cup,3\n", columns=["cost"])

    def test_all_are_texts(self, tmp_path: Path) -> None:
        table = table_of(tmp_path, "sku,price\n007,3\n08,\n")
        assert [column.type for column in table.columns.values()] == [pa.string()] * 2
        assert cells(table) == [["007", "3"], ["08", ""]]


# ---- the law: all ways to read give the same table


def messy_text(seed: int) -> str:
    chance = random.Random(seed)
    words = ["Cup", '12" pipe', '"x', "a, b", "two\nlines", 'say "hi"', "", " ", "é", "x" * 30, "3.5", "'=f"]
    rows: list[str] = ["sku,title,text,price"]
    for number in range(chance.randrange(1, 60)):
        row = [f"k{number}", chance.choice(words), chance.choice(words), str(number)]
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n", quoting=chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])).writerow(row)
        line = stream.getvalue()[:-1]
        if chance.random() < 0.1:
            line = ",".join(row)  # nothing quoted
        if chance.random() < 0.05:
            line = chance.choice(["", ",,,", "k", "Total: 5", "a,b,c,d,e,f", '"'])
        rows.append(line)
    return chance.choice(["\n", "\r\n"]).join(rows)


def same(one: Table, other: Table) -> None:
    def plain(columns: Mapping[str, pa.ChunkedArray]) -> dict[str, list[object]]:
        return {name: column.to_pylist() for name, column in columns.items()}

    assert plain(one.columns) == plain(other.columns)
    assert list(one.lines) == list(other.lines)
    assert (one.notes, one.refused) == (other.notes, other.refused)


@pytest.mark.parametrize("seed", range(60))
def test_fast_and_careful_reading_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    path = tmp_path / "items.csv"
    path.write_text(messy_text(seed), newline="")
    fast, careful = (read_delimited(path, is_fast=is_fast) for is_fast in (True, False))
    same(fast, careful)
    monkeypatch.setattr(delimited_module, "BLOCK_BYTES", 50)
    monkeypatch.setattr(delimited_module, "_SMALL_BYTES", 40)
    same(read_delimited(path), careful)
    same(read_delimited(path, is_fast=False), careful)


def test_strict_rows_are_read_as_csv_reads_them(tmp_path: Path) -> None:
    stream = io.StringIO()
    rows = [["sku", "title", "text"]] + [[f"k{n}", f'a "{n}", b', "x\ny" if n % 3 else "z,"] for n in range(500)]
    csv.writer(stream, lineterminator="\n").writerows(rows)
    (tmp_path / "items.csv").write_text(stream.getvalue())
    table = read_delimited(tmp_path / "items.csv")
    assert cells(table) == rows[1:]
    assert (table.notes, table.refused) == ((), ())


@pytest.mark.parametrize(
    ("block", "are_strict", "num_ends"),
    [
        (b'a,"b"\n', True, None),
        (b'a,"b""c"\n', True, None),
        (b'a,"b\nc"\n', True, 1),
        (b'a,"b\nc"\nd,"e\n', True, 1),
        (b'a,b"\nc"\n', False, None),
        (b'a,"b"c\n', False, None),
        (b'a, "b"\n', False, None),
        (b'"",""\n', True, None),
    ],
)
def test_quotes_of_a_block(block: bytes, are_strict: bool, num_ends: int | None) -> None:
    quotes = find_quotes(block, b",")
    assert quotes.are_strict == are_strict
    assert (None if quotes.row_ends is None else len(quotes.row_ends)) == num_ends


def test_reading_a_big_file_goes_in_blocks_and_keeps_every_row(tmp_path: Path) -> None:
    num_rows = 200_000
    lines = [f"u{n % 997},i{n % 4999},{n}" for n in range(num_rows)]
    lines[150_000] = 'u5,"i,7",150000'
    lines[170_000] = "u5,i7"
    (tmp_path / "e.csv").write_text("user,item,time\n" + "\n".join(lines))
    table = read_table(tmp_path / "e.csv")
    assert table.lines == range(2, num_rows + 2)
    assert table.columns["item"][150_000].as_py() == "i,7"
    assert table.columns["time"][170_000].as_py() == ""
    assert table.columns["time"][199_999].as_py() == "199999"
