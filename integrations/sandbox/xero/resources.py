"""The addresses of the API: which object each names, what it needs, and how it is found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    """One address. `keys`: fields that may stand in its path; `scope`: what a token needs, `.read` for reading alone.

    `lines`: fields that a list without paging leaves out. `wrapped`: whether a new one comes in a list of its kind.
    """

    path: str
    entity: str
    scope: str
    keys: tuple[str, ...] = ()
    paged: bool = False
    lines: tuple[str, ...] = ()
    wrapped: bool = True
    batch: bool = True
    fields: tuple[str, ...] = ()


_MONEY = ("Total", "SubTotal", "TotalTax", "UpdatedDateUTC", "Status", "Contact", "Date")
_ROWS = (
    Resource("Organisation", "Organisation", "settings"),
    Resource(
        "Accounts",
        "Account",
        "settings",
        wrapped=False,
        batch=False,
        fields=("Class", "SystemAccount", "UpdatedDateUTC"),
    ),
    Resource("TaxRates", "TaxRate", "settings", fields=("TaxType", "Name", "Status", "EffectiveRate", "ReportTaxType")),
    Resource("Currencies", "Currency", "settings", wrapped=False, batch=False),
    Resource("TrackingCategories", "TrackingCategory", "settings"),
    Resource("Items", "Item", "settings|invoices", keys=("Code",), fields=("UpdatedDateUTC",)),
    Resource(
        "Contacts", "Contact", "contacts", keys=("ContactNumber",), paged=True, fields=("UpdatedDateUTC", "IsCustomer")
    ),
    Resource(
        "ManualJournals",
        "ManualJournal",
        "manualjournals",
        paged=True,
        lines=("JournalLines",),
        fields=("UpdatedDateUTC",),
    ),
    Resource(
        "Invoices",
        "Invoice",
        "invoices",
        keys=("InvoiceNumber",),
        paged=True,
        lines=("LineItems",),
        fields=(*_MONEY, "AmountDue", "AmountPaid", "AmountCredited"),
    ),
    Resource(
        "CreditNotes",
        "CreditNote",
        "invoices",
        keys=("CreditNoteNumber",),
        paged=True,
        lines=("LineItems",),
        fields=(*_MONEY, "RemainingCredit"),
    ),
    Resource("Payments", "Payment", "payments", paged=True, fields=("PaymentType", "UpdatedDateUTC", "Status")),
    Resource(
        "Overpayments",
        "Overpayment",
        "payments",
        paged=True,
        lines=("LineItems",),
        fields=(*_MONEY, "Type", "RemainingCredit"),
    ),
    Resource(
        "Prepayments",
        "Prepayment",
        "payments",
        paged=True,
        lines=("LineItems",),
        fields=(*_MONEY, "Type", "RemainingCredit"),
    ),
    Resource(
        "BankTransactions", "BankTransaction", "banktransactions", paged=True, lines=("LineItems",), fields=_MONEY
    ),
)
RESOURCES = {each.path.lower(): each for each in _ROWS}
ENTITIES = {each.entity: each for each in _ROWS}


def needed_scopes(resource: Resource, method: str) -> set[str]:
    """Give the scopes of which a token needs one."""
    names = [f"accounting.{name}" for name in resource.scope.split("|")]
    return {*names, *(f"{name}.read" for name in names if method in ("GET", "HEAD"))}
