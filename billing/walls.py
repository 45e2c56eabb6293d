"""Row-level security as a migration operation: the wall behind `billing.tenancy`.

FORCE makes the policies hold for the tables' owner too, so the application may own its schema. A table without a
tenant setting on the connection shows no rows and takes none.
"""

from django.db import migrations

_CURRENT = "(SELECT NULLIF(current_setting('counterfoil.tenant', true), '')::bigint)"


class RaiseWalls(migrations.RunSQL):
    """Give tables the policy that a row is seen and written only under its own tenant."""

    def __init__(self, tables: list[str]) -> None:
        self.tables = tables
        super().__init__(
            sql=[statement for table in tables for statement in _raise(table)],
            reverse_sql=[statement for table in tables for statement in _lower(table)],
        )

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        return self.__class__.__qualname__, [self.tables], {}

    def describe(self) -> str:
        return f"Raise tenant walls on {', '.join(self.tables)}"


def _raise(table: str) -> list[str]:
    return [
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
        f'CREATE POLICY tenant_wall ON "{table}" USING (tenant_id = {_CURRENT}) WITH CHECK (tenant_id = {_CURRENT})',
    ]


def _lower(table: str) -> list[str]:
    return [
        f'DROP POLICY tenant_wall ON "{table}"',
        f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY',
    ]
