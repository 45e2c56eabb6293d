"""The tax of an invoice or credit memo: worked out from its codes, or taken as told where Intuit says that it is."""

from collections import defaultdict
from decimal import Decimal

from integrations.sandbox.amounts import cents
from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks.checks import exact_cents
from integrations.sandbox.quickbooks.company import Company
from integrations.sandbox.quickbooks.faults import VendorFault, missing
from integrations.sandbox.quickbooks.store import ZERO

_PSEUDO_CODES = ("TAX", "NON")
_HUNDRED = Decimal(100)
Bases = dict[str, Decimal]


def tax_of(company: Company, body: Json, lines: list[tuple[str, Decimal]]) -> Decimal:
    """Give a document's tax; `lines` are tax codes with amounts. Raises VendorFault."""
    detail: Json = body.get("TxnTaxDetail", {})
    told = exact_cents(detail.get("TotalTax", ZERO), "TotalTax")
    if told < 0:
        raise VendorFault("6160", "TotalTax may not be negative", "TxnTaxDetail")
    taxed = [(code, amount) for code, amount in lines if code != "NON"]
    if told and not taxed:
        raise VendorFault("6160", "TotalTax was sent, but no line is taxable", "TxnTaxDetail")
    if company.country == "US":
        return _in_the_states(company, detail, sum((amount for _, amount in taxed), ZERO), told)
    if "TxnTaxCodeRef" in detail:
        raise VendorFault("6160", "TxnTaxCodeRef is for companies in the United States", "TxnTaxDetail")
    bases: Bases = defaultdict(Decimal)
    for code, amount in taxed:
        for rate in _rates(company, code):
            bases[rate] += amount
    if "TaxLine" in detail:
        return _by_lines(detail, bases, told)
    if company.preferences["TotalTaxAlone"] and "TotalTax" in detail:
        return told
    return sum((cents(base * _percent(company, rate) / _HUNDRED) for rate, base in bases.items()), ZERO)


def _in_the_states(company: Company, detail: Json, base: Decimal, told: Decimal) -> Decimal:
    code = detail["TxnTaxCodeRef"]["value"] if "TxnTaxCodeRef" in detail else ""
    automated = company.preferences["AutomatedSalesTax"]
    if code and not _may_be_named(company, code, automated):
        raise VendorFault("6100", f"Invalid Tax Code : {code}", "TxnTaxCodeRef")
    if "TotalTax" in detail and (code or company.preferences["TotalTaxAlone"]):
        return told
    group = "" if automated else code
    found = company.books.by_name("TaxCode", "California").id if automated and code != "NON" else group
    return sum((cents(base * _percent(company, rate) / _HUNDRED) for rate in _rates(company, found)), ZERO)


def _may_be_named(company: Company, code: str, automated: bool) -> bool:
    if automated:
        return code in _PSEUDO_CODES
    return code not in _PSEUDO_CODES and company.books.visible("TaxCode", code) is not None


def _by_lines(detail: Json, bases: Bases, told: Decimal) -> Decimal:
    total = ZERO
    for line in detail["TaxLine"]:
        for name in ("Amount", "DetailType", "TaxLineDetail"):
            if name not in line:
                raise missing(name)
        own: Json = line["TaxLineDetail"]
        rate = own["TaxRateRef"]["value"] if "TaxRateRef" in own else ""
        if rate not in bases:
            raise VendorFault("6170", f"The tax rate {rate or '(none)'} is of no tax code on a line", "TaxLine")
        if own.get("NetAmountTaxable", bases[rate]) != bases.pop(rate):
            raise VendorFault(
                "6170", f"NetAmountTaxable of the tax rate {rate} is not what its lines come to", "TaxLine"
            )
        total += exact_cents(line["Amount"], "Amount")
    if bases or total != told:
        raise VendorFault("6160", f"The tax lines come to {total} and leave out {len(bases)} rates", "TxnTaxDetail")
    return total


def _rates(company: Company, code: str) -> list[str]:
    record = company.books.visible("TaxCode", code) if code else None
    details = record.data.get("SalesTaxRateList", {}).get("TaxRateDetail", []) if record else []
    return [detail["TaxRateRef"]["value"] for detail in details]


def _percent(company: Company, rate: str) -> Decimal:
    record = company.books.visible("TaxRate", rate)
    return Decimal(str(record.data["RateValue"])) if record else ZERO
