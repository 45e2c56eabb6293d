"""Journals: what is refused, what is kept, and what publishing one does to the accounts."""

from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho.errors import invalid, rule
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.store import ZERO, Money, Posting

_PARTY = {"accounts_receivable": "customer", "accounts_payable": "vendor"}
_PATH = "journals"


def save(org: Organization, body: Json, old: Json | None) -> Json:
    """Create or change a journal; it does nothing to the accounts until it is published. Raises ZohoError."""
    org.check_date("accountant", body["journal_date"], *([old["journal_date"]] if old else []))
    org.check_tags(body)
    money = org.books.money(body.get("currency_id") or org.books.home(), body.get("exchange_rate"))
    if len(body["line_items"]) < 2:
        raise rule("A journal entry should have at least two line items.")
    lines = [_line(org, each, money) for each in body["line_items"]]
    debit = sum((each["amount"] for each in lines if each["debit_or_credit"] == "debit"), ZERO)
    credit = sum((each["amount"] for each in lines if each["debit_or_credit"] == "credit"), ZERO)
    if debit != credit:
        raise rule("Please ensure that the debits and credits are equal.")
    data = {
        "entry_number": old["entry_number"] if old else str(org.books.next_number(_PATH)),
        "reference_number": body.get("reference_number", ""),
        "notes": body.get("notes", ""),
        **money.shown(),
        "journal_date": body["journal_date"],
        "journal_type": body.get("journal_type", "both").lower(),
        "entity_type": "journal",
        "line_items": lines,
        "line_item_total": debit,
        "total": debit,
        "bcy_total": money.base(debit),
        "status": body.get("status") or (old["status"] if old else "draft"),
        "taxes": [],
        "tags": body.get("tags", []),
        "custom_fields": org.fields_of(_PATH, body, old),
    }
    kept = org.books.add(_PATH, data) if old is None else org.books.change(_PATH, old, data)
    post(org, kept)
    return kept


def publish(org: Organization, journal_id: str) -> Json:
    """Publish a draft. Raises ZohoError, also for one that is published already."""
    journal = org.books.need(_PATH, journal_id)
    if journal["status"] == "published":
        raise rule("The journal has already been published.")
    org.check_date("accountant", journal["journal_date"])
    org.books.change(_PATH, journal, {"status": "published"})
    post(org, journal)
    return journal


def publish_all(org: Organization, ids: list[str]) -> None:
    """Publish drafts, all or none. Raises ZohoError."""
    found = [org.books.need(_PATH, each) for each in ids]
    if any(each["status"] == "published" for each in found):
        raise rule("Only draft journals can be published.")
    for each in found:
        org.check_date("accountant", each["journal_date"])
    for each in found:
        publish(org, each["journal_id"])


def reverse(org: Organization, journal_id: str, day: str) -> Json:
    """Make the published journal that undoes another one. Raises ZohoError."""
    journal = org.books.need(_PATH, journal_id)
    if journal["status"] != "published":
        raise rule("Only published journals can be reversed.")
    swapped = {"debit": "credit", "credit": "debit"}
    names = ("account_id", "customer_id", "description", "amount", "tags", "location_id")
    lines = [
        {name: line[name] for name in names if line.get(name)} | {"debit_or_credit": swapped[line["debit_or_credit"]]}
        for line in journal["line_items"]
    ]
    body = {
        "journal_date": day,
        "reference_number": journal["reference_number"],
        "notes": f"Reverses journal {journal['entry_number']}",
        "currency_id": journal["currency_id"],
        "exchange_rate": journal["exchange_rate"],
        "line_items": lines,
        "status": "published",
    }
    return save(org, body, None)


def delete(org: Organization, journal: Json) -> None:
    """Delete a journal. Raises ZohoError."""
    org.check_date("accountant", journal["journal_date"])
    org.books.remove(_PATH, journal)


def money_of(org: Organization, document: Json) -> Money:
    """Give the currency of a kept document."""
    return org.books.money(document["currency_id"], Decimal(document["exchange_rate"]))


def _line(org: Organization, sent: Json, money: Money) -> Json:
    amount = money.exact(sent["amount"], "amount")
    if amount <= 0:
        raise invalid("amount")
    account = org.account(sent["account_id"])
    party = _PARTY.get(account["account_type"])
    name = ""
    if party and "customer_id" not in sent:
        raise rule(f"Please select a {party} for the {account['account_name']} account.")
    if "customer_id" in sent:
        contact = org.customer(sent["customer_id"])
        if party and contact["contact_type"] != party:
            raise rule(f"Please select a {party} for the {account['account_name']} account.")
        name = contact["contact_name"]
    return {
        "line_id": org.books.new_id(),
        "account_id": account["account_id"],
        "account_name": account["account_name"],
        "customer_id": sent.get("customer_id", ""),
        "customer_name": name,
        "description": sent.get("description", ""),
        "debit_or_credit": sent["debit_or_credit"],
        "amount": amount,
        "bcy_amount": money.base(amount),
        "tags": sent.get("tags", []),
        "location_id": sent.get("location_id", ""),
    }


def recount(org: Organization, journal: Json) -> None:
    """Put an edited journal's own amounts and its effect on the accounts right again."""
    money = money_of(org, journal)
    for line in journal["line_items"]:
        line["bcy_amount"] = money.base(line["amount"])
    total = sum((each["amount"] for each in journal["line_items"] if each["debit_or_credit"] == "debit"), ZERO)
    org.books.change(_PATH, journal, {"total": total, "line_item_total": total, "bcy_total": money.base(total)})
    post(org, journal)


def post(org: Organization, journal: Json) -> None:
    """Put a published journal's effect on the accounts into the books; a draft has none."""
    if journal["status"] != "published":
        org.books.post(_PATH, journal["journal_id"], [])
        return
    postings = []
    for line in journal["line_items"]:
        sign = 1 if line["debit_or_credit"] == "debit" else -1
        postings.append(Posting(line["account_id"], sign * line["bcy_amount"], sign * line["amount"]))
        use(org, line["account_id"], line["customer_id"])
    rounding = -sum((each.base for each in postings), ZERO)
    postings.append(Posting(org.books.role("exchange"), rounding, ZERO))
    org.books.post(_PATH, journal["journal_id"], postings)


def use(org: Organization, account_id: str, contact_id: str = "") -> None:
    """Note that an account and a contact have transactions."""
    org.books.tables["chartofaccounts"][account_id]["is_involved_in_transaction"] = True
    contact = org.books.get("contacts", contact_id)
    if contact:
        contact["has_transaction"] = True
