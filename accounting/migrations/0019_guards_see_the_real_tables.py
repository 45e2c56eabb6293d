"""Guards look at the real tables, whatever a connection has in front of them.

A temporary table hides a real one of its name, so a guard that asks for the status of a period could be shown another. The
functions of triggers get a search path of their own. What only they may write (seals, the audit trail) they write as the
owner, so that a role that merely uses the tables needs no right to (`manage.py grant_use`).
"""

from django.db import migrations

PIN = """
DO $$
DECLARE
    guard regprocedure;
BEGIN
    FOR guard IN SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace AND p.prorettype = 'trigger'::regtype
            AND p.proname LIKE 'counterfoil%'
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', guard, current_schema());
    END LOOP;
END $$;
ALTER FUNCTION counterfoil_seal_on_close() SECURITY DEFINER;
ALTER FUNCTION counterfoil_record_change() SECURITY DEFINER;
"""
UNPIN = """
DO $$
DECLARE
    guard regprocedure;
BEGIN
    FOR guard IN SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace AND p.prorettype = 'trigger'::regtype
            AND p.proname LIKE 'counterfoil%'
    LOOP
        EXECUTE format('ALTER FUNCTION %s RESET search_path', guard);
    END LOOP;
END $$;
ALTER FUNCTION counterfoil_seal_on_close() SECURITY INVOKER;
ALTER FUNCTION counterfoil_record_change() SECURITY INVOKER;
"""


class Migration(migrations.Migration):
    dependencies = [("accounting", "0018_release_kept"), ("billing", "0012_keys_that_reopen")]

    operations = [migrations.RunSQL(PIN, UNPIN)]
