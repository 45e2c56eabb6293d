"""Accounts-receivable ageing: what customers owed at the end of any day, by how long it was overdue.

Added up from the lines on the receivable accounts and the due dates of finalized invoices, which never change: never from
what an invoice is today. So the ageing of a closed period is the same for ever, and its total is the control account's
balance.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from accounting.reports.asked import Asked
from accounting.reports.control import HELD_FOR_CUSTOMERS, RECEIVABLE, accounts_of, balance_of
from accounting.reports.sql import fetch
from accounting.reports.structure import (
    ZERO,
    Chart,
    Column,
    Further,
    Kind,
    Listed,
    Proof,
    Record,
    Report,
    Row,
    Table,
    Target,
    money,
    summed,
)
from accounting.reports.words import as_of

_HELD_WORDS = "Held for the customer: unapplied payments, wallet, credits to be refunded; not in the total."

# What is open per invoice; {amount} and {currency} say in which currency.
OPEN = """
SELECT l.customer_id, l.invoice_id, sum({amount}) AS open FROM accounting_journalline l
WHERE l.account_id = ANY(%(accounts)s) AND l.date <= %(at)s {narrowed} GROUP BY 1, 2 HAVING sum({amount}) <> 0
"""


def amount_sql(asked: Asked) -> str:
    """Say what is added up: debit less credit in the books' currency, or in the one asked for."""
    return "l.debit - l.credit" if asked["currency"] else "l.base_debit - l.base_credit"


def open_items(asked: Asked) -> tuple[str, dict[str, Any]]:
    """Give the statement of what is open per customer and invoice, and its parameters."""
    accounts = accounts_of([RECEIVABLE], entity_id=asked.entity.pk)
    given: dict[str, Any] = {"accounts": accounts, "at": asked["at"] or asked["to"]}
    narrowed = ""
    if asked["currency"]:
        narrowed += " AND l.currency = %(currency)s"
        given["currency"] = asked["currency"]
    if asked["customer"]:
        narrowed += " AND l.customer_id = %(customer)s"
        given["customer"] = asked["customer"].pk
    return OPEN.format(amount=amount_sql(asked), narrowed=narrowed), given


def bucket_labels(buckets: Sequence[int]) -> list[str]:
    """Name the buckets: not due, 1–30, …, over 90 days."""
    starts = [1, *(days + 1 for days in buckets[:-1])]
    return [
        "Not due",
        *(f"{first}–{last}" for first, last in zip(starts, buckets, strict=True)),
        f"Over {buckets[-1]}",
    ]


def ar_ageing(asked: Asked) -> Report:
    """Show what each customer, or each invoice, owed at the end of a day, by days overdue."""
    by_invoice = asked["by"] == "invoice"
    entity, at, currency, buckets = asked.entity, asked["at"], asked.currency, asked["buckets"]
    labels = bucket_labels(buckets)
    amounts = [Column(f"bucket_{place}", label, Kind.MONEY, currency, bare=True) for place, label in enumerate(labels)]
    tail = [
        *amounts,
        Column("no_invoice", "No invoice", Kind.MONEY, currency, bare=True),
        money("total", "Total", currency),
    ]
    opened, given = open_items(asked)
    rows = Listed((_by_invoice if by_invoice else _by_customer)(asked, opened, given))
    if by_invoice:
        columns = [
            Column("customer", "Customer"),
            Column("invoice", "Invoice"),
            Column("due_on", "Due on", Kind.DAY),
            Column("overdue", "Days overdue", Kind.COUNT),
            *tail,
        ]
    else:
        columns = [Column("customer", "Customer"), *tail, Column("held", "Held", Kind.MONEY, currency, bare=True)]
    totals = summed(rows, columns)
    total = totals.cells[[column.key for column in columns].index("total")]
    table = Table(
        "ageing",
        "",
        columns,
        rows,
        "Nobody owed anything at the end of that day.",
        totals,
        _leads(asked),
        note="" if by_invoice else _HELD_WORDS,
    )
    proofs = []
    if not asked["currency"] and not asked["customer"]:
        balance = balance_of(given["accounts"], at=at)
        proofs = [Proof("The total equals the balance of the receivable accounts", total, balance, currency)]
    first = [column.key for column in columns].index("bucket_0")
    sums = totals.cells[first : first + len(labels)]
    overdue = sum(sums[1:], ZERO)
    return Report(
        "Accounts-receivable ageing",
        as_of(entity, at, currency),
        currency,
        [table],
        headline=[("Owed", total), ("Overdue", overdue), (f"Over {buckets[-1]} days", sums[-1])],
        charts=[Chart("By days overdue", labels, [(f"Owed {currency}", sums)])] if total else [],
        proofs=proofs,
        landscape=True,
    )


def _place(buckets: Sequence[int]) -> str:
    """Give the SQL that numbers an open item's bucket by its days overdue; an item without an invoice has none."""
    steps = " ".join(f"WHEN i.due_on >= %(at)s::date - {days} THEN {place}" for place, days in enumerate((0, *buckets)))
    return f"CASE WHEN i.due_on IS NULL THEN NULL {steps} ELSE {len(buckets) + 1} END"


def _by_customer(asked: Asked, opened: str, given: dict[str, Any]) -> list[Row]:
    buckets = asked["buckets"]
    filters = ", ".join(f"coalesce(sum(open) FILTER (WHERE place = {place}), 0)" for place in range(len(buckets) + 2))
    rows = fetch(
        f"SELECT o.customer_id, c.name, c.external_id, o.amounts FROM (SELECT customer_id, ARRAY[{filters}, "
        "coalesce(sum(open) FILTER (WHERE place IS NULL), 0), sum(open)] AS amounts FROM ("
        f"SELECT o.customer_id, o.open, {_place(buckets)} AS place FROM ({opened}) o "
        "LEFT JOIN billing_invoice i ON i.id = o.invoice_id) v GROUP BY 1) o "
        "LEFT JOIN billing_customer c ON c.id = o.customer_id",
        given,
    )
    owed = {customer: (name, code, amounts) for customer, name, code, amounts in rows}
    held = _held(asked, given)
    none = [ZERO] * (len(buckets) + 4)
    found = [
        (name or "No customer", customer, code, amounts, held.get(customer, (None, None, ZERO))[2])
        for customer, (name, code, amounts) in owed.items()
    ]
    found += [
        (name or "No customer", customer, code, none, amount)
        for customer, (name, code, amount) in held.items()
        if customer not in owed
    ]
    found.sort(key=lambda each: (each[0], each[1] or 0))
    return [
        Row((name, *amounts, amount), {"customer_id": customer, "customer": code})
        for name, customer, code, amounts, amount in found
    ]


def _held(asked: Asked, given: dict[str, Any]) -> dict[int | None, tuple[str | None, str | None, Decimal]]:
    accounts = accounts_of(HELD_FOR_CUSTOMERS, entity_id=asked.entity.pk)
    narrowed = " AND l.currency = %(currency)s" if asked["currency"] else ""
    narrowed += " AND l.customer_id = %(customer)s" if asked["customer"] else ""
    rows = fetch(
        "SELECT h.customer_id, c.name, c.external_id, h.held FROM (SELECT l.customer_id, "
        f"-sum({amount_sql(asked)}) AS held FROM accounting_journalline l "
        f"WHERE l.account_id = ANY(%(accounts)s) AND l.date <= %(at)s {narrowed} GROUP BY 1) h "
        "LEFT JOIN billing_customer c ON c.id = h.customer_id WHERE h.held <> 0",
        {**given, "accounts": accounts},
    )
    return {customer: (name, code, amount) for customer, name, code, amount in rows}


def _by_invoice(asked: Asked, opened: str, given: dict[str, Any]) -> list[Row]:
    buckets = asked["buckets"]
    rows = fetch(
        f"SELECT o.customer_id, coalesce(c.name, 'No customer'), o.invoice_id, i.number, i.due_on, o.open, "
        f"{_place(buckets)}, greatest(%(at)s::date - i.due_on, 0) FROM ({opened}) o "
        "LEFT JOIN billing_invoice i ON i.id = o.invoice_id LEFT JOIN billing_customer c ON c.id = o.customer_id "
        "ORDER BY 2, 1, i.due_on NULLS LAST, o.invoice_id",
        given,
    )
    return [_invoice_row(row, len(buckets) + 2) for row in rows]


def _invoice_row(row: Sequence[Any], count: int) -> Row:
    customer, name, invoice, number, due_on, amount, place, overdue = row
    amounts: list[Decimal | None] = [None] * (count + 1)
    amounts[count if place is None else place] = amount
    about = {"customer_id": customer, "invoice_id": invoice}
    return Row((name, number, due_on, overdue, *amounts, amount), about)


def _leads(asked: Asked) -> Any:
    at, currency = asked["at"], asked["currency"]

    def leads(row: Row, key: str) -> Target | None:
        customer, invoice = row.about.get("customer_id"), row.about.get("invoice_id")
        if key == "customer":
            return Record("customer", customer) if customer else None
        if key == "invoice":
            return Record("invoice", invoice) if invoice else None
        # A row without a customer leads to the lines without one, the row of totals to all of them.
        about = {name: found or 0 for name, found in row.about.items() if name in ("customer_id", "invoice_id")}
        if not about and asked["customer"]:
            about = {"customer_id": asked["customer"].pk}
        if key == "held":
            return _lines(HELD_FOR_CUSTOMERS, **about)
        if key == "total" or "invoice_id" in row.about:
            return _lines([RECEIVABLE], **about)
        if not row.about.get("customer"):
            return None
        asked_further = asked.also(at=at, by="invoice", customer=row.about["customer"], currency=currency)
        return Further("ar-ageing", {**asked_further, "buckets": ",".join(map(str, asked["buckets"]))})

    def _lines(roles: Sequence[str], **about: int) -> Target:
        return Further("lines", asked.also(role=",".join(roles), to=at, currency=currency, **about))

    return leads
