"""Photos of conversations, drawings by their place in the workspace, and which feedback counts."""

import json
import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path, PurePath

import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_FEEDBACK = ("like", "choose", "dislike")
_SERVED = re.compile(r"[0-9a-f]{32}\.png")  # names that servers gave, by chance alike never
_PERSONAL = {"events": ("person", "event_id"), "sessions": ("session_id", "person", "document"),
             "visuals": ("person", "path", "record"), "photos": ("session_id", "name", "content")}  # fmt: skip


def upgrade() -> None:
    """Add tables and columns, then bring what is there into their form."""
    op.create_table(
        "photos",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "name", name="pk_photos"),
    )
    upkeep = op.create_table(
        "upkeep",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_upkeep"),
    )
    op.bulk_insert(upkeep, [{"name": "probe", "number": 0}, {"name": "erasures", "number": 0}])
    for name, default in (("holds", sa.true()), ("is_latest", sa.false())):
        op.add_column("events", sa.Column(name, sa.Boolean, nullable=False, server_default=default))
    with op.batch_alter_table("visuals") as visuals:
        visuals.alter_column("path", existing_type=sa.Text, nullable=True)
    connection = op.get_bind()
    _settle_events(connection)
    _place_visuals(connection, context.config.attributes["directory"])
    _forget_photo_files(connection)
    op.create_index("ix_events_person_item_id_number", "events", ["person", "item_id", "number"])
    is_latest = sa.text("is_latest")
    op.create_index(
        "ix_events_latest", "events", ["person", "number"], sqlite_where=is_latest, postgresql_where=is_latest
    )
    if connection.dialect.name == "postgresql":  # whose statistics would keep what people said after it is erased
        for table, columns in _PERSONAL.items():
            for column in columns:
                op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")


def _settle_events(connection: sa.Connection) -> None:
    """Say of every event whether it holds, and whether it is the latest feedback on its item."""
    read = "SELECT number, person, item_id, kind FROM events ORDER BY person, item_id, number"
    gone, latest = [], []
    for _, same in groupby(connection.execute(sa.text(read)), key=lambda row: (row.person, row.item_id)):
        holding: list[sa.Row[tuple[int, str, str, str]]] = []
        for row in same:
            if row.kind != "undo":
                holding.append(row)
                continue
            gone += [row.number, *([holding.pop().number] if holding else [])]
        latest += [row.number for row in reversed(holding) if row.kind in _FEEDBACK][:1]
    _set(connection, "holds = false", gone)
    _set(connection, "is_latest = true", latest)


def _set(connection: sa.Connection, change: str, numbers: Iterable[int]) -> None:
    values = [{"number": number} for number in numbers]
    if values:
        connection.execute(sa.text(f"UPDATE events SET {change} WHERE number = :number"), values)


def _place_visuals(connection: sa.Connection, directory: Path) -> None:
    """Name drawings by their place in this workspace; of one that is elsewhere, the file is forgotten, not deleted."""
    change = sa.text("UPDATE visuals SET path = :place WHERE visual_id = :visual_id")
    for row in connection.execute(sa.text("SELECT visual_id, path FROM visuals")).all():
        values = {"visual_id": row.visual_id, "place": _place(PurePath(row.path), directory.resolve())}
        connection.execute(change, values)


def _place(path: PurePath, root: Path) -> str | None:
    if path.is_relative_to(root / "visuals"):
        return path.relative_to(root).as_posix()
    # Of a workspace that was copied or moved, or whose server was started elsewhere by a relative path.
    is_ours = _SERVED.fullmatch(path.name) and (root / "visuals" / path.name).is_file()
    return f"visuals/{path.name}" if is_ours else None


def _forget_photo_files(connection: sa.Connection) -> None:
    """Keep of photos that lay outside of the workspace only that there was one."""
    change = sa.text("UPDATE sessions SET document = :document WHERE session_id = :session_id")
    for row in connection.execute(sa.text("SELECT session_id, document FROM sessions")).all():
        try:
            document = json.loads(row.document)
            parts = [part for part in (document, document.get("earlier")) if part and part.get("photo")]
        except (ValueError, AttributeError):
            continue
        for part in parts:
            part["photo"] = PurePath(part["photo"]).name
        if parts:
            values = {"session_id": row.session_id, "document": json.dumps(document, ensure_ascii=False)}
            connection.execute(change, values)


def downgrade() -> None:
    """Drop what was added; drawings stay named by their place."""
    for index in ("ix_events_latest", "ix_events_person_item_id_number"):
        op.drop_index(index, "events")
    with op.batch_alter_table("events") as events:
        events.drop_column("holds")
        events.drop_column("is_latest")
    for table in ("upkeep", "photos"):
        op.drop_table(table)
