"""The billing run: a draft invoice for every charge that is due."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from billing.bulk import insert_rows, reserve_ids
from billing.charging import Charge, billed_on, charge, next_billing, service_periods
from billing.errors import NotFound, WrongState
from billing.models import Contract, ContractItem, ContractStatus, Invoice, InvoiceLine, InvoiceStatus, Renewal
from billing.money import round_money
from billing.periods import DateRange
from billing.refusals import again_if_lost
from billing.services.contracts import renew_contracts, set_cursors
from billing.services.invoices import Finalized, finalize_invoices
from billing.services.terms import Item, read_items
from billing.services.usage import usage_by_period
from billing.services.wallets import apply_wallets
from billing.tenancy import current_tenant_id

_CHUNK = 1000
_INVOICE_COLUMNS = (
    "id", "tenant_id", "business_entity_id", "customer_id", "contract_id", "number", "status", "currency", "issued_on",
    "due_on", "net", "tax", "total", "settled", "bill_to", "void_reason", "created_at",
)  # fmt: skip
_LINE_COLUMNS = (
    "id", "tenant_id", "invoice_id", "position", "contract_item_id", "product_id", "description", "quantity",
    "currency", "unit_amount", "net", "tax_rate_id", "tax_percent", "tax", "recognition_method", "period_start",
    "period_end",
)  # fmt: skip

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class BillingRun:
    """What a run did. Totals are by currency, tax included."""

    drafted: int = 0
    finalized: int = 0
    drafted_total: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    finalized_total: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, part: "BillingRun") -> None:
        """Add what a part of the run has drafted."""
        self.drafted += part.drafted
        for currency, total in part.drafted_total.items():
            self.drafted_total[currency] += total


def run_billing(*, through: date, finalize: bool = False, on_progress: Progress | None = None) -> BillingRun:
    """Renew contracts, draft every invoice due by the date, and finalize the drafts of the run's dates if asked to.

    Charges of one contract that fall on one day make one invoice, dated that day. A charge of nothing (no usage, a trial)
    makes no invoice. Works in transactions of a thousand contracts; whatever stops it, running it again goes on from there
    and bills nothing twice. A transaction that loses a race is done again.
    """
    run = BillingRun()
    renew_contracts(through=through)
    contract_ids = _due_contracts(through)
    for start in range(0, len(contract_ids), _CHUNK):
        chunk = contract_ids[start : start + _CHUNK]
        run.add(again_if_lost(partial(_draft_chunk, chunk, through)))
        if on_progress:
            on_progress(start + len(chunk), len(contract_ids))
    again_if_lost(partial(_end_what_is_over, through))
    if finalize:
        _finalize_drafts(through, run, on_progress)
    return run


def _end_what_is_over(through: date) -> None:
    """Mark contracts as ended whose term is over and billed to its last day."""
    over = Contract.objects.filter(status=ContractStatus.ACTIVE, renewal=Renewal.NONE, end__lte=through)
    billable = ContractItem.objects.filter(contract=OuterRef("pk"), next_billing_on__isnull=False)
    over.exclude(Exists(billable)).update(status=ContractStatus.ENDED)


# The contract is looked up by its key: the planner's figures may be from when all of an import's contracts were drafts.
_DUE = f"""i.next_billing_on <= %s
    AND (SELECT c.status FROM billing_contract c WHERE c.id = i.contract_id) = '{ContractStatus.ACTIVE}'"""


def _due_contracts(through: date) -> list[int]:
    # All ids at once: finding the next thousand anew would look through what is left each time.
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT i.contract_id FROM billing_contractitem i WHERE {_DUE} ORDER BY 1", [through])
        return [contract_id for (contract_id,) in cursor.fetchall()]


@transaction.atomic
def _draft_chunk(contract_ids: Sequence[int], through: date) -> BillingRun:
    """Draft what is due of whole contracts, so that their charges of one day meet on one invoice."""
    items = read_items(f"{_DUE} AND i.contract_id = ANY(%s)", [through, list(contract_ids)], lock=True)
    due = {item.id: _due_periods(item, through) for item in items}
    usage = usage_by_period({item.id: due[item.id] for item in items if item.terms.is_metered})
    charges = [
        (item, [charge(item.terms, period, usage=usage.get((item.id, period))) for period in due[item.id]])
        for item in items
    ]
    run = BillingRun()
    draft_invoices(_grouped(charges), run)
    cursors = []
    for item in items:
        billed_until = due[item.id][-1].end if due[item.id] else item.billed_until
        cursors.append((item.id, billed_until, next_billing(item.terms, billed_until)))
    set_cursors(cursors)
    return run


def _due_periods(item: Item, through: date) -> list[DateRange]:
    periods = []
    for period in service_periods(item.terms, since=item.billed_until):
        if billed_on(item.terms, period) > through:
            break
        periods.append(period)
    return periods


_Group = list[tuple[Item, Charge]]


def _grouped(due: Iterable[tuple[Item, Sequence[Charge]]]) -> dict[tuple[int, date], _Group]:
    groups: dict[tuple[int, date], _Group] = defaultdict(list)
    for item, charges in due:
        for each in charges:
            if each.net:
                groups[(item.contract_id, each.billed_on)].append((item, each))
    return groups


def draft_invoices(groups: dict[tuple[int, date], _Group], run: BillingRun) -> list[int]:
    """Draft one invoice per contract and day, with the charges given. Answers their ids."""
    tenant_id, now = current_tenant_id(), timezone.now()
    invoices, lines = [], []
    for invoice_id, ((contract_id, day), group) in zip(
        reserve_ids(Invoice, len(groups)),
        sorted(groups.items(), key=lambda entry: (entry[0][1], entry[0][0])),
        strict=True,
    ):
        net, tax, currency = Decimal(0), Decimal(0), group[0][0].terms.currency
        for position, (item, each) in enumerate(group, start=1):
            line_tax = round_money(each.net * item.tax_percent / 100, currency)
            net += each.net
            tax += line_tax
            lines.append(
                [
                    0,
                    tenant_id,
                    invoice_id,
                    position,
                    item.id,
                    item.product_id,
                    item.name,
                    each.quantity,
                    currency,
                    each.unit_amount,
                    each.net,
                    item.tax_rate_id,
                    item.tax_percent,
                    line_tax,
                    item.recognition_method,
                    each.period.start,
                    each.period.end,
                ]
            )
        first = group[0][0]
        invoices.append(
            (
                invoice_id,
                tenant_id,
                first.business_entity_id,
                first.customer_id,
                contract_id,
                None,
                InvoiceStatus.DRAFT.value,
                currency,
                day,
                day + timedelta(days=first.payment_terms_days),
                net,
                tax,
                net + tax,
                0,
                "",
                "",
                now,
            )
        )
        run.drafted += 1
        run.drafted_total[currency] += net + tax
    for line, line_id in zip(lines, reserve_ids(InvoiceLine, len(lines)), strict=True):
        line[0] = line_id
    insert_rows(Invoice, _INVOICE_COLUMNS, invoices)
    insert_rows(InvoiceLine, _LINE_COLUMNS, lines)
    return [invoice[0] for invoice in invoices]


def _finalize_drafts(through: date, run: BillingRun, on_progress: Progress | None) -> None:
    drafts = Invoice.objects.filter(status=InvoiceStatus.DRAFT, contract__isnull=False, issued_on__lte=through)
    # All ids at once: finding the next thousand anew would sort what is left each time.
    ids = list(drafts.order_by("issued_on", "id").values_list("id", flat=True))
    for start in range(0, len(ids), _CHUNK):
        finalized = finalize_what_is_draft(ids[start : start + _CHUNK])
        for invoice in finalized:
            run.finalized += 1
            run.finalized_total[invoice.currency] += invoice.total
        again_if_lost(partial(apply_wallets, [invoice.id for invoice in finalized]))
        if on_progress:
            on_progress(run.finalized, len(ids))


def finalize_what_is_draft(ids: Sequence[int]) -> list[Finalized]:
    """Finalize what is a draft still: another run, or a person, may be quicker with some of them."""
    while True:
        try:
            return again_if_lost(partial(finalize_invoices, ids))
        except (NotFound, WrongState):
            drafts = set(Invoice.objects.filter(pk__in=ids, status=InvoiceStatus.DRAFT).values_list("id", flat=True))
            if len(drafts) == len(ids):
                raise
            ids = [pk for pk in ids if pk in drafts]
