"""Customers, items and accounts: names that are unique, and references that fit."""

from integrations.sandbox.messages import Json
from integrations.sandbox.netsuite.checks import active
from integrations.sandbox.netsuite.company import Company
from integrations.sandbox.netsuite.faults import bad_reference, missing, user_error
from integrations.sandbox.netsuite.store import ITEMS, Record

_INCOME = ("Income", "OthIncome", "OthCurrLiab", "DeferRevenue")


def customer(company: Company, kind: str, body: Json, old: Record | None) -> Record:
    """Check a customer. Raises VendorFault."""
    fields = dict(body)
    is_person = bool(body.get("isPerson", False))
    fields["isPerson"] = is_person
    if is_person:
        for name in ("firstName", "lastName"):
            if not body.get(name):
                raise missing(name)
    elif not body.get("companyName"):
        raise missing("companyName")
    name = body.get("companyName") or f"{body.get('firstName')} {body.get('lastName')}"
    if company.preferences["AutoNumberedCustomers"] and body.get("autoName", True):
        fields["entityId"] = old.data["entityId"] if old else f"{company.next_number('customer', 'CUST')} {name}"
    else:
        fields["entityId"] = body.get("entityId") or name
    for record in company.books.all("customer"):
        if record is not old and record.data["entityId"].casefold() == fields["entityId"].casefold():
            raise user_error(
                "A customer record with this ID already exists. You must enter a unique customer ID for each record you "
                "create.",
                "entityId",
            )
    email = body.get("email")
    if email and ("@" not in email or "." not in email.rpartition("@")[2] or " " in email):
        raise user_error("Invalid email address. Please enter a valid email.", "email")
    subsidiary = active(company, "subsidiary", body.get("subsidiary"), "subsidiary")
    if old is not None and old.data["subsidiary"]["id"] != subsidiary.id:
        raise bad_reference("subsidiary", subsidiary.id)
    fields["subsidiary"] = {"id": subsidiary.id}
    fields["currency"] = body.get("currency") or subsidiary.data["currency"]
    active(company, "currency", fields["currency"], "currency")
    return Record(kind, "", fields)


def item(company: Company, kind: str, body: Json, old: Record | None) -> Record:
    """Check an item for sale. Raises VendorFault."""
    if not body.get("itemId"):
        raise missing("itemId")
    for one in ITEMS:
        for record in company.books.all(one):
            if record is not old and record.data["itemId"].casefold() == body["itemId"].casefold():
                raise user_error(
                    "Uniqueness error - an item with this item name already exists. Enter a unique item name.", "itemId"
                )
    income = active(company, "account", body.get("incomeAccount"), "incomeAccount")
    if income.data["acctType"]["id"] not in _INCOME:
        raise bad_reference("incomeAccount", income.id)
    if not body.get("subsidiary"):
        raise missing("subsidiary")
    return Record(kind, "", dict(body))


def account(company: Company, kind: str, body: Json, old: Record | None) -> Record:
    """Check an account. Raises VendorFault."""
    for name in ("acctName", "acctType"):
        if not body.get(name):
            raise missing(name)
    for record in company.books.all("account"):
        if record is old:
            continue
        if record.data["acctName"].casefold() == body["acctName"].casefold():
            raise user_error("This account name already exists. Enter another account name.", "acctName")
        if body.get("acctNumber") and record.data.get("acctNumber") == body["acctNumber"]:
            raise user_error("This account number already exists. Enter another account number.", "acctNumber")
    if not body.get("subsidiary"):
        raise missing("subsidiary")
    return Record(kind, "", dict(body))
