"""Guards as migration operations: what the database refuses by itself, whoever asks."""

import re

from django.db import migrations

# A temporary table hides a real one of its name, so a guard that asks for the status of a period could be shown another.
# Functions of triggers, and those that work as the owner, get a search path of their own.
_SEE_THE_REAL_TABLES = """
DO $$
DECLARE
    guard regprocedure;
BEGIN
    FOR guard IN SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'counterfoil%'
            AND (p.prorettype = 'trigger'::regtype OR p.prosecdef)
            AND NOT coalesce(array_to_string(p.proconfig, ' '), '') LIKE '%search_path=%'
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', guard, current_schema());
    END LOOP;
END $$
"""
_MADE = re.compile(
    r"^CREATE (?:FUNCTION (?P<function>\w+)|(?:CONSTRAINT )?TRIGGER (?P<trigger>\w+)[^;]*?\bON (?P<table>\w+))",
    re.MULTILINE,
)


class Guards(migrations.RunSQL):
    """Make functions and triggers, and let the functions see nothing but the real tables.

    What they are undone by follows from the text; `reverse_sql` undoes the rest.
    """

    def __init__(self, sql: str, reverse_sql: str = "") -> None:
        self.text, self.reverse_text = sql, reverse_sql
        super().__init__(
            sql=[sql, _SEE_THE_REAL_TABLES],
            reverse_sql=[*_undo(sql), *([reverse_sql] if reverse_sql else [])],
        )

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        return self.__class__.__qualname__, [self.text, self.reverse_text], {}


class AppendOnly(migrations.RunSQL):
    """Let the rows of tables be added and never changed or deleted."""

    def __init__(self, tables: list[str]) -> None:
        self.tables = tables
        super().__init__(
            sql=[
                f'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}" '
                "FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change()"
                for table in tables
            ],
            reverse_sql=[f'DROP TRIGGER append_only ON "{table}"' for table in tables],
        )

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        return self.__class__.__qualname__, [self.tables], {}

    def describe(self) -> str:
        return f"Keep the rows of {', '.join(self.tables)} as they are"


def _undo(sql: str) -> list[str]:
    """Drop the functions and triggers that a text makes, last first."""
    return [
        f"DROP FUNCTION {made['function']}"
        if made["function"]
        else f"DROP TRIGGER {made['trigger']} ON {made['table']}"
        for made in reversed(list(_MADE.finditer(sql)))
    ]
