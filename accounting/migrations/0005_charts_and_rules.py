"""What journal entries rest on stays what it was; what decides about the next ones moves a stamp when it changes."""

from django.db import migrations

from billing.guards import Guards

USED = """
-- An account with lines stays what and where it is.
CREATE FUNCTION counterfoil_guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (TG_OP = 'DELETE' OR NEW.is_group OR NEW.category <> OLD.category OR NEW.business_entity_id <> OLD.business_entity_id
            OR NEW.tenant_id <> OLD.tenant_id)
        AND EXISTS (SELECT 1 FROM accounting_journalline WHERE account_id = OLD.id)
    THEN
        RAISE EXCEPTION 'Account % has journal lines: deactivate it instead of deleting or re-classifying it.', OLD.code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER used_account BEFORE UPDATE OR DELETE ON accounting_account
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_account();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON accounting_account
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

-- A rule version that entries point at stays what it was; it can only be retired.
CREATE FUNCTION counterfoil_guard_rule_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (TG_OP = 'DELETE' OR to_jsonb(NEW) - 'is_active' <> to_jsonb(OLD) - 'is_active')
        AND EXISTS (SELECT 1 FROM accounting_journalentry WHERE tenant_id = OLD.tenant_id AND rule_version_id = OLD.id)
    THEN
        RAISE EXCEPTION 'This rule version has posted entries and cannot change. Make a new version of the rule.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER used_rule_version BEFORE UPDATE OR DELETE ON accounting_ruleversion
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_rule_version();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON accounting_ruleversion
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
"""

# Triggers of what changes rarely, so that posting pays nothing for it.
REMEMBERED = """
-- Which accounts a default ever named for a role, from the moment it names them.
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
"""

STAMP = """
-- The stamp comes from a sequence: it never repeats a value, not even after a rollback.
CREATE SEQUENCE accounting_stamp_seq;
CREATE FUNCTION counterfoil_move_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE accounting_accountingpolicy SET stamp = nextval('accounting_stamp_seq');
    RETURN NULL;
END $$;
CREATE FUNCTION counterfoil_new_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.stamp = nextval('accounting_stamp_seq');
    RETURN NEW;
END $$;
CREATE TRIGGER stamped BEFORE INSERT OR UPDATE ON accounting_accountingpolicy
    FOR EACH ROW EXECUTE FUNCTION counterfoil_new_stamp();
CREATE TRIGGER stamped AFTER INSERT OR UPDATE OR DELETE ON accounting_account
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_move_stamp();
CREATE TRIGGER stamped AFTER INSERT OR UPDATE OR DELETE ON accounting_defaultaccount
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_move_stamp();
CREATE TRIGGER stamped AFTER INSERT OR UPDATE OR DELETE ON accounting_accountingrule
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_move_stamp();
CREATE TRIGGER stamped AFTER INSERT OR UPDATE OR DELETE ON accounting_ruleversion
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_move_stamp();
CREATE TRIGGER stamped AFTER INSERT OR UPDATE ON accounting_accountingperiod
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_move_stamp();
CREATE TRIGGER stamped AFTER INSERT OR UPDATE OR DELETE ON billing_businessentity
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_move_stamp();
"""

NO_STAMP = """
DROP SEQUENCE accounting_stamp_seq;
"""


class Migration(migrations.Migration):
    replaces = [("accounting", "0007_role_accounts")]
    dependencies = [("accounting", "0004_periods_and_balances")]

    operations = [Guards(USED), Guards(REMEMBERED), Guards(STAMP, NO_STAMP)]
