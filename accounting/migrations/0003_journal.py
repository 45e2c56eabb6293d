"""What the database refuses by itself, whoever asks: unbalanced, changed or misplaced entries, posts into closed months.

An entry is worth nothing without its lines, so what holds for entries is checked when their lines come: together in one
statement, or later in the transaction (`posted_xid` says which), so that nobody can add lines to an old entry. Only entries
whose lines are still to come are noted; a deferred trigger looks at commit that they have come.

Most of what a guard costs is the asking: each trigger about as much as the insert that fires it, each plan its start. So a
batch of lines is looked at once per statement, with its entries, and every look-up goes by key.
"""

from django.db import migrations

from billing.guards import AppendOnly, Guards

ENTRIES = """
-- The note of what to look at at commit: one per statement instead of one per entry, and only until then.
CREATE TABLE accounting_posting_under_way (tenant_id bigint NOT NULL, first_entry bigint NOT NULL, last_entry bigint NOT NULL);

CREATE FUNCTION counterfoil_check_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM fresh f
        WHERE NOT EXISTS (SELECT 1 FROM accounting_journalline l WHERE l.entry_id = f.id OFFSET 0))
    THEN
        INSERT INTO accounting_posting_under_way SELECT tenant_id, min(id), max(id) FROM fresh GROUP BY tenant_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_may_be_posted AFTER INSERT ON accounting_journalentry REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_check_entries();

-- The tenant's scope may have been left by commit, so the look goes through the wall of the entries' own tenant. One plan is
-- kept for batches of one and of thousands: look up each row by its key, never scan the books.
CREATE FUNCTION counterfoil_check_entries_have_lines() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
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
"""

NO_ENTRIES = """
DROP TABLE accounting_posting_under_way;
"""

LINES = """
-- An entry without a rule version is by hand: a second person approved it, or it reverses an entry because a person said so.
CREATE FUNCTION counterfoil_is_by_hand(e bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM accounting_journalentry j JOIN billing_businessevent b ON b.id = j.event_id
        WHERE j.id = e AND j.rule_version_id IS NULL AND (
            (j.kind = 'reversal' AND b.kind = 'entry_reversed' AND j.reverses_id IS NOT NULL)
            OR (j.kind = 'manual' AND b.kind = 'manual_entry_approved' AND j.reverses_id IS NULL AND EXISTS (
                SELECT 1 FROM accounting_manualentry m WHERE m.id::text = b.key AND m.tenant_id = j.tenant_id
                    AND m.business_entity_id = j.business_entity_id AND m.status = 'posted'))))
$$;

-- The guard of the lines also notes, as the owner, which entries the daily balances do not hold yet.
CREATE FUNCTION counterfoil_check_lines() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    seen record;
    bad record;
BEGIN
    -- One ordinary entry, alone in its statement: looked at in one short question. Whatever is not quite that is left to the
    -- longer question below, which also says what is wrong.
    INSERT INTO accounting_unsummedentries (tenant_id, first_entry, last_entry, first_date, last_date)
        SELECT s.tenant, s.entry, s.entry, s.day, s.day
        FROM (
            SELECT min(f.tenant_id) AS tenant, min(f.business_entity_id) AS entity, min(f.entry_id) AS entry,
                min(f.date) AS day, count(*) AS lines
            FROM (SELECT * FROM fresh LIMIT 26) f
            LEFT JOIN LATERAL (SELECT * FROM accounting_account a WHERE a.id = f.account_id OFFSET 0) a ON true
            HAVING count(*) <= 25 AND bool_and(coalesce(
                    a.business_entity_id = f.business_entity_id AND a.tenant_id = f.tenant_id AND NOT a.is_group, false))
                AND min(f.entry_id) = max(f.entry_id) AND min(f.date) = max(f.date) AND min(f.currency) = max(f.currency)
                AND min(f.business_entity_id) = max(f.business_entity_id) AND min(f.tenant_id) = max(f.tenant_id)
                AND min(f.position) = 1 AND max(f.position) = count(*)
                AND sum(f.debit) = sum(f.credit) AND sum(f.base_debit) = sum(f.base_credit)
                AND sum(f.debit) + sum(f.base_debit) < 1e16
        ) s
        CROSS JOIN LATERAL (SELECT * FROM accounting_journalentry e WHERE e.id = s.entry OFFSET 0) e
        CROSS JOIN LATERAL (SELECT * FROM billing_businessevent v WHERE v.id = e.event_id OFFSET 0) v
        CROSS JOIN LATERAL (SELECT * FROM accounting_ruleversion r WHERE r.id = e.rule_version_id OFFSET 0) r
        CROSS JOIN LATERAL (SELECT p.status FROM accounting_accountingperiod p WHERE p.business_entity_id = s.entity
            AND p.start = date_trunc('month', s.day)::date OFFSET 0 FOR SHARE) p
        WHERE e.tenant_id = s.tenant AND e.business_entity_id = s.entity AND e.date = s.day AND e.line_count = s.lines
            AND e.reverses_id IS NULL AND e.posted_xid = pg_current_xact_id()::text::bigint
            AND v.tenant_id = s.tenant AND v.business_entity_id = s.entity AND r.tenant_id = s.tenant AND p.status = 'open';
    IF FOUND THEN RETURN NULL; END IF;
    WITH entry AS MATERIALIZED (
        SELECT f.entry_id, sum(f.debit) AS debit, sum(f.credit) AS credit,
            sum(f.base_debit) AS base_debit, sum(f.base_credit) AS base_credit,
            count(*) AS lines, min(f.position) AS first_position, max(f.position) AS last_position,
            min(f.currency) <> max(f.currency) AS is_mixed,
            min(f.date) AS first_date, max(f.date) AS last_date,
            min(f.business_entity_id) AS first_entity, max(f.business_entity_id) AS last_entity,
            min(f.tenant_id) AS first_tenant, max(f.tenant_id) AS last_tenant
        FROM fresh f GROUP BY f.entry_id
    ), noted AS (
        -- What the daily balances do not hold yet. Where several processes took ids at the same time, there are several runs.
        INSERT INTO accounting_unsummedentries (tenant_id, first_entry, last_entry, first_date, last_date)
        SELECT min(n.first_tenant), min(n.entry_id), max(n.entry_id), min(n.first_date), max(n.last_date)
            FROM (SELECT s.*, s.entry_id - row_number() OVER (ORDER BY s.entry_id) AS island FROM entry s) n GROUP BY n.island
    )
    SELECT x.*,
            EXISTS (SELECT 1 FROM unnest(x.rules) AS named(id) WHERE named.id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM accounting_ruleversion r WHERE r.id = named.id AND r.tenant_id = x.tenant OFFSET 0)) AS lacks_version,
            -- The periods are held until commit, so that a month cannot be closed under a post that is under way.
            (SELECT min(f.month) FILTER (WHERE p.status IS DISTINCT FROM 'open')
                FROM (SELECT DISTINCT business_entity_id, date_trunc('month', date)::date AS month FROM fresh ORDER BY 1, 2) f
                LEFT JOIN LATERAL (SELECT p.status FROM accounting_accountingperiod p
                    WHERE p.business_entity_id = f.business_entity_id AND p.start = f.month OFFSET 0 FOR SHARE) p ON true
            ) AS closed,
            (SELECT f.account_id FROM (SELECT DISTINCT account_id, business_entity_id, tenant_id FROM fresh) f
                WHERE NOT EXISTS (SELECT 1 FROM accounting_account a WHERE a.id = f.account_id
                    AND a.business_entity_id = f.business_entity_id AND a.tenant_id = f.tenant_id AND NOT a.is_group OFFSET 0)
                LIMIT 1) AS account
        INTO seen
        FROM (SELECT bool_or(s.is_mixed) AS is_mixed, bool_or(
                s.base_debit <> s.base_credit OR (s.debit <> s.credit AND NOT s.is_mixed)
                -- NaN is above every number in PostgreSQL.
                OR NOT s.debit + s.base_debit < 1e16
                OR s.lines IS DISTINCT FROM e.line_count OR s.first_position < 1 OR s.last_position > e.line_count
                OR s.first_date <> e.date OR s.last_date <> e.date
                OR s.first_entity <> e.business_entity_id OR s.last_entity <> e.business_entity_id
                OR s.first_tenant <> e.tenant_id OR s.last_tenant <> e.tenant_id
                OR e.posted_xid <> pg_current_xact_id()::text::bigint
            ) AS is_wrong,
            bool_or(e.event IS NULL) AS lacks_event, array_agg(DISTINCT e.rule_version_id) AS rules,
            -- A statement posts for one company; one for several is refused rather than looked up entry by entry.
            bool_or(e.rule_version_id IS NULL AND NOT counterfoil_is_by_hand(e.id)) OR min(e.tenant_id) <> max(e.tenant_id)
                AS lacks_rule,
            bool_or(e.reverses_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM accounting_journalentry o
                WHERE o.id = e.reverses_id AND o.tenant_id = e.tenant_id AND o.business_entity_id = e.business_entity_id)
            ) AS lacks_reversed,
            min(s.first_tenant) AS tenant
        FROM entry s
        LEFT JOIN LATERAL (
            SELECT e.*,
                (SELECT v.id FROM billing_businessevent v WHERE v.id = e.event_id AND v.tenant_id = e.tenant_id
                    AND v.business_entity_id = e.business_entity_id) AS event
            FROM accounting_journalentry e WHERE e.id = s.entry_id OFFSET 0
        ) e ON true) x;
    IF coalesce(seen.is_wrong, true) THEN
        SELECT f.entry_id, sum(f.debit) AS debit, sum(f.credit) AS credit,
                sum(f.base_debit) AS base_debit, sum(f.base_credit) AS base_credit INTO bad
            FROM fresh f GROUP BY f.entry_id
            ORDER BY sum(f.base_debit) = sum(f.base_credit), sum(f.debit) = sum(f.credit), f.entry_id LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'Journal entry % does not balance, or its lines are not those of one new entry: debit %, '
                'credit %, in base currency % and %.', bad.entry_id, bad.debit, bad.credit, bad.base_debit, bad.base_credit
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF seen.is_mixed THEN
        SELECT f.entry_id, f.currency, sum(f.debit) AS debit, sum(f.credit) AS credit INTO bad
            FROM fresh f GROUP BY f.entry_id, f.currency HAVING sum(f.debit) <> sum(f.credit) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'Journal entry % does not balance in %: debit %, credit %.', bad.entry_id, bad.currency,
                bad.debit, bad.credit USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF seen.closed IS NOT NULL THEN
        RAISE EXCEPTION 'The period of % is not open; nothing can be posted into it.', to_char(seen.closed, 'YYYY-MM')
            USING ERRCODE = 'check_violation';
    END IF;
    IF seen.lacks_event THEN
        RAISE EXCEPTION 'A journal entry must name a business event of its own tenant and entity.'
            USING ERRCODE = 'foreign_key_violation';
    ELSIF seen.lacks_rule OR seen.lacks_version THEN
        RAISE EXCEPTION 'A journal entry must name a rule version of its own tenant, or be approved by a second person.'
            USING ERRCODE = 'foreign_key_violation';
    ELSIF seen.lacks_reversed THEN
        RAISE EXCEPTION 'A reversal must name an entry of its own tenant and entity.' USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF seen.account IS NOT NULL THEN
        RAISE EXCEPTION 'Account % cannot be posted to: it groups others or belongs to other books.', seen.account
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER lines_balance AFTER INSERT ON accounting_journalline REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_check_lines();
"""

FOR_EVER = [
    "accounting_journalentry",
    "accounting_journalline",
    "accounting_correctionsplit",
    "accounting_schedulerevision",
    "accounting_progressreport",
    "accounting_exchangerate",
    "accounting_rulepreview",
    "accounting_previewedevent",
]


class Migration(migrations.Migration):
    replaces = [
        ("accounting", "0003_cheaper_guards"),
        ("accounting", "0014_guard_and_note"),
        ("accounting", "0019_guards_see_the_real_tables"),
    ]
    dependencies = [("accounting", "0002_walls"), ("billing", "0003_guards")]

    operations = [AppendOnly(FOR_EVER), Guards(ENTRIES, NO_ENTRIES), Guards(LINES)]
