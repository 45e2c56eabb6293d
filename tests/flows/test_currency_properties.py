"""Foreign invoices, payments in parts, credits, refunds and revaluations in any order: both currencies add up."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounting.checks import check_ledger
from accounting.currency.revaluation import revalue, value_balances
from accounting.models import CarryingAmount, JournalLine
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from billing.errors import BillingError
from billing.models import BusinessEntity, CreditNote, Customer, Invoice, InvoiceLine, Payment, Product, TaxRate, Tenant
from billing.money import minor_unit, round_money
from billing.periods import end_of_month
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import finalize_invoices
from billing.services.one_off import NewLine, draft_invoice
from billing.services.payments import allocate_payment, receive_payment
from billing.services.refunds import owed_back, refund_credit_note, refund_payment
from billing.tenancy import tenant_scope
from tests.accounting.rates import rates
from tests.company import make_company

D = Decimal
ZERO = D(0)
FIRST, DAYS = date(2026, 1, 1), 200
MANY = int(os.environ.get("COUNTERFOIL_EXAMPLES", "15"))

steps = st.tuples(
    st.sampled_from(["bill", "bill", "pay", "pay", "advance", "allocate", "credit", "refund", "recognize", "revalue"]),
    st.integers(0, 12),  # days that pass before
    st.integers(0, 9),  # which document
    st.integers(1, 100),  # how much of it, in percent
)


@dataclass
class Abroad:
    """A company with books in dollars and a customer who is billed in another currency, at a rate that changes daily."""

    currency: str
    rate: dict[date, Decimal]
    customer: Customer
    product: Product
    tax: TaxRate
    today: date = FIRST
    cash: Decimal = ZERO
    done: list[str] = field(default_factory=list)

    def in_base(self, amount: Decimal, day: date) -> Decimal:
        return round_money(amount * self.rate[day], "USD")

    def happen(self, step: tuple[str, int, int, int]) -> None:
        what, days, which, percent = step
        self.today += timedelta(days=days)
        before = self.cash
        try:
            with transaction.atomic():
                getattr(self, what)(which, D(percent) / 100)
        except BillingError as refusal:
            self.cash = before
            self.done.append(f"{self.today} {what}: refused, {refusal}")
        else:
            self.done.append(f"{self.today} {what}")

    def bill(self, which: int, share: Decimal) -> None:
        price = round_money(D(1000) * share / 3, self.currency) or minor_unit(self.currency)
        months = timedelta(days=90)
        lines = [
            NewLine(
                product=self.product,
                unit_amount=price,
                tax_rate=self.tax if which % 2 else None,
                period_start=self.today,
                period_end=self.today + months,
            )
            for _ in range(1 + which % 3)
        ]
        invoice = draft_invoice(customer_id=self.customer.pk, issued_on=self.today, lines=lines)
        finalize_invoices([invoice.pk])

    def _take(self, amount: Decimal, allocations: dict[int, Decimal] | None) -> None:
        receive_payment(
            customer_id=self.customer.pk,
            received_on=self.today,
            amount=amount,
            currency=self.currency,
            allocations=allocations,
        )
        self.cash += self.in_base(amount, self.today)

    def pay(self, which: int, share: Decimal) -> None:
        due = sum((invoice.due.amount for invoice in _open()), D(0))
        self._take(round_money(due * share, self.currency), None)

    def advance(self, which: int, share: Decimal) -> None:
        self._take(round_money(D(500) * share, self.currency), {})

    def allocate(self, which: int, share: Decimal) -> None:
        payment, invoices = Payment.objects.filter(unapplied__gt=0).order_by("id").first(), list(_open())
        if payment and invoices:
            invoice = invoices[which % len(invoices)]
            amount = min(round_money(invoice.due.amount * share, self.currency), payment.unapplied.amount)
            allocate_payment(payment_id=payment.pk, allocations={invoice.pk: amount}, on=self.today)

    def credit(self, which: int, share: Decimal) -> None:
        lines = list(InvoiceLine.objects.exclude(invoice__status="void").order_by("id"))
        if lines:
            line = lines[which % len(lines)]
            net = round_money(line.net.amount * share, self.currency)
            issue_credit_note(
                invoice_id=line.invoice_id, lines={line.pk: net}, on=self.today, reason="Less", keep="refund"
            )  # fmt: skip

    def refund(self, which: int, share: Decimal) -> None:
        for note in CreditNote.objects.order_by("id"):
            if owed := owed_back(note):
                part = max(round_money(owed * share, self.currency), minor_unit(self.currency))
                refund_credit_note(credit_note_id=note.pk, on=self.today, amount=part)
                self.cash -= self.in_base(part, self.today)

    def recognize(self, which: int, share: Decimal) -> None:
        recognize_revenue(through=self.today)

    def revalue(self, which: int, share: Decimal) -> None:
        at = end_of_month(self.today - timedelta(days=31))
        revalue(at=at)
        assert all(valued.is_right for valued in value_balances(at=at))
        assert revalue(at=at).balances == 0

    def settle(self) -> None:
        """Pay and pay back whatever is open."""
        self.today += timedelta(days=1)
        if due := sum((invoice.due.amount for invoice in _open()), D(0)):
            self._take(due, None)
        for note in CreditNote.objects.order_by("id"):
            if owed := owed_back(note):
                refund_credit_note(credit_note_id=note.pk, on=self.today)
                self.cash -= self.in_base(owed, self.today)
        for payment in Payment.objects.filter(unapplied__gt=0):
            rest = payment.unapplied.amount
            refund_payment(payment_id=payment.pk, amount=rest, on=self.today, reason="Not used")
            self.cash -= self.in_base(rest, self.today)

    def kept(self) -> Decimal:
        """What is left of all invoices, at the rate of each one's day."""
        whole = D(0)
        for invoice in Invoice.objects.exclude(status__in=["draft", "void"]):
            credited = sum((note.total.amount for note in invoice.credit_notes.all()), D(0))
            whole += (invoice.total.amount - credited) * self.rate[invoice.issued_on]
        return whole


def _open() -> list[Invoice]:
    return list(Invoice.objects.filter(status__in=["finalized", "partially_paid"]).order_by("id"))


@pytest.fixture
def company(db: None) -> Iterator[Tenant]:
    created = make_company("abroad")
    with tenant_scope(created.pk):
        yield created


def balance(*roles: str, base: bool = True) -> Decimal:
    """Add up lines, debits positive."""
    name = "base_" if base else ""
    lines = JournalLine.objects.filter(role__in=roles).values_list(f"{name}debit", f"{name}credit")
    return sum((debit - credit for debit, credit in lines), D(0))


@settings(
    max_examples=MANY, deadline=None, derandomize=MANY <= 15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    currency=st.sampled_from(["EUR", "JPY", "KWD", "IDR"]),
    moves=st.lists(st.integers(80, 120), min_size=10, max_size=10),
    happenings=st.lists(steps, min_size=4, max_size=14),
)
def test_everything_settles_in_both_currencies(company, currency, moves, happenings):
    with transaction.atomic():
        _run(currency, moves, happenings)
        transaction.set_rollback(True)


def _run(currency: str, moves: list[int], happenings: list[tuple[str, int, int, int]]) -> None:
    # Quoted in the currency itself: dollars for one of it.
    start = {"EUR": D("1.1"), "JPY": D("0.0065"), "KWD": D("3.25"), "IDR": D("0.00006")}[currency]
    rate = {FIRST + timedelta(days=n): start * moves[n % 10] / 100 for n in range(-20, DAYS)}
    table = "\n".join(f"{day} {value:f}" for day, value in rate.items())
    rates(f"Date USD\n{table}", bank_currency=currency)
    entity = BusinessEntity.objects.get()
    abroad = Abroad(
        currency=currency,
        rate=rate,
        customer=Customer.objects.create(business_entity=entity, external_id="C", name="Abroad", currency=currency),
        product=Product.objects.create(code="p", name="Product"),
        tax=TaxRate.objects.create(code="vat", name="VAT", percent=19),
    )
    for step in happenings:
        abroad.happen(step)
    abroad.settle()
    told = "\n".join(abroad.done)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert check_ledger(Tenant.objects.get()).problems == [], told
    assert replay_ledger().differences == [], told
    owed = ("accounts_receivable.customers", "unapplied_payments", "contra_accounts_receivable.customers")
    for role in owed:
        assert (balance(role, base=False), balance(role)) == (0, 0), f"{role}\n{told}"
    assert not CarryingAmount.objects.filter(role__in=owed).exclude(amount=0, base=0).exists(), told
    assert balance("fx_gain_unrealized", "fx_loss_unrealized") == 0, told
    # Cash is exact; what customers gave up or paid beyond their invoices' own rates is the exchange difference.
    assert balance("cash") == abroad.cash, told
    realized = -balance("fx_gain_realized", "fx_loss_realized")
    documents = Invoice.objects.count() * 4 + CreditNote.objects.count() * 3 + len(happenings)
    at_later_rates = balance("sales_returns", "rounding") - _returned_at_invoice_rate(abroad)
    assert abs(realized - (abroad.cash - abroad.kept()) - at_later_rates) <= D("0.01") * documents, told


def _returned_at_invoice_rate(abroad: Abroad) -> Decimal:
    """What credit notes gave back of earned revenue: an allowance at the day's rate, where the invoice had its own."""
    whole = D(0)
    rows = JournalLine.objects.filter(role="sales_returns").values_list("debit", "invoice_id")
    for amount, invoice_id in rows:
        whole += amount * abroad.rate[Invoice.objects.get(pk=invoice_id).issued_on]
    return whole
