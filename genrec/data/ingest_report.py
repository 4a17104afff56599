"""Says in a few lines what an ingest did: what became of every column, what events were taken for, what was lost.

Knows how people read a report; deliberately knows nothing of how a source is read.
"""

from collections.abc import Iterator, Mapping

from genrec.data.ingest import IngestReport
from genrec.data.readers.reading import SourceReport, TableReport

_MOST_ATTRIBUTES = 24


def in_lines(report: IngestReport) -> Iterator[str]:
    """The report, line by line."""
    done = f"→ {report.out}" if report.out is not None else "(nothing written: a dry run)"
    yield (
        f"{report.num_items:,} items ({report.num_images:,} with a picture), {report.num_events:,} events of "
        f"{report.num_users:,} users, {report.num_refused:,} rows refused {done}"
    )
    yield from _source(report.source)
    for note in (*report.source.missing, *report.source.notes, *report.notes):
        yield f"  {note}"
    for kind, count in report.losses.items():
        first = f" (first: {report.first_losses[kind]})" if kind in report.first_losses else ""
        yield f"  lost: {count:,} × {kind}{first}"
    for question in report.source.questions:
        yield f"  please decide: {question}"


def _source(source: SourceReport) -> Iterator[str]:
    if source.layout is not None:
        yield f"  read as {source.layout}"
    for table in source.tables:
        yield from _table(table)
    if source.unused:
        yield f"  not used: {', '.join(source.unused)}"
    if source.feedback:
        yield f"  events: {_feedback(source.feedback)}"


def _table(table: TableReport) -> Iterator[str]:
    said = [name if role == name else f"{role} ← {name}" for name, role in table.roles.items()]
    yield f"  {table.file}, {table.num_rows:,} rows: {', '.join(said)}"
    attributes = [f"{name} ({kind})" for name, kind in table.attributes.items()]
    if attributes:
        more = f" and {len(attributes) - _MOST_ATTRIBUTES} more" if len(attributes) > _MOST_ATTRIBUTES else ""
        yield f"    attributes: {', '.join(attributes[:_MOST_ATTRIBUTES])}{more}"
    by_reason: dict[str, list[str]] = {}
    for name, reason in table.left_out.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        yield f"    left out: {', '.join(names)} ({reason})"


def _feedback(feedback: Mapping[str, object]) -> str:
    counts = ", ".join(f"{feedback[name]:,} {name}" for name in ("positive", "neutral", "negative") if name in feedback)
    return f"{counts} ({feedback.get('scheme')})"
