"""The mapping and the reconciliation in the admin, from the ERP's lists to books that agree."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from accounting.closing import dry_run
from accounting.models import AccountingPeriod, JournalEntry
from billing.models import Contract, Invoice, Job
from billing.services import jobs
from integrations.delivery import drain
from integrations.models import (
    Connection,
    ConnectionStatus,
    ErpRecord,
    Mapping,
    MappingStatus,
    OutboxItem,
    OutboxState,
    Reconciliation,
)
from integrations.readiness import our_accounts, readiness
from integrations.reconciliation import reconcile
from tests.admin.erp import sign_in_there, url
from tests.integrations.books import Books
from tests.integrations.world import a_month


@pytest.mark.django_db
def test_the_mapping_is_confirmed_and_changed_by_hand(
    accountant: Client, connection: Connection, erp_account: ErpRecord
) -> None:
    ours = {each.code: each for each in our_accounts(connection)}
    cash = next(each for each in ours.values() if each.role == "cash")
    revenue = next(each for each in ours.values() if each.category == "income")
    page = f"{url('integrations_mapping_changelist')}?connection={connection.pk}&kind=account"
    shown = accountant.get(page)
    assert "Checking (Bank)" in shown.content.decode()
    assert str(cash) in accountant.get(f"{page}&q={cash.code}").content.decode()
    accountant.post(page, {f"choose_{cash.pk}": "77", f"before_{cash.pk}": "", "save": "1"})
    mapped = Mapping.objects.get()
    assert (mapped.internal_id, mapped.external_id, mapped.status) == (cash.pk, "77", MappingStatus.CONFIRMED)
    refused = accountant.post(page, {f"choose_{revenue.pk}": "77", "save": "1"}, follow=True).content.decode()
    assert "is of the type Bank" in refused
    assert (
        "no such record"
        in accountant.post(page, {f"choose_{cash.pk}": "no", "save": "1"}, follow=True).content.decode()
    )
    accountant.post(page, {"choose_999999": "77", "choose_x": "77", "save": "1"})
    assert Mapping.objects.count() == 1
    Mapping.objects.update(status=MappingStatus.SUGGESTED)
    assert "Suggested" in accountant.get(page).content.decode()
    accountant.post(page, {"confirm": mapped.pk})
    assert Mapping.objects.get().status == MappingStatus.CONFIRMED
    Mapping.objects.update(status=MappingStatus.SUGGESTED)
    accountant.post(page, {"confirm_all": "1"})
    assert Mapping.objects.get().status == MappingStatus.CONFIRMED


@pytest.mark.django_db
def test_a_counterpart_is_searched_where_there_are_many(accountant: Client, connection: Connection) -> None:
    ErpRecord.objects.bulk_create(
        ErpRecord(
            tenant_id=connection.tenant_id,
            connection=connection,
            kind="customer",
            external_id=str(n),
            name=f"Customer {n:04}",
        )
        for n in range(200)
    )
    defaults = accountant.get(f"{url('integrations_mapping_changelist')}?connection={connection.pk}&kind=defaults")
    choose = f"{url('choose_counterpart')}?connection={connection.pk}&kind=default_customer&ours=default_customer"
    assert choose.replace("&", "&amp;") in defaults.content.decode()
    found = accountant.get(f"{choose}&q=0150").content.decode()
    assert "Customer 0150" in found
    assert "Customer 0001" not in found
    accountant.post(choose, {"record": "150"})
    assert Mapping.objects.get().external_name == "Customer 0150"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_from_the_lists_to_reconciled_books(
    mode: str, accountant: Client, unconnected: Connection, administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)

    def run_job(address: str, **given: Any) -> Job:
        accountant.post(address, given)
        return jobs.run_job(job_id=Job.objects.order_by("-id")[0].pk)

    administrator.post(
        url("integrations_connection_mode", unconnected.pk),
        {"mode": mode, "send_payments": "on" if mode == "documents" else ""},
    )
    administrator.get(sign_in_there(administrator.post(url("connect_erp", unconnected.pk)).url))
    lists = run_job(url("integrations_connection_import_lists", unconnected.pk))
    assert "tax codes read" in lists.result["words"], lists.message
    accountant.post(url("integrations_connection_suggest", unconnected.pk), {"confirm": "on"})
    created = run_job(url("integrations_connection_create_missing", unconnected.pk))
    assert "created in" in created.result["words"], created.message
    assert readiness(Connection.objects.get()) == []
    a_month(customers=3)
    OutboxItem.objects.all().delete()
    accountant.post(url("integrations_connection_backfill", unconnected.pk), {"since": "2026-01-01"})
    assert OutboxItem.objects.exists()
    accountant.post(url("integrations_connection_send_now", unconnected.pk))
    drain(unconnected.pk, until_empty=True)
    item = OutboxItem.objects.exclude(kind__in=("customer", "product")).order_by("id")[0]
    assert item.state == OutboxState.DELIVERED, item.reason
    page = accountant.get(url("integrations_outboxitem_change", item.pk)).content.decode()
    assert unconnected.base_url in page
    assert "HTTP 200" in page
    name = "accounting_journalentry" if mode == "journal_entries" else "billing_invoice"
    there = accountant.get(url(f"{name}_change", item.subject_id)).content.decode()
    assert "Where it is in the ERP" in there
    assert unconnected.base_url in there
    done = run_job(url("reconcile_erp"), connection=unconnected.pk, through="2026-01-31")
    assert "agree to the cent" in done.result["words"], done.message
    kept_ = Reconciliation.objects.get()
    assert "Agrees to the cent" in accountant.get(url("integrations_reconciliation_change", kept_.pk)).content.decode()


@pytest.mark.django_db(transaction=True)
def test_differences_are_explained_and_lead_to_where_they_are_mended(
    accountant: Client, connect: Any, box: Any
) -> None:
    made = connect(mode="documents")
    a_month(customers=3)
    drain(made.pk, until_empty=True)
    first, second, third = Invoice.objects.order_by("id")
    OutboxItem.objects.filter(kind="invoice", subject_id=first.pk).update(state="parked", reason="No such tax code.")
    references = {each.subject_id: each.external_id for each in made.references.filter(kind="invoice")}
    Books(box.url).delete("Invoice", references[first.pk])
    Books(box.url).edit("Invoice", references[second.pk], TxnDate="2026-01-02")
    reconciliation, _ = reconcile(made, through=date(2026, 1, 31))
    page = accountant.get(url("integrations_reconciliation_change", reconciliation.pk)).content.decode()
    assert url("billing_invoice_change", first.pk) in page
    assert url("billing_invoice_change", second.pk) in page
    assert url("billing_invoice_change", third.pk) not in page
    assert "No such tax code." in page
    assert "Look at the item" in page
    assert "changed in the ERP after it was delivered" in page
    narrowed = accountant.get(
        f"{url('integrations_reconciliation_change', reconciliation.pk)}?cause=parked"
    ).content.decode()
    assert url("billing_invoice_change", second.pk) not in narrowed


@pytest.mark.django_db
def test_a_reconciliation_that_cannot_be_made_fails_in_words(
    accountant: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)
    accountant.post(url("reconcile_erp"), {"connection": connection.pk, "through": "2026-01-31"})
    Connection.objects.update(status=ConnectionStatus.RECONNECT_NEEDED)
    failed = jobs.run_job(job_id=Job.objects.get().pk)
    assert failed.message == "Books is not connected: sign in again."


def test_what_is_dated_after_the_month_does_not_keep_it_from_being_delivered(
    story: Contract, connection: Connection, queue: Any, kept: Reconciliation
) -> None:
    """January's closing asks for January's entries and reconciliation, not for February's."""
    january = AccountingPeriod.objects.get(start=date(2026, 1, 1))
    dates = dict(JournalEntry.objects.values_list("date", "pk"))
    OutboxItem.objects.all().delete()

    def found(code: str) -> tuple[int, str]:
        outcome = {each.code: each for each in dry_run(january, today=date(2026, 3, 1)).checks}[code]
        return outcome.count, " ".join((outcome.message, *outcome.details))

    queue("journal_entry", dates[date(2026, 2, 1)], state="pending")
    queue("invoice", Invoice.objects.get(issued_on=date(2026, 2, 1)).pk, state="parked", reason_code="x", reason="y")
    assert found("undelivered_items")[0] == found("parked_items")[0] == 0
    queue("journal_entry", dates[date(2026, 1, 31)], state="pending")
    assert found("undelivered_items")[0] == 1
    Reconciliation.objects.create(
        connection=connection, through=date(2026, 2, 28), compared=9, accounts=[], differences=[], difference_count=7
    )
    assert "3 differences" in found("reconciliation")[1]
