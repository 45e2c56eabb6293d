"""What a demo run has made, in lines for the terminal."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from django.db.models import Sum

from accounting.checks import LedgerCheck
from accounting.models import AccountingPeriod, JournalLine, PeriodStatus
from accounting.reports.trial_balance import trial_balance
from billing.models import (
    OPEN_STATUSES,
    BusinessEntity,
    Contract,
    CreditNote,
    Customer,
    Invoice,
    InvoiceStatus,
    Payment,
    Tenant,
)
from billing.money import format_money
from integrations.demo.erp import Synced


def summary(tenant: Tenant, *, synced: Synced | None, ledger: LedgerCheck, today: date) -> Iterator[str]:
    """Give a company's lines; its scope must be entered."""
    entity = BusinessEntity.objects.get()
    yield f"{tenant.name}   (--tenant {tenant.slug})"
    yield from (f"  {label:<15}{words}" for label, words in _rows(entity, synced, ledger, today))


def _rows(entity: BusinessEntity, synced: Synced | None, ledger: LedgerCheck, today: date) -> Iterator[tuple[str, str]]:
    yield "customers", f"{Customer.objects.count():,}, contracts {Contract.objects.count():,}"
    yield "invoices", _invoices(entity.base_currency, today)
    home = entity.base_currency
    credited = CreditNote.objects.filter(currency=home).aggregate(sum=Sum("total"))["sum"]
    received = Payment.objects.filter(currency=home)
    paid = received.aggregate(sum=Sum("amount"), left=Sum("unapplied"))
    money = [_money(amount, home) for amount in (paid["sum"], paid["left"], credited)]
    payments = f"payments {received.count():,} of {money[0]} ({money[1]} unapplied)"
    yield "settled", f"{payments}, credit notes {CreditNote.objects.count():,} of {money[2]}"
    yield from _abroad(home)
    yield "revenue", _money(_credited("revenue"), home)
    balance = trial_balance(business_entity_id=entity.pk, at=today)
    closed = AccountingPeriod.objects.filter(status=PeriodStatus.CLOSED).order_by("start")
    debit, credit = _money(balance.debit, entity.base_currency), _money(balance.credit, entity.base_currency)
    months = ", ".join(map(str, closed)) or "no month"
    yield "ledger", f"{ledger.entries:,} entries, debit {debit} = credit {credit}, closed: {months}"
    yield "check_ledger", "clean" if not ledger.problems else f"{len(ledger.problems)} problems"
    yield from (("", problem["problem"]) for problem in ledger.problems)
    yield from _erp(synced)


def _credited(*roles: str) -> Decimal:
    sums = JournalLine.objects.filter(role__in=roles).aggregate(credit=Sum("base_credit"), debit=Sum("base_debit"))
    return (sums["credit"] or Decimal(0)) - (sums["debit"] or Decimal(0))


def _abroad(home: str) -> Iterator[tuple[str, str]]:
    issued = Invoice.objects.exclude(currency=home).exclude(status__in=(InvoiceStatus.DRAFT, InvoiceStatus.VOID))
    for row in issued.order_by("currency").values("currency").annotate(total=Sum("total"), settled=Sum("settled")):
        open_yet = _money(row["total"] - row["settled"], row["currency"])
        gained = _money(_credited("fx_gain_realized", "fx_loss_realized"), home)
        yield "abroad", f"{_money(row['total'], row['currency'])} invoiced, {open_yet} open; exchange gain {gained}"


def _invoices(currency: str, today: date) -> str:
    issued = Invoice.objects.filter(currency=currency).exclude(status__in=(InvoiceStatus.DRAFT, InvoiceStatus.VOID))
    total = issued.aggregate(sum=Sum("total"))["sum"]
    drafts = Invoice.objects.filter(status=InvoiceStatus.DRAFT).count()
    void = Invoice.objects.filter(status=InvoiceStatus.VOID).count()
    overdue = Invoice.objects.filter(currency=currency, status__in=OPEN_STATUSES, due_on__lt=today)
    late = overdue.aggregate(total=Sum("total"), settled=Sum("settled"))
    due = (late["total"] or Decimal(0)) - (late["settled"] or Decimal(0))
    return (
        f"{issued.count():,} of {_money(total, currency)}; {void:,} void, {drafts:,} drafts to finalize, "
        f"{overdue.count():,} overdue with {_money(due, currency)}"
    )


def _erp(synced: Synced | None) -> Iterator[tuple[str, str]]:
    if synced is None:
        yield "ERP", "no connection is switched on"
        return
    connection, drained = synced.connection, synced.drained
    mode = f"{connection.get_sync_mode_display()}{', with payments' if connection.send_payments else ''}"
    yield "ERP", f"{mode}; it holds {', '.join(f'{words} {count:,}' for words, count in synced.held.items())}"
    yield (
        "delivery",
        f"{drained.delivered:,} delivered in {drained.calls:,} calls, {drained.waiting:,} waiting, {drained.parked:,} parked",
    )
    yield from (("", f"parked: {reason}") for reason in synced.parked)
    for day, (compared, differences) in synced.compared.items():
        yield "reconciliation", f"through {day}: {compared:,} documents compared, {len(differences)} differences"
        for each in differences[:5]:
            yield "", f"{each['document']}: {each['cause']}"


def _money(amount: Decimal | None, currency: str) -> str:
    return format_money(amount or Decimal(0), currency)
