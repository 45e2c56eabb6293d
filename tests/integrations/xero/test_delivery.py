"""Nothing lost, nothing twice, whatever Xero or the worker does; and what a person is told."""

from typing import Any

import pytest

from billing.models import Customer, Invoice
from billing.services.invoices import void_invoice
from integrations import mapping, outbox, outcomes
from integrations.delivery import drain
from integrations.models import Connection, ConnectionStatus, ErpRecord, Mapping, OutboxItem
from integrations.reconciliation import reconcile
from integrations.sandbox.xero.app import XeroSandbox
from tests.integrations.world import JANUARY, a_month, deliver_until

pytestmark = pytest.mark.django_db(transaction=True)


WRITES = {"journal_entries": "PUT /api.xro/2.0/ManualJournals", "documents": "PUT /api.xro/2.0/Invoices"}


def deliver(connection: Connection) -> Any:
    return drain(connection.pk, until_empty=True, seconds=180)


def journals(books) -> list[str]:
    return sorted(each["Narration"].rpartition("[cf:")[2] for each in books.objects("ManualJournal"))


def keys(books, path: str) -> list[str]:
    requests = books.state("?requests=1")["requests"]
    return [each["headers"]["idempotency-key"] for each in requests if each["method"] == "PUT" and path in each["path"]]


def test_fifty_journals_go_in_one_request(connect, books) -> None:
    connection = connect()
    a_month(customers=60)
    before = books.state()["calls"]["by_kind"].get("create ManualJournal", 0)
    result = deliver(connection)
    assert (result.delivered, result.parked, result.waiting) == (120, 0, 0)
    assert books.state()["calls"]["by_kind"]["create ManualJournal"] - before == 3
    assert result.calls <= 5
    assert len(journals(books)) == len(set(journals(books))) == 120
    assert {each["Status"] for each in books.objects("ManualJournal")} == {"POSTED"}
    assert deliver(connection).calls == 0


def test_a_journal_links_back_to_its_delivery(connect, books, settings, admin_client) -> None:
    settings.PUBLIC_URL = "https://books.example.com"
    connection = connect()
    a_month(customers=1)
    deliver(connection)
    pages = {each["Url"]: each["Narration"] for each in books.objects("ManualJournal")}
    assert len(pages) == 2
    for page, narration in pages.items():
        path = page.removeprefix("https://books.example.com")
        assert narration.endswith(f"[cf:{path.partition('?q=')[2]}]")
        shown = admin_client.get(path, follow=True)
        assert shown.status_code == 200
        assert len(shown.context["cl"].result_list) == 1


def test_after_a_500_another_key_is_used_for_xero_keeps_its_errors_under_the_old_one(connect, books) -> None:
    connection = connect()
    a_month(customers=1)
    books.fail(rate=1, kinds=["500"], times=1, only=WRITES["journal_entries"])
    assert deliver(connection).delivered == 2
    first, second = keys(books, "ManualJournals")
    assert first != second


def test_after_silence_the_same_key_is_used_for_the_same_body(connect, books) -> None:
    connection = connect()
    a_month(customers=1)
    books.fail(rate=1, kinds=["drop"], times=1, only=WRITES["journal_entries"])
    assert deliver(connection).delivered == 2
    first, second = keys(books, "ManualJournals")
    assert first == second


def test_a_lost_answer_is_read_back_also_when_the_key_was_forgotten(connect, books) -> None:
    connection = connect()
    a_month(customers=3)
    books.fail(rate=1, kinds=["drop_after_commit"], times=1, only=WRITES["journal_entries"])
    deliver_until(connection, lambda: journals(books))
    books._post("forget_keys", {})
    deliver(connection)
    assert len(journals(books)) == len(set(journals(books))) == 6
    assert len(keys(books, "ManualJournals")) == 1


def test_a_days_limit_is_waited_for_long_even_where_xero_does_not_say_how_long(connect, books, monkeypatch) -> None:
    connection = connect(backoff_cap=10_000)
    a_month(customers=1)
    books._post("retry_after", {"told": False})
    monkeypatch.setattr(XeroSandbox, "failure", lambda self, kind: self.refuse("day"))
    books.fail(rate=1, kinds=["429"], times=1)
    assert drain(connection.pk, until_empty=True, patience=10).waiting == 2
    item = OutboxItem.objects.first()
    assert (item.available_at - item.created_at).total_seconds() > 3000
    assert "for this day" in item.reason


def test_one_bad_document_does_not_hold_up_its_batch(connect, books) -> None:
    connection = connect(mode="documents")
    a_month(customers=5)
    invoices = OutboxItem.objects.filter(kind="invoice")
    invoices.update(state="skipped")
    deliver(connection)
    books.delete("Contact", books.objects("Contact")[2]["ContactID"])
    outbox.send_again(list(invoices.values_list("id", flat=True)))
    result = deliver(connection)
    assert (result.delivered, result.parked, result.calls) == (4, 1, 1)
    parked = OutboxItem.objects.get(state="parked")
    assert parked.reason_code == "missing_mapping"
    assert "is archived" in parked.reason
    assert "mend the mapping" in parked.reason


def test_an_archived_account_parks_in_words_and_a_mended_mapping_takes_effect(connect, books) -> None:
    connection = connect()
    a_month(customers=1)
    used = next(each for each in books.objects("Account") if each["Name"] == "Deferred Revenue")
    books.delete("Account", used["AccountID"])
    assert deliver(connection).parked == 2
    parked = OutboxItem.objects.filter(state="parked").first()
    assert (parked.reason_code, "mend the mapping" in parked.reason) == ("missing_mapping", True)
    other = ErpRecord.objects.get(kind="account", name="Suspense")
    Mapping.objects.filter(kind="account", external_id=used["AccountID"]).update(external_id=other.external_id)
    outbox.send_again(list(OutboxItem.objects.values_list("id", flat=True)))
    assert deliver(connection).parked == 0


def test_a_renumbered_account_is_found_by_its_id(connect, books) -> None:
    connection = connect()
    used = next(each for each in books.objects("Account") if each["Name"] == "Deferred Revenue")
    books.edit("Account", used["AccountID"], Code="8350")
    mapping.import_lists(connection)
    a_month(customers=1)
    assert deliver(Connection.objects.get()).parked == 0
    lines = [line for each in books.objects("ManualJournal") for line in each["JournalLines"]]
    assert "8350" in {line["AccountCode"] for line in lines}


@pytest.mark.parametrize("lock", ["PeriodLockDate", "EndOfYearLockDate"])
def test_locked_books_hold_in_words_and_go_out_once_unlocked(connect, books, lock) -> None:
    connection = connect()
    books.prefer(**{lock: "2026-01-31"})
    a_month(customers=2)
    assert deliver(connection).parked == 4
    item = OutboxItem.objects.first()
    assert item.reason_code == "books_closed"
    assert "currently set at 31 January 2026" in item.reason
    books.prefer(**{lock: None})
    outbox.send_again(list(OutboxItem.objects.values_list("id", flat=True)))
    assert (deliver(connection).parked, books.count("ManualJournal")) == (0, 4)


def test_a_name_that_is_taken_gets_our_id_behind_it_and_a_renamed_contact_stays_the_same(connect, books) -> None:
    connection = connect(mode="documents")
    mapping.connector_of(connection).create_customer(request_id="by-hand", name="O'Neil 0", note="theirs")
    a_month(customers=1)
    assert deliver(connection).parked == 0
    ours = next(each for each in books.objects("Contact") if each["Name"] == "O'Neil 0 (X-0)")
    books.edit("Contact", ours["ContactID"], Name="Renamed there")
    Customer.objects.update(name="Renamed here")
    invoice = Invoice.objects.get()
    void_invoice(invoice_id=invoice.pk, on=JANUARY, reason="Wrong")
    assert deliver(connection).parked == 0
    assert [each["Status"] for each in books.objects("Invoice")] == ["VOIDED"]
    assert books.count("Contact") == 2


def test_a_token_that_ends_between_batches_is_renewed_with_the_same_key(connect, books, monkeypatch) -> None:
    connection = connect()
    a_month(customers=30)
    record = outcomes.record

    def record_and_expire(**arguments: Any) -> dict[str, int]:
        books.expire_tokens()
        return record(**arguments)

    monkeypatch.setattr(outcomes, "record", record_and_expire)
    assert deliver(connection).delivered == 60
    first, last, again = keys(books, "ManualJournals")
    assert first != last == again
    assert len(journals(books)) == len(set(journals(books))) == 60


def test_a_connection_removed_in_xero_asks_a_person(connect, books) -> None:
    connection = connect()
    a_month(customers=1)
    books._post("disconnect", {})
    assert deliver(connection).waiting == 2
    kept = Connection.objects.get()
    assert kept.status == ConnectionStatus.RECONNECT_NEEDED
    assert "removed in Xero" in kept.status_reason


@pytest.mark.parametrize("status", [401, 403])
def test_a_person_who_may_not_post_journals_is_told_so(connect, books, status) -> None:
    """Whether a role or scope that lacks is told by 401 or by 403 is not sure."""
    connection = connect()
    a_month(customers=1)
    books.prefer(MayPostJournals=False, ScopeStatus=status)
    assert deliver(connection).waiting == 2
    assert "reporting permission" in Connection.objects.get().status_reason


def test_what_was_changed_there_is_a_difference(connect, books) -> None:
    connection = connect()
    a_month(customers=2)
    deliver(connection)
    first, second, *_ = books.objects("ManualJournal")
    books.delete("ManualJournal", first["ManualJournalID"])
    lines = [
        {"LineAmount": float(line["LineAmount"]) * 2, "AccountCode": line["AccountCode"]}
        for line in second["JournalLines"]
    ]
    books.edit("ManualJournal", second["ManualJournalID"], JournalLines=lines)
    _, findings = reconcile(connection, through=JANUARY)
    causes = [each["cause"] for each in findings.differences if each["kind"] == "journal_entry"]
    assert len(causes) == 2
    assert "changed in the ERP" in causes
