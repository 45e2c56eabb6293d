"""Rights for a database role that uses the tables and does not own them: it can lift no guard and no wall."""

from django.db import connection

# Written by functions of the database alone, which work as the owner.
KEPT_BY_THE_DATABASE = (
    "accounting_dailybalance",
    "accounting_unsummedentries",
    "accounting_periodseal",
    "accounting_sealedbalance",
    "accounting_sealedcustomerbalance",
    "billing_change",
)


class NoSuchRole(ValueError):
    """The role does not exist, or is more than a user of the tables; the text says what to do."""


def grant_use(role: str) -> None:
    """Let a role read and write all tables, now and after later migrations. Run as the owner. Raises NoSuchRole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolbypassrls, current_user = rolname, current_schema(), current_database(), "
            "pg_has_role(rolname, current_user, 'MEMBER') FROM pg_roles WHERE rolname = %s",
            [role],
        )
        found = cursor.fetchone()
        if found is None:
            raise NoSuchRole(f"There is no role “{role}”. Make it with: CREATE ROLE {role} LOGIN PASSWORD '…'")
        is_above, is_owner, schema, database, may_become_owner = found
        if is_above or is_owner or may_become_owner:
            raise NoSuchRole(
                f"“{role}” owns the tables, may become their owner, or stands above the guards. Name a plain role of its own."
            )
        name, schema, database = (connection.ops.quote_name(each) for each in (role, schema, database))
        for statement in (
            f"GRANT USAGE ON SCHEMA {schema} TO {name}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {name}",
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {name}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {name}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {name}",
            f"REVOKE INSERT, UPDATE, DELETE ON {', '.join(KEPT_BY_THE_DATABASE)} FROM {name}",
            # A replay works on temporary tables.
            f"GRANT TEMPORARY ON DATABASE {database} TO {name}",
        ):
            cursor.execute(statement)
        cursor.execute("SELECT has_schema_privilege(%s, current_schema(), 'CREATE')", [role])
        if cursor.fetchone() == (True,):
            # So it was for every role before PostgreSQL 15. An operator of one's own can deceive a guard.
            raise NoSuchRole(
                f"“{role}” may make functions and operators in the schema {schema}, by which guards can be deceived. As the "
                f"owner of the schema: REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {name}. Then run this again."
            )
