"""The balance of one account is asked for most often: one plan adds it up, without a table of rows in between."""

from importlib import import_module

from django.db import migrations

from billing.guards import Guards

BALANCES = """
DROP FUNCTION counterfoil_standing(bigint, date, bigint);
DROP FUNCTION counterfoil_moved(bigint, date, date, bigint);

-- What moved on the accounts of an entity from a day on and before another.
CREATE FUNCTION counterfoil_moved(entity bigint, since date, until date)
RETURNS TABLE (account_id bigint, currency varchar, debit numeric, credit numeric, base_debit numeric, base_credit numeric)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT b.account_id, b.currency, b.debit, b.credit, b.base_debit, b.base_credit
        FROM accounting_dailybalance b
        WHERE b.business_entity_id = entity AND b.date >= since AND b.date < until;
    -- The lines that the daily balances do not hold yet: few, found run by run. OFFSET 0 keeps the order of the join.
    RETURN QUERY SELECT l.account_id, l.currency, l.debit, l.credit, l.base_debit, l.base_credit
        FROM accounting_unsummedentries n CROSS JOIN LATERAL (
            SELECT o.* FROM accounting_journalline o WHERE o.entry_id BETWEEN n.first_entry AND n.last_entry OFFSET 0
        ) l
        WHERE n.first_date < until AND n.last_date >= since AND l.business_entity_id = entity
            AND l.date >= since AND l.date < until;
END $$;

-- Where they stood before a day: what was sealed last by then, and what moved since.
CREATE FUNCTION counterfoil_standing(entity bigint, until date)
RETURNS TABLE (account_id bigint, currency varchar, debit numeric, credit numeric, base_debit numeric, base_credit numeric)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    sealed bigint;
    since date;
BEGIN
    SELECT p.seal_id, p."end" INTO sealed, since FROM accounting_accountingperiod p
        WHERE p.business_entity_id = entity AND p.status = 'closed' AND p."end" <= until ORDER BY p.start DESC LIMIT 1;
    RETURN QUERY SELECT b.account_id, b.currency, b.debit, b.credit, b.base_debit, b.base_credit
        FROM accounting_sealedbalance b WHERE b.seal_id = sealed;
    RETURN QUERY SELECT * FROM counterfoil_moved(entity, coalesce(since, '-infinity'), until);
END $$;

-- The same for one account, in base currency: debit less credit.
CREATE FUNCTION counterfoil_account_balance(entity bigint, until date, account bigint) RETURNS numeric
LANGUAGE plpgsql STABLE AS $$
DECLARE
    sealed bigint;
    since date;
BEGIN
    SELECT p.seal_id, p."end" INTO sealed, since FROM accounting_accountingperiod p
        WHERE p.business_entity_id = entity AND p.status = 'closed' AND p."end" <= until ORDER BY p.start DESC LIMIT 1;
    since := coalesce(since, '-infinity');
    RETURN (SELECT coalesce(sum(b.base_debit) - sum(b.base_credit), 0)
              FROM accounting_sealedbalance b WHERE b.seal_id = sealed AND b.account_id = account)
        + (SELECT coalesce(sum(b.base_debit) - sum(b.base_credit), 0)
             FROM accounting_dailybalance b WHERE b.account_id = account AND b.date >= since AND b.date < until)
        + (SELECT coalesce(sum(l.base_debit) - sum(l.base_credit), 0)
             FROM accounting_unsummedentries n CROSS JOIN LATERAL (
                SELECT o.* FROM accounting_journalline o WHERE o.entry_id BETWEEN n.first_entry AND n.last_entry OFFSET 0
             ) l
            WHERE n.first_date < until AND n.last_date >= since AND l.account_id = account
                AND l.date >= since AND l.date < until);
END $$;
"""
_BEFORE = import_module("accounting.migrations.0004_periods_and_balances").STANDING


class Migration(migrations.Migration):
    dependencies = [("accounting", "0007_audit_trail")]

    operations = [Guards(BALANCES, _BEFORE)]
