"""Walls and guards for manual entries: nothing is posted by hand that a second person has not approved."""

from django.db import migrations

from billing.walls import RaiseWalls

GUARDS = """
-- An entry without a rule version is by hand; the trigger below says by whose.
DO $$
DECLARE
    definition text := pg_get_functiondef('counterfoil_check_entries'::regproc);
    wanted text := replace(definition, 'WHERE v.id IS NULL', 'WHERE v.id IS NULL AND f.rule_version_id IS NOT NULL');
BEGIN
    IF wanted = definition THEN RAISE EXCEPTION 'counterfoil_check_entries is not what this migration knows'; END IF;
    EXECUTE wanted;
END $$;

CREATE FUNCTION counterfoil_check_by_hand() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM fresh WHERE rule_version_id IS NULL) THEN RETURN NULL; END IF;
    IF EXISTS (
        SELECT 1 FROM fresh f JOIN billing_businessevent b ON b.id = f.event_id
        LEFT JOIN accounting_manualentry m ON b.kind = 'manual_entry_approved' AND m.id::text = b.key
            AND m.tenant_id = f.tenant_id AND m.business_entity_id = f.business_entity_id AND m.status = 'posted'
        WHERE f.rule_version_id IS NULL
            AND NOT (f.kind = 'manual' AND m.id IS NOT NULL AND f.reverses_id IS NULL)
            AND NOT (f.kind = 'reversal' AND b.kind = 'entry_reversed' AND f.reverses_id IS NOT NULL)
    ) THEN
        RAISE EXCEPTION 'An entry without a rule needs a manual entry that a second person approved, or an entry that it reverses.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER posted_by_hand_when_approved AFTER INSERT ON accounting_journalentry REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_check_by_hand();

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

UNGUARD = """
DROP FUNCTION counterfoil_guard_attachment CASCADE;
DROP FUNCTION counterfoil_guard_manual_parts CASCADE;
DROP FUNCTION counterfoil_guard_manual_entry CASCADE;
DROP FUNCTION counterfoil_check_by_hand CASCADE;
"""

WALLED = ["accounting_manualentry", "accounting_manualentryline", "accounting_attachment"]


class Migration(migrations.Migration):
    dependencies = [("accounting", "0005_manual_entries")]

    operations = [RaiseWalls(WALLED), migrations.RunSQL(GUARDS, UNGUARD)]
