"""Reading Zoho Books: lists with their changes, documents for reconciliation, and what was changed there.

Lists omit lines, so a document's lines cost a call each, of a few thousand a day. Invoices are taken from the list as far as
it goes. Journals are read by account: 200 lines a call, checked against each journal's own total, and one whose lines do
not add up to it is read by itself. Payments and credit notes are read one by one for what they settle, an invoice in a foreign
currency for its rate, where the list leaves that out.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Change, Company, ErpDocument, ErpPosting, ErpRow, Rejected
from integrations.connectors.zoho import objects
from integrations.connectors.zoho.client import Client, is_gone
from integrations.connectors.zoho.objects import MODULES
from integrations.connectors.zoho.refunds import Refunds
from integrations.documents import Kind
from integrations.kinds import kind_sent

_CHANGES = (Kind.JOURNAL_ENTRY, Kind.INVOICE, Kind.CREDIT_NOTE)
_HEAD = ("total", "date", "customer_id", "currency_code", "status")
_WHOLE_READS = 20  # Journals up to which each is read by itself.

JsonObject = dict[str, Any]
Postings = dict[str, list[ErpPosting]]


class Reader:
    """Reads one organisation."""

    def __init__(self, client: Client, *, home: str) -> None:
        self._client, self._home = client, home
        self._refunds = Refunds(client, self._record)

    def company(self, organization_id: str) -> Company:
        """Read the organisation, its locks, and whether it has more than one currency."""
        found = self._client.get(f"organizations/{organization_id}").get("organization") or {}
        rows = self._client.optional("transactionlocks", "transaction_locks")
        try:
            rows.append(self._client.get("transactionlock").get("transaction_lock") or {})
        except Rejected:
            pass  # Not every plan has locks; then nothing is locked.
        locks = [each for each in map(objects.lock, rows) if each is not None]
        currencies = list(self._client.pages("settings/currencies", "currencies"))
        return objects.company(found, locks, multi_currency=len(currencies) > 1)

    def lists(self, *, since: datetime | None) -> Iterator[ErpRow]:
        """Read accounts, customers, items, taxes, currencies, reporting tags and locations, inactive ones too.

        Only accounts can be asked for what changed; the other lists are read whole.
        """
        changed = {"last_modified_time": _moment(since)} if since else {}
        accounts = self._client.pages("chartofaccounts", "chartofaccounts", filter_by="AccountType.All", **changed)
        yield from map(objects.account, accounts)
        contacts = self._client.pages("contacts", "contacts", filter_by="Status.All", contact_type="customer")
        yield from map(objects.customer, contacts)
        yield from map(objects.product, self._client.pages("items", "items", filter_by="Status.All"))
        yield from map(objects.tax, self._client.pages("settings/taxes", "taxes"))
        yield from map(objects.currency, self._client.pages("settings/currencies", "currencies"))
        for tag in self._client.optional("reportingtags", "reporting_tags"):
            for option in self._client.optional(f"reportingtags/{objects.text(tag['tag_id'])}/options/all", "results"):
                yield objects.tag_option(tag, option)
        yield from map(objects.location, self._client.optional("locations", "locations", paged=False))

    def documents(self, kind: Kind, *, through: date, since: date | None) -> Iterator[ErpDocument]:
        """Read every document of a kind up to a day, and from a day on."""
        if kind is Kind.REFUND:
            yield from self._refunds.documents(through=through, since=since)
            return
        module = MODULES[kind]
        dates = {"date_end": through.isoformat()} | ({"date_start": since.isoformat()} if since else {})
        asked = {} if kind is Kind.PAYMENT else dates  # The contract searches payments by one day only.
        if kind is Kind.MONEY_IN:
            asked = {**dates, "transaction_type": "deposit"}
        rows = [
            row
            for row in self._client.pages(module.path, module.path, **asked)
            if _day(since) <= objects.text(row.get(module.day)) <= through.isoformat()
        ]
        rows.sort(key=lambda row: int(objects.text(row[module.id])))
        if kind is Kind.JOURNAL_ENTRY:
            yield from self._journals(rows, dates)
            return
        if kind in objects.MOVED:  # Of all that a company spends and receives only what came from us concerns us.
            rows = [row for row in rows if kind_sent(objects.text(row.get("reference_number"))) is kind]
        for row in rows:
            if kind is Kind.INVOICE and self._tells_all(row):
                yield objects.erp_document(kind, row)  # All but the tax, which is in the total.
                continue
            found = self.document(kind, objects.text(row[module.id]))
            if found is not None:
                yield found

    def document(self, kind: Kind, external_id: str) -> ErpDocument | None:
        """Read one document as it is now."""
        if kind is Kind.REFUND:
            return self._refunds.document(external_id)
        record = self._record(kind, external_id)
        return objects.erp_document(kind, record) if record is not None else None

    def _record(self, kind: Kind, external_id: str) -> JsonObject | None:
        module = MODULES[kind]
        try:
            record: JsonObject = self._client.get(f"{module.path}/{external_id}").get(module.single) or {}
            if kind is Kind.CREDIT_NOTE and "invoices_credited" not in record:
                answer = self._client.get(f"{module.path}/{external_id}/invoices")
                record = {**record, "invoices_credited": answer.get("invoices_credited")}
        except Rejected as error:
            if is_gone(error):
                return None
            raise
        self._refunds.know(kind, record)
        return record

    def _tells_all(self, row: JsonObject) -> bool:
        """Tell whether a list's row says of an invoice all that is compared."""
        is_whole = all(row.get(name) not in ("", None) for name in _HEAD)
        return is_whole and bool(row["currency_code"] == self._home or row.get("exchange_rate"))

    def changes(self, *, since: datetime) -> Iterator[Change]:
        """Give journals, invoices and credit notes changed after a moment.

        Payments (see `payments_of`) and deletions (see `gone`) are not told.
        """
        for kind in _CHANGES:
            module = MODULES[kind]
            rows = self._client.pages(module.path, module.path, last_modified_time=_moment(since))
            yield from (objects.change(kind, row) for row in rows)

    def payments_of(self, invoice_id: str) -> list[str]:
        """Give the payments that settle an invoice: only invoices tell when they were changed."""
        try:
            rows = self._client.get(f"invoices/{invoice_id}/payments").get("payments") or ()
        except Rejected as error:
            if is_gone(error):
                return []
            raise
        return [objects.text(row["payment_id"]) for row in rows if row.get("payment_id")]

    def gone(self, kind: Kind, by_day: Mapping[date, Sequence[str]]) -> set[str]:
        """Tell which documents their day's list no longer shows: one call a day, whatever their number up to 200."""
        module = MODULES[kind]
        missing: set[str] = set()
        for day, ids in by_day.items():
            when = day.isoformat()
            asked = {"date": when} if kind is Kind.PAYMENT else {"date_start": when, "date_end": when}
            rows = self._client.pages(module.path, module.path, **asked)
            missing |= set(ids) - {objects.text(row.get(module.id)) for row in rows}
        return missing

    def _journals(self, rows: list[JsonObject], dates: dict[str, str]) -> Iterator[ErpDocument]:
        by_account: Postings = {}
        if len(rows) > _WHOLE_READS:
            first = min(objects.text(row.get("journal_date")) for row in rows)
            by_account = self._postings({"date_start": first, **dates})
        codes, home = self._currency_codes() if by_account else ({}, "")
        for row in rows:
            journal_id = objects.text(row["journal_id"])
            postings = by_account.get(journal_id, [])
            debit = sum((each.amount for each in postings if each.amount > 0), Decimal(0))
            credit = -sum((each.amount for each in postings if each.amount < 0), Decimal(0))
            code = codes.get(objects.text(row.get("currency_id")), "")
            # Account by account nothing tells what a foreign journal came to in the base currency.
            if code == home and debit and debit == credit == objects.decimal(row.get("total")):
                yield objects.erp_document(Kind.JOURNAL_ENTRY, {"currency_code": code, **row}, tuple(postings))
                continue
            found = self.document(Kind.JOURNAL_ENTRY, journal_id)
            if found is not None:
                yield found

    def _postings(self, dates: dict[str, str]) -> Postings:
        """Read the lines of journals account by account, by journal.

        Some organisations count an account's transactions by type instead of listing them: there the account's register
        tells them. One that has no registers has each journal read by itself.
        """
        found: Postings = defaultdict(list)
        read = self._transactions
        for account in self._client.pages("chartofaccounts", "chartofaccounts", filter_by="AccountType.All"):
            if account.get("is_involved_in_transaction") is False:
                continue
            account_id = objects.text(account["account_id"])
            try:
                rows = list(read(account_id, dates))
            except Rejected as error:
                if not is_gone(error):
                    raise
                read = self._register
                try:
                    rows = list(read(account_id, dates))
                except Rejected:
                    return {}
            for row in rows:
                amount = objects.decimal(row.get("debit_amount")) - objects.decimal(row.get("credit_amount"))
                found[objects.text(row.get("transaction_id"))].append(ErpPosting(account_id, amount))
        return found

    def _transactions(self, account_id: str, dates: dict[str, str]) -> Iterator[JsonObject]:
        asked = {"account_id": account_id, "transaction_type": "journal", **dates}
        return self._client.pages("chartofaccounts/accounttransactions", "transactions", **asked)

    def _register(self, account_id: str, dates: dict[str, str]) -> Iterator[JsonObject]:
        days = {"from_date": dates["date_start"], "to_date": dates["date_end"]}
        path = f"registers/{account_id}/transactions"
        return self._client.pages(
            path, "account_transactions", inside="register_transactions", filter_by="TransactionDate.CustomDate", **days
        )

    def _currency_codes(self) -> tuple[dict[str, str], str]:
        """Give the codes of currencies by their ids, and the base currency's."""
        rows = list(self._client.pages("settings/currencies", "currencies"))
        codes = {objects.text(row["currency_id"]): objects.text(row.get("currency_code")) for row in rows}
        home = next((codes[objects.text(row["currency_id"])] for row in rows if row.get("is_base_currency")), "")
        return codes, home


def _day(since: date | None) -> str:
    return since.isoformat() if since else ""


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S%z")
