"""What books stand on is not changed below them, whoever asks: base currency, months, kinds of rules, notes of what is posted.

Each guard looks at what changes rarely; the note that every post makes is guarded by a policy, within the insert itself.
"""

from django.db import migrations

from billing.guards import Guards

ENTITY = """
CREATE FUNCTION counterfoil_guard_base_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM accounting_journalentry WHERE tenant_id = OLD.tenant_id AND business_entity_id = OLD.id) THEN
        RAISE EXCEPTION 'The books of % are kept in %; found another business entity to keep some in %.', OLD.code,
            OLD.base_currency, NEW.base_currency USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kept_currency BEFORE UPDATE ON billing_businessentity FOR EACH ROW
    WHEN (OLD.base_currency IS DISTINCT FROM NEW.base_currency) EXECUTE FUNCTION counterfoil_guard_base_currency();
"""

ACCOUNT = """
CREATE FUNCTION counterfoil_guard_normal_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM accounting_journalline WHERE account_id = OLD.id) THEN
        RAISE EXCEPTION 'Account % has journal lines: its normal balance stays what it is.', OLD.code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER used_account_side BEFORE UPDATE ON accounting_account FOR EACH ROW
    WHEN (OLD.normal_balance IS DISTINCT FROM NEW.normal_balance) EXECUTE FUNCTION counterfoil_guard_normal_balance();
"""

RULE = """
CREATE FUNCTION counterfoil_guard_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM accounting_ruleversion v JOIN accounting_journalentry e
        ON e.tenant_id = v.tenant_id AND e.rule_version_id = v.id WHERE v.rule_id = OLD.id)
    THEN
        RAISE EXCEPTION 'Rule % has posted entries; it goes on speaking of “%”. Make another rule.', OLD.code, OLD.event_kind
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER used_rule BEFORE UPDATE ON accounting_accountingrule FOR EACH ROW
    WHEN (OLD.event_kind IS DISTINCT FROM NEW.event_kind) EXECUTE FUNCTION counterfoil_guard_rule();
"""

# A period of other days than a month's would seal, or hold shut, what others do not know of.
PERIOD = """
CREATE FUNCTION counterfoil_guard_month() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.start <> date_trunc('month', NEW.start)::date OR NEW."end" <> (NEW.start + interval '1 month')::date THEN
        RAISE EXCEPTION 'An accounting period is a calendar month, not % to before %.', NEW.start, NEW."end"
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM billing_businessentity WHERE id = NEW.business_entity_id AND tenant_id = NEW.tenant_id) THEN
        RAISE EXCEPTION 'An accounting period must name a business entity of its own tenant.'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER is_a_month BEFORE INSERT ON accounting_accountingperiod
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_month();

CREATE FUNCTION counterfoil_guard_reopening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A closed period is reopened with a reason and a time, on the record.'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER reopened_with_words BEFORE UPDATE ON accounting_accountingperiod FOR EACH ROW
    WHEN (OLD.status = 'closed' AND NEW.status <> 'closed' AND NEW.reopen_reason !~ '[^[:space:]]')
    EXECUTE FUNCTION counterfoil_guard_reopening();
"""

# Noted twice, an entry would count twice in the daily balances. The guard of the lines notes it, so a trigger is at work.
NOTES = """
CREATE POLICY noted_by_posting ON accounting_unsummedentries AS RESTRICTIVE FOR INSERT WITH CHECK (pg_trigger_depth() > 0);
"""
NO_NOTES = """
DROP POLICY noted_by_posting ON accounting_unsummedentries;
"""


class Migration(migrations.Migration):
    dependencies = [("accounting", "0010_revenue_date")]

    operations = [
        Guards(ENTITY),
        Guards(ACCOUNT),
        Guards(RULE),
        Guards(PERIOD),
        Guards(NOTES, NO_NOTES),
    ]
