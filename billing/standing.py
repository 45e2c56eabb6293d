"""Do the guards of the database stand as the migrations made them? Who owns the tables can lift one; this is how it is found.

What should stand is read from the migrations themselves: triggers with the functions they call, walls and policies, and the
constraints of the models. Whatever else stands in a guarded table's way (a foreign trigger or policy, a rewrite rule, a table
that inherits) is named too. It is a look at this moment: a guard that was lifted and put back shows in the books alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader

_APPS = ("accounting", "billing", "integrations")
_SAID = re.compile(
    r"""^\s*(?:
        CREATE\s(?:OR\sREPLACE\s)?FUNCTION\s(?P<function>\w+)\(.*?\sAS\s\$\$(?P<body>.*?)\$\$
      | CREATE\s(?:CONSTRAINT\s)?TRIGGER\s(?P<trigger>\w+)\s(?P<how>[^;]*?)\sON\s"?(?P<table>\w+)"?(?P<rest>[^;]*?)
            EXECUTE\sFUNCTION\s(?P<calls>\w+)
      | CREATE\sPOLICY\s(?P<policy>\w+)\sON\s"?(?P<of>\w+)"?(?P<terms>[^;]*)
      | ALTER\sTABLE\s"?(?P<walled>\w+)"?\sFORCE\sROW\sLEVEL\sSECURITY
      | DROP\sTRIGGER\s(?:IF\sEXISTS\s)?(?P<no_trigger>\w+)\sON\s"?(?P<no_table>\w+)
      | DROP\sPOLICY\s(?P<no_policy>\w+)\sON\s"?(?P<no_of>\w+)
    )""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
# How pg_trigger.tgtype writes when and for what a trigger is called.
_BITS = {"ROW": 1, "BEFORE": 2, "INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}


@dataclass(slots=True)
class _Expected:
    """By name: what a function says; what a trigger of a table calls, when, and under a condition or not; policies; walls."""

    functions: dict[str, str] = field(default_factory=dict)
    triggers: dict[tuple[str, str], tuple[str, int, bool]] = field(default_factory=dict)
    policies: set[tuple[str, str]] = field(default_factory=set)
    walls: set[str] = field(default_factory=set)

    def take(self, said: re.Match[str]) -> None:
        if said["function"]:
            self.functions[said["function"]] = said["body"]
        elif said["trigger"]:
            how, rest = said["how"], said["rest"]
            kind = sum(bit for word, bit in _BITS.items() if re.search(rf"\b{word}\b", how))
            kind += _BITS["ROW"] if re.search(r"FOR EACH ROW", rest) else 0
            self.triggers[said["table"], said["trigger"]] = said["calls"], kind, bool(re.search(r"\bWHEN \(", rest))
        elif said["policy"]:
            self.policies.add((said["of"], said["policy"]))
        elif said["walled"]:
            self.walls.add(said["walled"])
        elif said["no_trigger"]:
            self.triggers.pop((said["no_table"], said["no_trigger"]), None)
        else:
            self.policies.discard((said["no_of"], said["no_policy"]))

    @property
    def tables(self) -> list[str]:
        return sorted({table for table, _ in [*self.triggers, *self.policies]} | self.walls)


@cache
def _expected() -> _Expected:
    made = _Expected()
    migrations = MigrationLoader(None).disk_migrations
    for key in sorted(key for key in migrations if key[0] in _APPS):
        for operation in migrations[key].operations:
            if isinstance(operation, RunSQL):
                for said in _SAID.finditer(_text(operation.sql)):
                    made.take(said)
    return made


def _text(sql: Any) -> str:
    return sql if isinstance(sql, str) else ";\n".join(sql)


def fallen_guards() -> list[str]:
    """Say in a sentence each what is missing, switched off, changed or in the way; nothing when all stands."""
    expected = _expected()
    tables = expected.tables
    return [
        *_triggers(expected, tables),
        *_functions(expected),
        *_walls(expected, tables),
        *_constraints(),
        *_in_the_way(tables),
    ]


def _rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


_OURS = "c.relnamespace = current_schema()::regnamespace"


def _triggers(expected: _Expected, tables: list[str]) -> Iterator[str]:
    found = {
        (table, trigger): (calls, kind, conditional, enabled)
        for table, trigger, calls, kind, conditional, enabled in _rows(
            "SELECT c.relname, t.tgname, p.proname, t.tgtype::int, t.tgqual IS NOT NULL, t.tgenabled IN ('O', 'A') "
            "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
            f"WHERE NOT t.tgisinternal AND {_OURS} AND c.relname = ANY(%s)",
            tables,
        )
    }
    for (table, trigger), made in expected.triggers.items():
        stands = found.pop((table, trigger), None)
        if stands is None:
            yield f"The trigger {trigger} of {table} is missing."
        elif not stands[3]:
            yield f"The trigger {trigger} of {table} is switched off."
        elif stands[:3] != made:
            yield f"The trigger {trigger} of {table} is not the one that the migrations made."
    for table, trigger in found:
        yield f"The trigger {trigger} of {table} is none of Counterfoil's."


def _functions(expected: _Expected) -> Iterator[str]:
    found = {
        name: (bodies, elsewhere)
        for name, bodies, elsewhere in _rows(
            "SELECT p.proname, array_agg(p.prosrc), bool_or((p.prorettype = 'trigger'::regtype OR p.prosecdef) "
            "AND NOT coalesce(array_to_string(p.proconfig, ' '), '') LIKE '%%search_path=pg_catalog, %%, pg_temp%%') "
            "FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace AND p.proname = ANY(%s) GROUP BY 1",
            list(expected.functions),
        )
    }
    for name, body in expected.functions.items():
        bodies, elsewhere = found.get(name, ([], False))
        if bodies != [body]:
            yield f"The function {name} is not the one that the migrations made."
        elif elsewhere:
            yield f"The function {name} can be shown other tables than the real ones."


def _walls(expected: _Expected, tables: list[str]) -> Iterator[str]:
    standing = {
        table
        for (table,) in _rows(
            f"SELECT c.relname FROM pg_class c WHERE {_OURS} AND c.relrowsecurity AND c.relforcerowsecurity "
            "AND c.relname = ANY(%s)",
            tables,
        )
    }
    for table in sorted(expected.walls - standing):
        yield f"The tenant wall of {table} is down."
    found = {
        (table, policy): names_tenant
        for table, policy, names_tenant in _rows(
            "SELECT c.relname, p.polname, p.polname <> 'tenant_wall' OR (p.polcmd = '*' "
            "AND pg_get_expr(p.polqual, p.polrelid) LIKE '%%tenant_id =%%counterfoil.tenant%%' "
            "AND pg_get_expr(p.polwithcheck, p.polrelid) LIKE '%%tenant_id =%%counterfoil.tenant%%') "
            f"FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE {_OURS} AND c.relname = ANY(%s)",
            tables,
        )
    }
    for table, policy in sorted(expected.policies):
        if not found.pop((table, policy), False):
            yield f"The policy {policy} of {table} is missing or is not the one that the migrations made."
    for table, policy in found:
        yield f"The policy {policy} of {table} is none of Counterfoil's."


def _constraints() -> Iterator[str]:
    made = {
        (model._meta.db_table, constraint.name)
        for app in _APPS
        for model in apps.get_app_config(app).get_models()
        for constraint in model._meta.constraints
    }
    standing = set(
        _rows(
            "SELECT c.relname, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
            f"WHERE {_OURS} AND k.convalidated UNION "
            "SELECT c.relname, i.relname FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid "
            f"JOIN pg_class i ON i.oid = x.indexrelid WHERE {_OURS} AND x.indisunique AND x.indisvalid"
        )
    )
    for table, name in sorted(made - standing):
        yield f"The constraint {name} of {table} is missing or not held."


def _in_the_way(tables: list[str]) -> Iterator[str]:
    for child, parent in _rows(
        "SELECT i.inhrelid::regclass::text, c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent "
        f"WHERE {_OURS} AND c.relname = ANY(%s)",
        tables,
    ):
        yield f"The table {child} adds rows to {parent}, past its guards."
    for rule, table in _rows(
        "SELECT r.rulename, c.relname FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class "
        f"WHERE {_OURS} AND c.relname = ANY(%s)",
        tables,
    ):
        yield f"The rule {rule} of {table} is none of Counterfoil's."
    for (table,) in _rows(
        f"SELECT c.relname FROM pg_class c WHERE {_OURS} AND c.relpersistence <> 'p' AND c.relname = ANY(%s)", tables
    ):
        yield f"The table {table} is not logged: a crash would empty it."
    [(role,)] = _rows("SELECT current_setting('session_replication_role')")
    if role != "origin":
        yield f"Triggers are not called: session_replication_role is {role}."
