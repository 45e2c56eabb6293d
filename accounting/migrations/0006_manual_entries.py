"""Nothing is posted by hand that a second person has not approved."""

from django.db import migrations

from billing.guards import Guards

GUARDS = """
-- A draft may change; what is submitted stands still until it is sent back; what is posted stays.
CREATE FUNCTION counterfoil_guard_manual_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE moving text[] := '{status,submitted_by_id,submitted_at,approved_by_id,approved_at,returned_reason}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status = 'posted' AND NOT EXISTS (
            SELECT 1 FROM accounting_manualentry o WHERE o.id = NEW.series_id AND o.status = 'posted' AND o.series_id IS NULL
                AND o.repeat > 0 AND NEW.date > o.date AND NEW.date <= coalesce(o.repeat_until, 'infinity')
                AND (o.approved_by_id, o.authors, o.business_entity_id, o.description)
                    = (NEW.approved_by_id, NEW.authors, NEW.business_entity_id, NEW.description))
        THEN
            RAISE EXCEPTION 'A manual entry begins as a draft.' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.status = 'draft' THEN RETURN OLD; END IF;
        RAISE EXCEPTION 'Manual entry % is submitted or posted and cannot be deleted.', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status = 'posted' AND (to_jsonb(NEW) - 'repeat_until') = (to_jsonb(OLD) - 'repeat_until') THEN
        RETURN NEW;  -- a series ends; nothing else of it changes
    END IF;
    IF OLD.status = 'posted'
        OR (OLD.status = 'draft' AND NEW.status = 'posted')
        OR (OLD.status = 'submitted' AND (to_jsonb(NEW) - moving) <> (to_jsonb(OLD) - moving))
        OR (NEW.tenant_id, NEW.series_id, NEW.created_by_id) IS DISTINCT FROM (OLD.tenant_id, OLD.series_id, OLD.created_by_id)
        OR NOT OLD.authors <@ NEW.authors
    THEN
        RAISE EXCEPTION 'Manual entry % is submitted or posted and cannot change, nor can its authors be taken away.', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded_manual_entry BEFORE INSERT OR UPDATE OR DELETE ON accounting_manualentry
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_manual_entry();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON accounting_manualentry
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

CREATE FUNCTION counterfoil_guard_manual_parts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner bigint := CASE WHEN TG_OP = 'INSERT' THEN NEW.entry_id ELSE OLD.entry_id END;
BEGIN
    -- Lines of a repetition are written with it, in its own transaction.
    IF EXISTS (SELECT 1 FROM accounting_manualentry m WHERE m.id = owner AND m.status <> 'draft'
            AND NOT (TG_OP = 'INSERT' AND m.series_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM billing_businessevent b WHERE b.tenant_id = m.tenant_id
                    AND b.kind = 'manual_entry_approved' AND b.key = m.id::text)))
        OR (TG_OP = 'UPDATE' AND NEW.entry_id <> OLD.entry_id)
    THEN
        RAISE EXCEPTION 'The lines of a submitted or posted manual entry cannot change.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded_lines BEFORE INSERT OR UPDATE OR DELETE ON accounting_manualentryline
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_manual_parts();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON accounting_manualentryline
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

CREATE FUNCTION counterfoil_guard_attachment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM accounting_manualentry WHERE id = OLD.entry_id AND status = 'draft') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'An attachment never changes, and stays once its entry is submitted.'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER guarded_attachment BEFORE UPDATE OR DELETE ON accounting_attachment
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_attachment();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON accounting_attachment
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
"""


class Migration(migrations.Migration):
    replaces = [("accounting", "0011_manual_entries_guards")]
    dependencies = [("accounting", "0005_charts_and_rules")]

    operations = [Guards(GUARDS)]
