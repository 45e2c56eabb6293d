"""Whatever happens in whatever order, the books agree with the documents. Hypothesis looks for an order that breaks it."""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from accounting.checks import check_ledger
from accounting.fulfilment import override_schedule, report_progress
from accounting.models import (
    AccountingPeriod,
    AccountingPolicy,
    ContractStartTreatment,
    CorrectionSplit,
    JournalLine,
    PeriodStatus,
    RecognitionSchedule,
)
from accounting.periods import close_period
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from accounting.reports.trial_balance import trial_balance
from billing.errors import BillingError
from billing.models import (
    BusinessEntity,
    Contract,
    ContractItem,
    CreditNote,
    CreditNoteLine,
    Customer,
    Dispute,
    Invoice,
    InvoiceLine,
    Payment,
    PaymentGateway,
    Product,
    TaxRate,
    Tenant,
    WriteOff,
)
from billing.money import round_money
from billing.periods import DateRange, add_months
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.disputes import lose_dispute, open_dispute, win_dispute
from billing.services.gateways import add_gateway, held_by, record_payout
from billing.services.invoices import delete_draft, finalize_invoices, void_invoice
from billing.services.modifications import Modification, modify_contract
from billing.services.one_off import NewLine, draft_invoice
from billing.services.payments import allocate_payment, receive_payment
from billing.services.prepaid import consume_credits
from billing.services.refunds import refund_credit_note, refund_payment, refund_wallet
from billing.services.usage import record_usage
from billing.services.wallets import apply_wallet, keep_in_wallet, top_up_wallet
from billing.services.write_offs import recover_write_off, write_off_invoice
from billing.tenancy import tenant_scope
from tests.company import make_company

D = Decimal
FAR = date(2031, 12, 31)
MANY = int(os.environ.get("COUNTERFOIL_EXAMPLES", "40"))  # more of them, each run others, to search longer

contracts = st.fixed_dictionaries(
    {
        "start": st.sampled_from([date(2026, 1, 1), date(2026, 1, 15), date(2026, 1, 31), date(2025, 11, 20)]),
        "cents": st.integers(1, 200_000),
        "interval": st.sampled_from([1, 3, 12]),
        "timing": st.sampled_from(["advance", "arrears"]),
        "method": st.sampled_from(
            [
                "straight_line_days",
                "straight_line_months",
                "equal_per_period",
                "point_in_time",
                "on_invoice",
                "percentage",
            ]
        ),
        "span": st.sampled_from(["service_period", "service_period", "term"]),
        "allocation": st.sampled_from(["stated", "stated", "standalone"]),
        "standalone": st.integers(1, 200_000),
        "term": st.sampled_from([1, 3, 5, 12]),
        "renews": st.booleans(),
        "taxed": st.booleans(),
        "metered": st.booleans(),
    }
)
# Terms shorter than the billing period, each an obligation, earned when invoiced.
TERMS: dict[str, Any] = {
    "start": date(2026, 1, 1), "cents": 91_224, "interval": 12, "timing": "advance", "method": "on_invoice",
    "span": "service_period", "allocation": "standalone", "standalone": 3110, "term": 1, "renews": True, "taxed": False,
    "metered": False,
}  # fmt: skip
# Of what is dated back: by how many days, by which document.
BACK = (0, 1, 2, 3, 4, 20, 40, 75, 0, 0)
steps = st.tuples(
    st.sampled_from(
        [
            *("bill", "bill", "draft", "recognize", "recognize", "pay", "allocate", "credit", "void", "void_again"),
            *("modify", "modify", "extend", "terminate", "add", "drop", "report", "write"),
            *("finalize_one", "delete_draft", "use", "close"),
            *("withhold", "capture", "pay_out", "dispute", "win", "lose", "credit_paid", "refund", "refund_credit"),
            *("top_up", "apply_wallet", "keep", "refund_wallet", "write_off", "recover", "sell_credits", "use_credits"),
            "end",
        ]
    ),
    st.integers(0, 45),  # days that pass before
    st.integers(0, 9),  # which document
    st.integers(1, 100),  # how much of it, in percent
)


@dataclass
class World:
    """One company on one day, and what can happen to it."""

    customer: Customer
    product: Product
    tax: TaxRate
    today: date = date(2026, 1, 1)
    done: list[str] = field(default_factory=list)

    @property
    def currency(self) -> str:
        return self.customer.currency

    def sign(self, number: int, terms: dict[str, Any]) -> None:
        amount = D(terms["cents"]) / 100
        metered = terms["metered"]
        item = {
            "product": self.product,
            "pricing_model": "per_unit" if metered else "flat_fee",
            "pricing": {"unit_amount": str(amount)} if metered else {"amount": str(amount)},
            "is_metered": metered,
            "interval_months": terms["interval"],
            "timing": "arrears" if metered else terms["timing"],
            # Usage is earned as it is used; nobody reports it.
            "recognition_method": "on_invoice" if metered and terms["method"] == "percentage" else terms["method"],
            "tax_rate": self.tax if terms["taxed"] else None,
        }
        contract = draft_contract(
            customer=self.customer,
            number=f"K-{number}",
            start=terms["start"],
            items=[item, item | {"standalone_price": D(terms["standalone"]) / 100}] if not metered else [item],
            term_months=terms["term"],
            renewal="same_terms" if terms["renews"] else "none",
            price_allocation=terms["allocation"],
            revenue_span=terms["span"],
        )
        start_contracts([contract.pk])

    def happen(self, step: tuple[str, int, int, int]) -> None:
        what, days, which, percent = step
        self.today += timedelta(days=days)
        try:
            with transaction.atomic():
                getattr(self, what)(which, D(percent) / 100)
        except BillingError as refusal:
            self.done.append(f"{self.today} {what}: refused, {refusal}")
        else:
            self.done.append(f"{self.today} {what}")

    def bill(self, which: int, share: Decimal) -> None:
        run_billing(through=self.today, finalize=True)

    def draft(self, which: int, share: Decimal) -> None:
        run_billing(through=self.today)

    def recognize(self, which: int, share: Decimal) -> None:
        # Now and then to a date before the last run's: nothing is taken back by it.
        recognize_revenue(through=self.today - timedelta(days=20 if which == 0 else 0))

    def pay(self, which: int, share: Decimal) -> None:
        due = sum((invoice.due.amount for invoice in Invoice.objects.exclude(status__in=["draft", "void"])), D(0))
        amount = round_money(due * share, self.currency) + (D("12.34") if which == 0 else D(0))
        receive_payment(customer_id=self.customer.pk, received_on=self.today, amount=amount, currency=self.currency)

    def allocate(self, which: int, share: Decimal) -> None:
        payment = Payment.objects.filter(unapplied__gt=0).order_by("id").first()
        invoice = _pick(Invoice.objects.filter(status__in=["finalized", "partially_paid"]), which)
        if payment and invoice:
            amount = min(round_money(invoice.due.amount * share, self.currency), payment.unapplied.amount)
            allocate_payment(payment_id=payment.pk, allocations={invoice.pk: amount}, on=self.today)

    def credit(self, which: int, share: Decimal) -> None:
        line = _pick(InvoiceLine.objects.filter(invoice__status__in=["finalized", "partially_paid"]), which)
        if line:
            net = line.net.amount if which % 2 else round_money(line.net.amount * share, self.currency)
            issue_credit_note(invoice_id=line.invoice_id, lines={line.pk: net}, on=self.today, reason="Goodwill")

    def capture(self, which: int, share: Decimal) -> None:
        self._receive(share, gateway="cards")

    def withhold(self, which: int, share: Decimal) -> None:
        invoice = _pick(Invoice.objects.filter(status__in=["finalized", "partially_paid"]), which)
        if invoice:
            tax = round_money(invoice.due.amount / 10, self.currency)
            paid = {
                "amount": invoice.due.amount - tax,
                "withheld": tax,
                "allocations": {invoice.pk: invoice.due.amount},
            }
            receive_payment(
                customer_id=self.customer.pk,
                received_on=self.today,
                currency=self.currency,
                withheld_is_recoverable=which % 2 == 0,
                **paid,
            )

    def _receive(self, share: Decimal, **how: Any) -> None:
        due = sum(
            (each.due.amount for each in Invoice.objects.filter(status__in=["finalized", "partially_paid"])), D(0)
        )
        amount = round_money(due * share, self.currency) + D("3.21")
        receive_payment(
            customer_id=self.customer.pk, received_on=self.today, amount=amount, currency=self.currency, **how
        )

    def pay_out(self, which: int, share: Decimal) -> None:
        captured, withheld = held_by(PaymentGateway.objects.get(), self.currency)
        record_payout(
            gateway="cards",
            business_entity_id=self.customer.business_entity_id,
            paid_on=self.today,
            currency=self.currency,
            captured=round_money(captured * share, self.currency),
            withheld=round_money(withheld * share, self.currency),
            fee=D("0.35"),
            reference=f"po{len(self.done)}",
        )

    def dispute(self, which: int, share: Decimal) -> None:
        payment = _pick(Payment.objects.filter(amount__gt=0), which)
        if payment:
            open_dispute(
                payment_id=payment.pk,
                on=self.today,
                amount=round_money(payment.amount.amount * share, self.currency),
                fee=D("15"),
                reason="Fraud",
                by_gateway=payment.gateway_id is not None and which % 2 == 0,
            )

    def win(self, which: int, share: Decimal) -> None:
        dispute = _pick(Dispute.objects.filter(status="open"), which)
        if dispute:
            win_dispute(dispute_id=dispute.pk, on=self.today, fee_returned=D(which))

    def lose(self, which: int, share: Decimal) -> None:
        dispute = _pick(Dispute.objects.filter(status="open"), which)
        if dispute:
            lose_dispute(dispute_id=dispute.pk, on=self.today)

    def credit_paid(self, which: int, share: Decimal) -> None:
        line = _pick(InvoiceLine.objects.filter(invoice__status__in=["partially_paid", "paid"]), which)
        if line:
            net = round_money(line.net.amount * share, self.currency)
            keep = "wallet" if which % 2 else "refund"
            issue_credit_note(
                invoice_id=line.invoice_id, lines={line.pk: net}, on=self.today, reason="Goodwill", keep=keep
            )

    def refund(self, which: int, share: Decimal) -> None:
        payment = _pick(Payment.objects.filter(amount__gt=0), which)
        if payment:
            amount = round_money(payment.amount.amount * share, self.currency)
            gateway = "cards" if which % 2 else ""
            refund_payment(payment_id=payment.pk, amount=amount, on=self.today, reason="Left", gateway=gateway)

    def refund_credit(self, which: int, share: Decimal) -> None:
        note = _pick(CreditNote.objects.filter(to_refund__gt=0), which)
        if note:
            amount = round_money(note.to_refund.amount * share, self.currency)
            refund_credit_note(credit_note_id=note.pk, on=self.today, amount=amount)

    def top_up(self, which: int, share: Decimal) -> None:
        top_up_wallet(
            customer_id=self.customer.pk,
            amount=round_money(100 * share, self.currency),
            bonus=D(which),
            currency=self.currency,
            on=self.today,
            gateway="cards" if which % 2 else "",
        )

    def apply_wallet(self, which: int, share: Decimal) -> None:
        apply_wallet(customer_id=self.customer.pk, currency=self.currency, on=self.today)

    def keep(self, which: int, share: Decimal) -> None:
        payment = _pick(Payment.objects.filter(unapplied__gt=0), which)
        if payment:
            keep_in_wallet(payment_id=payment.pk, on=self.today)

    def refund_wallet(self, which: int, share: Decimal) -> None:
        refund_wallet(customer_id=self.customer.pk, amount=D("1.11"), currency=self.currency, on=self.today)

    def write_off(self, which: int, share: Decimal) -> None:
        invoice = _pick(Invoice.objects.filter(status__in=["finalized", "partially_paid"]), which)
        if invoice:
            write_off_invoice(invoice_id=invoice.pk, on=self.today, reason="Gone")

    def recover(self, which: int, share: Decimal) -> None:
        write_off = _pick(WriteOff.objects.all(), which)
        if write_off:
            amount = round_money(write_off.amount.amount * share / 2, self.currency)
            recover_write_off(invoice_id=write_off.invoice_id, amount=amount, received_on=self.today)

    def sell_credits(self, which: int, share: Decimal) -> None:
        prepaid, _ = Product.objects.get_or_create(
            code="credits", defaults={"name": "Credits", "recognition_method": "as_consumed"}
        )
        line = NewLine(
            product=prepaid,
            quantity=(share * 100).quantize(D("0.1")),
            unit_amount=D("1.37"),
            discount_percent=D(which),
            tax_rate=self.tax if which % 2 else None,
            tax_included=which % 3 == 0,
            period_start=self.today,
            period_end=self.today + timedelta(days=60),
        )
        draft = draft_invoice(customer_id=self.customer.pk, issued_on=self.today, lines=[line])
        finalize_invoices([draft.pk])

    def use_credits(self, which: int, share: Decimal) -> None:
        prepaid = Product.objects.filter(code="credits").first()
        if prepaid:
            units = (share * 50).quantize(D("0.01"))
            consume_credits(customer_id=self.customer.pk, product_id=prepaid.pk, units=units, on=self.today)

    def end(self, which: int, share: Decimal) -> None:
        contract = _pick(Contract.objects.filter(status="active"), which)
        if contract:
            end_contract(contract_id=contract.pk, end=self.today + timedelta(days=(which - 4) * 15))

    def void(self, which: int, share: Decimal, *, bill_again: bool = False) -> None:
        invoice = _pick(Invoice.objects.filter(status="finalized"), which)
        if invoice:
            void_invoice(invoice_id=invoice.pk, on=self.today, reason="Wrong", bill_again=bill_again)

    def void_again(self, which: int, share: Decimal) -> None:
        self.void(which, share, bill_again=True)

    def finalize_one(self, which: int, share: Decimal) -> None:
        invoice = _pick(Invoice.objects.filter(status="draft"), which)
        if invoice:
            finalize_invoices([invoice.pk])

    def delete_draft(self, which: int, share: Decimal) -> None:
        invoice = _pick(Invoice.objects.filter(status="draft"), which)
        if invoice:
            delete_draft(invoice_id=invoice.pk)

    def use(self, which: int, share: Decimal) -> None:
        item = _pick(ContractItem.objects.filter(is_metered=True), which)
        if item:
            quantity = (share * 10).quantize(D("0.01")) * (-1 if which == 9 else 1)
            record_usage(contract_item_id=item.pk, used_on=self.today, quantity=quantity, key=f"u{len(self.done)}")

    def modify(self, which: int, share: Decimal) -> None:
        item = _pick(ContractItem.objects.filter(is_metered=False, contract__status="active"), which)
        if item:
            price = {"pricing_model": "flat_fee", "pricing": {"amount": str(share * 1000)}}
            self._agree(item.contract_id, which, share, replace={item.pk: price})

    def add(self, which: int, share: Decimal) -> None:
        contract = _pick(Contract.objects.filter(status="active", end__isnull=False), which)
        if contract:
            item = {
                "product": self.product, "pricing_model": "flat_fee", "pricing": {"amount": str(share * 500)},
                "recognition_method": "straight_line_months", "standalone_price": share * 700,
            }  # fmt: skip
            self._agree(contract.pk, which, share, separate=which >= 7, add=[item])

    def drop(self, which: int, share: Decimal) -> None:
        item = _pick(ContractItem.objects.filter(is_metered=False, contract__status="active"), which)
        if item:
            self._agree(item.contract_id, which, share, remove=[item.pk], credit_unused=which < 8)

    def report(self, which: int, share: Decimal) -> None:
        schedule = _pick(RecognitionSchedule.objects.filter(method="percentage"), which)
        if schedule:
            day = max(self.today - timedelta(days=BACK[which]), schedule.service_start)
            report_progress(schedule_id=schedule.pk, reached_on=day, percent=share * 100, evidence="Seen")

    def write(self, which: int, share: Decimal) -> None:
        schedule = _pick(RecognitionSchedule.objects.filter(obligation_id__isnull=False, is_void=False), which)
        if schedule:
            left = schedule.amount.amount - schedule.recognized.amount
            early = round_money(left * share, self.currency)
            first = DateRange(self.today, self.today + timedelta(days=20))
            parts = [(first, early), (DateRange(first.end, first.end + timedelta(days=20)), left - early)]
            by = get_user_model().objects.get_or_create(username="ann")[0]
            override_schedule(schedule_id=schedule.pk, parts=parts, reason="So it is", on=self.today, by=by)

    def extend(self, which: int, share: Decimal) -> None:
        contract = _pick(Contract.objects.filter(status="active"), which)
        if contract and contract.end:
            self._agree(contract.pk, which, share, end=add_months(contract.end, 3), extend_items=which < 7)

    def terminate(self, which: int, share: Decimal) -> None:
        contract = _pick(Contract.objects.filter(status="active"), which)
        if contract:
            end = self.today - timedelta(days=40 if which in (4, 8) else 0)
            self._agree(contract.pk, which, share, end=end, credit_unused=which < 6)

    def _agree(self, contract_id: int, which: int, share: Decimal, *, separate: bool = False, **change: Any) -> None:
        agreed = Modification(
            effective_on=min(self.today - timedelta(days=BACK[which]), change.get("end") or self.today),
            signed_on=self.today,
            reason="Agreed",
            treatment="separate" if separate else "catch_up" if which == 3 else "prospective",
            adjustment=["straight_line", "front_load", "back_load"][int(share * 100) % 3],
            **change,
        )
        modify_contract(contract_id=contract_id, change=agreed)

    def close(self, which: int, share: Decimal) -> None:
        period = AccountingPeriod.objects.filter(status=PeriodStatus.OPEN).order_by("start").first()
        if period and period.end < self.today:
            close_period(period_id=period.pk, at=timezone.now())


def _pick(documents: Any, which: int) -> Any:
    found = list(documents.order_by("id"))
    return found[which % len(found)] if found else None


@pytest.fixture
def companies(db: None) -> Iterator[dict[str, Tenant]]:
    made = {}
    for treatment in ContractStartTreatment.values:
        made[treatment] = make_company(treatment.replace("_", "-"), name=treatment, contract_start=treatment)
    return made


@settings(
    max_examples=MANY,
    phases=[Phase.explicit, Phase.generate],  # with Phase.shrink it takes minutes to find a smaller story
    deadline=None,
    derandomize=MANY == 40,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    treatment=st.sampled_from(ContractStartTreatment.values),
    signed=st.lists(contracts, min_size=1, max_size=3),
    story=st.lists(steps, min_size=3, max_size=18),
)
@example(
    treatment="memo",
    signed=[
        TERMS | {"term": 3, "timing": "arrears", "cents": 77_700}
    ],  # 2027's first term is over, and not yet invoiced
    story=[("bill", 45, 1, 50), ("recognize", 20, 1, 50), ("bill", 20, 1, 50)],
)
@example(
    treatment="memo",
    signed=[
        TERMS
        | {"start": date(2026, 1, 15), "term": 5, "metered": True, "allocation": "stated", "method": "equal_per_period"}
    ],  # the year's invoice takes over what the second term has earned
    story=[("recognize", 51, 1, 69), ("use", 150, 2, 88), ("recognize", 78, 1, 29)],
)
def test_the_books_agree_with_the_documents_whatever_happens(
    companies: dict[str, Tenant], treatment: str, signed: list[dict[str, Any]], story: list[tuple[str, int, int, int]]
) -> None:
    company = companies[treatment]
    with tenant_scope(company.pk), transaction.atomic():
        world = found(company)
        for number, terms in enumerate(signed, start=1):
            world.sign(number, terms)
        for step in story:
            world.happen(step)
        told = "\n".join(world.done)
        assert_books_agree(company, told)
        world.today += timedelta(days=400)
        run_billing(through=world.today, finalize=True)
        recognize_revenue(through=world.today)
        assert_books_agree(company, told)
        assert_finished_schedules_are_earned(world.today, told)
        replay = replay_ledger()
        assert (replay.different, replay.differences) == (0, []), told
        again = run_billing(through=world.today, finalize=True)
        assert (again.drafted, again.finalized, recognize_revenue(through=world.today).entries) == (0, 0, 0), told
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)


def found(company: Tenant, *, currency: str = "USD", kind: type[World] = World) -> World:
    """Give a company its one customer, product, tax and gateway."""
    customer = Customer.objects.create(
        business_entity=BusinessEntity.objects.get(), external_id="C-1", name="Globex", currency=currency
    )
    tax = TaxRate.objects.create(code="vat", name="VAT 19 %", percent=19)
    add_gateway(business_entity=customer.business_entity, code="cards", name="Cards")
    return kind(customer, Product.objects.create(code="pro", name="Pro"), tax)


def assert_books_agree(company: Tenant, told: str) -> None:
    assert check_ledger(company).problems == [], told
    balance = trial_balance(business_entity_id=BusinessEntity.objects.get().pk, at=FAR)
    assert balance.debit == balance.credit, told
    for contract in Contract.objects.all():
        # recognized + deferred - unbilled = billed, net of credits; credit of earned revenue is an allowance.
        recognized = -_balance(contract, "revenue")
        deferred, unbilled = -_balance(contract, "deferred_revenue"), _balance(contract, "unbilled_revenue")
        lines = InvoiceLine.objects.filter(contract_item__contract=contract).exclude(
            invoice__status__in=["draft", "void"]
        )
        billed = sum((line.net.amount for line in lines), D(0))
        credited = sum(
            (line.net.amount for line in CreditNoteLine.objects.filter(invoice_line__contract_item__contract=contract)),
            D(0),
        )
        # Money that went back without a credit note, and bad debt, take what was not earned out of what was billed.
        undone = CorrectionSplit.objects.filter(invoice_line_id__in=list(lines.values_list("id", flat=True)))
        allowed = _balance(contract, "sales_returns")
        gone = sum((_sign(each) * each.unearned.amount for each in undone), D(0)) + _refunded(contract)
        assert recognized + deferred - unbilled == billed - credited - gone + allowed, told
        assert deferred >= 0, told
        assert unbilled >= 0, told
    assert not RecognitionSchedule.objects.filter(obligation_id__isnull=False, amount__lt=0).exists(), told


_SIGNS = {"dispute_opened": 1, "invoice_written_off": 1, "write_off_recovered": -1}


def _sign(split: CorrectionSplit) -> int:
    won = split.event_kind == "dispute_opened" and Dispute.objects.get(pk=split.event_key).status == "won"
    # What credit notes took is counted with them.
    return 0 if won else _SIGNS.get(split.event_kind, 0)


def _refunded(contract: Contract) -> Decimal:
    lines = JournalLine.objects.filter(
        contract_id=contract.pk, role="deferred_revenue", entry__event__kind="refund_paid"
    )
    return sum((line.debit - line.credit for line in lines), D(0))


def _balance(contract: Contract, role: str) -> Decimal:
    lines = JournalLine.objects.filter(contract_id=contract.pk, role=role)
    return sum((line.debit - line.credit for line in lines), D(0))


def assert_finished_schedules_are_earned(today: date, told: str) -> None:
    for schedule in RecognitionSchedule.objects.filter(service_end__lte=today, is_void=False):
        to_bill = _is_to_be_billed(schedule)
        waits = schedule.method == "on_invoice" and schedule.billed != schedule.amount and to_bill
        assert to_bill or schedule.recognized <= schedule.billed, f"{schedule.pk} stays unbilled for ever: {told}"
        due = schedule.billed if waits else schedule.amount
        if schedule.method == "percentage" and not schedule.is_planned:
            reported = schedule.progress.filter(reached_on__lte=today).order_by("-reached_on", "-id").first()
            percent = reported.percent if reported else D(0)
            due.amount = round_money(schedule.amount.amount * percent / 100, due.currency.code)
        assert schedule.recognized == due, f"{schedule.pk} of {schedule.contract}: {told}"


def _is_to_be_billed(schedule: RecognitionSchedule) -> bool:
    # A billing period may hold several terms of a contract that renews: in arrears, a term is over before it is invoiced.
    items = ContractItem.objects.filter(contract=schedule.contract_id, next_billing_on__isnull=False)
    return items.filter(billed_until__lt=schedule.service_end).exists()


@settings(
    max_examples=MANY if MANY > 40 else 12,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=MANY == 40,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(signed=st.lists(contracts, min_size=1, max_size=2), story=st.lists(steps, min_size=3, max_size=14))
def test_grossing_up_changes_neither_revenue_nor_what_a_contract_stands_at(
    companies: dict[str, Tenant], signed: list[dict[str, Any]], story: list[tuple[str, int, int, int]]
) -> None:
    stood = {}
    for treatment, company in companies.items():
        with tenant_scope(company.pk), transaction.atomic():
            # What an invoice takes to revenue at once would wait for a run where it is grossed up.
            AccountingPolicy.objects.update(straight_to_revenue=False)
            world = found(company)
            for number, terms in enumerate(signed, start=1):
                world.sign(number, terms)
            for step in story:
                world.happen(step)
            recognize_revenue(through=world.today)
            before = _standing()
            world.today += timedelta(days=400)
            run_billing(through=world.today, finalize=True)
            recognize_revenue(through=world.today)
            stood[treatment] = (world.done, before, _standing())
            transaction.set_rollback(True)
    memo, gross = stood["memo"], stood["gross_up"]
    told = "\n".join(memo[0])
    assert [each.partition(",")[0] for each in gross[0]] == [each.partition(",")[0] for each in memo[0]], told
    assert gross[1:] == memo[1:], told


def _standing() -> dict[tuple[str, str], Decimal]:
    """Add up what each contract has earned, allowed and stands at: an asset and a liability together are one figure."""
    numbers = dict(Contract.objects.values_list("pk", "number"))
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    net_of = {"deferred_revenue": "stands at", "unbilled_revenue": "stands at"}
    for line in JournalLine.objects.filter(role__in=["revenue", "sales_returns", *net_of]):
        found[numbers.get(line.contract_id or 0, ""), net_of.get(line.role, line.role)] += line.credit - line.debit
    return {key: amount for key, amount in found.items() if amount}


# Two things at a price divided by what each costs alone, the month in advance, and what moves that price about.
_DIVIDED = TERMS | {"interval": 1, "term": 12, "renews": False}
_moves = st.sampled_from(["recognize", "credit", "credit", "add", "modify", "modify", "drop", "report", "write"])


@settings(
    max_examples=MANY if MANY > 40 else 12,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=MANY == 40,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    method=st.sampled_from(["straight_line_days", "straight_line_months", "equal_per_period", "percentage"]),
    cents=st.integers(1_000, 100_000),
    months=st.lists(
        st.lists(st.tuples(_moves, st.integers(0, 9), st.integers(1, 100)), max_size=3), min_size=5, max_size=10
    ),
)
def test_a_divided_price_is_divided_the_same_in_a_replay(
    companies: dict[str, Tenant], method: str, cents: int, months: list[list[tuple[str, int, int]]]
) -> None:
    company = companies["memo"]
    with tenant_scope(company.pk), transaction.atomic():
        world = found(company)
        world.sign(1, _DIVIDED | {"method": method, "cents": cents})
        for moves in months:
            world.happen(("bill", 0, 0, 0))
            for what, which, percent in moves:
                world.happen((what, 9, which, percent))
            world.today = add_months(world.today.replace(day=1), 1)
        told = "\n".join(world.done)
        run_billing(through=date(2027, 3, 31), finalize=True)
        recognize_revenue(through=date(2027, 3, 31))
        assert_books_agree(company, told)
        replay = replay_ledger()
        assert (replay.different, replay.differences) == (0, []), told
        transaction.set_rollback(True)
