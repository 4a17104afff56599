"""Alembic's entry point: runs the steps over the connection that the store gives."""

from alembic import context

from genrec.serve.store.records import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
)
with context.begin_transaction():
    context.run_migrations()
