"""The database: one model for SQLite and PostgreSQL, one unit of work that alone commits; no domain rule lives here."""
