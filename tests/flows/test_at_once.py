"""Runs and commands at the same contract at the same moment: both are done, or who lost is told, and the books are right."""

import os
import signal
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone
from rest_framework.views import APIView

from accounting import periods, posting, recognition, schedules
from accounting.checks import check_ledger
from accounting.models import AccountingPeriod, JournalEntry, JournalLine, RecognitionSchedule
from accounting.periods import close_period, reopen_period
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from billing.importing.column_map import load_column_map
from billing.importing.contracts import import_contracts
from billing.models import (
    Contract,
    ContractItem,
    Customer,
    Invoice,
    InvoiceStatus,
    Payment,
    Product,
    Tenant,
)
from billing.services import billing_run, payments
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.invoices import finalize_invoices
from billing.services.modifications import Modification, modify_contract
from billing.services.payments import receive_payment
from billing.tenancy import tenant_scope
from tests.api.caller import Caller, usd
from tests.company import make_globex

pytestmark = pytest.mark.django_db(transaction=True)
JAN, FEB, MAR = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)


@pytest.fixture
def company() -> Tenant:
    """Three contracts over 100.01 a month; January billed."""
    made, customer = make_globex()
    with tenant_scope(made.pk):
        product = Product.objects.create(code="plan", name="Plan")
        item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "100.01"}}
        for number in ("K-1", "K-2", "K-3"):
            contract = draft_contract(customer=customer, number=number, start=JAN, items=[item], term_months=12)
            start_contracts([contract.pk])
        run_billing(through=JAN, finalize=True)
    return made


class Beside(Thread):
    """Somebody else, at work in a session of their own; `error` is what they met."""

    def __init__(self, company: Tenant, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._company, self._work = company, work
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            with tenant_scope(self._company.pk):
                self._work()
        except Exception as error:  # noqa: BLE001
            self.error = error
        finally:
            connection.close()

    def done(self) -> None:
        self.join(timeout=30)
        assert not self.is_alive()


def is_in_order(company: Tenant) -> None:
    with tenant_scope(company.pk):
        assert check_ledger(company).problems == []
        assert replay_ledger().differences == []


def meanwhile(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, work: Callable[[], Any]) -> None:
    """Before a function is called for the first time, let somebody else do something and finish it."""
    real = getattr(place, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(place, name, real)
        work()
        return real(*args, **kwargs)

    monkeypatch.setattr(place, name, call)


def test_a_modification_a_billing_run_and_a_recognition_of_one_contract_wait_for_each_other(company: Tenant) -> None:
    """None of them ends in a deadlock: what is only changed is not locked against those that refer to it."""
    with tenant_scope(company.pk):
        item = ContractItem.objects.order_by("id")[0]
    dearer = {"pricing_model": "flat_fee", "pricing": {"amount": "150"}}
    change = Modification(
        effective_on=date(2026, 1, 15), signed_on=date(2026, 1, 15), reason="More seats", replace={item.pk: dearer}
    )
    together = Barrier(3, timeout=20)

    def at_once(work: Callable[[], Any]) -> Callable[[], Any]:
        def go() -> None:
            connection.ensure_connection()
            together.wait()
            work()

        return go

    works = (
        lambda: modify_contract(contract_id=item.contract_id, change=change),
        lambda: run_billing(through=MAR, finalize=True),
        lambda: recognize_revenue(through=date(2026, 2, 28)),
    )
    beside = [Beside(company, at_once(work)) for work in works]
    for each in beside:
        each.done()
    # A modification that comes later than the billing is refused by what is billed meanwhile, in words.
    assert [each.error for each in beside if isinstance(each.error, DatabaseError)] == []
    assert [each.error for each in beside[1:]] == [None, None]
    is_in_order(company)


def test_what_is_modified_does_not_stop_others_from_referring_to_it(company: Tenant) -> None:
    with tenant_scope(company.pk):
        first = Contract.objects.order_by("id")[0]

        def bill() -> None:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '3s'")
            Invoice.objects.create(
                tenant=company,
                business_entity_id=first.business_entity_id,
                customer_id=first.customer_id,
                contract=first,
                currency="USD",
                issued_on=JAN,
                due_on=JAN,
                net=1,
                tax=0,
                total=1,
                settled=0,
            )

        with transaction.atomic():
            modify_contract(
                contract_id=first.pk,
                change=Modification(effective_on=FEB, signed_on=FEB, reason="Longer", end=date(2028, 1, 1)),
            )
            other = Beside(company, bill)
            other.done()
    assert other.error is None


def test_a_run_that_loses_a_deadlock_does_its_part_again(company: Tenant) -> None:
    """Somebody holds the last schedule and then asks for the first, which the run holds: the run is the victim."""
    with tenant_scope(company.pk):
        recognition.open_schedules(through=date(2026, 1, 31))
        ids = list(RecognitionSchedule.objects.order_by("id").values_list("id", flat=True))
        run: dict[str, Any] = {}

        def recognize() -> None:
            run["found"] = recognize_revenue(through=date(2026, 1, 31))

        with transaction.atomic():
            list(RecognitionSchedule.objects.select_for_update(of=("self",)).filter(pk=ids[-1]))
            beside = Beside(company, recognize)
            with connection.cursor() as cursor:
                for _ in range(2000):
                    cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted), pg_sleep(0.005)")
                    if cursor.fetchone()[0]:
                        break
            # The run has waited for longer, so it is the one whose patience ends first.
            list(RecognitionSchedule.objects.select_for_update(of=("self",)).filter(pk=ids[0]))
        beside.done()
        assert beside.error is None
        assert (run["found"].entries, dict(run["found"].total)) == (3, {"USD": Decimal("300.03")})
    is_in_order(company)


def test_an_invoice_that_opens_the_schedule_first_makes_the_run_look_again(
    company: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_scope(company.pk):
        run_billing(through=FEB)
        drafts = list(Invoice.objects.filter(status=InvoiceStatus.DRAFT).values_list("id", flat=True))
        assert len(drafts) == 3

        def finalize() -> None:
            other = Beside(company, lambda: finalize_invoices(drafts))
            other.done()
            assert other.error is None

        meanwhile(monkeypatch, recognition.schedules, "add", finalize)
        run = recognize_revenue(through=date(2026, 2, 28))
        assert dict(run.total) == {"USD": Decimal("600.06")}
    is_in_order(company)


def test_a_run_that_opens_the_schedule_first_makes_the_invoice_a_lost_race(
    company: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """409 that says try again, not that there is such an invoice already; sent again, it is finalized."""
    caller = Caller(company)
    with tenant_scope(company.pk):
        run_billing(through=FEB)
        draft = Invoice.objects.filter(status=InvoiceStatus.DRAFT).order_by("id")[0].pk

    def recognize() -> None:
        other = Beside(company, lambda: recognize_revenue(through=date(2026, 2, 28)))
        other.done()
        assert other.error is None

    meanwhile(monkeypatch, schedules, "add", recognize)
    error = caller.post(f"/invoices/{draft}/finalize", {}, status=409)["error"]
    assert error["code"] == "lost_race"
    caller.post(f"/invoices/{draft}/finalize", {}, status=200)
    is_in_order(company)


def test_ending_a_contract_under_a_run_is_done_or_refused_in_words(company: Tenant) -> None:
    with tenant_scope(company.pk):
        contract = Contract.objects.order_by("id")[0].pk
    together = Barrier(2, timeout=20)

    def end() -> None:
        connection.ensure_connection()
        together.wait()
        end_contract(contract_id=contract, end=FEB)

    def recognize() -> None:
        connection.ensure_connection()
        together.wait()
        recognize_revenue(through=date(2026, 3, 31))

    beside = [Beside(company, end), Beside(company, recognize)]
    for each in beside:
        each.done()
    assert [each.error for each in beside] == [None, None]
    is_in_order(company)


def test_two_runs_finalize_each_draft_once(company: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another finalizes after the run has looked which drafts there are is passed over."""
    with tenant_scope(company.pk):
        run_billing(through=FEB)
        first = Invoice.objects.filter(status=InvoiceStatus.DRAFT).order_by("id")[0].pk
        meanwhile(
            monkeypatch,
            billing_run,
            "finalize_what_is_draft",
            lambda: Beside(company, lambda: finalize_invoices([first])).done(),
        )
        run = run_billing(through=FEB, finalize=True)
        assert (run.finalized, dict(run.finalized_total)) == (2, {"USD": Decimal("200.02")})
        assert not Invoice.objects.filter(status=InvoiceStatus.DRAFT).exists()
    is_in_order(company)


@pytest.mark.parametrize("reopens_first", [True, False])
def test_a_late_payment_and_the_reopening_of_its_month_are_replayed_in_their_order(
    company: Tenant, monkeypatch: pytest.MonkeyPatch, reopens_first: bool
) -> None:
    """January is closed. A payment of it comes while January is reopened: whoever holds the month first is first, for good."""
    with tenant_scope(company.pk):
        recognize_revenue(through=date(2026, 1, 31))
        january = AccountingPeriod.objects.order_by("start")[0]
        close_period(period_id=january.pk, at=timezone.now())
        customer = Customer.objects.get().pk
        reopening: list[Beside] = []

        def reopen() -> None:
            reopening.append(
                Beside(company, lambda: reopen_period(period_id=january.pk, reason="A bill", at=timezone.now()))
            )
            if reopens_first:
                reopening[0].done()

        if reopens_first:
            meanwhile(monkeypatch, periods, "_reopened", reopen)
        else:
            meanwhile(monkeypatch, posting, "_write", reopen)
        receive_payment(
            customer_id=customer,
            received_on=date(2026, 1, 5),
            amount=Decimal(20),
            currency="USD",
            allocations={},
        )
        reopening[0].done()
        assert reopening[0].error is None
        january.refresh_from_db()
        assert january.status == "open"
        posted = JournalEntry.objects.get(event__kind="payment_received").date
        assert posted == (date(2026, 1, 5) if reopens_first else FEB)
        assert JournalLine.objects.filter(date=posted, entry__event__kind="payment_received").count() == 2
    is_in_order(company)


def test_two_imports_of_one_file_import_it_once(company: Tenant, tmp_path: Path) -> None:
    columns = load_column_map(settings.BASE_DIR / "docs/examples/telco_columns.toml")
    file = tmp_path / "contracts.csv"
    rows = [f"A-{number},12,Yes,Fiber optic,One year,Card,{number}.95" for number in range(1, 301)]
    heading = "customerID,tenure,PhoneService,InternetService,Contract,PaymentMethod,MonthlyCharges"
    file.write_text("\n".join([heading, *rows]) + "\n")
    together, found = Barrier(2, timeout=20), []

    def load() -> None:
        connection.ensure_connection()
        together.wait()
        found.append(import_contracts(path=file, columns=columns))

    beside = [Beside(company, load) for _ in range(2)]
    for each in beside:
        each.done()
    assert [each.error for each in beside] == [None, None]
    assert sorted((result.contracts, result.unchanged, result.imported) for result in found) == [
        (0, 300, True),
        (300, 0, True),
    ]
    is_in_order(company)


@pytest.mark.parametrize(("killed_at", "done"), [("answer", 1), ("commit", 0)])
def test_a_web_process_that_is_killed_has_done_all_of_a_request_or_nothing(
    company: Tenant, killed_at: str, done: int
) -> None:
    """Sent again under its key, the request is done once and answered."""
    caller = Caller(company)
    with tenant_scope(company.pk):
        customer = Customer.objects.get().pk
    body = {"customer": customer, "received_on": "2026-01-09", "amount": usd("10.00"), "allocations": []}
    connections.close_all()
    child = os.fork()
    if not child:
        try:
            die = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
            if killed_at == "answer":
                APIView.finalize_response = die
            else:
                connection.ensure_connection()
                connection.commit = die
                connection._commit = die
            caller.post("/payments", body, idempotency_key="once")
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    with tenant_scope(company.pk):
        assert Payment.objects.count() == done
    for _ in range(2):
        caller.post("/payments", body, idempotency_key="once")
        assert caller.last.headers.get("Idempotent-Replay") == ("true" if done else None)
        done = 1
    with tenant_scope(company.pk):
        assert Payment.objects.count() == 1
    is_in_order(company)


def test_two_payments_at_the_same_time_settle_one_invoice_after_the_other(
    company: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither says what it pays for. Money that came in is not refused because another paid the oldest invoice meanwhile."""
    with tenant_scope(company.pk):
        facts: dict[str, Any] = {
            "customer_id": Customer.objects.get().pk,
            "received_on": date(2026, 1, 9),
            "amount": Decimal("100.01"),
            "currency": "USD",
        }

        def pay() -> None:
            other = Beside(company, lambda: receive_payment(**facts))
            other.done()
            assert other.error is None

        meanwhile(monkeypatch, payments, "lock_open", pay)
        receive_payment(**facts)
        assert list(Invoice.objects.order_by("id").values_list("status", flat=True)) == ["paid", "paid", "finalized"]
        assert not Payment.objects.exclude(unapplied=0).exists()
    is_in_order(company)
