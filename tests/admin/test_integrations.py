"""The pages about the ERP: who may see and do what, and what they say and offer."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounting.models import JournalEntry
from billing.models import Contract, Invoice, Payment, Role
from billing.services.billing_run import run_billing
from billing.services.payments import receive_payment
from integrations import mapping
from integrations.models import (
    Connection,
    ConnectionStatus,
    DeliveryAttempt,
    ErpRecord,
    Mapping,
    MappingKind,
    OutboxItem,
    OutboxState,
    Reconciliation,
)
from tests.admin.erp import url

ORDER = [Role.VIEWER, Role.FINANCE, Role.ACCOUNTANT, Role.ADMIN]


@pytest.mark.django_db
@pytest.mark.parametrize("role", ORDER)
def test_every_page_answers_whoever_may_see_it(
    role: str, sign_in: Callable[[str], Client], connection: Connection, parked: OutboxItem, erp_account: ErpRecord,
    kept: Reconciliation,
) -> None:  # fmt: skip
    client = sign_in(role)
    rank = ORDER.index(role)
    DeliveryAttempt.objects.create(
        connection=connection, item_ids=[parked.pk], operation="batch", outcome="http 400", seconds=0.2, response="No."
    )
    mapping.choose(connection, kind=MappingKind.DEPOSIT_ACCOUNT, internal_id=None, record=erp_account)
    for model, row in (("connection", connection), ("outboxitem", parked), ("reconciliation", kept)):
        assert client.get(url(f"integrations_{model}_changelist")).status_code == 200
        assert client.get(url(f"integrations_{model}_change", row.pk)).status_code == 200
    assert client.get(url("integrations_mapping_changelist")).status_code == 200
    assert client.get(url("integrations_mapping_change", Mapping.objects.get().pk)).status_code == 302
    for verb in ("send_now", "import_lists", "suggest", "create_missing", "backfill"):
        page = client.get(url(f"integrations_connection_{verb}", connection.pk))
        assert page.status_code == (200 if rank >= 2 else 403), verb
    for verb in ("credentials", "mode", "switch_off"):
        page = client.get(url(f"integrations_connection_{verb}", connection.pk))
        assert page.status_code == (200 if rank == 3 else 403), verb
    assert client.get(url("connect_erp", connection.pk)).status_code == (200 if rank == 3 else 403)
    assert client.get(url("integrations_connection_add")).status_code == (200 if rank == 3 else 403)
    for name in ("integrations_outboxitem_add", "integrations_mapping_add", "integrations_reconciliation_add"):
        assert client.get(url(name)).status_code == 403
    for verb in ("send_again", "skip"):
        page = client.get(url(f"integrations_outboxitem_{verb}", parked.pk))
        assert page.status_code == (200 if rank >= 2 else 403), verb
    assert client.get(url("reconcile_erp")).status_code == (200 if rank >= 2 else 403)
    assert client.post(url("integrations_mapping_changelist"), {"save": "1"}).status_code == (302 if rank >= 2 else 403)
    choose = {"connection": connection.pk, "kind": "default_customer", "ours": "default_customer"}
    assert client.get(url("choose_counterpart"), choose).status_code == (200 if rank >= 2 else 403)


@pytest.mark.django_db
def test_companies_are_walls(
    stranger: Client, connection: Connection, parked: OutboxItem, kept: Reconciliation, erp_account: ErpRecord
) -> None:  # fmt: skip
    row = mapping.choose(connection, kind=MappingKind.DEPOSIT_ACCOUNT, internal_id=None, record=erp_account)
    pages = [
        url("integrations_connection_change", connection.pk), url("integrations_connection_credentials", connection.pk),
        url("integrations_connection_switch_off", connection.pk), url("connect_erp", connection.pk),
        url("integrations_outboxitem_change", parked.pk), url("integrations_outboxitem_skip", parked.pk),
        url("integrations_outboxitem_send_again", parked.pk), url("integrations_reconciliation_change", kept.pk),
        url("integrations_mapping_change", row.pk),
    ]  # fmt: skip
    for page in pages:
        assert stranger.get(page).status_code == 404, page
        assert stranger.post(page, {"reason": "x"}).status_code == 404, page
    for model in ("connection", "outboxitem", "reconciliation", "mapping"):
        listed = stranger.get(url(f"integrations_{model}_changelist")).content.decode()
        assert "Books" not in listed
        assert parked.reason not in listed
    parked.refresh_from_db()
    assert parked.state == OutboxState.PARKED
    chosen = {"action": "send_chosen_again", "_selected_action": [parked.pk], "confirmed": "1"}
    stranger.post(url("integrations_outboxitem_changelist"), chosen)
    started = stranger.post(url("reconcile_erp"), {"connection": connection.pk, "through": "2026-01-31"})
    assert "Select a valid choice" in started.content.decode()
    parked.refresh_from_db()
    assert parked.state == OutboxState.PARKED


@pytest.mark.django_db
def test_send_again_and_skip(accountant: Client, parked: OutboxItem, queue: Callable[..., OutboxItem]) -> None:
    skip = url("integrations_outboxitem_skip", parked.pk)
    assert "This field is required" in accountant.post(skip, {"reason": ""}).content.decode()
    accountant.post(skip, {"reason": "entered by hand"})
    parked.refresh_from_db()
    assert parked.state == OutboxState.SKIPPED
    assert parked.reason == "entered by hand (accountant-person)"
    accountant.get(url("integrations_outboxitem_send_again", parked.pk))
    parked.refresh_from_db()
    assert parked.state == OutboxState.SKIPPED
    accountant.post(url("integrations_outboxitem_send_again", parked.pk))
    parked.refresh_from_db()
    assert parked.state == OutboxState.PENDING
    delivered = queue("customer", 1, state="delivered")
    many = {"action": "skip_chosen", "_selected_action": [parked.pk, delivered.pk]}
    page = url("integrations_outboxitem_changelist")
    assert "1 of the 2 chosen items" in accountant.post(page, many).content.decode()
    accountant.post(page, {**many, "confirmed": "1", "reason": "no longer wanted"})
    assert set(OutboxItem.objects.values_list("state", flat=True)) == {"skipped", "delivered"}
    accountant.post(page, {**many, "action": "send_chosen_again", "confirmed": "1"})
    assert set(OutboxItem.objects.values_list("state", flat=True)) == {"pending", "delivered"}


@pytest.mark.django_db
def test_finance_staff_look_at_the_outbox_only(finance: Client, parked: OutboxItem) -> None:
    page = url("integrations_outboxitem_changelist")
    shown = finance.get(page).content.decode()
    assert parked.reason in shown
    assert "skip_chosen" not in shown
    for action in ("skip_chosen", "send_chosen_again"):
        finance.post(page, {"action": action, "_selected_action": [parked.pk], "confirmed": "1", "reason": "x"})
    assert finance.post(url("integrations_outboxitem_skip", parked.pk), {"reason": "x"}).status_code == 403
    parked.refresh_from_db()
    assert parked.state == OutboxState.PARKED


@pytest.mark.django_db
def test_items_are_found_by_what_people_have_at_hand(
    viewer: Client, story: Contract, connection: Connection, queue: Any
) -> None:
    invoice = Invoice.objects.get(number="INV-000001")
    payment = Payment.objects.get()
    found = queue("invoice", invoice.pk, group=invoice.customer_id)
    queue("payment", payment.pk, group=987654)
    entry = queue("journal_entry", JournalEntry.objects.order_by("id")[0].pk)
    page = url("integrations_outboxitem_changelist")

    def ids(term: str) -> set[int]:
        return {item.pk for item in viewer.get(page, {"q": term}).context["cl"].result_list}

    assert ids("INV-000001") == {found.pk}
    assert ids(f"{connection.reference_prefix}-I{invoice.pk}") == {found.pk}
    assert ids(f"AAAAA-I{invoice.pk}") == set()
    assert ids("Globex") == {found.pk}
    assert ids(f"JE-{entry.subject_id:08d}") == {entry.pk}
    assert ids("nothing of that kind") == set()
    assert (
        viewer.get(page, {"state__exact": "pending", "kind__exact": "invoice", "connection": connection.pk})
        .context["cl"]
        .result_count
        == 1
    )


@pytest.mark.django_db
def test_lists_need_the_same_number_of_queries_however_long(
    viewer: Client, story: Contract, connection: Connection, queue: Any
) -> None:  # fmt: skip
    page = url("integrations_outboxitem_changelist")
    invoices = list(Invoice.objects.order_by("id"))

    def queries() -> int:
        with CaptureQueriesContext(database) as caught:
            assert viewer.get(page).status_code == 200
        return len(caught)

    queue("invoice", invoices[0].pk)
    few = queries()
    for each in invoices[1:]:
        queue("invoice", each.pk)
    for number in range(1000, 1030):
        queue("invoice", number)
    assert queries() == few
    page = url("integrations_connection_changelist")
    few = queries()
    for number in range(4):
        Connection.objects.create(erp="quickbooks", name=f"Old {number}", sync_mode="documents", status="disabled")
    assert queries() == few


@pytest.mark.django_db
def test_the_home_page_shows_each_connection(viewer: Client, connection: Connection, queue: Any) -> None:
    def card() -> str:
        return viewer.get(url("index")).content.decode()

    assert "ERP sync: Books" in card()
    assert "Up to date" in card()
    queue("customer", 1)
    assert "1 waiting" in card()
    parked_item = queue("customer", 2, state="parked", reason="No.")
    assert "1 parked" in card()
    assert f"{url('integrations_outboxitem_changelist')}?connection={connection.pk}&amp;state__exact=parked" in card()
    parked_item.delete()
    Connection.objects.update(status=ConnectionStatus.RECONNECT_NEEDED)
    assert "Sign in again" in card()
    Connection.objects.update(status=ConnectionStatus.DISABLED)
    assert "Not connected" in card()


@pytest.mark.django_db
def test_a_payment_shows_its_own_later_allocations_in_the_erp(
    viewer: Client, story: Contract, connection: Connection, queue: Any
) -> None:  # fmt: skip
    run_billing(through=date(2026, 3, 31), finalize=True)
    customer_id = Payment.objects.get().customer_id
    other = receive_payment(customer_id=customer_id, received_on=date(2026, 3, 5), amount=Decimal(100), currency="USD")
    allocation = other.allocations.get()
    queue("payment_update", allocation.pk, state="parked", reason="It is this one.")
    shown = viewer.get(url("billing_payment_change", other.pk)).content.decode()
    assert "It is this one." in shown
    unrelated = Payment.objects.exclude(pk=other.pk).get()
    assert "It is this one." not in viewer.get(url("billing_payment_change", unrelated.pk)).content.decode()
