"""The guard of the journal looks up each rule version once for a batch of lines, not once for each entry."""

from django.db import migrations

# A statement posts for one company; one for several is refused rather than looked up entry by entry.
ONCE = """
DO $$
DECLARE
    definition text := pg_get_functiondef('counterfoil_check_lines'::regproc);
    looked_up text := ',
                (SELECT r.id FROM accounting_ruleversion r WHERE r.id = e.rule_version_id AND r.tenant_id = e.tenant_id) AS rule';
    asked text := 'bool_or(e.rule IS NULL AND NOT counterfoil_is_by_hand(e.id)) AS lacks_rule';
    raised text := 'ELSIF seen.lacks_rule THEN';
BEGIN
    IF least(position(looked_up IN definition), position(asked IN definition), position(raised IN definition)) = 0 THEN
        RAISE EXCEPTION 'counterfoil_check_lines is not the function that this migration knows.';
    END IF;
    definition := replace(definition, looked_up, '');
    definition := replace(definition, asked,
        'bool_or(e.rule_version_id IS NULL AND NOT counterfoil_is_by_hand(e.id)) OR min(e.tenant_id) <> max(e.tenant_id) '
        'AS lacks_rule, array_agg(DISTINCT e.rule_version_id) AS rules');
    EXECUTE replace(definition, raised, 'ELSIF seen.lacks_rule OR EXISTS (
        SELECT 1 FROM unnest(seen.rules) AS named(id) WHERE named.id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM accounting_ruleversion r WHERE r.id = named.id AND r.tenant_id = seen.tenant OFFSET 0)
    ) THEN');
END $$;
"""
EACH = """
DO $$
DECLARE
    definition text := pg_get_functiondef('counterfoil_check_lines'::regproc);
BEGIN
    definition := replace(definition, ' AS event
            FROM', ' AS event,
                (SELECT r.id FROM accounting_ruleversion r WHERE r.id = e.rule_version_id AND r.tenant_id = e.tenant_id) AS rule
            FROM');
    definition := replace(definition,
        'bool_or(e.rule_version_id IS NULL AND NOT counterfoil_is_by_hand(e.id)) OR min(e.tenant_id) <> max(e.tenant_id) '
        'AS lacks_rule, array_agg(DISTINCT e.rule_version_id) AS rules',
        'bool_or(e.rule IS NULL AND NOT counterfoil_is_by_hand(e.id)) AS lacks_rule');
    EXECUTE replace(definition, 'ELSIF seen.lacks_rule OR EXISTS (
        SELECT 1 FROM unnest(seen.rules) AS named(id) WHERE named.id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM accounting_ruleversion r WHERE r.id = named.id AND r.tenant_id = seen.tenant OFFSET 0)
    ) THEN', 'ELSIF seen.lacks_rule THEN');
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounting", "0015_exchange_rates")]

    operations = [migrations.RunSQL(ONCE, EACH)]
