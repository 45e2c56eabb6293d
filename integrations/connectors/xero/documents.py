"""Documents as Xero holds them, for reconciliation and for noticing what was changed there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal

from integrations.connectors.base import Change, ErpDocument
from integrations.connectors.jsontext import decimal
from integrations.connectors.xero import objects
from integrations.connectors.xero.client import JsonObject
from integrations.connectors.xero.reader import Reader, dated
from integrations.connectors.xero.settling import Held, named, reference_of_credit, settles, whole
from integrations.documents import Kind
from integrations.kinds import kind_sent

_SALES = {
    Kind.INVOICE: 'Type=="ACCREC" AND ',
    Kind.CREDIT_NOTE: 'Type=="ACCRECCREDIT" AND ',
    Kind.JOURNAL_ENTRY: "",
    Kind.MONEY_OUT: 'Type=="SPEND" AND ',
    Kind.MONEY_IN: 'Type=="RECEIVE" AND ',
}
_JOURNALS_AT_ONCE = 200  # they come with their lines
_GONE = ("VOIDED", "DELETED", "ARCHIVED")


def read(reader: Reader, kind: Kind, *, through: date, since: date | None) -> Iterator[ErpDocument]:
    """Read every document of a kind of these days. Raises DeliveryError."""
    days = dated(through, since)
    if kind is Kind.PAYMENT:
        yield from _payments(reader, days)
    elif kind is Kind.REFUND:
        rows = reader.pages("Payments", where=days)
        refunds = (each for each in rows if objects.is_refund(each) and each.get("Status") == "AUTHORISED")
        for found in named(reader, [each for each in refunds if not _is_purchase(each)]):
            yield _refund(found)
    elif kind in _SALES:
        path = objects.PATHS[kind]
        size = _JOURNALS_AT_ONCE if kind is Kind.JOURNAL_ENTRY else 500
        order = f"{objects.ENTITIES[kind]}ID ASC"
        for found in reader.pages(path, size=size, where=_SALES[kind] + days, order=order):
            document = objects.erp_document(kind, found)
            if document:
                yield document


def read_one(reader: Reader, kind: Kind, external_id: str) -> ErpDocument | None:
    """Read one document as it is now; None where there is none, or only a deleted draft."""
    if kind in (Kind.PAYMENT, Kind.REFUND):
        found = reader.one("Payments", external_id)
        if found is None:
            return None
        (found,) = named(reader, [found])
        if kind is Kind.REFUND or objects.is_refund(found):
            return _refund(found)
        reference, paid_on = str(found.get("Reference") or ""), date.fromisoformat(objects.day(found.get("Date")))
        rows = _payments(reader, dated(paid_on, paid_on)) if reference else iter([_payment(Held([found]), {})])
        return next((each for each in rows if not reference or each.reference == reference), None)
    found = reader.one(objects.PATHS[kind], external_id)
    return objects.erp_document(kind, found) if found else None


def changed(reader: Reader, *, since: datetime) -> Iterator[Change]:
    """Give what was changed, voided or deleted after a moment. Xero does not move the moment with every change."""
    for kind in (Kind.JOURNAL_ENTRY, Kind.INVOICE, Kind.CREDIT_NOTE, Kind.PAYMENT):
        path = objects.PATHS[kind]
        for found in reader.pages(path, since=since):
            if _is_purchase(found):
                continue
            is_refund = kind is Kind.PAYMENT and objects.is_refund(found)
            is_gone = found.get("Status") in _GONE
            yield Change(
                kind=Kind.REFUND.value if is_refund else kind.value,
                external_id=objects.external_id_of(kind, found),
                what="deleted" if is_gone else "changed",
                at=objects.moment(found.get("UpdatedDateUTC")),
                # A payment of ours may be several of theirs.
                document=None if is_gone or kind is Kind.PAYMENT else objects.erp_document(kind, found),
            )


def _payments(reader: Reader, days: str) -> Iterator[ErpDocument]:
    """Put the parts of each payment of ours together; what was made by hand stands alone."""
    ours: dict[str, Held] = defaultdict(Held)
    alone: list[Held] = []
    rows = [each for each in reader.pages("Payments", where=days) if each.get("Status") == "AUTHORISED"]
    for found in named(reader, [each for each in rows if not objects.is_refund(each) and not _is_purchase(each)]):
        reference = str(found.get("Reference") or "")
        (ours[reference].payments if _is_ours(reference) else _new(alone).payments).append(found)
    for credit in whole(reader, reader.pages("Overpayments", where=days)):
        if credit.get("Status") == "VOIDED" or _is_purchase(credit):
            continue
        reference = reference_of_credit(credit)
        (ours[reference].credits if reference else _new(alone).credits).append(credit)
    every = [*ours.values(), *alone]
    banks = _banks(reader, days) if any(held.credits for held in every) else {}
    yield from (_payment(held, banks) for held in every)


def _payment(held: Held, banks: dict[str, str]) -> ErpDocument:
    first: JsonObject = (held.payments or held.credits)[0]
    document = first.get("Invoice") or first
    reference = str(first.get("Reference") or "") if held.payments else reference_of_credit(first)
    account = str((first.get("Account") or {}).get("AccountID", "")) or banks.get(str(first.get("OverpaymentID")), "")
    return ErpDocument(
        kind=Kind.PAYMENT.value,
        external_id=held.external_id,
        reference=reference if _is_ours(reference) else "",
        number=reference,
        date=objects.day(first.get("Date")),
        currency=str(document.get("CurrencyCode") or ""),
        customer=str((document.get("Contact") or {}).get("ContactID", "")),
        total=held.total,
        account=account,
        linked=tuple(held.settled().items()),
        sync_token=objects.token(first),
    )


def _refund(found: JsonObject) -> ErpDocument:
    document: JsonObject = found.get(settles(found)) or {}
    reference = str(found.get("Reference") or "")
    return ErpDocument(
        kind=Kind.REFUND.value,
        external_id=str(found["PaymentID"]),
        reference=reference if _is_ours(reference) else "",
        number=reference,
        date=objects.day(found.get("Date")),
        currency=str(document.get("CurrencyCode") or ""),
        customer=str((document.get("Contact") or {}).get("ContactID", "")),
        total=decimal(found.get("Amount")) if found.get("Status") == "AUTHORISED" else Decimal(0),
        account=str((found.get("Account") or {}).get("AccountID", "")),
        status="posted" if found.get("Status") == "AUTHORISED" else "void",
    )


def _banks(reader: Reader, days: str) -> dict[str, str]:
    """Give, by overpayment, the account that its money went to."""
    rows: Iterable[JsonObject] = reader.pages("BankTransactions", where=f'Type=="RECEIVE-OVERPAYMENT" AND {days}')
    return {
        str(each["OverpaymentID"]): str((each.get("BankAccount") or {}).get("AccountID", ""))
        for each in rows
        if each.get("OverpaymentID")
    }


def _new(alone: list[Held]) -> Held:
    alone.append(Held())
    return alone[-1]


def _is_purchase(found: JsonObject) -> bool:
    """Tell what is owed or paid to a supplier, as bills, their credits and payments are typed."""
    return str(found.get("PaymentType") or found.get("Type") or "").startswith(("ACCPAY", "AP", "SPEND"))


def _is_ours(reference: str) -> bool:
    """Tell our references, such as ABCDE-P12, from what people write."""
    prefix, _, rest = reference.partition("-")
    return (
        len(prefix) == 5
        and prefix.isalnum()
        and prefix.isupper()
        and kind_sent(reference) is not None
        and rest[-1:].isdigit()
    )
