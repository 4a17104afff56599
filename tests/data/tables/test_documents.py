import json
from pathlib import Path

import pyarrow as pa
import pytest

from genrec.data.tables import Table, read_table
from genrec.data.tables import documents as documents_module
from genrec.errors import SourceError

ROWS: list[dict[str, object]] = [
    {"sku": "k1", "title": "Cup", "price": 3.5, "tags": ["a", "b"]},
    {"sku": "k2", "title": "Jug", "price": 4, "tags": []},
    {"sku": "k3", "title": "Pot, big", "price": None, "tags": ["c"]},
]


def table_of(tmp_path: Path, text: str | bytes, name: str = "items.json", **options: object) -> Table:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, **options)  # type: ignore[arg-type]


def lines(*, comma: str = "") -> str:
    return "".join(json.dumps(row) + comma + "\n" for row in ROWS)


LAYOUTS = {
    "an array": json.dumps(ROWS),
    "an array over lines": json.dumps(ROWS, indent=2),
    "an array, a line each": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "an array, a line each, no breaks at its ends": "[" + ",\n".join(map(json.dumps, ROWS)) + "]",
    "an array, commas first": "[\n" + "\n,".join(map(json.dumps, ROWS)) + "\n]\n",
    "lines": lines(),
    "lines with commas": lines(comma=","),
    "lines with blank ones": "\n" + lines().replace("\n", "\n\n"),
    "objects over lines": "\n".join(json.dumps(row, indent=1) for row in ROWS),
    "Python literals": "".join(f"{row!r}\n" for row in ROWS),
    "an array of Python literals": repr(ROWS),
    "an envelope": json.dumps({"products": ROWS, "total": 3}),
    "an envelope over lines": json.dumps({"total": 3, "products": ROWS}, indent=2),
    "envelopes": json.dumps({"status": "ok", "data": {"page": 1, "items": ROWS}}),
    "GraphQL": json.dumps({"data": {"products": {"edges": [{"cursor": "x", "node": row} for row in ROWS]}}}),
    "pandas split": json.dumps(
        {"columns": list(ROWS[0]), "index": [0, 1, 2], "data": [list(row.values()) for row in ROWS]}
    ),
    "pandas columns": json.dumps({name: {str(n): row[name] for n, row in enumerate(ROWS)} for name in ROWS[0]}),
    "pandas list": json.dumps({name: [row[name] for row in ROWS] for name in ROWS[0]}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["items.json", "export.txt"])
def test_the_rows_are_found_wherever_they_are(tmp_path: Path, layout: str, name: str) -> None:
    table = table_of(tmp_path, LAYOUTS[layout], name)
    assert list(table.rows()) == ROWS
    assert table.refused == ()
    assert table.columns["price"].type == pa.float64()  # type: ignore[union-attr]


def test_ids_to_objects_get_a_column_of_ids(tmp_path: Path) -> None:
    table = table_of(tmp_path, json.dumps({"B1": {"title": "Cup"}, "B2": {"title": "Jug", "price": 3}}))
    assert list(table.rows()) == [{"id": "B1", "title": "Cup", "price": None}, {"id": "B2", "title": "Jug", "price": 3}]
    assert table.notes == ("the objects were read as rows; their keys are 'id'",)
    own = table_of(tmp_path, json.dumps({"1": {"id": "x", "title": "Cup"}, "2": {"id": "y", "title": "Jug"}}))
    assert [row["id"] for row in own.rows()] == ["x", "y"]
    one = table_of(tmp_path, json.dumps({"7": {"title": "Cup"}}))
    assert list(one.rows()) == [{"id": "7", "title": "Cup"}]
    lists = {f"B{n}": {"title": "Cup", "variants": [{"sku": "a"}, {"sku": "b"}]} for n in range(3)}
    assert [row["id"] for row in table_of(tmp_path, json.dumps(lists)).rows()] == ["B0", "B1", "B2"]


def test_cells_by_column_and_named_row_keep_the_names(tmp_path: Path) -> None:
    document = {"title": {"B1": "Cup", "B2": "Jug", "B3": "Pot"}, "price": {"B1": 3, "B2": 4, "B3": 5}}
    assert list(table_of(tmp_path, json.dumps(document)).rows())[2] == {"id": "B3", "title": "Pot", "price": 5}


def test_of_several_lists_the_longest_is_read_and_the_others_named(tmp_path: Path) -> None:
    document = {"info": {"slice": "0-1"}, "tracks": [{"id": n} for n in range(3)], "lists": [{"name": "x", "ids": [1]}]}
    table = table_of(tmp_path, json.dumps(document))
    assert [row["id"] for row in table.rows()] == [0, 1, 2]
    assert table.notes == (
        "the rows are those of 'tracks'",
        "other lists were left out: 'lists' (1); at=… reads one of them",
        "left out beside the rows: 'info'",
    )
    assert list(table_of(tmp_path, json.dumps(document), at="lists").rows()) == [{"name": "x", "ids": [1]}]
    with pytest.raises(SourceError, match="no list 'nothing'; its lists of objects are: 'tracks', 'lists'"):
        table_of(tmp_path, json.dumps(document), at="nothing")
    deep = json.dumps({"a": {"b": [{"x": 1}], "c": [{"x": 2}, {"x": 3}]}})
    assert list(table_of(tmp_path, deep, at="a.b").rows()) == [{"x": 1}]


def test_one_object_that_is_an_item_is_one_row(tmp_path: Path) -> None:
    item = {"id": 1, "title": "Cup", "variants": [{"sku": "a"}, {"sku": "b"}]}
    for document in (item, {"product": item}):
        table = table_of(tmp_path, json.dumps(document))
        assert list(table.rows()) == [item]
        assert table.notes
    assert list(table_of(tmp_path, json.dumps(item), "items.jsonl").rows()) == [item]


def test_a_broken_line_is_refused_with_its_number(tmp_path: Path) -> None:
    text = '{"sku": "k1"}\n{"sku": "k2"\n\n[1, {"a": 2}]\n"k3"\n{"sku": "k4"}\n'
    for name in ("items.json", "items.jsonl"):
        table = table_of(tmp_path, text, name)
        assert [row["sku"] for row in table.rows()] == ["k1", "k4"]
        assert list(table.lines) == [1, 6]
        assert [row.line for row in table.refused] == [2, 4, 5]
        assert [row.content for row in table.refused] == ['{"sku": "k2"', '[1, {"a": 2}]', '"k3"']
    first = table_of(tmp_path, '{"sku": "k1"\n{"sku": "k2"}\n{"sku": "k3"}\n')
    assert (len(first), first.refused[0].line) == (2, 1)
    array = table_of(tmp_path, '[\n{"sku": "k1"},\n{"sku": k2},\n{"sku": "k3"}\n]\n')
    assert (len(array), [row.line for row in array.refused]) == (2, [3])


def test_no_number_is_missing(tmp_path: Path) -> None:
    table = table_of(tmp_path, '{"a": NaN, "b": 1}\n{"a": 2.5, "b": Infinity}\n{"a": -Infinity, "b": 3}\n')
    assert [list(row.values()) for row in table.rows()] == [[None, 1], [2.5, None], [None, 3]]
    array = table_of(tmp_path, '[{"a": NaN}, {"a": 1}]')
    assert [row["a"] for row in array.rows()] == [None, 1]
    envelope = table_of(tmp_path, '{"rows": [{"a": NaN, "b": {"c": NaN}}, {"a": 1}]}')
    assert next(envelope.rows()) == {"a": None, "b": {"c": None}}


def test_columns_have_the_type_of_their_values_or_keep_them(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "whole": 1, "part": 1, "truth": True, "mixed": 1, "large": 2**70, "none": None, "exact": 2**60},
        {"text": None, "whole": 2, "part": 0.5, "truth": None, "mixed": "x", "large": 1, "none": None, "exact": 0.5},
    ]
    columns = table_of(tmp_path, json.dumps(rows)).columns
    types = {name: column.type for name, column in columns.items() if isinstance(column, pa.ChunkedArray)}
    assert types == {
        "text": pa.string(), "whole": pa.int64(), "part": pa.float64(), "truth": pa.bool_(), "none": pa.null(),
    }  # fmt: skip
    assert columns["mixed"] == [1, "x"]
    assert columns["large"] == [2**70, 1]
    assert columns["exact"] == [2**60, 0.5]


def test_columns_that_come_late_or_change_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from genrec.data.tables import building

    monkeypatch.setattr(building, "ROWS_AT_ONCE", 2)
    rows = [{"a": 1}, {"a": 2}, {"a": 2.5, "b": "x"}, {"a": None}, {"a": 3, "c": [1]}, {"a": 4, "c": "y"}, {"b": "z"}]
    table = table_of(tmp_path, "".join(json.dumps(row) + "\n" for row in rows))
    assert [{k: v for k, v in row.items() if v is not None} for row in table.rows()] == [
        {k: v for k, v in row.items() if v is not None} for row in rows
    ]
    assert table.columns["a"].type == pa.float64()  # type: ignore[union-attr]


def test_rows_that_are_lists_have_numbered_columns_or_the_names_of_the_first(tmp_path: Path) -> None:
    plain = table_of(tmp_path, '[["u1", "k1", 5], ["u2", "k1", 4]]')
    assert list(plain.rows())[1] == {"column_1": "u2", "column_2": "k1", "column_3": 4}
    named = table_of(tmp_path, '[["user", "sku", "stars"], ["u1", "k1", 5], ["u2", "k1"]]')
    assert list(named.rows()) == [{"user": "u1", "sku": "k1", "stars": 5}]
    assert [row.line for row in named.refused] == [3]
    line_wise = table_of(tmp_path, '["u1", "k1", 5]\n["u2", "k1", 4]\n', "e.jsonl")
    assert len(line_wise) == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-16-le", "cp1252"])
def test_encodings_are_found(tmp_path: Path, encoding: str) -> None:
    table = table_of(tmp_path, '[{"title": "Tür"}, {"title": "Öl"}]'.encode(encoding))
    assert [row["title"] for row in table.rows()] == ["Tür", "Öl"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_an_array_reads_the_same_in_pieces_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(documents_module, "CHUNK_CHARS", size)
    rows = [{"id": n, "title": 'a "lamp], [é千', "list": [[], {}, 1.5e3]} for n in range(20)]
    table = table_of(tmp_path, json.dumps(rows, indent=2, ensure_ascii=False))
    assert list(table.rows()) == rows


@pytest.mark.parametrize(
    "text", ["[1, 2", '[{"a": 1} {"b": 2}]', "[", "[,]", '[{"a": 1},', '{"a": 1', "[" * 100_000, "{}"]
)
def test_a_broken_document_is_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError) as refused:
        table_of(tmp_path, text)
    assert "\n" not in str(refused.value)


def test_halves_of_characters_are_replaced(tmp_path: Path) -> None:
    text = '{"title": "\\ud800x", "more": {"deep": ["\\udfff"]}}'
    for document in (f"{text}\n{text}\n", f"[{text}]", f'{{"rows": [{text}]}}'):
        row = next(table_of(tmp_path, document).rows())
        assert row == {"title": "\ufffdx", "more": {"deep": ["\ufffd"]}}


def test_only_wanted_columns_are_kept(tmp_path: Path) -> None:
    assert list(table_of(tmp_path, lines(), columns=["title"]).columns) == ["title"]


def test_a_nested_cell_that_is_too_deep_costs_its_row(tmp_path: Path) -> None:
    deep = "[" * 40 + "]" * 40
    one, two = '{"a": 1}', f'{{"a": {deep}}}'
    for text in (f"{one}\n{two}\n", f"[{one}, {two}]", f'{{"r": [{one}, {two}]}}'):
        table = table_of(tmp_path, text)
        assert len(table) == 1
        assert [row.line for row in table.refused] == [2]
