"""Events, sessions, keys and visuals."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_counted = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the four tables."""
    op.create_table(
        "events",
        sa.Column("number", _counted, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("person", sa.String(256), nullable=False),
        sa.Column("item_id", sa.String(256), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_events"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index("ix_events_person_number", "events", ["person", "number"])
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("person", sa.String(256), nullable=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_person", "sessions", ["person"])
    op.create_table(
        "keys",
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("rate_per_minute", sa.Integer, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_keys"),
        sa.UniqueConstraint("secret_hash"),
    )
    op.create_table(
        "visuals",
        sa.Column("visual_id", sa.String(64), nullable=False),
        sa.Column("person", sa.String(256), nullable=True),
        sa.Column("item_id", sa.String(256), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("visual_id", name="pk_visuals"),
    )
    op.create_index("ix_visuals_person", "visuals", ["person"])


def downgrade() -> None:
    """Drop the four tables."""
    for table in ("visuals", "keys", "sessions", "events"):
        op.drop_table(table)
