"""Switching what a connection sends while facts are being recorded: nothing goes out in the wrong form, nothing is left out."""

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection as database
from django.db import transaction

from accounting.models import AccountingPolicy
from billing.models import BusinessEntity, Customer
from billing.services.payments import receive_payment
from billing.tenancy import current_tenant_id, tenant_scope
from integrations.models import Connection, OutboxItem, SummarizedEntry
from integrations.setup import SetupError
from integrations.switching import change_mode
from integrations.upkeep import set_options

pytestmark = pytest.mark.django_db(transaction=True)
TO_DOCUMENTS = {"mode": "documents", "send_payments": True}


@pytest.fixture
def pay(entity: BusinessEntity, connection: Connection) -> Callable[[], None]:
    customer = Customer.objects.create(business_entity=entity, external_id="C-1", name="Acme", currency="USD")

    def record() -> None:
        receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 5), amount=Decimal(10), currency="USD")

    record()  # The first of a month makes its period, which moves the books' stamp as a switch does.
    OutboxItem.objects.all().delete()
    return record


class Beside:
    """Work in a thread and a database session of its own; `error` is what it ended with."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.error: SetupError | None = None
        self._tenant, self._work = current_tenant_id(), work
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with tenant_scope(self._tenant):
                self._work()
        except SetupError as error:
            self.error = error
        finally:
            database.close()

    def runs(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return self._thread.is_alive()


def kinds() -> list[str]:
    return list(OutboxItem.objects.order_by("id").values_list("kind", flat=True))


def test_what_is_being_recorded_is_waited_for_and_then_in_flight(connection: Connection, pay) -> None:
    recorded, go = threading.Event(), threading.Event()

    def record() -> None:
        with transaction.atomic():
            pay()
            recorded.set()
            go.wait(20)

    writer = Beside(record)
    assert recorded.wait(20)
    with pytest.raises(SetupError, match="being recorded at this moment"):
        change_mode(connection, **TO_DOCUMENTS, patience=0.3)
    switch = Beside(lambda: change_mode(connection, **TO_DOCUMENTS, patience=20))
    assert switch.runs(0.5)
    go.set()
    assert not writer.runs(20) and not switch.runs(20)
    assert "1 items wait" in str(switch.error)
    now = Connection.objects.get()
    assert (now.sync_mode, now.option("switching", None), kinds()) == ("journal_entries", None, ["journal_entry"])


def test_what_is_recorded_while_the_switch_is_made_goes_out_in_the_new_form(connection: Connection, pay) -> None:
    set_options(connection.pk, {"switching": True})  # As announced.
    with transaction.atomic():
        list(AccountingPolicy.objects.select_for_update())
        locked = Connection.objects.select_for_update().get()
        writer = Beside(pay)
        assert writer.runs(1.0)  # It waits to know the mode.
        locked.sync_mode, locked.send_payments = "documents", True
        locked.save()
    assert not writer.runs(20) and writer.error is None
    assert kinds() == ["customer", "payment"]


def test_entries_that_wait_for_their_sum_are_in_flight(connection: Connection, pay) -> None:
    set_options(connection.pk, {"summarize_payments": "month"})
    pay()
    assert (kinds(), SummarizedEntry.objects.count()) == ([], 1)
    with pytest.raises(SetupError, match="1 entries wait for the sum"):
        change_mode(Connection.objects.get(), **TO_DOCUMENTS)
    assert Connection.objects.get().sync_mode == "journal_entries"


def test_payments_are_no_longer_taken_over_once_they_are_sent(connection: Connection) -> None:
    change_mode(connection, mode="documents", send_payments=False)
    set_options(connection.pk, {"pull_payments": True})
    change_mode(Connection.objects.get(), **TO_DOCUMENTS)
    assert Connection.objects.get().option("pull_payments", False) is False
