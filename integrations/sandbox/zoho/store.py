"""The books: records by module and id, look-ups by what must be unique, postings in base currency."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho import facts
from integrations.sandbox.zoho.errors import gone, invalid

ZERO = Decimal(0)
_ZONE = timezone(timedelta(hours=-8))


@dataclass(frozen=True)
class Module:
    """One of the vendor's modules: how its list, one of its records, and their ids are called."""

    path: str
    single: str
    id: str
    label: str
    looked_up: tuple[str, ...] = ()


MODULES = {
    each.path: each
    for each in (
        Module("chartofaccounts", "chart_of_account", "account_id", "Account", ("account_name", "account_code")),
        Module("contacts", "contact", "contact_id", "Contact", ("contact_name", "contact_number")),
        Module("items", "item", "item_id", "Item", ("name", "sku")),
        Module("currencies", "currency", "currency_id", "Currency", ("currency_code",)),
        Module("taxes", "tax", "tax_id", "Tax", ("tax_name",)),
        Module("reportingtags", "reporting_tag", "tag_id", "Reporting tag"),
        Module("locations", "location", "location_id", "Location"),
        Module("journals", "journal", "journal_id", "Journal", ("reference_number",)),
        Module("invoices", "invoice", "invoice_id", "Invoice", ("invoice_number", "reference_number")),
        Module("creditnotes", "creditnote", "creditnote_id", "Credit note", ("creditnote_number", "reference_number")),
        Module("customerpayments", "payment", "payment_id", "Payment", ("reference_number",)),
        Module("creditnoterefunds", "creditnote_refund", "creditnote_refund_id", "Credit note refund"),
        Module("paymentrefunds", "payment_refund", "payment_refund_id", "Payment refund"),
        Module("expenses", "expense", "expense_id", "Expense", ("reference_number",)),
        Module("banktransactions", "banktransaction", "transaction_id", "Bank transaction", ("reference_number",)),
    )
}
TRANSACTIONS = (
    "journals",
    "invoices",
    "creditnotes",
    "customerpayments",
    "creditnoterefunds",
    "paymentrefunds",
    "expenses",
    "banktransactions",
)


@dataclass(frozen=True)
class Posting:
    """A debit (above zero) or credit (below) on an account, in base currency and in the document's."""

    account: str
    base: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Money:
    """A document's currency: how many decimals it has, and what one unit is in base currency."""

    id: str
    code: str
    symbol: str
    precision: int
    rate: Decimal

    def round(self, amount: Decimal) -> Decimal:
        """Round to the currency's decimals."""
        return amount.quantize(Decimal(1).scaleb(-self.precision), ROUND_HALF_UP)

    def base(self, amount: Decimal) -> Decimal:
        """Give an amount in base currency, which has two decimals."""
        return (amount * self.rate).quantize(Decimal("0.01"), ROUND_HALF_UP)

    def exact(self, amount: Decimal, name: str) -> Decimal:
        """Give an amount with the currency's decimals. Raises ZohoError where digits would be lost."""
        if self.round(amount) != amount:
            raise invalid(name)
        return self.round(amount)

    def shown(self) -> Json:
        """Give the fields by which a document names its currency."""
        return {
            "currency_id": self.id,
            "currency_code": self.code,
            "currency_symbol": self.symbol,
            "price_precision": self.precision,
            "exchange_rate": self.rate,
        }


def now_text() -> str:
    """Give the present moment as the vendor writes it."""
    return datetime.now(_ZONE).strftime("%Y-%m-%dT%H:%M:%S%z")


class Books:
    """Everything one organisation holds. What arrives here has been checked."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Json]] = {path: {} for path in MODULES}
        self.postings: dict[tuple[str, str], list[Posting]] = {}
        self._index: dict[tuple[str, str, str], dict[str, None]] = {}
        self._last_id = 460_000_000_000_000
        self._numbers: dict[str, int] = defaultdict(int)

    def new_id(self) -> str:
        """Give an id that nothing has yet."""
        self._last_id += 7
        return str(self._last_id)

    def next_number(self, series: str) -> int:
        """Count up a series of numbers."""
        self._numbers[series] += 1
        return self._numbers[series]

    def add(self, path: str, data: Json) -> Json:
        """Keep a new record; gives it its id and times."""
        module = MODULES[path]
        moment = now_text()
        data = {module.id: self.new_id(), **data, "created_time": moment, "last_modified_time": moment}
        self.tables[path][data[module.id]] = data
        self._enter(module, data)
        return data

    def change(self, path: str, data: Json, changes: Mapping[str, object]) -> Json:
        """Change a record's fields in place."""
        module = MODULES[path]
        self._leave(module, data)
        data.update(changes)
        data["last_modified_time"] = now_text()
        self._enter(module, data)
        return data

    def remove(self, path: str, data: Json) -> None:
        """Take a record out of the books, with its postings."""
        module = MODULES[path]
        self._leave(module, data)
        del self.tables[path][data[module.id]]
        self.postings.pop((path, data[module.id]), None)

    def get(self, path: str, record_id: str) -> Json | None:
        """Give a record, or None."""
        return self.tables[path].get(record_id)

    def need(self, path: str, record_id: str) -> Json:
        """Give a record. Raises ZohoError where there is none."""
        found = self.get(path, record_id)
        if found is None:
            raise gone(MODULES[path].label)
        return found

    def having(self, path: str, name: str, value: str) -> list[Json]:
        """Give the records with a value, whatever its case: one that is looked up by, or a custom field's."""
        ids = self._index.get((path, name, value.casefold()), {})
        return [self.tables[path][each] for each in ids]

    def post(self, path: str, record_id: str, postings: Iterable[Posting]) -> None:
        """Put what a document does to the accounts in place of what it did before."""
        kept = [each for each in postings if each.base or each.amount]
        if kept:
            self.postings[path, record_id] = kept
        else:
            self.postings.pop((path, record_id), None)

    def balances(self) -> dict[str, Decimal]:
        """Give each account's balance in base currency: debits above zero."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for postings in self.postings.values():
            for each in postings:
                sums[each.account] += each.base
        return sums

    def postings_on(self, account: str) -> Iterator[tuple[str, Json, Posting]]:
        """Give what documents did to an account, in the order they were posted."""
        for (path, record_id), postings in self.postings.items():
            for each in postings:
                if each.account == account:
                    yield path, self.tables[path][record_id], each

    def role(self, name: str) -> str:
        """Give the id of an account that the books post to by themselves."""
        (account,) = self.having("chartofaccounts", "account_name", facts.ROLES[name])
        return str(account["account_id"])

    def money(self, currency_id: str, rate: Decimal | None) -> Money:
        """Give a currency with a document's rate, else the organisation's own. Raises ZohoError."""
        currency = self.get("currencies", currency_id)
        if currency is None:
            raise invalid("currency_id")
        if rate is not None and rate <= 0:
            raise invalid("exchange_rate")
        own = Decimal(1) if currency["is_base_currency"] else Decimal(currency["exchange_rate"])
        if currency["is_base_currency"] and rate is not None and rate != 1:
            raise invalid("exchange_rate")
        return Money(
            id=currency["currency_id"],
            code=currency["currency_code"],
            symbol=currency["currency_symbol"],
            precision=currency["price_precision"],
            rate=rate if rate is not None else own,
        )

    def home(self) -> str:
        """Give the id of the base currency."""
        (currency,) = self.having("currencies", "currency_code", facts.HOME)
        return str(currency["currency_id"])

    def _keys(self, module: Module, data: Json) -> Iterator[tuple[str, str, str]]:
        for name in module.looked_up:
            if data.get(name):
                yield module.path, name, str(data[name]).casefold()
        fields: Sequence[Json] = data.get("custom_fields", ())
        for each in fields:
            if each.get("value"):
                yield module.path, each["api_name"], str(each["value"]).casefold()

    def _enter(self, module: Module, data: Json) -> None:
        for key in self._keys(module, data):
            self._index.setdefault(key, {})[data[module.id]] = None

    def _leave(self, module: Module, data: Json) -> None:
        for key in self._keys(module, data):
            self._index[key].pop(data[module.id], None)
