"""Reports: what customers owe at the end of a day, in the home currency."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks import facts
from integrations.sandbox.quickbooks.company import RECEIVABLE, Company
from integrations.sandbox.quickbooks.faults import VendorFault, unsupported
from integrations.sandbox.quickbooks.fields import read_date
from integrations.sandbox.quickbooks.store import ZERO

_TAKES = ("minorversion", "report_date", "accounting_method")


def run(company: Company, name: str, params: Mapping[str, str]) -> Json:
    """Answer with a report. Raises VendorFault for one that this sandbox lacks, and for a parameter that it does not know."""
    if name != "CustomerBalance":
        raise VendorFault("2010", f"This sandbox has no report {name}.", status=404)
    unknown = sorted(set(params) - set(_TAKES))
    if unknown:
        raise unsupported(unknown[0])
    if params.get("accounting_method", "Accrual") != "Accrual":
        raise unsupported("accounting_method")
    end = read_date(params["report_date"], "report_date") if "report_date" in params else ""
    sums = _balances(company, end)
    customers = company.books.tables["Customer"]
    rows = [
        {"ColData": [{"value": customers[number].data["DisplayName"], "id": number}, _cell(amount)]}
        for number, amount in sorted(sums.items())
        if amount
    ]
    total = sum(sums.values(), ZERO)
    summary = {"Summary": {"ColData": [{"value": "TOTAL"}, _cell(total)]}, "type": "Section", "group": "GrandTotal"}
    columns = [{"ColTitle": "", "ColType": "Customer"}, {"ColTitle": "Total", "ColType": "Money"}]
    return {
        "Header": {"ReportName": name, "EndPeriod": end, "Currency": facts.HOME},
        "Columns": {"Column": columns},
        "Rows": {"Row": [*rows, summary]},
    }


def _balances(company: Company, end: str) -> dict[str, Decimal]:
    """Add up what stands on accounts receivable in a customer's name."""
    accounts = {each.id for each in company.books.all("Account") if each.data["AccountType"] == RECEIVABLE}
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for table in company.books.tables.values():
        for record in table.values():
            if record.built.postings and (not end or record.data["TxnDate"] <= end):
                for posting in record.built.postings:
                    if posting.account in accounts and posting.customer:
                        sums[posting.customer] += posting.amount
    return sums


def _cell(amount: Decimal) -> Json:
    return {"value": f"{amount:.2f}"}
