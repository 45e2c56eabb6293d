"""Walls and guards for balances: posting notes what is not summed yet, closing a period seals it, nothing else writes here.

Posting is spared all but one small row per batch: which run of entries the balances do not hold yet.
"""

from django.db import migrations

from billing.walls import RaiseWalls

NOTES = """
-- Which entries a batch of lines belongs to; what is noted stays until the daily balances hold it. Runs after the guard
-- `lines_balance`, which makes sure that each entry has exactly one line at position 1.
CREATE FUNCTION counterfoil_note_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE span record;
BEGIN
    SELECT min(tenant_id) AS tenant, min(entry_id) AS first, max(entry_id) AS last,
            count(*) FILTER (WHERE position = 1) AS entries, min(date) AS first_date, max(date) AS last_date INTO span FROM fresh;
    IF span.last - span.first + 1 = span.entries THEN
        INSERT INTO accounting_unsummedentries (tenant_id, first_entry, last_entry, first_date, last_date)
            VALUES (span.tenant, span.first, span.last, span.first_date, span.last_date);
    ELSIF span.entries > 0 THEN
        -- Several processes took ids at the same time: one note for each run of our own.
        INSERT INTO accounting_unsummedentries (tenant_id, first_entry, last_entry, first_date, last_date)
            SELECT tenant_id, min(entry_id), max(entry_id), min(date), max(date)
            FROM (SELECT tenant_id, entry_id, date, entry_id - row_number() OVER (ORDER BY entry_id) AS island
                FROM fresh WHERE position = 1) f
            GROUP BY tenant_id, island;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER lines_noted AFTER INSERT ON accounting_journalline REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_note_lines();
CREATE TRIGGER kept_until_summed BEFORE UPDATE OR TRUNCATE ON accounting_unsummedentries
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
"""

BALANCES = """
-- Add the noted entries to the daily balances. One at a time per company; whoever finds another at it leaves it alone.
CREATE FUNCTION counterfoil_sum_up(wait boolean) RETURNS bigint LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    tenant bigint := NULLIF(current_setting('counterfoil.tenant', true), '')::bigint;
    summed bigint;
BEGIN
    IF wait THEN
        PERFORM pg_advisory_xact_lock(1668640115, (tenant % 2147483647)::int);
    ELSIF NOT pg_try_advisory_xact_lock(1668640115, (tenant % 2147483647)::int) THEN
        RETURN 0;
    END IF;
    PERFORM set_config('counterfoil.summing', 'on', true);
    WITH taken AS (
        DELETE FROM accounting_unsummedentries WHERE tenant_id = tenant RETURNING first_entry, last_entry
    ), added AS (
        INSERT INTO accounting_dailybalance AS b
            (tenant_id, business_entity_id, account_id, date, currency, debit, credit, base_debit, base_credit)
        SELECT tenant, l.business_entity_id, l.account_id, l.date, l.currency,
            sum(l.debit), sum(l.credit), sum(l.base_debit), sum(l.base_credit)
        FROM taken t JOIN accounting_journalline l ON l.entry_id BETWEEN t.first_entry AND t.last_entry
        GROUP BY l.business_entity_id, l.account_id, l.date, l.currency ORDER BY l.account_id, l.date, l.currency
        ON CONFLICT (account_id, date, currency) DO UPDATE SET debit = b.debit + excluded.debit,
            credit = b.credit + excluded.credit, base_debit = b.base_debit + excluded.base_debit,
            base_credit = b.base_credit + excluded.base_credit
    )
    SELECT coalesce(sum(last_entry - first_entry + 1), 0) INTO summed FROM taken;
    PERFORM set_config('counterfoil.summing', 'off', true);
    RETURN summed;
END $$;

-- Make the daily balances anew from all lines. The notes go in the statement that reads the lines: one view of both.
CREATE FUNCTION counterfoil_rebuild_balances() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    tenant bigint := NULLIF(current_setting('counterfoil.tenant', true), '')::bigint;
    made bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1668640115, (tenant % 2147483647)::int);
    PERFORM set_config('counterfoil.summing', 'on', true);
    DELETE FROM accounting_dailybalance WHERE tenant_id = tenant;
    WITH taken AS (DELETE FROM accounting_unsummedentries WHERE tenant_id = tenant)
    INSERT INTO accounting_dailybalance
            (tenant_id, business_entity_id, account_id, date, currency, debit, credit, base_debit, base_credit)
        SELECT tenant, business_entity_id, account_id, date, currency, sum(debit), sum(credit), sum(base_debit),
            sum(base_credit)
        FROM accounting_journalline GROUP BY business_entity_id, account_id, date, currency;
    GET DIAGNOSTICS made = ROW_COUNT;
    PERFORM set_config('counterfoil.summing', 'off', true);
    RETURN made;
END $$;

-- What moved on the accounts of an entity (or on one) from a day on and before another.
CREATE FUNCTION counterfoil_moved(entity bigint, since date, until date, account bigint)
RETURNS TABLE (account_id bigint, currency varchar, debit numeric, credit numeric, base_debit numeric, base_credit numeric)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF account IS NULL THEN
        RETURN QUERY SELECT b.account_id, b.currency, b.debit, b.credit, b.base_debit, b.base_credit
            FROM accounting_dailybalance b
            WHERE b.business_entity_id = entity AND b.date >= since AND b.date < until;
    ELSE
        RETURN QUERY SELECT b.account_id, b.currency, b.debit, b.credit, b.base_debit, b.base_credit
            FROM accounting_dailybalance b WHERE b.account_id = account AND b.date >= since AND b.date < until;
    END IF;
    -- The lines that the daily balances do not hold yet: few, found run by run. OFFSET 0 keeps the order of the join.
    RETURN QUERY SELECT l.account_id, l.currency, l.debit, l.credit, l.base_debit, l.base_credit
        FROM accounting_unsummedentries n CROSS JOIN LATERAL (
            SELECT o.* FROM accounting_journalline o WHERE o.entry_id BETWEEN n.first_entry AND n.last_entry OFFSET 0
        ) l
        WHERE n.first_date < until AND n.last_date >= since AND l.business_entity_id = entity
            AND l.date >= since AND l.date < until AND (account IS NULL OR l.account_id = account);
END $$;

-- Where they stood before a day: what was sealed last by then, and what moved since.
CREATE FUNCTION counterfoil_standing(entity bigint, until date, account bigint)
RETURNS TABLE (account_id bigint, currency varchar, debit numeric, credit numeric, base_debit numeric, base_credit numeric)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    sealed bigint;
    since date;
BEGIN
    SELECT p.seal_id, p."end" INTO sealed, since FROM accounting_accountingperiod p
        WHERE p.business_entity_id = entity AND p.status = 'closed' AND p."end" <= until ORDER BY p.start DESC LIMIT 1;
    IF account IS NULL THEN
        RETURN QUERY SELECT b.account_id, b.currency, b.debit, b.credit, b.base_debit, b.base_credit
            FROM accounting_sealedbalance b WHERE b.seal_id = sealed;
    ELSE
        RETURN QUERY SELECT b.account_id, b.currency, b.debit, b.credit, b.base_debit, b.base_credit
            FROM accounting_sealedbalance b WHERE b.seal_id = sealed AND b.account_id = account;
    END IF;
    RETURN QUERY SELECT * FROM counterfoil_moved(entity, coalesce(since, '-infinity'), until, account);
END $$;

CREATE FUNCTION counterfoil_guard_daily() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' OR current_setting('counterfoil.summing', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION '% follows from the journal lines: % by hand is refused, as if it were append-only.',
            TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER summed_only BEFORE DELETE ON accounting_unsummedentries
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_guard_daily();
CREATE TRIGGER summed_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON accounting_dailybalance
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_guard_daily();
-- A busy day is updated often: room on the page keeps its index entry where it is.
ALTER TABLE accounting_dailybalance SET (fillfactor = 70);
"""

SEALS = """
-- The digest of one period, format 1. JSON, because it is written the same way under every setting of a connection.
CREATE FUNCTION counterfoil_period_digest(entity bigint, since date, until date, previous text)
RETURNS text LANGUAGE sql STABLE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
    SELECT encode(sha256(convert_to(previous || coalesce(string_agg(d.digest, '' ORDER BY d.date, d.id), ''), 'UTF8')), 'hex')
    FROM (
        SELECT e.date, e.id, encode(sha256(convert_to(jsonb_build_array(
            e.id, e.date, e.currency, e.kind, e.description, e.event_id, e.part, e.rule_version_id, e.reverses_id,
            (SELECT jsonb_agg(jsonb_build_array(l.position, l.date, l.account_id, l.currency, l.debit, l.credit,
                l.base_debit, l.base_credit, l.role, l.resolved_by, l.customer_id, l.contract_id, l.contract_item_id,
                l.product_id, l.invoice_id, l.credit_note_id, l.payment_id, l.tax_rate_id) ORDER BY l.position)
             FROM accounting_journalline l WHERE l.entry_id = e.id)
        )::text, 'UTF8')), 'hex') AS digest
        FROM accounting_journalentry e
        WHERE e.business_entity_id = entity AND e.date >= since AND e.date < until
    ) d
$$;

CREATE FUNCTION counterfoil_seal(p accounting_accountingperiod) RETURNS bigint LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    made bigint;
    before bigint;
    previous text;
BEGIN
    SELECT e.seal_id, s.digest INTO before, previous FROM accounting_accountingperiod e
        JOIN accounting_periodseal s ON s.id = e.seal_id
        WHERE e.business_entity_id = p.business_entity_id AND e.start < p.start ORDER BY e.start DESC LIMIT 1;
    previous := coalesce(previous, '');
    INSERT INTO accounting_periodseal (tenant_id, period_id, number, format, digest, previous_digest, entries, lines,
            base_debit, closed_at, closed_by_id, checks)
        SELECT p.tenant_id, p.id, 1 + (SELECT count(*) FROM accounting_periodseal WHERE period_id = p.id), 1,
            counterfoil_period_digest(p.business_entity_id, p.start, p."end", previous), previous,
            count(DISTINCT l.entry_id), count(*), coalesce(sum(l.base_debit), 0), p.closed_at, p.closed_by_id, p.close_checks
        FROM accounting_account a JOIN accounting_journalline l ON l.account_id = a.id
        WHERE a.business_entity_id = p.business_entity_id AND l.date >= p.start AND l.date < p."end"
        RETURNING id INTO made;
    INSERT INTO accounting_sealedbalance
            (tenant_id, seal_id, account_id, currency, debit, credit, base_debit, base_credit)
        SELECT p.tenant_id, made, account_id, currency, sum(debit), sum(credit), sum(base_debit), sum(base_credit) FROM (
            SELECT account_id, currency, debit, credit, base_debit, base_credit FROM accounting_sealedbalance
                WHERE seal_id = before
            UNION ALL
            SELECT l.account_id, l.currency, l.debit, l.credit, l.base_debit, l.base_credit
                FROM accounting_account a JOIN accounting_journalline l ON l.account_id = a.id
                WHERE a.business_entity_id = p.business_entity_id AND l.date >= p.start AND l.date < p."end"
        ) moved GROUP BY account_id, currency ORDER BY account_id, currency;
    INSERT INTO accounting_sealedcustomerbalance
            (tenant_id, seal_id, role, account_id, customer_id, currency, debit, credit, base_debit, base_credit)
        SELECT p.tenant_id, made, role, account_id, customer_id, currency, sum(debit), sum(credit), sum(base_debit),
                sum(base_credit) FROM (
            SELECT role, account_id, customer_id, currency, debit, credit, base_debit, base_credit
                FROM accounting_sealedcustomerbalance WHERE seal_id = before
            UNION ALL
            SELECT l.role, l.account_id, l.customer_id, l.currency, l.debit, l.credit, l.base_debit, l.base_credit
                FROM accounting_account a JOIN accounting_journalline l ON l.account_id = a.id
                WHERE a.business_entity_id = p.business_entity_id AND l.date >= p.start AND l.date < p."end"
                AND l.role IN ('accounts_receivable.customers', 'unapplied_payments')
        ) moved GROUP BY role, account_id, customer_id, currency
        HAVING sum(debit) <> sum(credit) OR sum(base_debit) <> sum(base_credit)
        ORDER BY role, account_id, customer_id, currency;
    RETURN made;
END $$;

-- Periods that were closed before there were seals get theirs now.
DO $$
DECLARE
    company bigint;
    entity bigint;
    p accounting_accountingperiod;
BEGIN
    FOR company IN SELECT id FROM billing_tenant LOOP
        PERFORM set_config('counterfoil.tenant', company::text, true);
        INSERT INTO accounting_unsummedentries (tenant_id, first_entry, last_entry, first_date, last_date)
            SELECT company, min(id), max(id), min(date), max(date)
            FROM (SELECT id, date, id - row_number() OVER (ORDER BY id) AS island FROM accounting_journalentry) e GROUP BY island;
        PERFORM counterfoil_sum_up(true);
        FOR p IN SELECT * FROM accounting_accountingperiod WHERE status = 'closed' ORDER BY business_entity_id, start LOOP
            UPDATE accounting_accountingperiod SET seal_id = counterfoil_seal(p) WHERE id = p.id;
        END LOOP;
    END LOOP;
    PERFORM set_config('counterfoil.tenant', '', true);
END $$;
SET CONSTRAINTS ALL IMMEDIATE;

CREATE FUNCTION counterfoil_guard_seals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION '% is append-only: % is refused. A seal is kept for ever.', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- This trigger is the first of a statement by hand; below the closing of a period it is the second.
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'Sealed balances are made by closing their period, and in no other way.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER sealed_by_closing BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON accounting_periodseal
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_guard_seals();
CREATE TRIGGER sealed_by_closing BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON accounting_sealedbalance
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_guard_seals();
CREATE TRIGGER sealed_by_closing BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON accounting_sealedcustomerbalance
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_guard_seals();

-- Closing seals, whoever closes; closed periods have no open one before them.
CREATE FUNCTION counterfoil_seal_on_close() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status NOT IN ('open', 'closed') THEN
        RAISE EXCEPTION 'An accounting period is open or closed.' USING ERRCODE = 'check_violation';
    END IF;
    -- Closing, reopening and opening look at the months before and after: one at a time per entity, until commit.
    IF TG_OP = 'INSERT' OR NEW.status <> OLD.status THEN
        PERFORM pg_advisory_xact_lock(1668640116, (NEW.business_entity_id % 2147483647)::int);
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'open' OR NEW.seal_id IS NOT NULL THEN
            RAISE EXCEPTION 'An accounting period begins open.' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF EXISTS (SELECT 1 FROM accounting_accountingperiod WHERE business_entity_id = NEW.business_entity_id
            AND start > NEW.start AND status = 'closed')
        THEN
            RAISE EXCEPTION 'A later period than % is closed; no earlier one can be opened.', to_char(NEW.start, 'YYYY-MM')
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.seal_id IS DISTINCT FROM OLD.seal_id
        OR (OLD.status = 'closed' AND NEW.status = 'closed' AND (NEW.closed_at, NEW.closed_by_id, NEW.close_checks)
            IS DISTINCT FROM (OLD.closed_at, OLD.closed_by_id, OLD.close_checks))
    THEN
        RAISE EXCEPTION 'The seal of a period is set by closing it.' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status <> 'closed' AND NEW.status = 'closed' THEN
        IF NEW.closed_at IS NULL THEN
            RAISE EXCEPTION 'A period is closed with a time, on the record.' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF EXISTS (SELECT 1 FROM accounting_accountingperiod WHERE business_entity_id = NEW.business_entity_id
            AND start < NEW.start AND status <> 'closed')
        THEN
            RAISE EXCEPTION 'An earlier period than % is open; close it first.', to_char(NEW.start, 'YYYY-MM')
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        NEW.seal_id := counterfoil_seal(NEW);
    ELSIF OLD.status = 'closed' AND NEW.status <> 'closed' THEN
        IF EXISTS (SELECT 1 FROM accounting_accountingperiod WHERE business_entity_id = NEW.business_entity_id
            AND start > NEW.start AND status = 'closed')
        THEN
            RAISE EXCEPTION 'A later period than % is closed; reopen it first.', to_char(NEW.start, 'YYYY-MM')
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        NEW.seal_id := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER seal_on_close BEFORE INSERT OR UPDATE ON accounting_accountingperiod
    FOR EACH ROW EXECUTE FUNCTION counterfoil_seal_on_close();
"""

UNNOTE = """
DROP FUNCTION counterfoil_note_lines CASCADE;
DROP TRIGGER kept_until_summed ON accounting_unsummedentries;
"""

UNSEAL = """
DROP FUNCTION counterfoil_seal_on_close CASCADE;
DROP FUNCTION counterfoil_guard_seals CASCADE;
DROP FUNCTION counterfoil_seal CASCADE;
DROP FUNCTION counterfoil_period_digest;
"""

UNBALANCE = """
DROP FUNCTION counterfoil_guard_daily CASCADE;
DROP FUNCTION counterfoil_standing;
DROP FUNCTION counterfoil_moved;
DROP FUNCTION counterfoil_rebuild_balances;
DROP FUNCTION counterfoil_sum_up;
"""

WALLED = [
    "accounting_unsummedentries",
    "accounting_dailybalance",
    "accounting_periodseal",
    "accounting_sealedbalance",
    "accounting_sealedcustomerbalance",
]


class Migration(migrations.Migration):
    dependencies = [("accounting", "0008_balances_and_seals")]

    operations = [
        RaiseWalls(WALLED),
        migrations.RunSQL(NOTES, UNNOTE),
        migrations.RunSQL(BALANCES, UNBALANCE),
        migrations.RunSQL(SEALS, UNSEAL),
    ]
