"""Row-level security on every tenant's table, and what may never change once it is final."""

from django.db import migrations

from billing.walls import RaiseWalls

GUARDS = """
CREATE FUNCTION counterfoil_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused. Correct by a reversal or a new document.', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_businessevent
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_creditnote
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_creditnoteline
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_paymentallocation
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

-- The references of an event are checked for the whole batch, which costs a tenth of row-wise foreign keys.
CREATE FUNCTION counterfoil_check_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT tenant_id, business_entity_id FROM fresh) f
        LEFT JOIN billing_businessentity e ON e.id = f.business_entity_id AND e.tenant_id = f.tenant_id
        WHERE e.id IS NULL
    ) THEN
        RAISE EXCEPTION 'A business event names a business entity that its tenant does not have.'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER references_exist AFTER INSERT ON billing_businessevent REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_check_events();

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

-- A payment changes only in what is still unapplied.
CREATE FUNCTION counterfoil_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR to_jsonb(NEW) - 'unapplied' <> to_jsonb(OLD) - 'unapplied' THEN
        RAISE EXCEPTION 'A recorded payment cannot be changed or deleted.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER final_payment BEFORE UPDATE OR DELETE ON billing_payment
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_payment();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON billing_payment
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
"""

UNGUARD = """
DROP FUNCTION counterfoil_guard_payment CASCADE;
DROP FUNCTION counterfoil_guard_lines CASCADE;
DROP FUNCTION counterfoil_guard_invoice CASCADE;
DROP FUNCTION counterfoil_check_events CASCADE;
DROP FUNCTION counterfoil_refuse_change CASCADE;
"""

WALLED = [
    "billing_businessentity",
    "billing_idempotencyrecord",
    "billing_customer",
    "billing_productfamily",
    "billing_product",
    "billing_price",
    "billing_taxrate",
    "billing_contract",
    "billing_contractphase",
    "billing_contractitem",
    "billing_usagerecord",
    "billing_numberseries",
    "billing_invoice",
    "billing_invoiceline",
    "billing_creditnote",
    "billing_creditnoteline",
    "billing_payment",
    "billing_paymentallocation",
    "billing_businessevent",
    "billing_job",
]


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [RaiseWalls(WALLED), migrations.RunSQL(GUARDS, UNGUARD)]
