"""Rules that several objects share: references, currencies, dates, numbers already taken."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from integrations.sandbox.amounts import cents
from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks import facts
from integrations.sandbox.quickbooks.company import PAYABLE, RECEIVABLE, Company
from integrations.sandbox.quickbooks.faults import VendorFault, business, inactive, missing, unsupported
from integrations.sandbox.quickbooks.store import Record


@dataclass(frozen=True)
class Money:
    """A transaction's currency; `rate` is home units for one unit of it."""

    code: str
    rate: Decimal

    def home(self, amount: Decimal) -> Decimal:
        """Give an amount in home currency, rounded half up to cents."""
        return cents(amount * self.rate)


def exact_cents(amount: Decimal, name: str) -> Decimal:
    """Give an amount with two decimals. Raises VendorFault 2290 where digits would be lost."""
    exact = cents(amount)
    if exact != amount:
        raise VendorFault("2290", f"{name} {amount} has more decimals than the currency", name)
    return exact


def reference(company: Company, entity: str, ref: Json | None, name: str) -> Record:
    """Give what a reference names. Raises VendorFault 2020 missing, 2500 unknown, 610 inactive."""
    if not ref:
        raise missing(name)
    record = company.books.visible(entity, ref["value"])
    if record is None:
        raise VendorFault("2500", f"Invalid Reference Id : {entity} element id {ref['value']} not found", name)
    if record.data.get("Active") is False:
        raise inactive()
    return record


def line_detail(sent: Json, wanted: str) -> Json | None:
    """Give a line's detail of the wanted type, None for a line of text. Raises VendorFault 2020, 2010."""
    kind = sent.get("DetailType")
    if not kind:
        raise missing("DetailType")
    if kind == "DescriptionOnly":
        return None
    if kind != wanted:
        raise unsupported("DetailType")
    if wanted not in sent:
        raise missing(wanted)
    detail: Json = sent[wanted]
    return detail


def named(record: Record) -> Json:
    """Give a reference to an object, with its name."""
    return {"value": record.id, "name": record.data.get("DisplayName") or record.data.get("Name", "")}


def money(company: Company, body: Json, party: Record | None = None) -> Money:
    """Read CurrencyRef and ExchangeRate; the rate is 1 when left out, as at the vendor. Raises VendorFault."""
    given = body.get("CurrencyRef")
    if given is None and company.preferences["MultiCurrencyEnabled"]:
        raise missing("CurrencyRef")
    code = given["value"] if given else facts.HOME
    if code != facts.HOME:
        if not company.preferences["MultiCurrencyEnabled"]:
            raise business(f"The company keeps {facts.HOME} only; Multicurrency is off. Currency {code} was sent.")
        if not any(row.data["Code"] == code and row.data["Active"] for row in company.books.all("CompanyCurrency")):
            raise VendorFault("2500", f"Invalid Reference Id : Currency {code} is not enabled", "CurrencyRef")
    if party is not None and party.data["CurrencyRef"]["value"] != code:
        raise business(f"The transaction's currency {code} is not the currency of {party.data['DisplayName']}.")
    rate = body.get("ExchangeRate", Decimal(1))
    if rate <= 0 or (code == facts.HOME and rate != 1):
        raise business(f"The exchange rate {rate} is not possible for {code}.")
    return Money(code, rate)


def tracked(company: Company, holder: Json, *preferences: str) -> dict[str, Json]:
    """Give class and location with their names; a class is taken where one of the preferences is on. Raises VendorFault."""
    found = {}
    for name, list_name in (("ClassRef", "Class"), ("DepartmentRef", "Department")):
        if name not in holder:
            continue
        if not any(
            company.preferences[each] for each in (preferences if list_name == "Class" else ("TrackDepartments",))
        ):
            raise business(f"{name} was sent, but the company does not track it here.")
        found[name] = named(reference(company, list_name, holder[name], name))
    return found


def tax_calculation(company: Company, body: Json) -> str:
    """Give how a transaction is taxed; empty in the United States, where it is not said. Raises VendorFault 2020, 6000."""
    given = body.get("GlobalTaxCalculation")
    if company.country == "US":
        if given:
            raise business("A transaction of a US company has no GlobalTaxCalculation.")
        return ""
    if not given:
        raise missing("GlobalTaxCalculation")
    if given == "TaxInclusive":
        raise business("This stand-in works out no amounts that include tax.")
    return str(given)


def in_currency(account: Record, currency: Money) -> None:
    """Refuse an account that is kept in a currency which the transaction may not touch. Raises VendorFault 6000."""
    own = account.data["CurrencyRef"]["value"]
    if account.data["AccountType"] in (RECEIVABLE, PAYABLE):
        if own != currency.code:
            raise business("The transaction needs to be in the same currency as the A/R and A/P accounts you use.")
    elif own not in (facts.HOME, currency.code):
        raise business("Transactions can have only one foreign currency at a time.")


def transaction_date(body: Json) -> str:
    """Give the date, today where none is sent."""
    return str(body.get("TxnDate") or datetime.now(UTC).date().isoformat())


def open_books(company: Company, date: str) -> None:
    """Refuse a date in the closed books. Raises VendorFault 6200."""
    if company.closed_through and date <= company.closed_through:
        raise VendorFault(
            "6200",
            "The account period has closed and the account books cannot be updated through through the QBO Services "
            f"API. Please contact the company administrator. Books are closed through {company.closed_through}.",
            "TxnDate",
        )


def free_number(company: Company, entity: str, number: str, old: Record | None) -> None:
    """Refuse a document number that another object of the kind has. Raises VendorFault 6140."""
    for record in company.books.having(entity, "DocNumber", number):
        if record is not old:
            raise VendorFault(
                "6140",
                "Duplicate Document Number Error : You must specify a different number. This number has already been "
                f"used. DocNumber={number} is assigned to TxnType={entity} with TxnId={record.id}",
                "DocNumber",
            )


def free_name(company: Company, entity: str, field: str, name: str, old: Record | None) -> None:
    """Refuse a list name that another entry has, whatever its case. Raises VendorFault 6240."""
    if any(record is not old for record in company.books.having(entity, field, name)):
        raise VendorFault("6240", "The name supplied already exists. : null", field)
