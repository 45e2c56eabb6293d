"""What the database refuses by itself, whoever asks: unbalanced, changed or misplaced entries, posts into closed months.

The checks of a batch run once per statement over its new rows, so they cost a few microseconds a line. An entry and its
lines are separate statements of one transaction (`posted_xid` says which), so that nobody can add lines to an old entry;
a deferred trigger looks at commit that no entry is left without its lines.
"""

from django.db import migrations

from billing.walls import RaiseWalls

GUARDS = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounting_journalentry
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounting_journalline
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

CREATE FUNCTION counterfoil_check_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
    -- Held until commit, so that a month cannot be closed under a post that is under way.
    PERFORM 1 FROM accounting_accountingperiod p
        JOIN (SELECT DISTINCT business_entity_id, date_trunc('month', date)::date AS month FROM fresh) f
            ON p.business_entity_id = f.business_entity_id AND p.start = f.month
        ORDER BY p.id FOR SHARE OF p;
    SELECT f.month INTO bad
        FROM (SELECT DISTINCT tenant_id, business_entity_id, date_trunc('month', date)::date AS month FROM fresh) f
        LEFT JOIN accounting_accountingperiod p
            ON p.tenant_id = f.tenant_id AND p.business_entity_id = f.business_entity_id AND p.start = f.month
        WHERE p.status IS DISTINCT FROM 'open' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'The period of % is not open; nothing can be posted into it.', to_char(bad.month, 'YYYY-MM')
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM fresh WHERE posted_xid <> pg_current_xact_id()::text::bigint) THEN
        RAISE EXCEPTION 'A journal entry belongs to the transaction that posts it.' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM fresh f
        LEFT JOIN billing_businessevent e ON e.id = f.event_id AND e.tenant_id = f.tenant_id
            AND e.business_entity_id = f.business_entity_id
        WHERE e.id IS NULL
    ) THEN
        RAISE EXCEPTION 'A journal entry must name a business event of its own tenant and entity.'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT tenant_id, rule_version_id FROM fresh) f
        LEFT JOIN accounting_ruleversion v ON v.id = f.rule_version_id AND v.tenant_id = f.tenant_id
        WHERE v.id IS NULL
    ) THEN
        RAISE EXCEPTION 'A journal entry must name a rule version of its own tenant.'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM fresh f LEFT JOIN accounting_journalentry o ON o.id = f.reverses_id
            AND o.tenant_id = f.tenant_id AND o.business_entity_id = f.business_entity_id
        WHERE f.reverses_id IS NOT NULL AND o.id IS NULL
    ) THEN
        RAISE EXCEPTION 'A reversal must name an entry of its own tenant and entity.'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_may_be_posted AFTER INSERT ON accounting_journalentry REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_check_entries();

CREATE FUNCTION counterfoil_check_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
    SELECT f.entry_id, sum(f.debit) AS debit, sum(f.credit) AS credit,
            sum(f.base_debit) AS base_debit, sum(f.base_credit) AS base_credit INTO bad
        FROM fresh f LEFT JOIN accounting_journalentry e ON e.id = f.entry_id
        GROUP BY f.entry_id
        HAVING sum(f.base_debit) <> sum(f.base_credit)
            OR (sum(f.debit) <> sum(f.credit) AND min(f.currency) = max(f.currency))
            -- NaN is above every number in PostgreSQL.
            OR NOT sum(f.debit) + sum(f.base_debit) < 1e16
            OR count(*) IS DISTINCT FROM min(e.line_count)::bigint
            OR min(f.position) < 1 OR max(f.position) > min(e.line_count)
            OR bool_or(f.tenant_id <> e.tenant_id OR f.business_entity_id <> e.business_entity_id OR f.date <> e.date
                OR e.posted_xid <> pg_current_xact_id()::text::bigint)
        LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Journal entry % does not balance, or its lines are not those of one new entry: debit %, credit %, '
            'in base currency % and %.', bad.entry_id, bad.debit, bad.credit, bad.base_debit, bad.base_credit
            USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT min(currency) <> max(currency) FROM fresh) THEN
        SELECT f.entry_id, f.currency, sum(f.debit) AS debit, sum(f.credit) AS credit INTO bad
            FROM fresh f GROUP BY f.entry_id, f.currency HAVING sum(f.debit) <> sum(f.credit) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'Journal entry % does not balance in %: debit %, credit %.', bad.entry_id, bad.currency,
                bad.debit, bad.credit USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    SELECT f.account_id INTO bad FROM (SELECT DISTINCT account_id, business_entity_id, tenant_id FROM fresh) f
        LEFT JOIN accounting_account a ON a.id = f.account_id AND a.business_entity_id = f.business_entity_id
            AND a.tenant_id = f.tenant_id AND NOT a.is_group
        WHERE a.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Account % cannot be posted to: it groups others or belongs to other books.', bad.account_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER lines_balance AFTER INSERT ON accounting_journalline REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_check_lines();

-- An entry and its lines are two statements: at commit no entry may be left without lines. One deferred look per
-- statement instead of one per entry; the note of what to look at lives only until then. The tenant's scope may have
-- been left by commit, so the look goes through the wall of the entries' own tenant.
CREATE TABLE accounting_posting_under_way (tenant_id bigint NOT NULL, first_entry bigint NOT NULL, last_entry bigint NOT NULL);
CREATE FUNCTION counterfoil_note_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO accounting_posting_under_way SELECT tenant_id, min(id), max(id) FROM fresh GROUP BY tenant_id;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_noted AFTER INSERT ON accounting_journalentry REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_note_entries();
CREATE FUNCTION counterfoil_check_entries_have_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    scope text := coalesce(current_setting('counterfoil.tenant', true), '');
    empty bigint;
BEGIN
    PERFORM set_config('counterfoil.tenant', NEW.tenant_id::text, true);
    SELECT e.id INTO empty FROM accounting_journalentry e
        WHERE e.id BETWEEN NEW.first_entry AND NEW.last_entry
        AND NOT EXISTS (SELECT 1 FROM accounting_journalline l WHERE l.entry_id = e.id) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Journal entry % has no lines.', empty USING ERRCODE = 'check_violation';
    END IF;
    DELETE FROM accounting_posting_under_way
        WHERE tenant_id = NEW.tenant_id AND first_entry = NEW.first_entry AND last_entry = NEW.last_entry;
    PERFORM set_config('counterfoil.tenant', scope, true);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER entries_have_lines AFTER INSERT ON accounting_posting_under_way
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION counterfoil_check_entries_have_lines();
CREATE TRIGGER kept_until_checked BEFORE UPDATE OR TRUNCATE ON accounting_posting_under_way
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

-- One plan is kept for batches of one and of thousands: look up each row by its key, never scan the books.
ALTER FUNCTION counterfoil_check_entries SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off;
ALTER FUNCTION counterfoil_check_lines SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off;
ALTER FUNCTION counterfoil_check_entries_have_lines
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off;

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

-- A closed period is reopened on the record or not at all, and never removed or moved.
CREATE FUNCTION counterfoil_guard_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'An accounting period cannot be deleted.' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT 1 FROM accounting_accountingperiod WHERE business_entity_id = NEW.business_entity_id
            AND start > NEW.start AND status = 'closed')
        THEN
            RAISE EXCEPTION 'A later period than % is closed; no earlier one can be opened.', to_char(NEW.start, 'YYYY-MM')
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.tenant_id, NEW.business_entity_id, NEW.start, NEW."end")
        IS DISTINCT FROM (OLD.tenant_id, OLD.business_entity_id, OLD.start, OLD."end")
    THEN
        RAISE EXCEPTION 'An accounting period cannot be moved.' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status = 'closed' AND NEW.status <> 'closed'
        AND (NEW.reopen_reason = '' OR NEW.reopened_at IS NULL OR NEW.reopened_at IS NOT DISTINCT FROM OLD.reopened_at)
    THEN
        RAISE EXCEPTION 'A closed period is reopened with a reason and a time, on the record.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded_period BEFORE INSERT OR UPDATE OR DELETE ON accounting_accountingperiod
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_period();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON accounting_accountingperiod
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

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

UNGUARD = """
DROP FUNCTION counterfoil_new_stamp CASCADE;
DROP FUNCTION counterfoil_move_stamp CASCADE;
DROP SEQUENCE accounting_stamp_seq;
DROP FUNCTION counterfoil_guard_period CASCADE;
DROP FUNCTION counterfoil_guard_rule_version CASCADE;
DROP FUNCTION counterfoil_guard_account CASCADE;
DROP FUNCTION counterfoil_check_entries_have_lines CASCADE;
DROP FUNCTION counterfoil_note_entries CASCADE;
DROP TABLE accounting_posting_under_way;
DROP FUNCTION counterfoil_check_lines CASCADE;
DROP FUNCTION counterfoil_check_entries CASCADE;
DROP TRIGGER append_only ON accounting_journalline;
DROP TRIGGER append_only ON accounting_journalentry;
"""

WALLED = [
    "accounting_account",
    "accounting_defaultaccount",
    "accounting_accountingrule",
    "accounting_ruleversion",
    "accounting_accountingpolicy",
    "accounting_unmatchedevent",
    "accounting_accountingperiod",
    "accounting_journalentry",
    "accounting_journalline",
    "accounting_recognitionschedule",
    "accounting_contractcommitment",
]


class Migration(migrations.Migration):
    dependencies = [("accounting", "0001_initial"), ("billing", "0002_walls_and_guards")]

    operations = [RaiseWalls(WALLED), migrations.RunSQL(GUARDS, UNGUARD)]
