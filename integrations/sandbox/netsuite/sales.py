"""Invoices and credit memos: lines of items, their taxes, and what a credit memo is applied to."""

from dataclasses import replace
from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.netsuite.checks import (
    Money,
    active,
    exchange,
    free_number,
    header,
    links,
    oldest_first,
    segments,
    wants_auto_apply,
)
from integrations.sandbox.netsuite.company import Company
from integrations.sandbox.netsuite.faults import missing, user_error
from integrations.sandbox.netsuite.store import ZERO, Link, Posting, Record

_NUMBERS = {"invoice": "INV", "creditMemo": "CM"}
_TAX_COLUMNS = ("taxDetailsReference", "taxType", "taxCode", "taxBasis", "taxRate", "taxAmount")
_HUNDRED = Decimal(100)


def sales_form(company: Company, kind: str, body: Json, old: Record | None) -> Record:
    """Check an invoice or a credit memo. Raises VendorFault."""
    party = active(company, "customer", body.get("entity"), "entity")
    fields, money = header(company, body, party=party, receivable=True)
    free_number(company, kind, body.get("tranId"), old)
    sent = body.get("item") or []
    if not sent:
        raise user_error("You must enter at least one line item for this transaction.", "item")
    lines = [_line(company, line, number, money) for number, line in enumerate(sent)]
    net: Decimal = sum((line["amount"] for line in lines), ZERO)
    tax = _tax(company, body, lines, money)
    if net + tax < 0:
        raise user_error("The total can not be negative.", "item")
    sign = 1 if kind == "invoice" else -1
    postings = _postings(company, fields, lines, money, sign, (net, tax), party)
    fields["item"] = lines
    fields["tranId"] = body.get("tranId") or (old.data["tranId"] if old else company.next_number(kind, _NUMBERS[kind]))
    fields |= {"subtotal": net, "taxTotal": tax, "total": net + tax}
    settled = _settled(company, fields, party, money, kind, net + tax, old)
    if gained := exchange(
        company, settled, money
    ):  # Receivables go at the rates of the invoices that it is applied to.
        first = postings[0]
        postings = [replace(first, base=first.base - gained), *postings[1:]]
        postings.append(Posting(company.role("exchange"), ZERO, gained))
    return Record(kind, "", fields, postings, settled)


def _settled(
    company: Company, fields: Json, party: Record, money: Money, kind: str, total: Decimal, old: Record | None
) -> list[Link]:
    """Check what a credit memo is applied to, and that it is not more than it is worth."""
    settled = links(company, fields, party, money, ("invoice",), old) if kind == "creditMemo" else []
    if kind == "creditMemo" and not settled and old is None and wants_auto_apply(company, fields):
        settled = oldest_first(company, party, total)
    if sum((link.amount for link in settled), ZERO) > total:
        raise user_error("You may not apply more than the total of this transaction.", "apply")
    if kind == "creditMemo":
        fields["apply"] = [{"doc": {"id": link.doc}, "apply": True, "amount": link.amount} for link in settled]
    return settled


def _line(company: Company, line: Json, number: int, money: Money) -> Json:
    path = f"item.items[{number}]"
    if company.preferences["SuiteTax"] and ("taxCode" in line or "tax1Amt" in line):
        raise user_error("This account uses SuiteTax: taxes are its tax details.", f"{path}.taxCode")
    item = active(company, "item", line.get("item"), f"{path}.item")
    quantity = line.get("quantity", Decimal(1))
    if "amount" in line:
        amount = money.exact(line["amount"], f"{path}.amount")
    elif "rate" in line:
        amount = money.rounded(quantity * line["rate"])
    else:
        raise missing(f"{path}.amount")
    return {**line, "item": {"id": item.id}, "quantity": quantity, "amount": amount, "line": number + 1}


def _tax(company: Company, body: Json, lines: list[Json], money: Money) -> Decimal:
    """Give the tax: as stated where it is overridden, else as NetSuite computes it from the tax codes."""
    details = body.get("taxDetails") or []
    if body.get("taxDetailsOverride"):
        if not company.preferences["SuiteTax"]:
            raise user_error("This account does not use SuiteTax.", "taxDetailsOverride")
        known = {line.get("taxDetailsReference") for line in lines}
        for number, detail in enumerate(details):
            path = f"taxDetails.items[{number}]"
            for name in _TAX_COLUMNS:
                if detail.get(name) is None:
                    raise missing(f"{path}.{name}")
            if detail["taxDetailsReference"]["id"] not in known:
                raise user_error("The tax details reference names no line.", f"{path}.taxDetailsReference")
        return money.rounded(sum((detail["taxAmount"] for detail in details), ZERO))
    if details:
        raise user_error("Tax details can be entered only where they are overridden.", "taxDetails")
    total = ZERO
    for line in lines:
        if line.get("taxCode"):
            code = company.books.get("taxCode", line["taxCode"]["id"])
            rate = code.data["rate"] if code else ZERO
            total += money.rounded(line["amount"] * rate / _HUNDRED)
    return total


def _postings(
    company: Company,
    fields: Json,
    lines: list[Json],
    money: Money,
    sign: int,
    totals: tuple[Decimal, Decimal],
    party: Record,
) -> list[Posting]:
    """Give the receivable first, then each line, then the tax; rounding of the base goes to the exchange account."""
    net, tax = totals
    receivable = (fields.get("account") or {}).get("id") or company.role("receivable")
    main = sign * (net + tax)
    postings = [Posting(receivable, main, money.base(main), entity=party.id, is_main=True, memo=fields.get("memo", ""))]
    for line in lines:
        item = company.books.get("item", line["item"]["id"])
        assert item is not None
        amount = -sign * line["amount"]
        postings.append(
            Posting(
                item.data["incomeAccount"]["id"],
                amount,
                money.base(amount),
                entity=party.id,
                item=item.id,
                memo=line.get("description", ""),
                quantity=-sign * line["quantity"],
                **segments(line, fields),
            )
        )
    if tax:
        postings.append(Posting(company.role("sales_tax"), -sign * tax, money.base(-sign * tax), is_tax=True))
    rest: Decimal = sum((posting.base for posting in postings), ZERO)
    return [*postings, Posting(company.role("exchange"), ZERO, -rest)] if rest else postings
