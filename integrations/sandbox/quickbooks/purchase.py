"""Purchases and deposits: money that left at once, such as a refund to a customer on receivables, or that came in."""

from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks.checks import (
    exact_cents,
    free_number,
    in_currency,
    line_detail,
    money,
    named,
    reference,
    tax_calculation,
    transaction_date,
)
from integrations.sandbox.quickbooks.company import RECEIVABLE, Company
from integrations.sandbox.quickbooks.faults import business, missing, unsupported
from integrations.sandbox.quickbooks.store import ZERO, Built, Posting, Record

_DETAIL = "AccountBasedExpenseLineDetail"
_DEPOSIT_DETAIL = "DepositLineDetail"
_PAYEES = ("Customer", "Vendor", "Employee")
_PAID_FROM = {"Cash": "Bank", "Check": "Bank", "CreditCard": "Credit Card"}


def owed(record: Record) -> Decimal:
    """Give what a purchase put on the receivables account, in its currency: that much of it payments may link."""
    lines: list[Json] = record.data["Line"]
    receivable = {posting.account for posting in record.built.postings if posting.customer}
    return sum((line["Amount"] for line in lines if line[_DETAIL]["AccountRef"]["value"] in receivable), ZERO)


def _not_negative(total: Decimal) -> None:
    """Refuse a transaction that comes to less than nothing. Raises VendorFault 6000."""
    if total < 0:
        raise business("Transaction amount must be 0 or greater.")


def _number(company: Company, entity: str, body: Json, old: Record | None) -> str:
    """Give the number: the one sent where the company lets it be chosen, else the next. Raises VendorFault 6140."""
    if company.preferences["UseCustomTxnNumbers"]:
        given = str(body.get("DocNumber", ""))
        if given:
            free_number(company, entity, given, old)
        return given
    if old:
        return str(old.data["DocNumber"])
    return str(1 + len(company.books.tables[entity]))


def _customer(company: Company, body: Json) -> Record | None:
    """Give the customer whom a purchase names, None for another payee or none. Raises VendorFault."""
    party = body.get("EntityRef") or {}
    kind = str(party.get("type", "")).title()
    if kind not in ("", *_PAYEES):
        raise unsupported("EntityRef.type")
    return reference(company, "Customer", party, "EntityRef") if kind == "Customer" else None


def purchase(company: Company, entity: str, body: Json, old: Record | None) -> Built:
    """Check a purchase. Raises VendorFault."""
    kind = body.get("PaymentType")
    if not kind:
        raise missing("PaymentType")
    if kind not in _PAID_FROM:
        raise unsupported("PaymentType")
    account = reference(company, "Account", body.get("AccountRef"), "AccountRef")
    if account.data["AccountType"] not in (_PAID_FROM[kind], "Other Current Asset" if kind == "Cash" else ""):
        raise business(f"A purchase of the type {kind} is paid from an account of the type {_PAID_FROM[kind]}.")
    customer = _customer(company, body)
    currency = money(company, body, customer)
    in_currency(account, currency)
    if tax_calculation(company, body) == "TaxExcluded":
        raise business("This stand-in works out no tax on purchases.")
    if not body.get("Line"):
        raise missing("Line")
    postings, lines, total = [], [], ZERO
    for number, sent in enumerate(body["Line"], start=1):
        detail = line_detail(sent, _DETAIL)
        if detail is None or "Amount" not in sent:
            raise missing("Amount")
        amount: Decimal = exact_cents(sent["Amount"], "Amount")
        spent = reference(company, "Account", detail.get("AccountRef"), "AccountRef")
        in_currency(spent, currency)
        is_receivable = spent.data["AccountType"] == RECEIVABLE
        if is_receivable and customer is None:
            raise business("When you use Accounts Receivable, you must choose a customer in the Name field.")
        total += amount
        owner = customer.id if is_receivable and customer else ""
        postings.append(Posting(spent.id, currency.home(amount), owner))
        lines.append({"Id": str(number), **sent, _DETAIL: {**detail, "AccountRef": named(spent)}})
    _not_negative(total)
    postings.append(Posting(account.id, -sum((each.amount for each in postings), ZERO)))
    fields = body | {
        "DocNumber": _number(company, entity, body, old),
        "TxnDate": transaction_date(body),
        "CurrencyRef": {"value": currency.code},
        "TotalAmt": total,
    }
    return Built(fields | {"Line": lines, "AccountRef": named(account)}, postings)


def deposit(company: Company, entity: str, body: Json, old: Record | None) -> Built:
    """Check a deposit. Raises VendorFault."""
    account = reference(company, "Account", body.get("DepositToAccountRef"), "DepositToAccountRef")
    if account.data["AccountType"] not in ("Bank", "Other Current Asset"):
        raise business("A deposit goes to an account of the type Bank or Other Current Asset.")
    currency = money(company, body, None)
    in_currency(account, currency)
    if not body.get("Line"):
        raise missing("Line")
    postings, lines, total = [], [], ZERO
    for number, sent in enumerate(body["Line"], start=1):
        detail = line_detail(sent, _DEPOSIT_DETAIL)
        if detail is None or "Amount" not in sent:
            raise missing("Amount")
        amount: Decimal = exact_cents(sent["Amount"], "Amount")
        source = reference(company, "Account", detail.get("AccountRef"), "AccountRef")
        if source.data["AccountType"] in ("Accounts Receivable", "Accounts Payable"):
            raise business("This sandbox takes deposits from other accounts than receivables and payables only.")
        party = detail.get("Entity")
        if party and str(party.get("type", "")).title() == "Customer":
            reference(company, "Customer", party, "Entity")
        in_currency(source, currency)
        total += amount
        postings.append(Posting(source.id, -currency.home(amount)))
        lines.append({"Id": str(number), **sent, _DEPOSIT_DETAIL: {**detail, "AccountRef": named(source)}})
    _not_negative(total)
    postings.append(Posting(account.id, -sum((each.amount for each in postings), ZERO)))
    fields = body | {"TxnDate": transaction_date(body), "CurrencyRef": {"value": currency.code}, "TotalAmt": total}
    return Built(fields | {"Line": lines, "DepositToAccountRef": named(account)}, postings)
