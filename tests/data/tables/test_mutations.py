import json
import random
from pathlib import Path

import pytest

from genrec.data.tables import read_table
from genrec.errors import SourceError

SOUND = [
    b'sku,title,price\nk1,"Cup, ""big""",3.5\nk2,Jug,4\nk3,"two\nlines",5\n',
    "id;titel;preis\n1;Tür;1,50\n2;Öl;2\n".encode("cp1252"),
    b"1::A film::x|y\n2::B::z\n",
    "sku\ttitle\nk1\tTür\n".encode("utf-16"),
    b'{"a": 1, "b": [1, {"c": 2}]}\n{"a": "x"}\n{"a": NaN}\n',
    json.dumps([{"a": 1}, {"a": "x"}]).encode(),
    json.dumps({"products": [{"id": 1}], "n": {"m": [{"q": 1}]}}).encode(),
    json.dumps({"columns": ["a"], "data": [[1], [2]]}).encode(),
    b"{'a': 'x', 'b': (1, 2)}\n{'a': None}\n",
]
PIECES = [
    b'"', b",", b"\n", b"\r", b";", b"\t", b'\\"', b"\0", b"\xff", b"{", b"}", b"[", b"]", b":", b"#", b'""', b"::",
    b"1e999", b"'", b"\xef\xbb\xbf", b"sep=;\n", b"Total: 3\n", b" ",
]  # fmt: skip


def mutated(chance: random.Random) -> bytes:
    content = bytearray(chance.choice(SOUND))
    for _ in range(chance.randrange(1, 8)):
        place = chance.randrange(len(content) + 1)
        if chance.random() < 0.6:
            content[place:place] = chance.choice(PIECES)
        else:
            del content[place : place + chance.randrange(1, 9)]
    return bytes(content) or b"x"


@pytest.mark.parametrize("seed", range(8))
def test_a_mutated_file_is_a_table_or_one_line(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    messages: list[str] = []
    for _ in range(50):
        path = tmp_path / chance.choice(["x.csv", "x.json", "x.jsonl", "x.txt", "x.tsv"])
        path.write_bytes(mutated(chance))
        try:
            table = read_table(path)
        except SourceError as error:
            messages.append(str(error))
        else:
            assert len(list(table.rows())) == len(table.lines)
    assert not [message for message in messages if "\n" in message]


@pytest.mark.parametrize("seed", range(20))
def test_every_line_is_a_row_a_refused_row_or_counted(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    cells = ["Cup", "a b", "", "3", "é", " ", "'x", "12 cm"]
    lines = [";".join([f"k{n}", *chance.choices(cells, k=chance.randrange(0, 6))]) for n in range(300)]
    lines = ["" if chance.random() < 0.02 else line for line in lines] + ["Total: 300"]
    (tmp_path / "x.csv").write_text("\n".join(["sku;title;color;price", *lines]))
    table = read_table(tmp_path / "x.csv")
    (num_blank,) = [int(note.split()[0]) for note in table.notes if "blank" in note] or [0]
    assert len(table) + len(table.refused) + num_blank == len(lines)
    assert table.refused[-1].content == "Total: 300"
    assert not {row.line for row in table.refused} & set(table.lines)
