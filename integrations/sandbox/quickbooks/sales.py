"""Invoices and credit memos: priced lines, tax, totals, and what they do to the accounts."""

from decimal import Decimal

from integrations.sandbox.amounts import cents
from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks.checks import (
    Money,
    free_number,
    line_detail,
    money,
    named,
    reference,
    tax_calculation,
    tracked,
    transaction_date,
)
from integrations.sandbox.quickbooks.company import Company
from integrations.sandbox.quickbooks.faults import VendorFault, business, missing
from integrations.sandbox.quickbooks.store import TRANSACTIONS, ZERO, Built, Posting, Record
from integrations.sandbox.quickbooks.taxes import tax_of

_DETAIL = "SalesItemLineDetail"
_MOST_TAXED_LINES = 750
_TAX_CODES = ("TAX", "NON")


def sales_form(company: Company, entity: str, body: Json, old: Record | None) -> Built:
    """Check an invoice or a credit memo. Raises VendorFault."""
    customer = reference(company, "Customer", body.get("CustomerRef"), "CustomerRef")
    currency = money(company, body, customer)
    if not body.get("Line"):
        raise missing("Line")
    taxed = tax_calculation(company, body)
    lines = [_line(company, sent, taxed) for sent in body["Line"] if sent.get("DetailType") != "SubTotalLineDetail"]
    if not any(line["DetailType"] == _DETAIL for line in lines):
        raise business("A sales form needs at least one line with an item.")
    net = sum((line["Amount"] for line in lines if line["DetailType"] == _DETAIL), ZERO)
    tax = _tax(company, body, lines)
    total = net + tax
    if total < 0:
        raise business("Transaction amount must be 0 or greater.")
    settled = old.data["TotalAmt"] - old.data["Balance"] if old else ZERO
    if old and settled and (settled > total or customer.id != old.data["CustomerRef"]["value"]):
        raise business("The document has payments applied that no longer fit. Change the payments first.")
    fields = body | tracked(company, body, "ClassTrackingPerTxn")
    fields |= {
        "TxnDate": transaction_date(body),
        "CustomerRef": named(customer),
        "CurrencyRef": {"value": currency.code},
        "Line": [*_numbered(lines), {"Amount": net, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}],
        "TxnTaxDetail": body.get("TxnTaxDetail", {}) | {"TotalTax": tax},
        "TotalAmt": total,
        "Balance": total - settled,
        "LinkedTxn": old.data["LinkedTxn"] if old else [],
    }
    number = _number(company, entity, body, old)
    if number:
        fields["DocNumber"] = number
    else:
        fields.pop("DocNumber", None)
    if entity == "Invoice":
        fields["DueDate"] = body.get("DueDate", fields["TxnDate"])
    else:
        fields["RemainingCredit"] = fields["Balance"]
    if company.preferences["MultiCurrencyEnabled"]:
        fields |= {"ExchangeRate": currency.rate, "HomeTotalAmt": currency.home(total)}
    sign = 1 if entity == "Invoice" else -1
    return Built(fields, _postings(company, lines, tax, currency, customer.id, sign))


def voided(old: Record) -> Built:
    """Give a document with its amounts at zero, marked as voided."""
    data = dict(old.data)
    note = data.get("PrivateNote", "")
    data["PrivateNote"] = f"Voided - {note}"[:4000] if note else "Voided"
    for name in ("TotalAmt", "Balance", "RemainingCredit", "UnappliedAmt", "HomeTotalAmt"):
        if name in data:
            data[name] = ZERO
    if old.entity == "Payment":
        return Built(data | {"Line": []})
    lines: list[Json] = []
    for line in data["Line"]:
        empty = line | {"Amount": ZERO} if "Amount" in line else line
        if _DETAIL in empty:
            empty = empty | {_DETAIL: {**empty[_DETAIL], "Qty": ZERO}}
        lines.append(empty)
    return Built(data | {"Line": lines, "TxnTaxDetail": {"TotalTax": ZERO}})


def _line(company: Company, sent: Json, taxed: str) -> Json:
    detail = line_detail(sent, _DETAIL)
    if detail is None:
        return sent
    if "Amount" not in sent:
        raise missing("Amount")
    if "ItemRef" not in detail:  # the vendor takes it for text, whatever its amount says
        return {
            "Description": sent.get("Description", ""),
            "DetailType": "DescriptionOnly",
            "DescriptionLineDetail": {},
        }
    item = reference(company, "Item", detail["ItemRef"], "ItemRef")
    account = reference(company, "Account", item.data["IncomeAccountRef"], "ItemAccountRef")
    code = _tax_code(company, detail, taxed)
    tracking = tracked(company, detail, "ClassTrackingPerTxnLine")
    amount, quantity, price = _priced(sent["Amount"], detail)
    own = {"ItemRef": named(item), "ItemAccountRef": named(account), "TaxCodeRef": {"value": code}}
    return {**sent, "Amount": amount, _DETAIL: {**detail, **own, **tracking, "Qty": quantity, "UnitPrice": price}}


def _tax_code(company: Company, detail: Json, taxed: str) -> str:
    """Give a line's tax code: TAX or NON in the United States, else one of the list's, where the document is taxed."""
    code: str = detail["TaxCodeRef"]["value"] if "TaxCodeRef" in detail else ""
    if not taxed:
        if code and code not in _TAX_CODES:
            raise VendorFault(
                "6100", f"Invalid Tax Code : {code}; a line of a US company takes TAX or NON", "TaxCodeRef"
            )
        return code or "NON"
    if taxed == "NotApplicable":
        if code:
            raise VendorFault(
                "6100", f"Invalid Tax Code : {code}; the transaction says that it has no tax", "TaxCodeRef"
            )
        return "NON"
    if not code:
        raise business("Make sure all your transactions have a VAT rate before you save.")
    if code in _TAX_CODES or company.books.visible("TaxCode", code) is None:
        raise VendorFault("6100", f"Invalid Tax Code : {code}", "TaxCodeRef")
    return code


def _priced(amount: Decimal, detail: Json) -> tuple[Decimal, Decimal, Decimal]:
    quantity: Decimal = detail.get("Qty", Decimal(1))
    price = detail.get("UnitPrice")
    if price is None:
        price = amount / quantity if quantity else ZERO
        price = price.quantize(Decimal("0.00001"))
    elif quantity * price != amount:
        raise VendorFault(
            "6070",
            f"Amount is not equal to UnitPrice * Qty. Supplied value:{amount}, expected {quantity * price}",
            "Amount",
        )
    if amount != cents(amount):
        raise VendorFault("6070", f"Amount {amount} has more decimals than the currency", "Amount")
    return cents(amount), quantity, price


def _tax(company: Company, body: Json, lines: list[Json]) -> Decimal:
    coded = [(line[_DETAIL]["TaxCodeRef"]["value"], line["Amount"]) for line in lines if _DETAIL in line]
    if any(code != "NON" for code, _ in coded) and len(lines) > _MOST_TAXED_LINES:
        raise business(f"A taxable sales form takes at most {_MOST_TAXED_LINES} lines.")
    return tax_of(company, body, coded)


def _number(company: Company, entity: str, body: Json, old: Record | None) -> str:
    if company.preferences["CustomTxnNumbers"]:
        number = str(body.get("DocNumber", ""))
        if number:
            free_number(company, entity, number, old)
        return number
    if old and old.data.get("DocNumber"):
        return str(old.data["DocNumber"])
    number = str(1001 + sum(len(company.books.tables[kind]) for kind in TRANSACTIONS))
    while company.books.having(entity, "DocNumber", number):
        number = str(int(number) + 1)
    return number


def _numbered(lines: list[Json]) -> list[Json]:
    return [{"Id": str(number), "LineNum": number, **line} for number, line in enumerate(lines, start=1)]


def _postings(
    company: Company, lines: list[Json], tax: Decimal, currency: Money, customer: str, sign: int
) -> list[Posting]:
    income = [
        Posting(line[_DETAIL]["ItemAccountRef"]["value"], -sign * currency.home(line["Amount"]))
        for line in lines
        if line["DetailType"] == _DETAIL
    ]
    if tax:
        income.append(Posting(company.role("sales_tax"), -sign * currency.home(tax)))
    receivable = -sum((posting.amount for posting in income), ZERO)
    return [Posting(company.receivable(currency.code), receivable, customer), *income]
