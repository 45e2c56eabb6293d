"""Invoice register and cash receipts: every document once, on the day it was posted, with what the books say of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from accounting.reports.ageing import amount_sql
from accounting.reports.asked import Asked
from accounting.reports.control import HELD_FOR_CUSTOMERS, RECEIVABLE, TAX, accounts_of
from accounting.reports.journal import event_words
from accounting.reports.sql import Queried, fetch
from accounting.reports.structure import Column, Kind, Proof, Record, Report, Row, Style, Table, Target, money
from accounting.reports.words import between
from billing.models import PaymentMethod

_REGISTERED = ("invoice_finalized", "invoice_voided", "credit_note_issued", "credit_note_voided")
_RECEIPTS = ("payment_received", "payment_captured", "wallet_topped_up")
_RETURNED = ("payment_voided", "refund_paid", "dispute_opened", "dispute_won")
CASH, GATEWAYS = "cash", ("accounts_receivable.payment_gateways", "contra_accounts_receivable.payment_gateways")

# One row per business event: an event may have several entries (a void mirrors one and posts another).
_DOCUMENTS = """
SELECT b.id AS event_id, b.kind, min(e.date) AS date, max(l.invoice_id) AS invoice_id,
       max(l.credit_note_id) AS credit_note_id, max(l.customer_id) AS customer_id,
       coalesce(sum({amount}) FILTER (WHERE l.account_id = ANY(%(owed)s)), 0) AS gross,
       -coalesce(sum({amount}) FILTER (WHERE l.account_id = ANY(%(tax)s)), 0) AS tax,
       bool_or(l.currency <> %(base)s) AS foreign_currency, (b.payload->>'total')::numeric AS stated
FROM accounting_journalentry e JOIN billing_businessevent b ON b.id = e.event_id AND b.kind = ANY(%(kinds)s)
JOIN accounting_journalline l ON l.entry_id = e.id {narrowed}
WHERE e.business_entity_id = %(entity)s AND e.date BETWEEN %(since)s AND %(until)s GROUP BY b.id
"""


def _narrowed(asked: Asked) -> str:
    currency = " AND l.currency = %(currency)s" if asked["currency"] else ""
    return currency + (" AND l.customer_id = %(customer)s" if asked["customer"] else "")


def _given(asked: Asked) -> dict[str, Any]:
    return {
        "entity": asked.entity.pk,
        "since": asked["from"],
        "until": asked["to"],
        "base": asked.base,
        "currency": asked["currency"],
        "customer": asked["customer"].pk if asked["customer"] else None,
    }


def invoice_register(asked: Asked) -> Report:
    """List every invoice, void and credit note posted between two days, with net, tax and gross as they were booked."""
    entity, currency = asked.entity, asked.currency
    given = {
        **_given(asked),
        "kinds": list(_REGISTERED),
        "owed": accounts_of([RECEIVABLE, *HELD_FOR_CUSTOMERS], entity_id=entity.pk),
        "tax": accounts_of([TAX], entity_id=entity.pk),
    }
    documents = _DOCUMENTS.format(amount=amount_sql(asked), narrowed=_narrowed(asked))
    ((count, gross, tax, stated, foreign),) = fetch(
        "SELECT count(*), coalesce(sum(gross), 0), coalesce(sum(tax), 0), "
        "coalesce(sum(CASE WHEN kind IN ('invoice_finalized', 'credit_note_voided') THEN stated ELSE -stated END), 0), "
        f"coalesce(bool_or(foreign_currency), false) FROM ({documents}) d",
        given,
    )
    columns = [
        Column("date", "Posted", Kind.DAY),
        Column("document", "Document"),
        Column("kind", "Kind"),
        Column("issued_on", "Dated", Kind.DAY),
        Column("due_on", "Due", Kind.DAY),
        Column("customer", "Customer"),
        money("net", "Net", currency),
        money("tax", "Tax", currency),
        money("gross", "Gross", currency),
    ]
    rows = Queried(
        "SELECT d.date, coalesce(n.number, i.number), d.kind, coalesce(CASE WHEN d.kind = 'credit_note_voided' "
        "THEN n.voided_on ELSE n.issued_on END, CASE WHEN d.kind = 'invoice_voided' "
        "THEN i.voided_on ELSE i.issued_on END), CASE WHEN d.kind = 'invoice_finalized' THEN i.due_on END, c.name, "
        "d.gross - d.tax, d.tax, d.gross, d.event_id, d.invoice_id, d.credit_note_id, d.customer_id "
        f"FROM ({documents}) d LEFT JOIN billing_invoice i ON i.id = d.invoice_id "
        "LEFT JOIN billing_creditnote n ON n.id = d.credit_note_id LEFT JOIN billing_customer c ON c.id = d.customer_id "
        "ORDER BY d.date, d.event_id",
        given,
        _document,
        count,
    )
    totals = Row(("Total", *[None] * 5, gross - tax, tax, gross), style=Style.SUBTOTAL)
    table = Table("documents", "", columns, rows, "Nothing was invoiced between these days.", totals, _to_document)
    proofs = (
        []
        if foreign or asked["currency"]
        else [Proof("The documents' own totals add up to what was booked", gross, stated, currency)]
    )
    return Report(
        "Invoice register",
        between(entity, asked["from"], asked["to"], currency),
        currency,
        [table],
        headline=[("Documents", f"{count:,}"), ("Net", gross - tax), ("Tax", tax), ("Gross", gross)],
        proofs=proofs,
        landscape=True,
    )


_KINDS = {
    "invoice_finalized": "Invoice",
    "invoice_voided": "Void",
    "credit_note_issued": "Credit note",
    "credit_note_voided": "Credit note voided",
}


def _document(line: Sequence[Any]) -> Row:
    about = dict(zip(("event_id", "invoice_id", "credit_note_id", "customer_id"), line[9:], strict=True))
    return Row((*line[:2], _KINDS[line[2]], *line[3:9]), about)


def _to_document(row: Row, key: str) -> Target | None:
    about = row.about
    if not about:
        return None
    if key == "document":
        kind = "credit_note" if about["credit_note_id"] else "invoice"
        return Record(kind, about[f"{kind}_id"]) if about[f"{kind}_id"] else None
    if key == "customer":
        return Record("customer", about["customer_id"]) if about["customer_id"] else None
    return Record("event", about["event_id"]) if key in ("net", "tax", "gross") else None


# Cash receipts.

_MONEY = """
SELECT e.id AS entry_id, e.date, e.posted_at, b.kind, max(l.customer_id) AS customer_id, max(l.payment_id) AS payment_id,
       coalesce(sum({amount}) FILTER (WHERE l.account_id = ANY(%(cash)s)), 0) AS cash,
       coalesce(sum({amount}) FILTER (WHERE l.account_id = ANY(%(gateways)s)), 0) AS gateways,
       coalesce(sum({amount}) FILTER (WHERE NOT l.account_id = ANY(%(known)s)), 0) AS other,
       -coalesce(sum({amount}) FILTER (WHERE l.account_id = ANY(%(owed)s)), 0) AS settled,
       -coalesce(sum({amount}) FILTER (WHERE l.account_id = ANY(%(held)s)), 0) AS kept
FROM accounting_journalentry e JOIN billing_businessevent b ON b.id = e.event_id AND b.kind = ANY(%(kinds)s)
JOIN accounting_journalline l ON l.entry_id = e.id {narrowed}
WHERE e.business_entity_id = %(entity)s AND e.date BETWEEN %(since)s AND %(until)s GROUP BY e.id, e.date, e.posted_at, b.kind
"""


def cash_receipts(asked: Asked) -> Report:
    """List every payment received between two days: where the money went, and what it settled; and what was paid back."""
    entity, currency = asked.entity, asked.currency
    groups = {
        "cash": accounts_of([CASH], entity_id=entity.pk),
        "gateways": accounts_of(GATEWAYS, entity_id=entity.pk),
        "owed": accounts_of([RECEIVABLE], entity_id=entity.pk),
        "held": accounts_of(HELD_FOR_CUSTOMERS, entity_id=entity.pk),
    }
    given = {**_given(asked), **groups, "known": [account for group in groups.values() for account in group]}
    received, sums = _receipts(asked, {**given, "kinds": list(_RECEIPTS)}, "receipts", "Received")
    returned, _ = _receipts(asked, {**given, "kinds": list(_RETURNED)}, "returned", "Paid back")
    cash, gateways, other, settled, kept = sums
    proof = Proof(
        "What came in equals what it settled and what is kept", cash + gateways + other, settled + kept, currency
    )
    tables = [received, returned] if len(returned.rows) else [received]
    return Report(
        "Cash receipts",
        between(entity, asked["from"], asked["to"], currency),
        currency,
        tables,
        headline=[
            ("Payments", f"{len(received.rows):,}"),
            ("Into cash", cash),
            ("By gateways", gateways),
            ("Settled", settled),
            ("Kept", kept),
        ],
        proofs=[proof],
        landscape=True,
    )


def _receipts(asked: Asked, given: Mapping[str, Any], name: str, title: str) -> tuple[Table, Sequence[Any]]:
    currency = asked.currency
    found = _MONEY.format(amount=amount_sql(asked), narrowed=_narrowed(asked))
    ((count, *sums),) = fetch(
        "SELECT count(*), coalesce(sum(cash), 0), coalesce(sum(gateways), 0), coalesce(sum(other), 0), "
        f"coalesce(sum(settled), 0), coalesce(sum(kept), 0) FROM ({found}) m",
        given,
    )
    columns = [
        Column("date", "Posted", Kind.DAY),
        Column("event", "What happened"),
        Column("customer", "Customer"),
        Column("reference", "Reference"),
        Column("method", "Method"),
        money("cash", "Into cash", currency),
        money("gateways", "By gateway", currency),
        money("other", "Tax withheld, exchange differences, other", currency),
        money("settled", "Settles invoices", currency),
        money("kept", "Kept for the customer", currency),
    ]
    rows = Queried(
        "SELECT m.date, m.kind, c.name, p.reference, p.method, m.cash, m.gateways, m.other, m.settled, m.kept, m.entry_id, "
        f"m.customer_id, m.payment_id FROM ({found}) m LEFT JOIN billing_customer c ON c.id = m.customer_id "
        "LEFT JOIN billing_payment p ON p.id = m.payment_id ORDER BY m.date, m.posted_at, m.entry_id",
        given,
        _payment,
        count,
    )
    totals = Row(("Total", *[None] * 4, *sums), style=Style.SUBTOTAL)
    return Table(name, title, columns, rows, "No money came in between these days.", totals, _to_payment), sums


def _payment(line: Sequence[Any]) -> Row:
    method = PaymentMethod(line[4]).label if line[4] in PaymentMethod.values else line[4]
    about = dict(zip(("entry_id", "customer_id", "payment_id"), line[10:], strict=True))
    return Row((line[0], event_words(line[1]), line[2], line[3] or None, method, *line[5:10]), about)


def _to_payment(row: Row, key: str) -> Target | None:
    kind = {"customer": "customer", "reference": "payment"}.get(key, "entry" if key not in ("date", "method") else "")
    found = row.about.get(f"{kind}_id")
    return Record(kind, found) if found else None
