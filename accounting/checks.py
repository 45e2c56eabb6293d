"""Add everything up again: does the ledger agree with itself, with the sub-ledgers and with the documents?

Each check is one query that answers the rows that should not be there.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from accounting.balance_checks import (
    BROKEN_SEALS,
    OPEN_WITHOUT_A_RECORD,
    WRONG_DAILY_BALANCES,
    WRONG_SEAL_COUNTS,
    WRONG_SEALED_BALANCES,
    WRONG_SEALED_CUSTOMERS,
)
from accounting.currency.checks import LEFT_BEHIND, WRONG_CARRYING_AMOUNTS
from accounting.event_checks import DOCUMENTS, HEADS
from accounting.models import JournalEntry, UnmatchedEvent
from billing.fields import CURRENCIES
from billing.models import Tenant
from billing.money import minor_digits
from billing.standing import fallen_guards
from billing.tenancy import tenant_scope
from billing.trail import gaps_in_the_trail


@dataclass(frozen=True, slots=True)
class Check:
    """A query of what is wrong (empty: nothing), and the sentence that its columns fill."""

    name: str
    sql: str
    problem: str


# What a role's account should stand at, from the lines (debit less credit), against what the documents say: each currency by
# itself, as documents are written. Lines of exchange differences have an amount in base currency only, so they add nothing.
_CONTROL = """
SELECT coalesce(b.entity, s.entity), coalesce(b.balance, 0), coalesce(s.balance, 0), coalesce(b.currency, s.currency) FROM
  (SELECT business_entity_id AS entity, currency, sum(debit - credit) AS balance FROM accounting_journalline
   WHERE role IN ({roles}) GROUP BY 1, 2) b
FULL JOIN (SELECT entity, currency, sum(amount) AS balance FROM ({sub_ledger}) d GROUP BY 1, 2) s
  ON s.entity = b.entity AND s.currency = b.currency WHERE coalesce(b.balance, 0) <> coalesce(s.balance, 0)
"""

_OPEN_INVOICES = """
SELECT business_entity_id AS entity, currency, total - settled AS amount FROM billing_invoice
WHERE status IN ('finalized', 'partially_paid', 'paid', 'written_off')
"""
_UNAPPLIED = "SELECT business_entity_id AS entity, currency, -unapplied AS amount FROM billing_payment"
_WALLETS = """
SELECT w.business_entity_id AS entity, w.currency, -e.paid AS amount FROM billing_walletentry e
JOIN billing_wallet w ON w.id = e.wallet_id
"""
_OWED_BACK = """
SELECT business_entity_id AS entity, currency, -to_refund AS amount FROM billing_creditnote WHERE voided_on IS NULL
UNION ALL SELECT business_entity_id, currency, amount FROM billing_refund WHERE credit_note_id IS NOT NULL
"""
_HELD_BY_GATEWAYS = """
SELECT business_entity_id AS entity, currency, amount FROM billing_payment WHERE gateway_id IS NOT NULL AND voided_on IS NULL
UNION ALL SELECT business_entity_id, currency, -captured FROM billing_gatewaypayout
"""
_KEPT_BY_GATEWAYS = """
SELECT business_entity_id AS entity, currency, -amount AS amount FROM billing_refund WHERE gateway_id IS NOT NULL
UNION ALL SELECT business_entity_id, currency, -CASE status WHEN 'won' THEN fee - fee_returned ELSE amount + fee END
FROM billing_dispute WHERE gateway_id IS NOT NULL
UNION ALL SELECT business_entity_id, currency, withheld FROM billing_gatewaypayout
"""
_DEFERRED = """
SELECT business_entity_id AS entity, currency, -greatest(billed - recognized, 0) AS amount
FROM accounting_recognitionschedule WHERE NOT is_committed
UNION ALL SELECT k.business_entity_id, c.currency, c.recognized - c.committed FROM accounting_contractcommitment c
JOIN billing_contractitem i ON i.id = c.contract_item_id JOIN billing_contract k ON k.id = i.contract_id
"""
_UNBILLED = """
SELECT business_entity_id AS entity, currency, greatest(recognized - billed, 0) AS amount
FROM accounting_recognitionschedule WHERE NOT is_committed
UNION ALL SELECT k.business_entity_id, c.currency, c.committed - c.billed FROM accounting_contractcommitment c
JOIN billing_contractitem i ON i.id = c.contract_item_id JOIN billing_contract k ON k.id = i.contract_id
"""
# What expires in a wallet has no schedule; whether it is revenue is for its rule to say.
_REVENUE = """
SELECT business_entity_id AS entity, currency, -recognized AS amount FROM accounting_recognitionschedule
UNION ALL SELECT l.business_entity_id, l.currency, l.debit - l.credit FROM billing_businessevent b
JOIN accounting_journalentry e ON e.event_id = b.id JOIN accounting_journalline l ON l.entry_id = e.id
WHERE b.kind = 'wallet_expired' AND l.role IN ('revenue', 'breakage_revenue')
"""

UNPOSTED_EVENTS = (
    "SELECT b.kind, b.key FROM billing_businessevent b "
    "WHERE b.kind IN ('invoice_finalized', 'credit_note_issued', 'payment_received', 'payment_captured', "
    "'payment_allocated', 'payment_unallocated', 'payment_voided', 'credit_note_voided', "
    "'payout_received', 'dispute_opened', 'dispute_won', 'refund_paid', 'wallet_topped_up', "
    "'wallet_applied', 'wallet_expired', 'invoice_written_off', 'write_off_recovered', "
    "'revenue_recognized', 'manual_entry_approved', 'entry_reversed') AND coalesce((b.payload->>'total')::numeric, 1) <> 0 "
    "AND (b.kind <> 'wallet_expired' OR (b.payload->>'paid')::numeric <> 0) "
    "AND NOT EXISTS (SELECT 1 FROM accounting_journalentry e WHERE e.event_id = b.id) "
    "AND NOT EXISTS (SELECT 1 FROM accounting_unmatchedevent u WHERE u.event_id = b.id) "
    "AND NOT EXISTS (SELECT 1 FROM accounting_ruleversion v JOIN accounting_accountingrule r ON r.id = v.rule_id "
    "WHERE r.event_kind = b.kind AND v.lines = '[]')"
)


def _control(name: str, role: str, sub_ledger: str, what: str, *more_roles: str) -> Check:
    roles = ", ".join(f"'{each}'" for each in (role, *more_roles))
    return Check(
        name,
        _CONTROL.format(roles=roles, sub_ledger=sub_ledger),
        f"Entity {{0}}: “{role}” stands at {{1}} {{3}} in the ledger, but {what} add up to {{2}}.",
    )


CONTROL_CHECKS = (
    _control("receivables_agree", "accounts_receivable.customers", _OPEN_INVOICES, "open invoices"),
    _control("unapplied_payments_agree", "unapplied_payments", _UNAPPLIED, "unapplied payments"),
    _control("wallets_agree", "customer_wallet", _WALLETS, "the wallets"),
    _control("owed_back_agrees", "contra_accounts_receivable.customers", _OWED_BACK, "credit notes to be refunded"),
    _control("gateways_agree", "accounts_receivable.payment_gateways", _HELD_BY_GATEWAYS, "payments not yet paid out"),
    _control(
        "kept_by_gateways_agrees",
        "contra_accounts_receivable.payment_gateways",
        _KEPT_BY_GATEWAYS,
        "refunds and disputes not yet kept from a payout",
    ),
    _control("deferred_revenue_agrees", "deferred_revenue", _DEFERRED, "the recognition schedules"),
    _control("unbilled_revenue_agrees", "unbilled_revenue", _UNBILLED, "the recognition schedules"),
    _control("revenue_agrees", "revenue", _REVENUE, "the recognition schedules", "breakage_revenue"),
)

CURRENCY_CHECKS = (
    Check(
        "carrying_amounts_agree",
        WRONG_CARRYING_AMOUNTS,
        "Entity {0}: “{1}” in {2} stands at {3}, {4} in base currency; what is carried adds up to {5} and {6}.",
    ),
    Check(
        "nothing_is_left_of_what_is_settled",
        LEFT_BEHIND,
        "Entity {0}: “{1}” in {2}, {3}, is settled, but {4} of it is left in base currency.",
    ),
)

CHECKS = (
    Check(
        "entries_balance",
        "SELECT entry_id, sum(debit), sum(credit) FROM accounting_journalline GROUP BY entry_id, currency "
        "HAVING sum(debit) <> sum(credit)",
        "Entry {0} does not balance: debit {1}, credit {2}.",
    ),
    Check(
        "entries_balance_in_base_currency",
        "SELECT entry_id, sum(base_debit), sum(base_credit) FROM accounting_journalline GROUP BY entry_id "
        "HAVING sum(base_debit) <> sum(base_credit)",
        "Entry {0} does not balance in base currency: debit {1}, credit {2}.",
    ),
    Check(
        "base_amounts_agree",
        "SELECT l.entry_id, l.debit - l.credit, e.base_currency, l.base_debit - l.base_credit FROM accounting_journalline l "
        "JOIN billing_businessentity e ON e.id = l.business_entity_id AND e.base_currency = l.currency "
        "WHERE (l.debit, l.credit) <> (l.base_debit, l.base_credit)",
        "Entry {0} has a line of {1} {2} that counts as {3} in that same currency.",
    ),
    Check(
        "entries_are_whole",
        "SELECT e.id, e.line_count, count(l.id) FROM accounting_journalentry e "
        "LEFT JOIN accounting_journalline l ON l.entry_id = e.id AND l.date = e.date "
        "AND l.business_entity_id = e.business_entity_id GROUP BY e.id HAVING count(l.id) <> e.line_count",
        "Entry {0} should have {1} lines of its own date and entity, but has {2}.",
    ),
    Check(
        "lines_have_entries",
        "SELECT l.id FROM accounting_journalline l LEFT JOIN accounting_journalentry e ON e.id = l.entry_id "
        "WHERE e.id IS NULL",
        "Line {0} belongs to no entry.",
    ),
    Check(
        "accounts_belong_to_the_entity",
        "SELECT l.entry_id, a.code FROM accounting_journalline l JOIN accounting_account a ON a.id = l.account_id "
        "WHERE a.business_entity_id <> l.business_entity_id OR a.is_group",
        "Entry {0} uses account {1}, which cannot take its lines.",
    ),
    Check(
        "entries_are_explained",
        "SELECT e.id FROM accounting_journalentry e LEFT JOIN billing_businessevent b ON b.id = e.event_id "
        "LEFT JOIN accounting_ruleversion v ON v.id = e.rule_version_id WHERE b.id IS NULL "
        "OR (v.id IS NULL AND (e.rule_version_id IS NOT NULL OR b.kind NOT IN ('manual_entry_approved', 'entry_reversed')))",
        "Entry {0} has lost its event or its rule.",
    ),
    Check(
        "events_are_posted",
        UNPOSTED_EVENTS,
        "The event {0} {1} was published but never posted.",
    ),
    Check(
        "documents_are_published",
        "SELECT i.number FROM billing_invoice i LEFT JOIN billing_businessevent b ON b.tenant_id = i.tenant_id "
        "AND b.kind = 'invoice_finalized' AND b.key = i.id::text WHERE i.status <> 'draft' AND b.id IS NULL",
        "Invoice {0} is finalized, but the books were never told.",
    ),
    Check("events_are_whole", HEADS, "The event {0} {1} says otherwise of itself than what it is stored under."),
    Check(
        "events_say_what_documents_say",
        DOCUMENTS,
        "{0}: the event that the books were told says that its “{1}” is {2}, the document {3}.",
    ),
    Check(
        "voids_are_published",
        "SELECT i.number FROM billing_invoice i LEFT JOIN billing_businessevent b ON b.tenant_id = i.tenant_id "
        "AND b.kind = 'invoice_voided' AND b.key = i.id::text WHERE i.status = 'void' AND b.id IS NULL",
        "Invoice {0} is void, but the books were never told.",
    ),
    Check(
        "invoices_add_up",
        "SELECT i.id, i.net, i.tax, sum(l.net), sum(l.tax) FROM billing_invoice i "
        "LEFT JOIN billing_invoiceline l ON l.invoice_id = i.id GROUP BY i.id "
        "HAVING i.net <> coalesce(sum(l.net), 0) OR i.tax <> coalesce(sum(l.tax), 0)",
        "Invoice {0} says net {1} and tax {2}, its lines add up to {3} and {4}.",
    ),
    Check(
        "settlements_add_up",
        "SELECT i.number, i.settled, coalesce(sum(s.amount), 0) FROM billing_invoice i LEFT JOIN ("
        "SELECT invoice_id, amount FROM billing_paymentallocation "
        "UNION ALL SELECT invoice_id, total - to_wallet - to_refund FROM billing_creditnote WHERE voided_on IS NULL "
        "UNION ALL SELECT invoice_id, -paid - bonus FROM billing_walletentry WHERE kind = 'applied' "
        "UNION ALL SELECT invoice_id, amount - recovered FROM billing_writeoff) s "
        "ON s.invoice_id = i.id WHERE i.status <> 'draft' GROUP BY i.id "
        "HAVING i.settled <> coalesce(sum(s.amount), 0) "
        "OR (i.status IN ('paid', 'written_off')) <> (i.settled >= i.total)",
        "Invoice {0} says {1} is settled; what settled it adds up to {2}.",
    ),
    Check(
        "payments_add_up",
        "SELECT p.id, p.amount + p.withheld, p.unapplied, coalesce(sum(u.amount), 0) FROM billing_payment p LEFT JOIN ("
        "SELECT payment_id, amount FROM billing_paymentallocation "
        "UNION ALL SELECT id, amount + withheld FROM billing_payment WHERE voided_on IS NOT NULL "
        "UNION ALL SELECT payment_id, paid FROM billing_walletentry WHERE payment_id IS NOT NULL "
        "UNION ALL SELECT payment_id, from_unapplied FROM billing_refund WHERE payment_id IS NOT NULL "
        "UNION ALL SELECT payment_id, from_unapplied FROM billing_dispute WHERE status <> 'won') u "
        "ON u.payment_id = p.id GROUP BY p.id HAVING p.amount + p.withheld <> p.unapplied + coalesce(sum(u.amount), 0)",
        "Payment {0} of {1} keeps {2} and was used for {3}.",
    ),
    Check(
        "returned_parts_add_up",
        "SELECT d.what, d.id, d.amount, coalesce(sum(p.amount), 0) FROM ("
        "SELECT 'Dispute' AS what, id, amount - from_unapplied AS amount FROM billing_dispute "
        "UNION ALL SELECT 'Refund', id, amount - from_unapplied FROM billing_refund WHERE payment_id IS NOT NULL) d "
        "LEFT JOIN billing_returnedpart p ON (d.what = 'Dispute' AND p.dispute_id = d.id) "
        "OR (d.what = 'Refund' AND p.refund_id = d.id) "
        "GROUP BY d.what, d.id, d.amount HAVING d.amount <> coalesce(sum(p.amount), 0)",
        "{0} {1} gives {2} of invoices back; its parts add up to {3}.",
    ),
    Check(
        "invoice_numbers_have_no_gaps",
        "SELECT s.prefix, s.next_number - 1, count(i.id) FROM billing_numberseries s LEFT JOIN billing_invoice i "
        "ON i.business_entity_id = s.business_entity_id AND i.number LIKE s.prefix || '%%' WHERE s.kind = 'invoice' "
        "GROUP BY s.id HAVING count(i.id) <> s.next_number - 1",
        "The series {0} has given {1} numbers, but {2} invoices carry one.",
    ),
    Check(
        "daily_balances_agree",
        WRONG_DAILY_BALANCES,
        "Account {0} on {1}: the daily balance moves by {2}, the lines by {3}. Run rebuild_balances.",
    ),
    Check(
        "sealed_balances_agree",
        WRONG_SEALED_BALANCES,
        "Account {0}, period from {1}: sealed at {2}, but the lines and the seal before add up to {3}.",
    ),
    Check(
        "seals_hold",
        BROKEN_SEALS,
        "The period from {0} is not what was sealed: its lines give the digest {1}, the seal says {2}. Something was "
        "changed behind the guards of the database.",
    ),
    Check(
        "sealed_customers_agree",
        WRONG_SEALED_CUSTOMERS,
        "Customer {0}, “{1}”, period from {2}: sealed at {3}, but the lines and the seal before add up to {4}.",
    ),
    Check(
        "seals_count_right",
        WRONG_SEAL_COUNTS,
        "The period from {0}: its seal says {1} entries, {2} lines, debits of {3}; there are {4}, {5} and {6}, or who closed "
        "it, when, and what was checked is not what the period says.",
    ),
    Check(
        "reopened_on_the_record",
        OPEN_WITHOUT_A_RECORD,
        "The period from {0} was closed {1} times and is not closed as it should be: nobody reopened it on the record.",
    ),
    *CONTROL_CHECKS,
    *CURRENCY_CHECKS,
)

# No guard of the database knows how many decimals a currency has; what came past the services shows here.
_TOO_FINE = """
SELECT x.what, x.id, x.amount, x.currency FROM (
    SELECT 'Entry' AS what, l.entry_id AS id, v.amount, v.currency FROM accounting_journalline l
    JOIN billing_businessentity e ON e.id = l.business_entity_id
    CROSS JOIN LATERAL (VALUES (l.debit, l.currency), (l.credit, l.currency), (l.base_debit, e.base_currency),
        (l.base_credit, e.base_currency)) v(amount, currency)
    UNION ALL SELECT 'Invoice', i.id, v.amount, i.currency FROM billing_invoice i
    CROSS JOIN LATERAL (VALUES (i.net), (i.tax), (i.settled)) v(amount)
    UNION ALL SELECT 'Credit note', c.id, v.amount, c.currency FROM billing_creditnote c
    CROSS JOIN LATERAL (VALUES (c.net), (c.tax)) v(amount)
    UNION ALL SELECT 'Payment', p.id, v.amount, p.currency FROM billing_payment p
    CROSS JOIN LATERAL (VALUES (p.amount), (p.withheld), (p.unapplied)) v(amount)
) x JOIN unnest(%(currencies)s::text[], %(digits)s::int[]) AS c(code, digits) ON c.code = x.currency
WHERE x.amount <> round(x.amount, c.digits)
"""

_MOST = 100


@dataclass(slots=True)
class LedgerCheck:
    """The outcome for one or all tenants. `unmatched` events wait for a rule: no error of the ledger, but work to do."""

    entries: int
    unmatched: int
    problems: list[dict[str, str]]


def check_ledger(tenant: Tenant) -> LedgerCheck:
    """Look whether the guards stand, and run every check for a tenant; at most a hundred problems of each are listed."""
    problems = [{"tenant": tenant.slug, "check": "guards_stand", "problem": fallen} for fallen in fallen_guards()]
    with tenant_scope(tenant.pk), connection.cursor() as cursor:
        found = [("trail_is_whole", words) for words in gaps_in_the_trail(tenant.pk, _MOST)]
        found += [("amounts_can_be_paid", words) for words in _too_fine(cursor)]
        problems += [{"tenant": tenant.slug, "check": name, "problem": words} for name, words in found]
        for check in CHECKS:
            cursor.execute(f"{check.sql} LIMIT {_MOST}", [])
            problems += [
                {"tenant": tenant.slug, "check": check.name, "problem": check.problem.format(*row)}
                for row in cursor.fetchall()
            ]
        return LedgerCheck(
            JournalEntry.objects.count(), UnmatchedEvent.objects.filter(posted_at=None).count(), problems
        )


def _too_fine(cursor: CursorWrapper) -> list[str]:
    """Name amounts with more decimals than their currency has."""
    codes = [code for code, _ in CURRENCIES]
    given: dict[str, Any] = {"currencies": codes, "digits": [minor_digits(code) for code in codes]}
    cursor.execute(f"{_TOO_FINE} LIMIT {_MOST}", given)
    return [
        f"{what} {pk} has an amount of {amount.normalize():f} {currency}, which has {minor_digits(currency)} decimals."
        for what, pk, amount, currency in cursor.fetchall()
    ]
