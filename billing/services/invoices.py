"""Finalize and void invoices."""

from collections import defaultdict
from collections.abc import Container, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from billing.charging import next_billing
from billing.errors import BillingError, NotFound, WrongState
from billing.events import BilledLine, InvoiceFinalized, InvoiceVoided, head_of
from billing.models import Contract, ContractStatus, Invoice, InvoiceLine, InvoiceStatus, SeriesKind
from billing.money import format_money
from billing.periods import day_words
from billing.publishing import publish, questions_ahead
from billing.services.contracts import set_cursors
from billing.services.terms import read_items
from billing.statements import Statement, array, execute_together
from billing.tenancy import current_tenant_id


class Finalized(NamedTuple):
    """A freshly finalized invoice: its number and its total in its currency, tax included."""

    id: int
    number: str
    currency: str
    total: Decimal


_LINE = """l.invoice_id, {invoice}.contract_id, l.contract_item_id, l.product_id, p.family_id, t.pricing_model,
       l.recognition_method, l.id, l.net, l.tax, l.tax_rate_id, l.period_start, l.period_end"""

# One round trip locks the drafts, takes their numbers, freezes them and reads their lines. OFFSET 0 keeps each look-up a
# look-up by key, however small the tables are when the plan is made.
_FINALIZE = f"""
WITH {{drafts}}, final AS (
    UPDATE billing_invoice i SET
        number = s.prefix || CASE WHEN {{number}} < 1000000 THEN lpad(({{number}})::text, 6, '0') ELSE ({{number}})::text END,
        bill_to = (SELECT concat_ws(chr(10), nullif(c.name, ''), nullif(c.address, ''), nullif(c.country, ''),
                                    'Tax ID: ' || nullif(c.tax_id, ''))
                     FROM billing_customer c WHERE c.id = i.customer_id),
        finalized_at = %s,
        status = CASE WHEN i.total <= 0 THEN '{InvoiceStatus.PAID}' ELSE '{InvoiceStatus.FINALIZED}' END
      FROM {{numbered}}
    RETURNING i.id, i.contract_id, i.business_entity_id, i.customer_id, i.currency, i.issued_on, i.due_on, i.net, i.tax,
              i.total, i.number
)
SELECT {_LINE.format(invoice="f")}, f.business_entity_id, f.customer_id, f.currency, f.issued_on, f.due_on, f.net, f.tax,
       f.total, f.number
  FROM final f
  JOIN LATERAL (SELECT l.invoice_id, l.position, l.contract_item_id, l.product_id, l.recognition_method, l.id, l.net, l.tax,
                       l.tax_rate_id, l.period_start, l.period_end
                  FROM billing_invoiceline l WHERE l.invoice_id = f.id ORDER BY l.position OFFSET 0) l ON true
  JOIN LATERAL (SELECT p.family_id FROM billing_product p WHERE p.id = l.product_id OFFSET 0) p ON true
  LEFT JOIN LATERAL (SELECT t.pricing_model FROM billing_contractitem t WHERE t.id = l.contract_item_id OFFSET 0) t ON true
"""
_FINALIZE_MANY = (
    _FINALIZE.format(
        drafts=f"""draft AS MATERIALIZED (
    SELECT id, business_entity_id, issued_on FROM billing_invoice
     WHERE id = ANY(%s) AND status = '{InvoiceStatus.DRAFT}' ORDER BY id FOR NO KEY UPDATE
), placed AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY business_entity_id ORDER BY issued_on, id) - 1 AS place FROM draft
), series AS (
    UPDATE billing_numberseries s SET next_number = s.next_number + wanted.count
      FROM (SELECT business_entity_id, count(*) FROM draft GROUP BY business_entity_id) wanted
     WHERE s.business_entity_id = wanted.business_entity_id AND s.kind = '{SeriesKind.INVOICE}'
    RETURNING s.business_entity_id, s.prefix, s.next_number - wanted.count AS first
)""",
        number="s.first + d.place",
        numbered="placed d JOIN series s USING (business_entity_id) WHERE i.id = d.id",
    )
    + "ORDER BY f.issued_on, f.id, l.position"
)
# An invoice is often finalized alone: nothing is to be counted or put in order then.
_FINALIZE_ONE = _FINALIZE.format(
    drafts=f"""series AS (
    UPDATE billing_numberseries s SET next_number = s.next_number + 1
      FROM (SELECT business_entity_id FROM billing_invoice
             WHERE id = %s AND status = '{InvoiceStatus.DRAFT}' OFFSET 0 FOR NO KEY UPDATE) d
     WHERE s.business_entity_id = d.business_entity_id AND s.kind = '{SeriesKind.INVOICE}'
    RETURNING s.prefix, s.next_number - 1 AS first
)""",
    number="s.first",
    numbered="series s WHERE i.id = %s",
)


class _Row(NamedTuple):
    """One line of a freshly finalized invoice with what its document says, in the order of `_FINALIZE`'s columns."""

    invoice_id: int
    contract_id: int | None
    contract_item_id: int | None
    product_id: int
    product_family_id: int | None
    pricing_model: str | None
    recognition_method: str
    line_id: int
    line_net: Decimal
    line_tax: Decimal
    tax_rate_id: int | None
    period_start: date | None
    period_end: date | None
    business_entity_id: int
    customer_id: int
    currency: str
    issued_on: date
    due_on: date
    net: Decimal
    tax: Decimal
    total: Decimal
    number: str


@transaction.atomic
def finalize_invoices(invoice_ids: Sequence[int]) -> list[Finalized]:
    """Finalize drafts: give them their numbers, freeze them, tell the books and the ERP. All of them or none.

    Numbers follow the invoice dates and have no gaps. Raises NotFound, WrongState when one is not a draft.
    """
    ids = list(invoice_ids)
    if len(ids) == 1:
        finalize = Statement(_FINALIZE_ONE, [ids[0], timezone.now(), ids[0]])
    else:
        finalize = Statement(_FINALIZE_MANY, [array(ids), timezone.now()])
    found, *ahead = execute_together([finalize, *questions_ahead(InvoiceFinalized, ids)])
    documents: dict[int, _Row] = {}
    lines: dict[int, list[BilledLine]] = defaultdict(list)
    for row in map(_Row._make, found):
        documents[row.invoice_id] = row
        lines[row.invoice_id].append(_billed_line(row))
    if len(documents) < len(invoice_ids):
        _refuse_unfit(invoice_ids, documents)
    publish([_finalized_event(row, lines[row.invoice_id]) for row in documents.values()], ahead=ahead, is_last=True)
    return [Finalized(row.invoice_id, row.number, row.currency, row.total) for row in documents.values()]


def _finalized_event(row: _Row, lines: Sequence[BilledLine]) -> InvoiceFinalized:
    return InvoiceFinalized(
        tenant_id=current_tenant_id(),
        business_entity_id=row.business_entity_id,
        occurred_on=row.issued_on,
        currency=row.currency,
        key=str(row.invoice_id),
        invoice_id=row.invoice_id,
        invoice_number=row.number,
        customer_id=row.customer_id,
        contract_id=row.contract_id,
        due_on=row.due_on,
        net=row.net,
        tax=row.tax,
        total=row.total,
        lines=tuple(lines),
    )


def _refuse_unfit(invoice_ids: Sequence[int], finalized: Container[int]) -> None:
    """Say what is wrong with the first that did not come back; raising undoes the others with it."""
    for invoice_id in invoice_ids:
        if invoice_id in finalized:
            continue
        invoice = Invoice.objects.filter(pk=invoice_id).first()
        if invoice is None:
            raise NotFound(f"There is no invoice with the id {invoice_id}.")
        if not invoice.lines.exists():
            raise BillingError(f"Invoice {invoice_id} has no lines; add one or delete the draft.")
        if invoice.status == InvoiceStatus.DRAFT:
            raise BillingError(
                f"{invoice.business_entity} has no number series for invoices; add one, then finalize invoice {invoice_id}."
            )
        status = invoice.status.replace("_", " ")
        raise WrongState(f"Invoice {invoice_id} is {status}, not a draft; nothing was finalized.")


def take_number(business_entity_id: int, kind: SeriesKind) -> str:
    """Take the next number of an entity's series. Raises BillingError where it has none of that kind.

    The series' row stays locked until the transaction ends, so a rollback gives the number back and leaves no gap.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_numberseries SET next_number = next_number + 1 "
            "WHERE business_entity_id = %s AND kind = %s RETURNING prefix, next_number - 1",
            [business_entity_id, kind.value],
        )
        taken = cursor.fetchone()
    if taken is None:
        raise BillingError(f"There is no number series for {kind.label.lower()}; add one, then try again.")
    prefix, number = taken
    return f"{prefix}{number:06d}"


def _lines_of(invoice_id: int) -> list[BilledLine]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_LINE.format(invoice='i')} FROM billing_invoice i JOIN billing_invoiceline l ON l.invoice_id = i.id "
            "JOIN billing_product p ON p.id = l.product_id "
            "LEFT JOIN billing_contractitem t ON t.id = l.contract_item_id WHERE i.id = %s ORDER BY l.position",
            [invoice_id],
        )
        return [_billed_line(row) for row in cursor.fetchall()]


def _billed_line(row: Sequence[Any]) -> BilledLine:
    _, contract, item, product, family, model, method, pk, net, tax, rate, start, end = row[:13]
    return BilledLine(
        contract_id=contract,
        contract_item_id=item,
        product_id=product,
        product_family_id=family,
        pricing_model=model,
        recognition_method=method,
        line_id=pk,
        net=net,
        tax=tax,
        tax_rate_id=rate,
        period_start=start,
        period_end=end,
    )


@transaction.atomic
def void_invoice(*, invoice_id: int, on: date, reason: str, bill_again: bool = False) -> Invoice:
    """Undo a finalized invoice that nothing was paid on. The number stays used; the books get the mirrored entries.

    `bill_again`: the periods become due once more, for the next billing run. Raises NotFound, WrongState when it is not
    finalized or partly settled, BillingError without a reason or for a day before the invoice's.
    """
    invoice = Invoice.objects.select_for_update(no_key=True).filter(pk=invoice_id).first()
    if invoice is None:
        raise NotFound(f"There is no invoice with the id {invoice_id}.")
    if invoice.status != InvoiceStatus.FINALIZED or invoice.settled.amount:
        settled = format_money(invoice.settled.amount, invoice.currency)
        hint = f"{settled} of it is settled; credit what is left instead." if invoice.settled.amount else ""
        raise WrongState(
            f"Invoice {invoice} is {invoice.get_status_display().lower()} and cannot be voided. {hint}".strip()
        )
    if not reason.strip():
        raise BillingError("Say why the invoice is voided; an auditor will ask.")
    if on < invoice.issued_on:
        raise BillingError(
            f"Invoice {invoice} is dated {day_words(invoice.issued_on)}; it cannot be voided before that day."
        )
    lines = _lines_of(invoice.pk)
    if any(line.net < 0 for line in lines):
        raise WrongState(
            f"Invoice {invoice} settles a modification of its contract and gives back what was billed before; "
            "correct it by a credit note, or modify the contract again."
        )
    _refuse_given_back(invoice, lines)
    invoice.status, invoice.voided_on, invoice.void_reason = InvoiceStatus.VOID, on, reason.strip()
    invoice.save(update_fields=["status", "voided_on", "void_reason"])
    if bill_again:
        _make_due_again(lines)
    publish(
        [
            InvoiceVoided(
                **head_of(invoice, on=on, key=invoice.pk),
                invoice_id=invoice.pk,
                invoice_number=str(invoice.number),
                customer_id=invoice.customer_id,
                contract_id=invoice.contract_id,
                net=invoice.net.amount,
                tax=invoice.tax.amount,
                total=invoice.total.amount,
                lines=tuple(lines),
                bill_again=bill_again,
            )
        ]
    )
    return invoice


def _refuse_given_back(invoice: Invoice, lines: Sequence[BilledLine]) -> None:
    """Refuse to undo what a later invoice has given back in part, because the contract was modified."""
    periods = {line.contract_item_id: (line.period_start, line.period_end) for line in lines if line.contract_item_id}
    given_back = InvoiceLine.objects.filter(contract_item__in=periods, net__lt=0).exclude(
        invoice__status__in=[InvoiceStatus.DRAFT, InvoiceStatus.VOID]
    )
    for line in given_back.select_related("invoice"):
        start, end = periods[line.contract_item_id or 0]
        if line.period_start and start and end and start <= line.period_start < end:
            raise WrongState(
                f"Invoice {line.invoice} gives back part of what invoice {invoice} bills, because the contract was modified. "
                "Credit what is left of it instead."
            )


def _make_due_again(lines: Sequence[BilledLine]) -> None:
    starts = {line.contract_item_id: line.period_start for line in lines if line.contract_item_id and line.period_start}
    cursors = []
    for item in read_items("i.id = ANY(%s)", [list(starts)], lock=True):
        later = Invoice.objects.filter(lines__contract_item=item.id, lines__period_start__gt=starts[item.id]).exclude(
            status=InvoiceStatus.VOID
        )
        if later.exists():
            raise WrongState(
                f"Later periods of contract {item.contract_number} are billed already; "
                "void those invoices first, the latest first."
            )
        start = starts[item.id]
        assert start is not None
        cursors.append((item.id, start, next_billing(item.terms, start)))
    set_cursors(cursors)
    # A contract that was billed to its end has something to bill again.
    Contract.objects.filter(items__in=list(starts), status=ContractStatus.ENDED).update(status=ContractStatus.ACTIVE)


def delete_draft(*, invoice_id: int) -> None:
    """Delete a draft; its periods become due again. Raises NotFound, WrongState."""
    with transaction.atomic():
        invoice = Invoice.objects.select_for_update(no_key=True).filter(pk=invoice_id).first()
        if invoice is None:
            raise NotFound(f"There is no invoice with the id {invoice_id}.")
        if invoice.status != InvoiceStatus.DRAFT:
            raise WrongState(f"Invoice {invoice} is finalized; void it instead.")
        _make_due_again(_lines_of(invoice.pk))
        invoice.delete()
