"""Daily balances follow from the lines, closing a period seals it, and nothing else writes either.

Posting is spared all but one small row per batch: which run of entries the balances do not hold yet. What adds up and what
seals works as the owner, so that a role that merely uses the tables needs no right to (`manage.py grant_use`).
"""

from django.db import migrations

from billing.guards import Guards

BALANCES = """
CREATE TRIGGER kept_until_summed BEFORE UPDATE OR TRUNCATE ON accounting_unsummedentries
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

-- Add the noted entries to the daily balances. One at a time per company; whoever finds another at it leaves it alone.
CREATE FUNCTION counterfoil_sum_up(wait boolean) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
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
CREATE FUNCTION counterfoil_rebuild_balances() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
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
"""

STANDING = """
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
"""

DAILY = """
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

FULL_PAGES = """
ALTER TABLE accounting_dailybalance RESET (fillfactor);
"""

SEALS = """
-- The digest of one period. JSON, because it is written the same way under every setting of a connection. Seals of format 1
-- were made before lines had a refund and an obligation.
CREATE FUNCTION counterfoil_period_digest(entity bigint, since date, until date, previous text, format int)
RETURNS text LANGUAGE sql STABLE
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
    SELECT encode(sha256(convert_to(previous || coalesce(string_agg(d.digest, '' ORDER BY d.date, d.id), ''), 'UTF8')), 'hex')
    FROM (
        SELECT e.date, e.id, encode(sha256(convert_to(jsonb_build_array(
            e.id, e.date, e.currency, e.kind, e.description, e.event_id, e.part, e.rule_version_id, e.reverses_id,
            (SELECT jsonb_agg(jsonb_build_array(l.position, l.date, l.account_id, l.currency, l.debit, l.credit,
                l.base_debit, l.base_credit, l.role, l.resolved_by, l.customer_id, l.contract_id, l.contract_item_id,
                l.product_id, l.invoice_id, l.credit_note_id, l.payment_id, l.tax_rate_id)
                || CASE WHEN format = 1 THEN '[]' ELSE jsonb_build_array(l.refund_id, l.obligation_id) END ORDER BY l.position)
             FROM accounting_journalline l WHERE l.entry_id = e.id)
        )::text, 'UTF8')), 'hex') AS digest
        FROM accounting_journalentry e
        WHERE e.business_entity_id = entity AND e.date >= since AND e.date < until
    ) d
$$;

-- A seal holds what stood on each account at the end of its month. What the month says of those ahead is handed over by who
-- closes, since the schedules are read in one place only; a month closed in another way has none.
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
            base_debit, closed_at, closed_by_id, checks, release)
        SELECT p.tenant_id, p.id, 1 + (SELECT count(*) FROM accounting_periodseal WHERE period_id = p.id), 2,
            counterfoil_period_digest(p.business_entity_id, p.start, p."end", previous, 2), previous,
            count(DISTINCT l.entry_id), count(*), coalesce(sum(l.base_debit), 0), p.closed_at, p.closed_by_id, p.close_checks,
            nullif(current_setting('counterfoil.release', true), '')::jsonb
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
"""

PERIODS = """
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

-- Closing seals, whoever closes; closed periods have no open one before them.
CREATE FUNCTION counterfoil_seal_on_close() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
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


class Migration(migrations.Migration):
    replaces = [("accounting", "0009_balances_and_seals_guards"), ("accounting", "0020_balances_by_their_owner")]
    dependencies = [("accounting", "0003_journal")]

    operations = [Guards(BALANCES), Guards(STANDING), Guards(DAILY, FULL_PAGES), Guards(SEALS), Guards(PERIODS)]
