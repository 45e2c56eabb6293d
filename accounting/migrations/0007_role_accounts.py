"""Remember which accounts a default ever named for a role, from the moment it names them."""

import django.db.models.deletion
from django.db import migrations, models

from billing.walls import RaiseWalls

# Triggers of what changes rarely (defaults, charts), so that posting pays nothing for it.
REMEMBER = """
CREATE FUNCTION counterfoil_remember_default() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO accounting_roleaccount (tenant_id, role, account_id)
        SELECT DISTINCT d.tenant_id, d.role, a.id FROM fresh d
        JOIN accounting_account a ON a.tenant_id = d.tenant_id AND a.code = d.account_code
            AND (d.business_entity_id IS NULL OR d.business_entity_id = a.business_entity_id)
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER remembered_on_insert AFTER INSERT ON accounting_defaultaccount REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_remember_default();
CREATE TRIGGER remembered_on_update AFTER UPDATE ON accounting_defaultaccount REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_remember_default();

CREATE FUNCTION counterfoil_remember_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO accounting_roleaccount (tenant_id, role, account_id)
        SELECT DISTINCT d.tenant_id, d.role, a.id FROM fresh a
        JOIN accounting_defaultaccount d ON d.tenant_id = a.tenant_id AND d.account_code = a.code
            AND (d.business_entity_id IS NULL OR d.business_entity_id = a.business_entity_id)
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER remembered_on_insert AFTER INSERT ON accounting_account REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_remember_account();
CREATE TRIGGER remembered_on_update AFTER UPDATE ON accounting_account REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_remember_account();

CREATE TRIGGER kept_for_ever BEFORE UPDATE OR TRUNCATE ON accounting_roleaccount
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

-- What was posted before: tenant by tenant, through each one's wall.
DO $$
DECLARE
    scope text := coalesce(current_setting('counterfoil.tenant', true), '');
    company bigint;
BEGIN
    FOR company IN SELECT id FROM billing_tenant LOOP
        PERFORM set_config('counterfoil.tenant', company::text, true);
        INSERT INTO accounting_roleaccount (tenant_id, role, account_id)
            SELECT d.tenant_id, d.role, a.id FROM accounting_defaultaccount d
                JOIN accounting_account a ON a.tenant_id = d.tenant_id AND a.code = d.account_code
                AND (d.business_entity_id IS NULL OR d.business_entity_id = a.business_entity_id)
                WHERE d.tenant_id = company
            UNION SELECT tenant_id, role, account_id FROM accounting_journalline WHERE tenant_id = company
            ON CONFLICT DO NOTHING;
    END LOOP;
    PERFORM set_config('counterfoil.tenant', scope, true);
END $$;
"""

FORGET = """
DROP FUNCTION counterfoil_remember_default CASCADE;
DROP FUNCTION counterfoil_remember_account CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("accounting", "0006_credits_as_consumed"), ("billing", "0002_walls_and_guards")]

    operations = [
        migrations.CreateModel(
            name="RoleAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("role", models.CharField(max_length=60)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounting.account",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="billing.tenant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "role", "account"), name="role_account_once")
                ],
            },
        ),
        RaiseWalls(["accounting_roleaccount"]),
        migrations.RunSQL(REMEMBER, FORGET),
    ]
