"""NetSuite's records as we read them: one record, many transactions, and whether they are what we sent."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from integrations.connectors.base import Delivered, ErpDocument, ErpPosting, Outcome, Rejected
from integrations.connectors.jsontext import decimal
from integrations.connectors.netsuite.client import RECORD, Client
from integrations.connectors.netsuite.setting import Setting
from integrations.connectors.netsuite.signing import host_of
from integrations.connectors.netsuite.suiteql import (
    PAGE,
    Queries,
    QueryRefused,
    Row,
    as_date,
    day,
    iso,
    known_by,
    quoted,
    since,
)
from integrations.documents import Kind
from integrations.kinds import kind_sent, void_of

RECORDS = {
    Kind.CUSTOMER: "customer",
    Kind.PRODUCT: "serviceSaleItem",
    Kind.JOURNAL_ENTRY: "journalEntry",
    Kind.INVOICE: "invoice",
    Kind.CREDIT_NOTE: "creditMemo",
    Kind.CREDIT_ALLOCATION: "creditMemo",
    Kind.PAYMENT: "customerPayment",
    Kind.PAYMENT_UPDATE: "customerPayment",
    Kind.REFUND: "customerRefund",
    Kind.MONEY_OUT: "check",
    Kind.MONEY_IN: "deposit",
}
MOVED = {Kind.MONEY_OUT: "expense", Kind.MONEY_IN: "other"}  # The sublists of a check and a deposit.
# What is undone, and the document that undoes it; both are known by their references.
OFFSETS = {
    Kind.INVOICE_VOID: ("invoice", "creditMemo"),
    Kind.CREDIT_NOTE_VOID: ("creditMemo", "invoice"),
    Kind.PAYMENT_VOID: ("customerPayment", "customerRefund"),
}
TYPES = {
    Kind.JOURNAL_ENTRY: "Journal",
    Kind.INVOICE: "CustInvc",
    Kind.CREDIT_NOTE: "CustCred",
    Kind.PAYMENT: "CustPymt",
    Kind.REFUND: "CustRfnd",
    Kind.MONEY_OUT: "Check",
    Kind.MONEY_IN: "Deposit",
}
_PAGES = {
    "journalEntry": "accounting/transactions/journal",
    "invoice": "accounting/transactions/custinvc",
    "creditMemo": "accounting/transactions/custcred",
    "customerPayment": "accounting/transactions/custpymt",
    "customerRefund": "accounting/transactions/custrfnd",
    "check": "accounting/transactions/check",
    "deposit": "accounting/transactions/deposit",
    "customer": "common/entity/custjob",
    "serviceSaleItem": "common/item/item",
}
_HEADS = (
    f"id, type, tranid, externalid, {as_date('trandate')}, entity, currency, exchangerate, foreigntotal, voided, posting, "
    "lastmodifieddate"
)
_OWN_NUMBERS = (Kind.PAYMENT, Kind.REFUND, Kind.MONEY_OUT, Kind.MONEY_IN)
_CHUNK = 200
_ZERO, _EXACT = Decimal(0), Decimal("0.0001")
JsonObject = dict[str, Any]


def page_url(record: str, external_id: str, *, base_url: str, account_id: str) -> str:
    """Give the page where a person sees the record; a stand-in server shows it under its own address."""
    if not base_url.endswith(".netsuite.com"):
        return f"{base_url}/{record.lower()}/{external_id}"
    where = _PAGES.get(record)
    return f"https://{host_of(account_id)}.app.netsuite.com/app/{where}.nl?id={external_id}" if where else ""


def expected_total(kind: Kind, sent: JsonObject) -> Decimal | None:
    """Give what a document that was sent must come to; None where NetSuite cannot make anything else of it."""
    if kind is Kind.PAYMENT:
        return decimal(sent.get("payment"))
    if kind is Kind.REFUND:
        return sum((decimal(line["amount"]) for line in sent["apply"]["items"]), _ZERO)
    if kind in (Kind.MONEY_OUT, Kind.MONEY_IN):
        return sum((decimal(line["amount"]) for line in sent[MOVED[kind]]["items"]), _ZERO)
    if kind not in (Kind.INVOICE, Kind.CREDIT_NOTE):
        return None
    lines, details = sent["item"]["items"], sent.get("taxDetails", {}).get("items", [])
    net = sum((decimal(line["amount"]) + decimal(line.get("tax1Amt")) for line in lines), _ZERO)
    return net + sum((decimal(line["taxAmount"]) for line in details), _ZERO)


def outcome(kind: Kind, sent: JsonObject, found: Mapping[str, Any], *, url: str) -> Outcome:
    """Compare what was sent with what the ERP holds: total and number must be ours. `found`: id, total, number, name."""
    external_id = str(found["id"])
    mine, theirs = expected_total(kind, sent), found.get("total")
    if mine is not None and theirs is not None and mine != abs(decimal(theirs)):
        return Rejected(
            "total_differs",
            f"NetSuite made {abs(decimal(theirs))} of {mine} (its internal id {external_id}), most likely by computing tax "
            "itself. Correct the document there to our total, or delete it there, then send this item again.",
        )
    number = str(found.get("number") or "")
    if "tranId" in sent and number and number != sent["tranId"]:
        return Rejected(
            "number_differs",
            f"NetSuite gave number {number} instead of {sent['tranId']} (its internal id {external_id}). Allow to override "
            "auto-generated numbers there (Setup > Company > Auto-Generated Numbers), correct the number and send this "
            "item again.",
        )
    name = found.get("name") or sent.get("companyName") or sent.get("itemId") or number
    return Delivered(external_id, url=url, name=str(name))


class Transactions:
    """Reads transactions of a kind, with their lines and what they settle."""

    def __init__(self, queries: Queries, client: Client, codes: Mapping[str, str], setting: Setting) -> None:
        """`codes`: of the currencies, by their ids."""
        self._queries = queries
        self._field = setting.reference_field  # It carries our reference beside the external id, where there is one.
        self._client = client
        self._codes = codes
        self._subsidiaries = setting.fed
        self._setting = setting

    def read(self, kind: Kind, where: str) -> Iterator[ErpDocument]:
        """Give the transactions that a condition names, in the order of their ids. Raises DeliveryError.

        The next page begins after the last id, so that what is made meanwhile shifts nothing, and no query comes near the
        vendor's limit of 100,000 rows.
        """
        last = 0
        condition = f"type = {quoted(TYPES[kind])} AND {where}"
        if self._subsidiaries:
            main = "" if kind is Kind.JOURNAL_ENTRY else "transactionline.mainline = 'T' AND "
            condition += (
                " AND id IN (SELECT transactionline.transaction FROM transactionline WHERE "
                f"{main}transactionline.subsidiary IN ({', '.join(self._subsidiaries)}))"
            )
        while True:
            page = self._page(f"{condition} AND id > {last}")
            for start in range(0, len(page), _CHUNK):
                yield from self._documents(kind, page[start : start + _CHUNK])
            if not page:
                return
            last = max(int(row["id"]) for row in page)

    def missing(self, ids: Sequence[str]) -> list[str]:
        """Give those ids that no transaction has any more. Raises DeliveryError."""
        there: set[str] = set()
        for start in range(0, len(ids), PAGE):
            some = ", ".join(str(int(each)) for each in ids[start : start + PAGE])
            rows = self._queries.all(f"SELECT id FROM transaction WHERE id IN ({some}) ORDER BY id")
            there.update(str(row["id"]) for row in rows)
        return [each for each in ids if each not in there]

    def receivables(self, through: date) -> dict[str, Decimal]:
        """Give what each customer owes in the primary accounting book at the end of a day. Raises DeliveryError."""
        ours = f"AND tl.subsidiary IN ({', '.join(self._subsidiaries)}) " if self._subsidiaries else ""
        text = (
            "SELECT t.entity, SUM(tal.amount) AS amount FROM transaction t "
            "JOIN transactionline tl ON tl.transaction = t.id "
            "JOIN transactionaccountingline tal ON tal.transaction = tl.transaction AND tal.transactionline = tl.id "
            "JOIN account a ON a.id = tal.account "
            f"WHERE tal.accountingbook = 1 AND tal.posting = 'T' AND a.accttype = 'AcctRec' {ours}"
            f"AND t.trandate <= {day(through)} GROUP BY t.entity ORDER BY t.entity"
        )
        # A sum may come as a floating point number, with digits that no amount has.
        return {
            str(row.get("entity") or ""): decimal(row.get("amount")).quantize(_EXACT) for row in self._queries.all(text)
        }

    def _page(self, condition: str) -> list[Row]:
        """Give a page of heads; all columns where one of those wanted is refused."""
        text = f"FROM transaction WHERE {condition} ORDER BY id"
        try:
            return self._queries.page(f"SELECT {_HEADS}{f', {self._field}' if self._field else ''} {text}")
        except QueryRefused:
            pass  # The account names one of the columns otherwise; what is asked for next has them all.
        try:
            return self._queries.page(f"SELECT * {text}")
        except QueryRefused as refused:
            raise refused.error from refused

    def _documents(self, kind: Kind, heads: Sequence[Row]) -> Iterator[ErpDocument]:
        ids = [str(row["id"]) for row in heads]
        heads = [{**row, "externalid": self._reference(row)} for row in heads]
        lines = self._lines(ids)
        linked = self._linked(kind, ids) if kind in (Kind.PAYMENT, Kind.CREDIT_NOTE, Kind.REFUND) else {}
        undone = self._undone(kind, heads)
        for row in heads:
            number = str(row["id"])
            document = self._document(kind, row, lines.get(number, []), tuple(linked.get(number, {}).items()))
            yield document if number not in undone else _void(document)

    def _document(
        self, kind: Kind, row: Row, lines: Sequence[Row], linked: tuple[tuple[str, Decimal], ...]
    ) -> ErpDocument:
        reference = str(row["externalid"])
        tax = -sum((decimal(line.get("foreignamount")) for line in lines if line.get("taxline") == "T"), _ZERO)
        account = next((str(line["account"]) for line in lines if line.get("mainline") == "T"), "")
        document = ErpDocument(
            kind=kind.value,
            external_id=str(row["id"]),
            reference=reference,
            # A payment is known by our reference: NetSuite numbers it itself.
            number=reference if kind in _OWN_NUMBERS and reference else str(row.get("tranid") or ""),
            date=iso(row.get("trandate")),
            currency=self._codes.get(str(row.get("currency")), str(row.get("currency") or "")),
            customer=str(row.get("entity") or ""),
            total=abs(decimal(row.get("foreigntotal"))),
            tax=abs(tax) or _ZERO,
            account=account if kind in _OWN_NUMBERS else "",
            postings=tuple(_posting(line) for line in lines if line.get("account")),
            linked=linked,
            rate=decimal(row["exchangerate"]) if row.get("exchangerate") else None,
            status="draft" if row.get("posting") == "F" else "posted",
            sync_token=str(row.get("lastmodifieddate") or "")[:20],
            home=self._setting.home(next((str(line["subsidiary"]) for line in lines if line.get("subsidiary")), "")),
        )
        return _void(document) if row.get("voided") == "T" else document

    def _lines(self, ids: Sequence[str]) -> dict[str, list[Row]]:
        """Give the lines by transaction: debits above zero, in the primary accounting book."""
        whose = "tl.subsidiary, " if self._setting.has_several_homes else ""  # Not every account has subsidiaries.
        text = (
            f"SELECT tl.transaction, tl.id, tl.mainline, tl.taxline, {whose}tl.foreignamount, tal.account, tal.amount "
            "FROM transactionline tl "
            "JOIN transactionaccountingline tal ON tal.transaction = tl.transaction AND tal.transactionline = tl.id "
            f"WHERE tal.accountingbook = 1 AND tl.transaction IN ({', '.join(ids)}) ORDER BY tl.transaction, tl.id"
        )
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self._queries.all(text):
            found[str(row["transaction"])].append(row)
        return found

    def _linked(self, kind: Kind, ids: Sequence[str]) -> dict[str, dict[str, Decimal]]:
        """Give what each settles, from the links between transactions, else from the records themselves.

        What settles comes after what it settles. Of a credit memo, which may be the older of the two, that is not said for
        certain: an invoice that comes after one is settled by it as well.
        """
        own = ", ".join(ids)
        after = f" OR (previousdoc IN ({own}) AND nexttype = 'CustInvc')" if kind is Kind.CREDIT_NOTE else ""
        text = (
            "SELECT nextdoc, previousdoc, foreignamount FROM nexttransactionlinelink WHERE linktype = 'Payment' "
            f"AND (nextdoc IN ({own}){after}) ORDER BY nextdoc, previousdoc"
        )
        found: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        try:
            for row in self._queries.rows(text):
                pair = str(row["nextdoc"]), str(row["previousdoc"])
                settles, settled = pair if pair[0] in ids else pair[::-1]
                found[settles][settled] += abs(decimal(row.get("foreignamount")))
        except QueryRefused:
            for number in ids:
                answer = self._client.read(
                    f"{RECORD}/{RECORDS[kind]}/{number}", operation=RECORDS[kind], params={"expandSubResources": "true"}
                )
                for line in applied(answer.body if answer.is_ok else {}):
                    found[number][line[0]] += line[1]
        return found

    def _undone(self, kind: Kind, heads: Sequence[Row]) -> set[str]:
        """Give those that a document of ours undoes, and the documents of ours that undo others: both count as void."""
        references = {str(row["externalid"]): str(row["id"]) for row in heads if row.get("externalid")}
        undone = set()
        wanted: dict[str, str] = {}
        for reference, number in references.items():
            undoes = kind_sent(reference)
            if undoes in OFFSETS and OFFSETS[undoes][1] == RECORDS[kind]:
                undone.add(number)
            void = void_of(reference)
            if void and OFFSETS[void[0]][0] == RECORDS[kind]:
                wanted[void[1]] = number
        if wanted:
            columns = f"id, externalid{f', {self._field}' if self._field else ''}"
            text = f"SELECT {columns} FROM transaction WHERE {known_by(wanted, self._field)} ORDER BY id"
            undone |= {wanted[self._reference(row)] for row in self._queries.all(text)}
        return undone

    def _reference(self, row: Row) -> str:
        return str(row.get(self._field) or row.get("externalid") or "")


def applied(body: Any) -> list[tuple[str, Decimal]]:
    """Give what a record settles, read with its sublists."""
    items = ((body or {}).get("apply") or {}).get("items") or []
    return [
        (str((line.get("doc") or {}).get("id", "")), decimal(line.get("amount")))
        for line in items
        if line.get("apply", True)
    ]


def up_to(through: date, start: date | None) -> str:
    """Write the condition for a span of dates."""
    condition = f"trandate <= {day(through)}"
    return f"{condition} AND trandate >= {day(start)}" if start else condition


def changed_after(moment: datetime) -> str:
    """Write the condition for what changed after a moment."""
    return since(moment)


def _void(document: ErpDocument) -> ErpDocument:
    return ErpDocument(
        kind=document.kind,
        external_id=document.external_id,
        reference=document.reference,
        number=document.number,
        date=document.date,
        currency=document.currency,
        customer=document.customer,
        status="void",
        sync_token=document.sync_token,
    )


def _posting(line: Row) -> ErpPosting:
    base = decimal(line.get("amount"))
    amount = decimal(line["foreignamount"]) if line.get("foreignamount") not in (None, "") else base
    return ErpPosting(str(line["account"]), amount, base)
