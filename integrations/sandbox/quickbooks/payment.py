"""Payments: money received, applied to invoices and credit memos of the same customer."""

from collections.abc import Sequence
from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks.checks import (
    Money,
    exact_cents,
    in_currency,
    money,
    named,
    reference,
    transaction_date,
)
from integrations.sandbox.quickbooks.company import RECEIVABLE, Company
from integrations.sandbox.quickbooks.faults import VendorFault, business, missing, unsupported
from integrations.sandbox.quickbooks.purchase import owed
from integrations.sandbox.quickbooks.store import ZERO, Built, Link, Posting, Record

_SETTLED = {"Invoice": "Invoice", "CreditMemo": "CreditMemo", "Expense": "Purchase", "Check": "Purchase"}
_CHARGES = ("Invoice", "Purchase")
_NAMES = {"Invoice": "Invoice", "CreditMemo": "CreditMemo", "Purchase": "Expense"}
_DEPOSIT_TYPES = ("Bank", "Other Current Asset")


def payment(company: Company, entity: str, body: Json, old: Record | None) -> Built:
    """Check a payment. Raises VendorFault."""
    customer = reference(company, "Customer", body.get("CustomerRef"), "CustomerRef")
    currency = money(company, body, customer)
    if "TotalAmt" not in body:
        raise missing("TotalAmt")
    total = exact_cents(body["TotalAmt"], "TotalAmt")
    if total < 0:
        raise business("Transaction amount must be 0 or greater.")
    links = _links(company, body.get("Line") or (), customer, old)
    settled = sum((link.amount for link in links if link.entity in _CHARGES), ZERO)
    credit = sum((link.amount for link in links if link.entity == "CreditMemo"), ZERO)
    unapplied = total + credit - settled
    if unapplied < 0:
        raise business("The amount applied to invoices is more than the payment and the credits.")
    if credit > settled:
        raise business("More credit is applied than there are charges.")
    deposit = _deposit_account(company, body, currency)
    _receivable_account(company, body, currency)
    fields = body | {
        "TxnDate": transaction_date(body),
        "CustomerRef": named(customer),
        "CurrencyRef": {"value": currency.code},
        "DepositToAccountRef": {"value": deposit},
        "TotalAmt": total,
        "UnappliedAmt": unapplied,
        "ProcessPayment": False,
        "Line": [
            {"Amount": link.amount, "LinkedTxn": [{"TxnId": link.id, "TxnType": _NAMES[link.entity]}], "LineEx": {}}
            for link in links
        ],
    }
    if company.preferences["MultiCurrencyEnabled"]:
        fields |= {"ExchangeRate": currency.rate, "HomeTotalAmt": currency.home(total)}
    return Built(fields, _postings(company, links, total, unapplied, currency, deposit, customer.id), links)


def without(company: Company, paid: Record, document: Record) -> None:
    """Take a document that is voided or deleted out of a payment; its money becomes unapplied.

    Credit that then has no charge left to go to is given back to its credit memo.
    """
    kept = [line for line in paid.data["Line"] if line["LinkedTxn"][0]["TxnId"] != document.id]
    charges = sum((line["Amount"] for line in kept if line["LinkedTxn"][0]["TxnType"] != "CreditMemo"), ZERO)
    lines: list[Json] = []
    for line in kept:
        if line["LinkedTxn"][0]["TxnType"] == "CreditMemo":
            if charges < line["Amount"]:
                continue
            charges -= line["Amount"]
        lines.append(line)
    credit = sum((line["Amount"] for line in lines if line["LinkedTxn"][0]["TxnType"] == "CreditMemo"), ZERO)
    lines = _within(lines, paid.data["TotalAmt"] + credit)
    customer = paid.data["CustomerRef"]["value"]
    currency = Money(paid.data["CurrencyRef"]["value"], paid.data.get("ExchangeRate", Decimal(1)))
    links = [
        Link(_SETTLED[line["LinkedTxn"][0]["TxnType"]], line["LinkedTxn"][0]["TxnId"], line["Amount"]) for line in lines
    ]
    settled = sum((link.amount for link in links if link.entity in _CHARGES), ZERO)
    unapplied = paid.data["TotalAmt"] + credit - settled
    deposit = paid.data["DepositToAccountRef"]["value"]
    postings = _postings(company, links, paid.data["TotalAmt"], unapplied, currency, deposit, customer)
    company.books.replace(paid, Built(paid.data | {"Line": lines, "UnappliedAmt": unapplied}, postings, links))


def auto_apply(company: Company, memo: Record) -> None:
    """Apply a new credit memo to the customer's oldest open invoices, as QuickBooks does where AutoApplyCredit is on."""
    customer = memo.data["CustomerRef"]["value"]
    rest: Decimal = memo.data["Balance"]
    lines: list[Json] = []
    for invoice in company.books.all("Invoice"):
        if rest > 0 and invoice.data["CustomerRef"]["value"] == customer and invoice.data["Balance"] > 0:
            amount = min(rest, invoice.data["Balance"])
            rest -= amount
            lines.append({"Amount": amount, "LinkedTxn": [{"TxnId": invoice.id, "TxnType": "Invoice"}]})
    if not lines:
        return
    used = memo.data["Balance"] - rest
    body = {
        "CustomerRef": {"value": customer},
        "TotalAmt": ZERO,
        "TxnDate": memo.data["TxnDate"],
        "PrivateNote": "Created by QB Online to link credits to charges.",
        "CurrencyRef": memo.data["CurrencyRef"],
        "Line": [*lines, {"Amount": used, "LinkedTxn": [{"TxnId": memo.id, "TxnType": "CreditMemo"}]}],
    }
    company.books.add("Payment", payment(company, "Payment", body, None))


def _within(lines: list[Json], most: Decimal) -> list[Json]:
    """Keep charges only as far as the money goes, in order."""
    kept: list[Json] = []
    for line in lines:
        if line["LinkedTxn"][0]["TxnType"] == "CreditMemo":
            kept.append(line)
            continue
        amount = min(line["Amount"], most)
        most -= amount
        if amount:
            kept.append(line | {"Amount": amount})
    return kept


def _links(company: Company, lines: Sequence[Json], customer: Record, old: Record | None) -> list[Link]:
    before = {(link.entity, link.id): link.amount for link in old.built.links} if old else {}
    links: dict[tuple[str, str], Link] = {}
    for line in lines:
        if "Amount" not in line:
            raise missing("Amount")
        amount = exact_cents(line["Amount"], "Amount")
        linked: list[Json] = line.get("LinkedTxn") or []
        if len(linked) != 1:
            raise business("A payment line links exactly one transaction.")
        named_kind, number = linked[0].get("TxnType"), linked[0].get("TxnId")
        if named_kind not in _SETTLED:
            raise unsupported("TxnType")
        kind = _SETTLED[named_kind]
        document = company.books.visible(kind, str(number))
        if document is None:
            raise VendorFault("2500", f"Invalid Reference Id : {kind} {number} not found", "TxnId")
        party = document.data.get("CustomerRef") or document.data.get("EntityRef") or {}
        if party.get("value") != customer.id:
            raise business("The linked transaction belongs to another customer.")
        open_amount = _open(company, document) + before.get((kind, document.id), ZERO)
        if (kind, document.id) in links:
            raise business("A transaction is linked twice in one payment.")
        if not 0 < amount <= open_amount:
            raise business(f"{amount} cannot be applied to {kind} {document.id}; {open_amount} is open.")
        links[kind, document.id] = Link(kind, document.id, amount)
    return list(links.values())


def _open(company: Company, document: Record) -> Decimal:
    if document.entity != "Purchase":
        balance: Decimal = document.data["Balance"]
        return balance
    linked = (link for paid in company.books.payments_on(document) for link in paid.built.links)
    return owed(document) - sum((link.amount for link in linked if link.id == document.id), ZERO)


def _deposit_account(company: Company, body: Json, currency: Money) -> str:
    if "DepositToAccountRef" not in body:
        return company.role("deposits")
    account = reference(company, "Account", body["DepositToAccountRef"], "DepositToAccountRef")
    if account.data["AccountType"] not in _DEPOSIT_TYPES:
        raise business("A payment is deposited to a bank account or another current asset.")
    in_currency(account, currency)
    return account.id


def _receivable_account(company: Company, body: Json, currency: Money) -> None:
    """Check the account that a payment may name for what was owed. Raises VendorFault."""
    if "ARAccountRef" in body:
        account = reference(company, "Account", body["ARAccountRef"], "ARAccountRef")
        if account.data["AccountType"] != RECEIVABLE:
            raise business("ARAccountRef must be an account of the type Accounts Receivable.")
        in_currency(account, currency)


def _postings(
    company: Company,
    links: Sequence[Link],
    total: Decimal,
    unapplied: Decimal,
    currency: Money,
    deposit: str,
    customer: str,
) -> list[Posting]:
    """Clear receivables at the rate of each document; the difference to the payment's rate is realised exchange."""
    cleared = currency.home(unapplied)
    for link in links:
        document = company.books.tables[link.entity][link.id]
        rate = Money(currency.code, document.data.get("ExchangeRate", Decimal(1)))
        cleared += rate.home(link.amount) if link.entity in _CHARGES else -rate.home(link.amount)
    received = currency.home(total)
    postings = [Posting(deposit, received), Posting(company.receivable(currency.code), -cleared, customer)]
    if cleared != received:
        postings.append(Posting(company.role("exchange"), cleared - received))
    return postings
