"""What people are told of an ingest."""

from pathlib import Path

from genrec.data.ingest import IngestReport
from genrec.data.ingest_report import in_lines
from genrec.data.readers.reading import SourceReport, TableReport


def report(out: Path | None = Path("ws"), **said: object) -> str:
    counts = {"num_items": 1_200, "num_users": 2, "num_events": 6, "num_refused": 1, "num_images": 3}
    losses = said.pop("losses", {})
    return "\n".join(in_lines(IngestReport(out=out, losses=losses, source=SourceReport(**said), **counts)))  # type: ignore[arg-type]


def test_counts_come_first_and_a_dry_run_is_called_one() -> None:
    assert (
        report().splitlines()[0].startswith("1,200 items (3 with a picture), 6 events of 2 users, 1 rows refused → ws")
    )
    assert "nothing written: a dry run" in report(out=None)


def test_each_column_is_said_with_what_it_became() -> None:
    table = TableReport(
        file="a.csv",
        num_rows=3,
        roles={"sku": "item_id", "title": "title"},
        attributes={"breite": "number m"},
        left_out={"x": "it is empty", "y": "it is empty", "z": "it holds addresses (URLs)"},
    )
    said = report(tables=(table,), layout="H&M", unused=("b.csv",))
    for line in (
        "read as H&M",
        "a.csv, 3 rows: item_id ← sku, title",
        "attributes: breite (number m)",
        "left out: x, y (it is empty)",
        "left out: z (it holds addresses (URLs))",
        "not used: b.csv",
    ):
        assert line in said


def test_what_is_missing_lost_noted_or_to_decide_has_a_line_each() -> None:
    said = report(
        missing=("no title was found",),
        notes=("a.csv: read as cp1252",),
        questions=("which is the price?",),
        feedback={"scheme": "ratings", "positive": 3, "neutral": 1, "negative": 2},
        losses={"no item id": 4},
    ).splitlines()
    for line in (
        "  no title was found",
        "  a.csv: read as cp1252",
        "  please decide: which is the price?",
        "  events: 3 positive, 1 neutral, 2 negative (ratings)",
        "  lost: 4 × no item id",
    ):
        assert line in said


def test_a_long_list_of_attributes_is_cut_and_says_so() -> None:
    table = TableReport(file="a.csv", num_rows=1, roles={}, attributes={f"a{n}": "text" for n in range(30)})
    assert "a23 (text) and 6 more" in report(tables=(table,))
