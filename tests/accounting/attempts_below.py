"""Attempts at what books stand on in raw SQL: their months, their currency, accounts and rules; see `attempts`."""

from tests.accounting.attempts import Attempt

BELOW = [
    *(
        Attempt(
            f"a period {sentence}",
            'INSERT INTO accounting_accountingperiod (tenant_id, business_entity_id, start, "end", status, reopen_reason) '
            f"VALUES ({{tenant}}, {{entity}}, '{start}', '{end}', 'open', '')",
            "is a calendar month",
        )
        for sentence, start, end in (
            ("of eight years", "2031-04-01", "2039-01-01"),
            ("from the middle of a month", "2031-02-15", "2031-03-01"),
            ("that ends before it begins", "2031-04-01", "2031-03-01"),
        )
    ),
    Attempt(
        "a month of another company's entity",
        'INSERT INTO accounting_accountingperiod (tenant_id, business_entity_id, start, "end", status, reopen_reason) '
        "VALUES ({tenant}, {foreign_entity}, '2031-02-01', '2031-03-01', 'open', '')",
        "business entity of its own tenant",
    ),
    Attempt(
        "a period reopened with blanks for a reason",
        "UPDATE accounting_accountingperiod SET status = 'open', reopen_reason = E' \\t', reopened_at = now() "
        "WHERE id = {closed}",
        "with a reason",
    ),
    Attempt(
        "a used account's normal balance changed",
        "UPDATE accounting_account SET normal_balance = 'credit' WHERE id = {receivable}",
        "has journal lines",
    ),
    Attempt(
        "the currency of books that have entries changed",
        "UPDATE billing_businessentity SET base_currency = 'EUR' WHERE id = {entity}",
        "are kept in USD",
    ),
    Attempt(
        "the event of a rule that has posted changed",
        "UPDATE accounting_accountingrule SET event_kind = 'x' "
        "WHERE id = (SELECT rule_id FROM accounting_ruleversion WHERE id = {rule_version})",
        "has posted entries",
    ),
]
