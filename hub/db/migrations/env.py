"""Runs the migrations on the database whose address `hub.db.migrate` gave."""

from alembic import context
from sqlalchemy import Connection, text

from hub.db.engine import make_sync_engine
from hub.db.registry import metadata

LOCK = 0x7469616E
"""Any number: replicas that start together wait for each other under it."""


def _run(connection: Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        render_as_batch=sqlite,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        if sqlite:
            connection.execute(text("BEGIN IMMEDIATE"))
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


def _main() -> None:
    engine = make_sync_engine(context.config.attributes["url"])
    try:
        with engine.connect() as connection:
            _run(connection)
            connection.commit()
    finally:
        engine.dispose()


_main()
