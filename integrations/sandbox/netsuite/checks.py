"""Rules that several transactions share: dates and periods, currencies and rates, subsidiaries, lines applied."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.netsuite.company import Company
from integrations.sandbox.netsuite.faults import VendorFault, bad_reference, missing, user_error
from integrations.sandbox.netsuite.store import ZERO, Link, Record

Header = tuple[Json, "Money"]
_SEGMENTS = ("department", "class", "location")


@dataclass(frozen=True)
class Money:
    """A transaction's currency; `rate` is units of the subsidiary's currency for one unit of it."""

    id: str
    symbol: str
    digits: int
    rate: Decimal
    base_digits: int

    def exact(self, amount: Decimal, path: str) -> Decimal:
        """Give an amount with the currency's digits. Raises VendorFault where digits would be lost."""
        rounded = _round(amount, self.digits)
        if rounded != amount:
            raise user_error(f"The amount {amount} has more decimals than the currency {self.symbol}.", path)
        return rounded

    def rounded(self, amount: Decimal) -> Decimal:
        """Round half up to the currency's digits."""
        return _round(amount, self.digits)

    def base(self, amount: Decimal) -> Decimal:
        """Give an amount in the subsidiary's currency, rounded."""
        return _round(amount * self.rate, self.base_digits)


def _round(amount: Decimal, digits: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def active(company: Company, kind: str, ref: Json | None, name: str) -> Record:
    """Give what a reference names. Raises VendorFault when it is missing or inactive."""
    if not ref:
        raise missing(name)
    record = company.books.get(kind, ref["id"])
    if record is None or record.data.get("isInactive"):
        raise bad_reference(name, ref["id"])
    return record


def header(company: Company, body: Json, *, party: Record | None, receivable: bool) -> Header:
    """Check date, period, subsidiary, currency and rate; give the fields as they are kept."""
    day = body.get("tranDate") or datetime.now(UTC).date().isoformat()
    period = _period(company, body, day, receivable)
    subsidiary = _subsidiary(company, body, party)
    money = _money(company, body, subsidiary, party)
    fields = {
        "tranDate": day,
        "postingPeriod": {"id": period.id},
        "subsidiary": {"id": subsidiary.id},
        "currency": {"id": money.id},
        "exchangeRate": money.rate,
    }
    if company.preferences["DepartmentMandatory"] and not body.get("department"):
        raise missing("department")
    return body | fields, money


def segments(line: Json, head: Json) -> dict[str, Any]:
    """Give the line's department, class and location, else the header's, as a posting takes them."""
    found = {name: (line.get(name) or head.get(name) or {}).get("id", "") for name in _SEGMENTS}
    return {
        "department": found["department"],
        "classification": found["class"],
        "location": found["location"],
    }


def free_number(company: Company, kind: str, number: str | None, old: Record | None) -> None:
    """Refuse a number that another transaction of the kind has, where the account wants that."""
    if not number or company.preferences["AllowDuplicateNumbers"]:
        return
    for record in company.books.all(kind):
        if record is not old and record.data.get("tranId") == number:
            raise user_error("A transaction with this document number already exists.", "tranId")


def links(
    company: Company, body: Json, party: Record, money: Money, kinds: tuple[str, ...], old: Record | None
) -> list[Link]:
    """Check what is applied: open documents of the same customer and currency, keyed by `doc`."""
    found: list[Link] = []
    before = {link.doc: link.amount for link in old.links} if old else {}
    for number, line in enumerate(body.get("apply") or ()):
        path = f"apply.items[{number}]"
        if not line.get("apply", True):
            continue
        if not line.get("doc"):
            raise missing(f"{path}.doc")
        doc = company.books.get("transaction", line["doc"]["id"])
        if doc is None or doc.type not in kinds or _party(doc) != party.id or doc.data["currency"]["id"] != money.id:
            raise bad_reference(f"{path}.doc", line["doc"]["id"])
        due = company.books.open_amount(doc) + before.get(doc.id, ZERO)
        amount = money.exact(line.get("amount", due), f"{path}.amount")
        if amount <= 0 or amount > due:
            raise user_error(f"The amount {amount} is more than what is due on this line, {due}.", f"{path}.amount")
        found.append(Link(doc.id, amount))
    if len({link.doc for link in found}) < len(found):
        raise user_error("The same document is applied twice.", "apply")
    return found


def exchange(company: Company, settled: list[Link], money: Money) -> Decimal:
    """Give what settled documents come to at their own rates, beyond what they come to at this one's, in base currency."""
    more = ZERO
    for link in settled:
        doc = company.books.get("transaction", link.doc)
        rate = Decimal(doc.data.get("exchangeRate", 1)) if doc else money.rate
        more += replace(money, rate=rate).base(link.amount) - money.base(link.amount)
    return more


def wants_auto_apply(company: Company, body: Json) -> bool:
    """Tell whether a payment or credit looks for invoices by itself: as it says, else as the account prefers."""
    return bool(body.get("autoApply", company.preferences["AutoApply"]))


def oldest_first(company: Company, party: Record, amount: Decimal) -> list[Link]:
    """Give the customer's oldest open invoices, as far as an amount goes."""
    found: list[Link] = []
    for invoice in company.books.all("invoice"):
        due = min(company.books.open_amount(invoice), amount)
        if invoice.data["entity"]["id"] == party.id and due > 0:
            found.append(Link(invoice.id, due))
            amount -= due
    return found


def _party(record: Record) -> str:
    return str((record.data.get("entity") or record.data.get("customer") or {}).get("id", ""))


def _period(company: Company, body: Json, day: str, receivable: bool) -> Record:
    given = body.get("postingPeriod")
    period = company.books.get("accountingPeriod", given["id"]) if given else company.period_of(day)
    if period is None:
        raise user_error(
            "The transaction date you specified is not within the date range of your accounting period.", "tranDate"
        )
    if period.data["closed"] or period.data["alllocked"] or (receivable and period.data["arlocked"]):
        state = "closed" if period.data["closed"] else "locked"
        raise VendorFault(
            "USER_ERROR",
            "Error while accessing a resource. You cannot create or edit this transaction because its posting period "
            f"({period.data['periodname']}) is {state}.",
            "tranDate",
        )
    return period


def _subsidiary(company: Company, body: Json, party: Record | None) -> Record:
    if party is not None:
        own = party.data["subsidiary"]["id"]
        given = body.get("subsidiary") or {"id": own}
        if given["id"] != own:
            raise bad_reference("subsidiary", given["id"])
        return active(company, "subsidiary", given, "subsidiary")
    return active(company, "subsidiary", body.get("subsidiary"), "subsidiary")


def _money(company: Company, body: Json, subsidiary: Record, party: Record | None) -> Money:
    home = company.books.get("currency", subsidiary.data["currency"]["id"])
    default = party.data["currency"] if party else subsidiary.data["currency"]
    currency = active(company, "currency", body.get("currency") or default, "currency")
    assert home is not None
    if party is not None and currency.id != party.data["currency"]["id"]:
        raise bad_reference("currency", currency.id)
    rate = body.get("exchangeRate")
    if rate is None:
        rate = Decimal(currency.data["rate"]) / Decimal(home.data["rate"])
        rate = rate.quantize(Decimal("0.00000001"))
    if rate <= 0 or (currency.id == home.id and rate != 1):
        raise user_error(f"The exchange rate {rate} is not possible for this currency.", "exchangeRate")
    return Money(currency.id, currency.data["symbol"], currency.data["precision"], rate, home.data["precision"])
