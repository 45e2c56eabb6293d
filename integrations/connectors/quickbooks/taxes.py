"""How a document says its tax, so that QuickBooks takes ours to the cent and does not work out another one.

In the United States: the total beside the transaction's tax code, which is TAX where sales tax is automated
(QuickBooks-V3-PHP-SDK 199), else the tax group. Elsewhere: a line for each rate of the codes that the lines name.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from billing.money import split_with_remainder_last
from integrations.connectors.base import Company, Rejected
from integrations.connectors.jsontext import decimal
from integrations.documents import SalesLineDocument

JsonObject = dict[str, Any]
_PERCENT_PLACES = 3  # As many as differ between rates; some are kept rounded.


def is_named(company: Company) -> bool:
    """Tell whether a document names one of the company's tax codes: everywhere but where sales tax is automated."""
    return company.country != "US" or not company.extra.get("automated_tax", True)


def code(line: SalesLineDocument, company: Company) -> JsonObject:
    """Give a line's tax code: taxable or not in the United States, elsewhere one of the list."""
    if company.country == "US":
        return {"TaxCodeRef": {"value": "TAX" if line.tax else "NON"}}
    return {"TaxCodeRef": {"value": line.tax_code}} if line.tax_code else {}


def of(lines: Sequence[SalesLineDocument], tax: Decimal, currency: str, company: Company) -> JsonObject:
    """Give the fields of a document that say its tax. Raises Rejected for lines that QuickBooks cannot tax together."""
    if company.country == "US":
        return {"TxnTaxDetail": {**_group(lines, company), "TotalTax": tax}} if tax else {}
    said: JsonObject = {"GlobalTaxCalculation": _calculation(lines)}
    if not tax:
        return said
    by_rate = _by_rate(lines, currency, company)
    return said | {"TxnTaxDetail": {"TotalTax": tax, **({"TaxLine": by_rate} if by_rate else {})}}


def _group(lines: Sequence[SalesLineDocument], company: Company) -> JsonObject:
    if not is_named(company):
        return {"TxnTaxCodeRef": {"value": "TAX"}}
    codes = sorted({line.tax_code for line in lines if line.tax and line.tax_code})
    if len(codes) > 1:
        raise Rejected(
            "tax_code",
            "The lines of this document have several tax rates, but QuickBooks takes one for each document in the United States. "
            "Invoice them apart, or combine the rates there and here.",
        )
    return {"TxnTaxCodeRef": {"value": codes[0]}} if codes else {}


def _calculation(lines: Sequence[SalesLineDocument]) -> str:
    """Say how a document outside the United States is taxed: by the code of every line, or not at all."""
    coded = [bool(line.tax_code) for line in lines]
    if any(coded) and not all(coded):
        raise Rejected(
            "tax_code",
            "Some lines of this document have a tax code and some have none, which QuickBooks does not take. Give the "
            "untaxed products a tax rate of zero per cent, map it to QuickBooks' code for it, and issue the document anew.",
        )
    return "TaxExcluded" if any(coded) else "NotApplicable"


def _by_rate(lines: Sequence[SalesLineDocument], currency: str, company: Company) -> list[JsonObject]:
    """Give a tax line for each rate; none where a code is unknown, compound, or of another percentage than ours.

    QuickBooks then works the tax out, and a document that comes to another total is told with both.
    """
    known: dict[str, list[list[str]]] = company.extra.get("tax_rates", {})
    net: dict[str, Decimal] = defaultdict(Decimal)
    tax: dict[str, Decimal] = defaultdict(Decimal)
    percents: dict[str, Decimal] = {}
    for line in lines:
        rates = [(rate, decimal(percent)) for rate, percent in known.get(line.tax_code or "", [])]
        whole = sum((percent for _, percent in rates), Decimal(0))
        if (
            not rates
            or (line.tax_percent and round(whole - line.tax_percent, _PERCENT_PLACES))
            or (line.tax and not whole)
        ):
            return []
        shares = [percent for _, percent in rates]
        parts = split_with_remainder_last(line.tax, shares, currency) if whole else [Decimal(0)] * len(rates)
        for (rate, percent), part in zip(rates, parts, strict=True):
            net[rate], tax[rate], percents[rate] = net[rate] + line.net, tax[rate] + part, percent
    return [
        {
            "Amount": tax[rate],
            "DetailType": "TaxLineDetail",
            "TaxLineDetail": {
                "TaxRateRef": {"value": rate},
                "PercentBased": True,
                "TaxPercent": percents[rate].normalize(),
                "NetAmountTaxable": net[rate],
            },
        }
        for rate in percents
    ]


def rates_of(codes: Iterable[JsonObject], rates: Iterable[JsonObject]) -> dict[str, list[list[str]]]:
    """Give each tax code's rates on sales with their percentages; codes of which a rate is put on another are left out."""
    percents = {str(each["Id"]): str(decimal(each.get("RateValue"))) for each in rates}
    found = {}
    for each in codes:
        details = (each.get("SalesTaxRateList") or {}).get("TaxRateDetail") or []
        numbers = [str((detail.get("TaxRateRef") or {}).get("value", "")) for detail in details]
        plain = all(detail.get("TaxTypeApplicable", "TaxOnAmount") == "TaxOnAmount" for detail in details)
        if numbers and plain and all(number in percents for number in numbers):
            found[str(each["Id"])] = [[number, percents[number]] for number in numbers]
    return found
