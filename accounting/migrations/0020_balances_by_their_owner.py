"""Daily balances follow from the lines for a role that only uses the tables too: what adds them up works as the owner."""

from django.db import migrations

BY_OWNER = """
DO $$
DECLARE
    adder regprocedure;
BEGIN
    FOREACH adder IN ARRAY ARRAY['counterfoil_sum_up(boolean)', 'counterfoil_rebuild_balances()',
        'counterfoil_check_lines()']::regprocedure[]
    LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, %I, pg_temp',
            adder, current_schema());
    END LOOP;
END $$;
"""
BY_USER = """
ALTER FUNCTION counterfoil_sum_up(boolean) SECURITY INVOKER RESET search_path;
ALTER FUNCTION counterfoil_rebuild_balances() SECURITY INVOKER RESET search_path;
ALTER FUNCTION counterfoil_check_lines() SECURITY INVOKER;
"""


class Migration(migrations.Migration):
    dependencies = [("accounting", "0019_guards_see_the_real_tables")]

    operations = [migrations.RunSQL(BY_OWNER, BY_USER)]
