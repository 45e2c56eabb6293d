"""Journal entries: lines that balance, on accounts that exist, with a customer on receivables."""

from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks.checks import (
    Money,
    exact_cents,
    free_number,
    in_currency,
    line_detail,
    money,
    named,
    reference,
    tax_calculation,
    tracked,
    transaction_date,
)
from integrations.sandbox.quickbooks.company import PAYABLE, RECEIVABLE, Company
from integrations.sandbox.quickbooks.faults import VendorFault, business, missing, unsupported
from integrations.sandbox.quickbooks.store import ZERO, Built, Posting, Record

_DETAIL = "JournalEntryLineDetail"
_PARTIES = ("Customer", "Vendor", "Employee", "Job", "Other")
_PARTY_NEEDED = {RECEIVABLE: "Customer", PAYABLE: "Vendor"}


def journal_entry(company: Company, entity: str, body: Json, old: Record | None) -> Built:
    """Check a journal entry. Raises VendorFault."""
    currency = money(company, body)
    number = body.get("DocNumber")
    if number and company.preferences["WarnDuplicateJournalNumber"]:
        free_number(company, entity, number, old)
    tax_calculation(company, body)
    lines: list[Json] = []
    postings: list[Posting] = []
    for position, sent in enumerate(body.get("Line") or ()):
        line, posting = _line(company, sent, currency)
        lines.append({"Id": str(position), **line})
        if posting is not None:
            postings.append(posting)
    _balanced(lines)
    _one_ledger(company, lines)
    fields = body | {
        "TxnDate": transaction_date(body),
        "CurrencyRef": {"value": currency.code},
        "Adjustment": body.get("Adjustment", False),
        "Line": lines,
        "TotalAmt": 0,
    }
    if company.preferences["MultiCurrencyEnabled"]:
        fields["ExchangeRate"] = currency.rate
    return Built(fields, _even(company, postings))


def _line(company: Company, sent: Json, currency: Money) -> tuple[Json, Posting | None]:
    detail = line_detail(sent, _DETAIL)
    if detail is None:
        return sent, None
    side = detail.get("PostingType")
    if side not in ("Debit", "Credit"):
        raise VendorFault("2260", "PostingType must be Debit or Credit", "PostingType")
    if "Amount" not in sent:
        raise missing("Amount")
    amount = exact_cents(sent["Amount"], "Amount")
    if amount <= 0:
        raise VendorFault("2290", "The amount of a journal entry line must be positive", "Amount")
    account = reference(company, "Account", detail.get("AccountRef"), "AccountRef")
    in_currency(account, currency)
    if "TaxCodeRef" in detail:
        raise business("This stand-in works out no tax on journal entries.")
    customer, clean = _party(company, detail, account, currency)
    clean["AccountRef"] = named(account)
    clean |= tracked(company, detail, "ClassTrackingPerTxnLine", "ClassTrackingPerTxn")
    home = currency.home(amount)
    posting = Posting(account.id, home if side == "Debit" else -home, customer)
    return {**sent, "Amount": amount, _DETAIL: clean}, posting


def _party(company: Company, detail: Json, account: Record, currency: Money) -> tuple[str, Json]:
    needed = _PARTY_NEEDED.get(account.data["AccountType"])
    given = detail.get("Entity")
    if given is None:
        if needed:
            raise business(
                f"When you use {account.data['AccountType']}, you must choose a {needed.lower()} in the Name field."
            )
        return "", dict(detail)
    kind = given.get("Type")
    if kind not in _PARTIES:
        raise unsupported("Entity.Type")
    if needed and kind != needed:
        raise business(f"The Name on a line of {account.data['AccountType']} must be a {needed.lower()}.")
    if kind not in ("Customer", "Vendor"):
        raise VendorFault("2500", f"Invalid Reference Id : there is no {kind} in this company", "EntityRef")
    record = reference(company, kind, given.get("EntityRef"), "EntityRef")
    if needed and record.data["CurrencyRef"]["value"] != currency.code:
        raise business(f"The transaction's currency {currency.code} is not that of {record.data['DisplayName']}.")
    customer = record.id if needed == "Customer" else ""
    return customer, {**detail, "Entity": {"Type": kind, "EntityRef": named(record)}}


def _balanced(lines: list[Json]) -> None:
    totals = {"Debit": ZERO, "Credit": ZERO}
    for line in lines:
        if line["DetailType"] == _DETAIL:
            totals[line[_DETAIL]["PostingType"]] += line["Amount"]
    if not totals["Debit"] or not totals["Credit"]:
        raise VendorFault("2250", "A journal entry needs at least one debit and one credit line", "Line")
    if totals["Debit"] != totals["Credit"]:
        raise VendorFault(
            "2300", f"Transaction is not balanced: debits {totals['Debit']}, credits {totals['Credit']}", "Line"
        )


def _one_ledger(company: Company, lines: list[Json]) -> None:
    """Refuse a second receivable or payable account. Raises VendorFault 6000."""
    used = {line[_DETAIL]["AccountRef"]["value"] for line in lines if line["DetailType"] == _DETAIL}
    kept = [number for number in used if company.books.tables["Account"][number].data["AccountType"] in _PARTY_NEEDED]
    if len(kept) > 1:
        raise business("A journal entry can use only one Accounts Receivable or Accounts Payable account.")


def _even(company: Company, postings: list[Posting]) -> list[Posting]:
    """Put what rounding to home cents leaves over on the exchange account."""
    rest: Decimal = sum((posting.amount for posting in postings), ZERO)
    return [*postings, Posting(company.role("exchange"), -rest)] if rest else postings
