"""Record every change of a table by a trigger, as a migration operation: also bulk updates and raw SQL leave their trace."""

from dataclasses import dataclass
from functools import cache

from django.db import connection, migrations


@cache
def recorded_tables() -> frozenset[str]:
    """Give the tables whose changes are recorded, as the database's triggers say."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgname = 'recorded'"
        )
        return frozenset(row[0] for row in cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Recorded:
    """A table whose changes are recorded.

    `ignored` are columns that are no news (counters, stamps); `secret` ones are named when they change, their values never
    kept. `only` restricts updates to those that set these columns, where others change too often to be looked at.
    """

    model: str
    ignored: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        return self.model.replace(".", "_")


class RecordChanges(migrations.RunSQL):
    """Put the trigger on tables."""

    def __init__(self, tables: list[Recorded]) -> None:
        self.tables = tables
        super().__init__(
            sql=[statement for table in tables for statement in _record(table)],
            reverse_sql=[f'DROP TRIGGER recorded ON "{table.table}"' for table in tables],
        )

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        return self.__class__.__qualname__, [self.tables], {}

    def describe(self) -> str:
        return f"Record the changes of {', '.join(table.model for table in self.tables)}"


def _record(table: Recorded) -> list[str]:
    only = f" OF {', '.join(table.only)}" if table.only else ""
    arguments = f"'{table.model}', '{','.join(table.ignored)}', '{','.join(table.secret)}'"
    trigger = f'CREATE TRIGGER recorded AFTER INSERT OR UPDATE{only} OR DELETE ON "{table.table}" FOR EACH ROW'
    return [
        f'DROP TRIGGER IF EXISTS recorded ON "{table.table}"',
        f"{trigger} EXECUTE FUNCTION counterfoil_record_change({arguments})",
    ]
