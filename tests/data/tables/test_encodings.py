import codecs
from pathlib import Path

import pytest

from genrec.data.tables import encodings, read_table
from genrec.data.tables.encodings import find_encoding, utf8_blocks

TITLES = {
    "German": ["Grüne Schüssel", "Weiße Tücher", "Größe wählen", "Löffel"],
    "French": ["Théière bleue", "Crème à l'eau", "Fenêtre ouverte", "Leçon de thé"],
    "Polish": ["Żółty kubek", "Świeca dębowa", "Łyżka", "Gałąź"],
    "Czech": ["Červený hrnek", "Dřevěná židle", "Lžíce", "Květina"],
    "Turkish": ["Kırmızı bardak", "Ağaç kaşık", "Mavi şişe", "Gümüş çay"],
    "Russian": ["Красная чашка", "Синий кувшин", "Деревянная ложка", "Белая тарелка"],
    "Japanese": ["赤いカップです", "青い花瓶", "木のスプーン", "白いお皿"],
    "Chinese": ["红色的杯子", "蓝色的花瓶", "木头勺子", "白色盘子"],
    "Korean": ["빨간 컵입니다", "파란 꽃병", "나무 숟가락", "하얀 접시"],
}


def titles_of(tmp_path: Path, content: bytes) -> tuple[list[object], tuple[str, ...]]:
    path = tmp_path / "items.csv"
    path.write_bytes(content)
    table = read_table(path)
    return table.columns["title"][:].to_pylist(), table.notes  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("German", "cp1252"), ("German", "cp850"), ("German", "mac_roman"), ("French", "cp1252"), ("French", "cp850"),
        ("Polish", "cp1250"), ("Polish", "iso8859_2"), ("Czech", "cp1250"), ("Turkish", "cp1254"),
        ("Russian", "cp1251"), ("Russian", "koi8_r"), ("Japanese", "shift_jis"), ("Japanese", "euc_jp"),
        ("Japanese", "iso2022_jp"), ("Chinese", "gbk"), ("Korean", "euc_kr"), ("Russian", "utf-16"),
        ("German", "utf-16-le"), ("Chinese", "utf-8"),
        ("French", "utf-16-be"), ("Polish", "utf-8-sig"), ("German", "utf-32"),
    ],
)  # fmt: skip
def test_it_is_found_and_said_once(tmp_path: Path, language: str, name: str) -> None:
    titles = TITLES[language] * 5
    text = "sku,title,price\n" + "".join(f"k{n},{title},3\n" for n, title in enumerate(titles))
    found, notes = titles_of(tmp_path, text.encode(name))
    assert found == titles
    assert [note.startswith("read as") for note in notes] == [True] * (not name.startswith("utf-8"))


@pytest.mark.parametrize(
    "title",
    [
        "Café",
        "Grün",
        "£5 off",
        "10 µm – 20 µm",
        "20 °C",
        "Señor",
        "Ærø",
        "It’s ½",
        "São Paulo",
        "Bücher für Señor Crème",
    ],
)
def test_one_western_title_is_enough(tmp_path: Path, title: str) -> None:
    assert titles_of(tmp_path, f"sku,title\nk1,{title}\nk2,Cup\n".encode("cp1252")) == (
        [title, "Cup"],
        ("read as cp1252",),
    )


def test_a_letter_far_down_the_file_decides_too(tmp_path: Path) -> None:
    rows = "".join(f"k{n},Cup {n}\n" for n in range(200_000))
    titles, notes = titles_of(tmp_path, b"sku,title\n" + rows.encode() + "k,Tür\n".encode("cp1252"))
    assert (titles[-1], notes) == ("Tür", ("read as cp1252",))


def test_a_bad_byte_among_utf8_costs_one_cell(tmp_path: Path) -> None:
    rows = [f"k{n},Schüssel {n}\n".encode() for n in range(5000)]
    rows[3000] = b"k3000,Sch\xfcssel\n"
    titles, notes = titles_of(tmp_path, b"sku,title\n" + b"".join(rows))
    assert titles[3000] == "Sch\ufffdssel"
    assert titles[2999] == "Schüssel 2999"
    assert titles[3001] == "Schüssel 3001"
    assert notes == ("1 bytes are not UTF-8; they became \ufffd",)


def test_nul_bytes_are_left_out_and_counted(tmp_path: Path) -> None:
    assert titles_of(tmp_path, b"sku,title\nk1,C\0up\nk2,Jug\0\n") == (["Cup", "Jug"], ("2 NUL bytes were left out",))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64])
def test_characters_and_line_breaks_cut_in_two_come_whole(tmp_path: Path, size: int) -> None:
    text = "sku,title\r\nk1,Tür 千\r\rk2,é\n\n"
    for name in ("utf-8", "utf-16", "utf-8-sig"):
        (tmp_path / "x.csv").write_bytes(text.encode(name))
        encoding = find_encoding(tmp_path / "x.csv")
        blocks = utf8_blocks(tmp_path / "x.csv", encoding, block_bytes=size, max_line_bytes=1000)
        assert b"".join(blocks).decode() == text.replace("\r\n", "\n").replace("\r", "\n")


def test_lines_that_are_too_long_leave_a_mark(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a\n" + b"b" * 50 + b"\nc\n" + b"d" * 50)
    encoding = find_encoding(tmp_path / "x.csv")
    for size in (4, 20, 1000):
        blocks = utf8_blocks(tmp_path / "x.csv", encoding, block_bytes=size, max_line_bytes=10)
        assert b"".join(blocks) == b"a\n\xff\nc\n\xff\n"


def test_a_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(codecs.BOM_UTF8 + b"sku,title\nk1,Cup\n")
    assert list(read_table(tmp_path / "x.csv").columns) == ["sku", "title"]


def test_every_alphabet_belongs_to_its_encoding() -> None:
    for name, alphabets in encodings._LATIN.items():
        for alphabet, _ in alphabets:
            lacking = [letter for letter in alphabet if letter.encode(name, "ignore") == b""]
            assert len(lacking) <= 3, (name, lacking)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        *(
            (name, "код,название\n1,Красная лампа\n2,Синяя ваза\n")
            for name in ("cp1251", "koi8-r", "cp866", "iso8859_5")
        ),
        *((name, "id,name\n1,ЛАМПА\n2,ВАЗА\n") for name in ("cp1251", "cp866")),
    ],
)
def test_few_cyrillic_words_tell_their_encoding(tmp_path: Path, encoding: str, text: str) -> None:
    (tmp_path / "items.csv").write_bytes(text.encode(encoding))
    assert [*read_table(tmp_path / "items.csv").rows()][1]["название" if "код" in text else "name"] in (
        "Синяя ваза",
        "ВАЗА",
    )


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1253", "κωδικός,όνομα\n1,Κόκκινη λάμπα\n2,Μπλε βάζο\n"),
        ("cp1255", "קוד,שם,מחיר\n1,מנורה אדומה,5\n2,אגרטל כחול,6\n"),
        ("cp932", "商品コード,商品名\n1,赤いランプ\n2,青い花瓶\n"),
    ],
)
def test_few_words_of_other_scripts_tell_their_encoding(tmp_path: Path, encoding: str, text: str) -> None:
    (tmp_path / "items.csv").write_bytes(text.encode(encoding))
    found = read_table(tmp_path / "items.csv")
    assert [list(row.values()) for row in found.rows()] == [line.split(",") for line in text.splitlines()[1:]]
