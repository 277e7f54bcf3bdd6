"""Triggers by which the database itself refuses to change or delete audit entries."""

from django.db.backends.base.base import BaseDatabaseWrapper

TEXT = "Audit entries are never changed or deleted."
SQLITE = [
    f"CREATE TRIGGER IF NOT EXISTS audit_entry_no_{verb} BEFORE {verb} ON audit_entry "
    f"BEGIN SELECT RAISE(ABORT, '{TEXT}'); END"
    for verb in ("update", "delete")
]
SQLITE_LIFT = [f"DROP TRIGGER IF EXISTS audit_entry_no_{verb}" for verb in ("update", "delete")]
POSTGRESQL = [
    "CREATE OR REPLACE FUNCTION audit_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{TEXT}'; END $$",
    "CREATE OR REPLACE TRIGGER audit_entry_no_change BEFORE UPDATE OR DELETE ON audit_entry "
    "FOR EACH ROW EXECUTE FUNCTION audit_entry_refuse()",
    "CREATE OR REPLACE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuse()",
]
POSTGRESQL_LIFT = [f"DROP TRIGGER IF EXISTS audit_entry_no_{verb} ON audit_entry" for verb in ("change", "truncate")]


def protect(connection: BaseDatabaseWrapper) -> None:
    """From here on UPDATE, DELETE and (on PostgreSQL) TRUNCATE of entries fail, whoever sends them."""
    _execute(connection, POSTGRESQL if connection.vendor == "postgresql" else SQLITE)


def lift(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away, as only the owner of the table can: to go back before the migration, and in tests."""
    _execute(connection, POSTGRESQL_LIFT if connection.vendor == "postgresql" else SQLITE_LIFT)


def _execute(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
