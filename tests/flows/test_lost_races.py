"""Two at the same thing: who is not quick enough is told so in words, by the API and in the admin, and nothing is half done."""

from datetime import date
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounting import posting
from accounting.checks import check_ledger
from accounting.models import AccountingPeriod
from accounting.periods import close_period
from billing.models import BusinessEntity, Customer, Membership, Payment, Role, Tenant
from billing.refusals import LostRace, database_refusal
from billing.services.payments import receive_payment
from billing.tenancy import tenant_scope
from tests.api.caller import Caller, usd
from tests.company import make_globex

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company() -> Tenant:
    made, payer = make_globex()
    with tenant_scope(made.pk):
        receive_payment(
            customer_id=payer.pk, received_on=date(2026, 1, 5), amount=Decimal(1), currency="USD", allocations={}
        )
    return made


@pytest.fixture
def closed_while_posting(company: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """January is closed by another after a post has looked which months are open, and before it comes to its lines."""
    real = posting.PostingDates.for_events

    def close() -> None:
        with tenant_scope(company.pk):
            close_period(period_id=AccountingPeriod.objects.get().pk, at=timezone.now())
        connection.close()

    def look(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        monkeypatch.setattr(posting.PostingDates, "for_events", real)
        beside = Thread(target=close)
        beside.start()
        beside.join(timeout=20)
        return found

    monkeypatch.setattr(posting.PostingDates, "for_events", look)


@pytest.mark.usefixtures("closed_while_posting")
def test_the_api_says_that_the_month_was_closed_meanwhile(company: Tenant) -> None:
    """409, not 500; sent again, the payment goes to the first open month."""
    caller = Caller(company)
    with tenant_scope(company.pk):
        payer = Customer.objects.get().pk
    body = {"customer": payer, "received_on": "2026-01-06", "amount": usd("5.00"), "allocations": []}
    error = caller.post("/payments", body, status=409)["error"]
    assert (error["code"], error["message"].split(",")[0]) == ("lost_race", "The month was closed at the same moment")
    caller.post("/payments", body)
    with tenant_scope(company.pk):
        assert Payment.objects.count() == 2
        assert check_ledger(company).problems == []


@pytest.mark.usefixtures("closed_while_posting")
def test_a_person_is_told_on_the_page(company: Tenant) -> None:
    user = get_user_model().objects.create_user(username="finance", password="x", is_staff=True)
    with tenant_scope(company.pk):
        Membership.objects.create(tenant=company, user=user, role=Role.FINANCE)
        payer = Customer.objects.get().pk
    client = Client()
    client.force_login(user)
    page = f"/admin/billing/payment/add/?customer={payer}"
    paid = {"received_on": "2026-01-06", "amount": "5", "method": "card", "reference": ""}
    answer = client.post(page, paid, headers={"Referer": f"http://testserver{page}"}, follow=True)
    assert (answer.status_code, answer.redirect_chain) == (200, [(f"http://testserver{page}", 302)])
    assert "The month was closed at the same moment, so nothing of this was done. Try again." in answer.text
    with tenant_scope(company.pk):
        assert Payment.objects.count() == 1


def test_who_is_the_victim_of_a_deadlock_is_told_to_try_again(company: Tenant) -> None:
    """Two sessions take two rows in opposite order: PostgreSQL ends one of them."""
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        for name in ("C-2", "C-3"):
            Customer.objects.create(business_entity=entity, external_id=name, name=name, currency="USD")
    both, told = Barrier(2, timeout=20), []

    def take(names: tuple[str, str]) -> None:
        try:
            with tenant_scope(company.pk), transaction.atomic():
                Customer.objects.select_for_update().get(external_id=names[0])
                both.wait()
                Customer.objects.select_for_update().get(external_id=names[1])
        except DatabaseError as error:
            told.append(database_refusal(error))
        finally:
            connection.close()

    threads = [Thread(target=take, args=(names,)) for names in (("C-2", "C-3"), ("C-3", "C-2"))]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=20)
    assert told == ["Somebody changed the same at the same moment, so nothing of this was done. Try again."]
    assert isinstance(told[0], LostRace)


def test_what_is_no_refusal_stays_a_failure(company: Tenant) -> None:
    """An entry that does not balance, or a constraint that is broken, is a fault of the program, and is not talked over."""
    with tenant_scope(company.pk), connection.cursor() as cursor:
        with pytest.raises(DatabaseError) as broken:
            cursor.execute("UPDATE billing_payment SET unapplied = amount + 1")
        assert database_refusal(broken.value) is None
        with pytest.raises(DatabaseError) as guarded:
            cursor.execute("DELETE FROM billing_businessevent")
        assert str(database_refusal(guarded.value)).startswith("billing_businessevent is append-only")
