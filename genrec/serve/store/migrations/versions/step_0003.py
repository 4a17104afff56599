"""What is told of a drawing beside its record, and by what an equal request finds it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns, empty for what is there."""
    op.add_column("visuals", sa.Column("told", sa.JSON, nullable=True))
    op.add_column("visuals", sa.Column("answers", sa.String(64), nullable=True))
    op.create_index("ix_visuals_answers", "visuals", ["answers"])
    if op.get_bind().dialect.name == "postgresql":  # whose statistics would keep what was told after it is erased
        for column in ("told", "answers"):
            op.execute(f"ALTER TABLE visuals ALTER COLUMN {column} SET STATISTICS 0")


def downgrade() -> None:
    """Drop what was added."""
    op.drop_index("ix_visuals_answers", "visuals")
    with op.batch_alter_table("visuals") as visuals:
        visuals.drop_column("answers")
        visuals.drop_column("told")
