"""Reading: one object, or a list with filter, order, paging, and what changed since a moment."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from integrations.sandbox.jsontext import Rendered
from integrations.sandbox.messages import Json, Request
from integrations.sandbox.xero import facts, fields
from integrations.sandbox.xero.errors import api_exception, bad_query, not_found
from integrations.sandbox.xero.organisation import Organisation
from integrations.sandbox.xero.resources import Resource
from integrations.sandbox.xero.store import Record, day, id_field, moment, now
from integrations.sandbox.xero.where import compile_order, compile_where, value_of

_PAGE, _LARGEST_PAGE, _UNPAGED = 100, 1000, 100_000
_NO_HEADER = ("TaxRate", "Currency", "TrackingCategory", "Organisation")


def find(organisation: Organisation, resource: Resource, name: str) -> Record:
    """Give the object that an address names by its identifier or number. Raises Refused 404."""
    found = organisation.books.get(resource.entity, name)
    for key in resource.keys:
        if found is None:
            found = next(iter(organisation.books.having(resource.entity, key, name)), None)
    if found is None:
        raise not_found()
    return found


def listed(
    organisation: Organisation, resource: Resource, request: Request
) -> tuple[list[Rendered | Json], Json | None]:
    """Give the objects asked for and, where pages were asked for, which page it is. Raises Refused."""
    params = request.params
    rows = [each for each in organisation.books.all(resource.entity) if _is_shown(each, resource, params)]
    if resource.entity not in _NO_HEADER and (header := request.headers.get("if-modified-since")):
        since = _milliseconds(header)
        rows = [each for each in rows if each.changed >= since]
    names = (*fields.names(resource.entity), *resource.fields, id_field(resource.entity))
    if where := params.get("where"):
        names = tuple(each for each in names if each not in organisation.preferences["NoFilterBy"])
        if organisation.preferences["NoOr"] and " OR " in where:
            raise bad_query("OR is not supported")
        test = compile_where(where, names)
        rows = [each for each in rows if test(each.data)]
    if order := params.get("order"):
        for name, descends in reversed(compile_order(order, names)):
            rows.sort(key=lambda each, name=name: _sortable(value_of(each.data, name)), reverse=descends)  # type: ignore[misc]
    if "page" not in params or not resource.paged:
        if len(rows) > _UNPAGED:
            raise api_exception(16, "QueryParseException", "Too many records; use paging or a filter")
        return [_without_lines(organisation, each, resource) for each in rows], None
    page, size = (
        max(1, _whole(params["page"], 1)),
        min(max(1, _whole(params.get("pageSize", ""), _PAGE)), _LARGEST_PAGE),
    )
    pages = {"page": page, "pageSize": size, "pageCount": -(-len(rows) // size), "itemCount": len(rows)}
    some = rows[(page - 1) * size : page * size]
    if resource.entity == "Overpayment" and not organisation.preferences["OverpaymentLinesInLists"]:
        return [_without_lines(organisation, each, resource) for each in some], pages
    return [organisation.books.render(each) for each in some], pages


def organisation_facts(organisation: Organisation) -> Json:
    """Give the organisation with its lock dates."""
    known = facts.ORGANISATION
    data: Json = {
        "OrganisationID": known["tenant_id"],
        "Name": known["name"],
        "LegalName": known["name"],
        "PaysTax": True,
        "Version": known["version"],
        "OrganisationType": "COMPANY",
        "OrganisationEntityType": "COMPANY",
        "BaseCurrency": organisation.base,
        "CountryCode": organisation.preferences["CountryCode"],
        "IsDemoCompany": True,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 12,
        "SalesTaxBasis": "ACCRUALS",
        "SalesTaxPeriod": "QUARTERLY1",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "CreatedDateUTC": "/Date(1577836800000+0000)/",
        "Timezone": known["time_zone"],
        "ShortCode": known["short_code"],
        "Class": "DEMO",
        "Edition": "BUSINESS",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }
    for name in ("PeriodLockDate", "EndOfYearLockDate"):
        if organisation.preferences[name]:
            data[name] = day(organisation.preferences[name])
    return data


def actions(organisation: Organisation) -> list[Json]:
    """Give what the person who signed in may do."""
    allowed = {"CreateManualJournal": organisation.preferences["MayPostJournals"]}
    names = (
        "UseMulticurrency",
        "CreateApprovedInvoice",
        "CreateDraftInvoice",
        "AttachFilesToInvoice",
        "CreateManualJournal",
    )
    return [{"Name": name, "Status": "ALLOWED" if allowed.get(name, True) else "NOT-ALLOWED"} for name in names]


def stamp() -> str:
    """Give the moment of an answer."""
    return moment(now()).replace("+0000", "")


def _is_shown(record: Record, resource: Resource, params: dict[str, str]) -> bool:
    data = record.data
    archived = params.get("includeArchived", "").lower() == "true"
    if resource.entity == "Contact" and data["ContactStatus"] != "ACTIVE" and not archived:
        return "IDs" in params and record.id in params["IDs"].lower().split(",")
    if resource.entity == "TrackingCategory" and data["Status"] != "ACTIVE" and not archived:
        return False
    wanted = (("IDs", record.id), ("InvoiceNumbers", data.get("InvoiceNumber")), ("Statuses", data.get("Status")))
    for name, value in wanted:
        if params.get(name) and str(value).lower() not in params[name].lower().split(","):
            return False
    if params.get("ContactIDs"):
        return (data.get("Contact") or {}).get("ContactID", "") in params["ContactIDs"].lower().split(",")
    return True


def _without_lines(organisation: Organisation, record: Record, resource: Resource) -> Rendered | Json:
    if not resource.lines:
        return organisation.books.render(record)
    return record.data | {name: [] for name in resource.lines}


def _sortable(value: Any) -> tuple[bool, Any]:
    return value is not None, value if value is not None else ""


def _whole(text: str, default: int) -> int:
    return int(text) if text.isdigit() and len(text) < 10 else default


def _milliseconds(header: str) -> int:
    try:
        found = datetime.fromisoformat(header)
    except ValueError:
        try:
            found = parsedate_to_datetime(header)
        except ValueError as error:
            raise api_exception(
                14, "PostDataInvalidException", "If-Modified-Since is not a date", status=412
            ) from error
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
