"""What may never change once it is final, and what may change of it in which way.

The walls are up by now; the audit trail, which has a guard of its own, comes next.
"""

from django.db import migrations

from billing.guards import AppendOnly, Guards

REFUSE = """
CREATE FUNCTION counterfoil_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused. Correct by a reversal or a new document.', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""

INVOICES = """
CREATE FUNCTION counterfoil_guard_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'Invoice % is finalized and cannot be deleted. Void it instead.', OLD.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status = 'void' OR NEW.status = 'draft'
        OR (NEW.status = 'void') <> (NEW.voided_on IS NOT NULL)
        OR (to_jsonb(NEW) - '{status,settled,voided_on,void_reason}'::text[])
            <> (to_jsonb(OLD) - '{status,settled,voided_on,void_reason}'::text[])
    THEN
        RAISE EXCEPTION 'Invoice % is finalized and cannot change. Void it or issue a credit note.', OLD.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER final_invoice BEFORE UPDATE ON billing_invoice
    FOR EACH ROW WHEN (OLD.status <> 'draft') EXECUTE FUNCTION counterfoil_guard_invoice();
CREATE TRIGGER final_invoice_kept BEFORE DELETE ON billing_invoice
    FOR EACH ROW WHEN (OLD.status <> 'draft') EXECUTE FUNCTION counterfoil_guard_invoice();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON billing_invoice
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

CREATE FUNCTION counterfoil_guard_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM billing_invoice i JOIN fresh f ON i.id = f.invoice_id WHERE i.status <> 'draft') THEN
        RAISE EXCEPTION 'The lines of a finalized invoice cannot change. Void it or issue a credit note.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER final_lines_added AFTER INSERT ON billing_invoiceline REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_guard_lines();
CREATE TRIGGER final_lines_taken AFTER DELETE ON billing_invoiceline REFERENCING OLD TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_guard_lines();
CREATE TRIGGER final_lines_changed_from AFTER UPDATE ON billing_invoiceline REFERENCING OLD TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_guard_lines();
CREATE TRIGGER final_lines_changed_to AFTER UPDATE ON billing_invoiceline REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_guard_lines();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON billing_invoiceline
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

-- Lines are written a thousand at a time by statements that name their columns.
ALTER TABLE billing_invoiceline ALTER COLUMN discount SET DEFAULT 0, ALTER COLUMN tax_included SET DEFAULT false;

-- A credit note changes once, when it is voided.
CREATE FUNCTION counterfoil_guard_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.voided_on IS NOT NULL OR NEW.voided_on IS NULL
        OR to_jsonb(NEW) - '{voided_on,void_reason}'::text[] <> to_jsonb(OLD) - '{voided_on,void_reason}'::text[]
    THEN
        RAISE EXCEPTION 'billing_creditnote is append-only: % is refused. A credit note can only be voided, once.', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER final_credit_note BEFORE UPDATE ON billing_creditnote
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_credit_note();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON billing_creditnote
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

-- Of a write-off only what is recovered grows.
CREATE FUNCTION counterfoil_guard_write_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.recovered <= OLD.recovered
        OR (to_jsonb(NEW) - '{recovered,recoveries}'::text[]) <> (to_jsonb(OLD) - '{recovered,recoveries}'::text[])
    THEN
        RAISE EXCEPTION 'A write-off cannot be changed or deleted; only what is recovered of it grows.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER final_write_off BEFORE UPDATE OR DELETE ON billing_writeoff
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_write_off();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON billing_writeoff
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
"""

NO_DEFAULTS = """
ALTER TABLE billing_invoiceline ALTER COLUMN discount DROP DEFAULT, ALTER COLUMN tax_included DROP DEFAULT;
"""

MONEY = """
-- A payment changes only in what is still unapplied, and once when it is voided.
CREATE FUNCTION counterfoil_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.voided_on IS NOT NULL
        OR to_jsonb(NEW) - '{unapplied,voided_on,void_reason}'::text[]
            <> to_jsonb(OLD) - '{unapplied,voided_on,void_reason}'::text[]
    THEN
        RAISE EXCEPTION 'A recorded payment cannot be changed or deleted. Void it.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER final_payment BEFORE UPDATE OR DELETE ON billing_payment
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_payment();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON billing_payment
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

-- A dispute changes once, when it is decided.
CREATE FUNCTION counterfoil_guard_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.status <> 'open'
        OR (to_jsonb(NEW) - '{status,resolved_on,fee_returned}'::text[])
            <> (to_jsonb(OLD) - '{status,resolved_on,fee_returned}'::text[])
    THEN
        RAISE EXCEPTION 'A dispute cannot be changed or deleted; it is decided once.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER final_dispute BEFORE UPDATE OR DELETE ON billing_dispute
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_dispute();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON billing_dispute
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

-- Each entry of a wallet goes on from the one before.
CREATE FUNCTION counterfoil_check_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number > 1 AND NOT EXISTS (
        SELECT 1 FROM billing_walletentry p WHERE p.wallet_id = NEW.wallet_id AND p.number = NEW.number - 1
            AND p.currency = NEW.currency AND p.paid_balance + NEW.paid = NEW.paid_balance
            AND p.bonus_balance + NEW.bonus = NEW.bonus_balance
    ) THEN
        RAISE EXCEPTION 'A wallet entry goes on from the balances of the one before it.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER goes_on BEFORE INSERT ON billing_walletentry
    FOR EACH ROW EXECUTE FUNCTION counterfoil_check_wallet();
"""

FOR_EVER = [
    "billing_businessevent",
    "billing_contractmodification",
    "billing_creditnoteline",
    "billing_credituse",
    "billing_paymentallocation",
    "billing_gatewaypayout",
    "billing_refund",
    "billing_returnedpart",
    "billing_walletentry",
    "billing_walletdraw",
]


class Migration(migrations.Migration):
    replaces = [("billing", "0004_money_walls_and_guards")]
    dependencies = [("billing", "0002_walls")]

    operations = [Guards(REFUSE), AppendOnly(FOR_EVER), Guards(INVOICES, NO_DEFAULTS), Guards(MONEY)]
