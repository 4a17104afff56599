"""Spoil small sources in thousands of ways and ingest each: no traceback, and no row that is lost in silence.

    python benchmarks/fuzz_ingest.py [--inputs 2000] [--seed 0] [--only NUMBER --keep DIR]

Good items and events are spoiled as people and programs spoil them (columns dropped, renamed or swapped, hostile
values, other encodings and line ends, rows twice) or at random (bytes flipped, quotes broken, files cut), written as
CSV, TSV, JSON, JSON lines or Parquet, and ingested. Anything but a report or an InputError of one line is a failure.
Where spoiling leaves the number of rows known, all of them must be items, events, or refused; where it leaves the
columns known, each must be named by the report. Prints a line for each failure; exits 1 when there is one.
"""

import argparse
import copy
import csv
import gzip
import io
import json
import logging
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from genrec.data.ingest import IngestReport, ingest
from genrec.errors import InputError
from genrec.runtime import progress

Row = dict[str, object]
SLOW_S = 20.0  # processor seconds of one tiny source, from which on it is a failure
_DEEP = json.loads("[" * 60 + "1" + "]" * 60)
HOSTILE: tuple[object, ...] = (
    *("", " ", "nan", "NaN", "None", "null", "inf", "-inf", "1e999", "-1e-400", "9" * 40, "0x1f", "1_000", "٣٤", "½"),
    *(
        "1,299.50",
        "1.299,50",
        "19,99 €",
        "$12.99 - $30.00",
        "from 5",
        "Free",
        "-0",
        "+5",
        "5 kg",
        "50%",
        "1/2",
        "12:30",
    ),
    *(
        "2019-02-30",
        "0000-00-00",
        "31/31/2031",
        "yesterday",
        "1e18",
        "-62135596801",
        "99999999999999999999",
        "2038-01-19",
    ),
    *("😀", "👩‍👩‍👧", "\u202egnp.exe", "\ufeffx", "é" * 3, "Ã©tÃ©", "\x00", "\x1b[31mred", "a\u2028b", "\ud7ff", "İ"),
    *("=1+1", "@SUM(A1)", "-2+3", "+cmd|' /C calc'!A0", "<script>alert(1)</script>", "<b>x", "&lt;&amp;lt;", "{{7*7}}"),
    *(
        '"',
        '""',
        "'",
        "a,b",
        "a;b|c",
        "a\nb",
        "a\r\nb",
        "\t",
        "\\",
        "\\n",
        "['a', 'b'",
        "{'a': 1}",
        '{"a": [1',
        "[]",
        "{}",
    ),
    *("../../etc/passwd", "http://127.0.0.1/x.png", "file:///etc/passwd", "C:\\x\\y.jpg", "data:image/png;base64,AAAA"),
    *("x" * 5_000, "(" * 400, "[" * 400, "word " * 3_000, "true", "no", ".", "..", "-", "?", "007", "12.0", "1e5"),
)
OBJECTS: tuple[object, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        2**63,
        -(2**70),
        1.5,
        1e308,
        [],
        {},
        [None],
        ["a", 1, None],
        [["x"]],
        {"a": {"b": [1]}},
    ),
    *({"": ""}, _DEEP, {"amount": "x", "currency": "EUR"}, [{"name": "n"}, {"id": 2}], "text", 20190131, 1.0, -0.0),
)
NAMES = (
    "",
    " ",
    "id",
    "ID",
    "item_id",
    "user_id",
    "title",
    "price",
    "Unnamed: 0",
    "a,b",
    '"',
    "naïve",
    "x" * 300,
    "1",
    "__index",
)


@dataclass(slots=True)
class Source:
    """A source while it is spoiled. tables: rows by the name of their file; how: what was done; raw: what is done to
    the bytes of files; is_counted: whether the number of rows stays known; is_named: whether the columns do."""

    tables: dict[str, list[Row]]
    kind: str
    how: list[str] = field(default_factory=list)
    raw: list[Callable[[bytes], bytes]] = field(default_factory=list)
    encoding: str = "utf-8"
    separator: str = ","
    is_counted: bool = True
    is_named: bool = True


def make_source(rng: random.Random) -> Source:
    """Good items and events, or either alone."""
    num_items, words = rng.choice((1, 3, 12, 30)), ("red", "blue", "oak", "lamp", "chair", "old", "vase", "Über", "été")
    items: list[Row] = [
        {
            "item_id": f"A{number:03}" if number % 7 else f"{number:05}",
            "title": " ".join(rng.sample(words, 3)),
            "description": f"A {rng.choice(words)}, {rng.choice(words)} one.",
            "category": rng.choice(("Home > Lamps", "Home", "Garden")),
            "price": f"{rng.uniform(1, 99):.2f}",
            "in_stock": rng.choice(("yes", "no")),
        }
        for number in range(num_items)
    ]
    events: list[Row] = [
        {
            "user_id": f"u{rng.randrange(6)}",
            "item_id": rng.choice(items)["item_id"],
            "rating": str(rng.randint(1, 5)),
            "timestamp": str(1_500_000_000 + 997 * number),
        }
        for number in range(rng.choice((1, 8, 40)))
    ]
    tables = {"items": items, "events": events}
    if rng.random() < 0.2:
        del tables["events"]
    return Source(tables, kind=rng.choice(("csv", "csv", "csv", "tsv", "json", "jsonl", "parquet", "csv.gz")))


def _some_table(source: Source, rng: random.Random) -> list[Row]:
    return source.tables[rng.choice(sorted(source.tables))]


def set_cells(source: Source, rng: random.Random) -> None:
    """Put hostile values in some cells."""
    values = (*HOSTILE, *OBJECTS) if source.kind in ("json", "jsonl", "parquet") else HOSTILE
    for _ in range(rng.choice((1, 3, 20))):
        row = rng.choice(_some_table(source, rng))
        if row:
            row[rng.choice(sorted(row))] = copy.deepcopy(rng.choice(values))


def fill_column(source: Source, rng: random.Random) -> None:
    """Make all cells of a column the same hostile value, or one each."""
    table = _some_table(source, rng)
    if table[0]:
        name, value = rng.choice(sorted(table[0])), rng.choice(HOSTILE)
        for row in table:
            row[name] = value if rng.random() < 0.5 else rng.choice(HOSTILE)


def drop_column(source: Source, rng: random.Random) -> None:
    """Leave a column out."""
    table = _some_table(source, rng)
    if len(table[0]) > 1:
        name = rng.choice(sorted(table[0]))
        for row in table:
            row.pop(name, None)


def rename_column(source: Source, rng: random.Random) -> None:
    """Call a column something else, perhaps as another is called."""
    table = _some_table(source, rng)
    if table[0]:
        old, new = rng.choice(sorted(table[0])), rng.choice(NAMES)
        source.is_named = False
        for row in table:
            cells = [(new if name == old else name, value) for name, value in row.items()]
            row.clear()
            row.update(cells)


def repeat_rows(source: Source, rng: random.Random) -> None:
    """Have some rows twice."""
    table = _some_table(source, rng)
    table += copy.deepcopy(rng.sample(table, rng.randint(1, len(table))))


def drop_rows(source: Source, rng: random.Random) -> None:
    """Leave rows out; not all."""
    table = _some_table(source, rng)
    del table[rng.randint(1, len(table)) :]


def shuffle_columns(source: Source, rng: random.Random) -> None:
    """Put the columns in another order."""
    table = _some_table(source, rng)
    names = sorted(table[0], key=lambda _: rng.random())
    table[:] = [{name: row.get(name, "") for name in names} for row in table]


def change_encoding(source: Source, rng: random.Random) -> None:
    """Write text in another encoding."""
    source.encoding = rng.choice(("utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1", "utf-32", "cp850"))
    source.is_counted &= source.encoding in ("utf-8-sig", "utf-16") or source.kind == "parquet"
    source.is_named = False


def change_separator(source: Source, rng: random.Random) -> None:
    """Separate cells by another sign."""
    source.separator = rng.choice((";", "\t", "|", "::"))
    source.is_counted = False
    source.is_named = False


def change_ends(source: Source, rng: random.Random) -> None:
    """End lines as other systems do."""
    end = rng.choice((b"\r\n", b"\r"))
    if source.kind != "parquet":
        source.raw.append(lambda text: text.replace(b"\r\n", b"\n").replace(b"\n", end))
        source.is_counted &= end == b"\r\n" and source.encoding == "utf-8"


def _at_random(change: Callable[[bytes, random.Random], bytes]) -> Callable[[Source, random.Random], None]:
    """A change of bytes after which nothing is known but that nothing may break."""

    def spoil(source: Source, rng: random.Random) -> None:
        seed = rng.random()
        source.raw.append(lambda text: change(text, random.Random(seed)))
        source.is_counted = source.is_named = False

    spoil.__name__ = change.__name__
    return spoil


def flip_bytes(text: bytes, rng: random.Random) -> bytes:
    """Change some bytes."""
    changed = bytearray(text)
    for _ in range(min(len(text), rng.choice((1, 4, 60)))):
        changed[rng.randrange(len(text))] = rng.choice((rng.randrange(256), 0, 34, 10, 255))
    return bytes(changed)


def cut_file(text: bytes, rng: random.Random) -> bytes:
    """End the file early, perhaps at once, or begin it late."""
    place = rng.randint(0, len(text))
    return text[:place] if rng.random() < 0.7 else text[place:]


def break_quotes(text: bytes, rng: random.Random) -> bytes:
    """Put quotes where none belong."""
    for _ in range(rng.choice((1, 2, 9))):
        place = rng.randint(0, len(text))
        text = text[:place] + rng.choice((b'"', b'""', b"'", b'\\"', b'"\n')) + text[place:]
    return text


def add_lines(text: bytes, rng: random.Random) -> bytes:
    """Put lines between others that are none of the table."""
    lines = text.split(b"\n")
    for _ in range(rng.randint(1, 4)):
        junk = rng.choice((b"", b"# note", b"Total,,,9", b"sep=;", b",,,,", lines[0], b"x", b"{}", b"[", b"\x00" * 9))
        lines.insert(rng.randint(0, len(lines)), junk)
    return b"\n".join(lines)


KNOWN = (set_cells, fill_column, drop_column, rename_column, repeat_rows, drop_rows, shuffle_columns)
WHOLE = (change_encoding, change_separator, change_ends)
RANDOM = tuple(map(_at_random, (flip_bytes, cut_file, break_quotes, add_lines)))


def spoil(rng: random.Random) -> Source:
    """A source, spoiled in one to four ways."""
    source = make_source(rng)
    for _ in range(rng.randint(1, 3)):
        change = rng.choice((*KNOWN, *KNOWN, *RANDOM))
        change(source, rng)
        source.how.append(change.__name__)
    if rng.random() < 0.2:
        change = rng.choice(WHOLE)
        change(source, rng)
        source.how.append(change.__name__)
    return source


def write_source(source: Source, folder: Path) -> None:
    """Write every table as a file."""
    for name, rows in source.tables.items():
        content = _content(source, rows)
        for change in source.raw:
            content = change(content)
        (folder / f"{name}.{source.kind}").write_bytes(
            gzip.compress(content) if source.kind.endswith(".gz") else content
        )


def _content(source: Source, rows: list[Row]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if source.kind == "parquet":
        stream = io.BytesIO()
        pq.write_table(pa.table({name: _array([row.get(name) for row in rows]) for name in names}), stream)
        return stream.getvalue()
    if source.kind == "json":
        return json.dumps(rows, ensure_ascii=False).encode(source.encoding, "replace")
    if source.kind == "jsonl":
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        return lines.encode(source.encoding, "replace")
    stream_text = io.StringIO()
    separator = "\t" if source.kind == "tsv" and source.separator == "," else source.separator
    writer = csv.writer(stream_text, delimiter=separator[0], lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[row.get(name, "") for name in names] for row in rows])
    text = stream_text.getvalue()
    return (text.replace(":", "::") if separator == "::" else text).encode(source.encoding, "replace")


def _array(values: list[object]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])


def try_source(source: Source, folder: Path, *, is_written: bool) -> tuple[str, str | None]:
    """Ingest a source: what came of it, and what is wrong with that, None where nothing is."""
    before = time.process_time()
    try:
        report = ingest("files", folder / "in", folder / "out", dry_run=not is_written)
    except InputError as error:
        return "refused", f"a message of several lines: {str(error)!r}" if "\n" in str(error) else None
    except Exception:
        place = traceback.format_exc().strip().splitlines()
        return "failed", " ".join(line.strip() for line in place[-5:])
    took = time.process_time() - before
    if took > SLOW_S:
        return "slow", f"took {took:.0f} s"
    return "read", _silent_loss(source, report)


def _silent_loss(source: Source, report: IngestReport) -> str | None:
    """What the report does not account for."""
    used = {name: rows for name, rows in source.tables.items() if f"{name}.{source.kind}" not in report.source.unused}
    read = {table.file.split(".")[0]: table for table in report.source.tables}
    if source.is_counted:
        num_rows = sum(map(len, used.values()))
        num_out = (report.num_items if "items" in used else 0) + report.num_events + report.num_refused
        notes = [note for note in (*report.notes, *report.source.notes) if "blank" in note or "empty" in note]
        is_of_one = len(read) == 1 and report.num_events > 0 and len(used) == 1
        num_out = report.num_events + report.num_refused if is_of_one else num_out
        num_headers = sum("no header was found" in note for note in report.source.notes)  # each taken for a row
        if not num_rows <= num_out <= num_rows + num_headers and not notes:
            return (
                f"{num_rows} rows in, {report.num_items} items + {report.num_events} events + {report.num_refused} "
                "refused out"
            )
    if source.is_named:
        for name, rows in used.items():
            if name not in read:
                continue
            table = read[name]
            said = " ".join((*table.roles, *table.attributes, *table.left_out, *report.source.notes))
            lost = [column for column in dict.fromkeys(c for row in rows for c in row) if column not in said]
            if lost:
                return f"columns {lost} of {name} are not spoken of"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="one input, by its number")
    parser.add_argument("--keep", type=Path, help="an empty folder for the files of the one input")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    outcomes: Counter[str] = Counter()
    num_wrong = 0
    numbers = range(asked.inputs) if asked.only is None else [asked.only]
    start = time.process_time()
    for number in progress(numbers, label="fuzz", total=len(numbers)):
        source = spoil(random.Random(f"{asked.seed} {number}"))
        with tempfile.TemporaryDirectory() as scratch:
            folder = asked.keep or Path(scratch)
            (folder / "in").mkdir(parents=True)
            write_source(source, folder / "in")
            outcome, wrong = try_source(source, folder, is_written=number % 4 == 0)
        outcomes[outcome] += 1
        if wrong is not None:
            num_wrong += 1
            print(f"{number} {source.kind} {'+'.join(source.how)}: {wrong}", flush=True)
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    print(f"{len(numbers):,} inputs: {counts}; {num_wrong} wrong; {time.process_time() - start:.0f} s of one processor")
    return 1 if num_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
