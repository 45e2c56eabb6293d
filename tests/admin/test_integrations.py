"""The pages about the ERP: who may see and do what, that secrets stay secret, and that what they offer works."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounting.models import JournalEntry
from billing.models import BusinessEntity, Contract, Invoice, Job, Membership, Payment, Role, Tenant
from billing.services import jobs
from billing.services.billing_run import run_billing
from billing.services.payments import receive_payment
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope
from integrations import mapping, setup
from integrations.delivery import drain
from integrations.models import (
    Connection,
    ConnectionStatus,
    DeliveryAttempt,
    ErpRecord,
    Mapping,
    MappingKind,
    MappingStatus,
    OAuthState,
    OutboxItem,
    OutboxState,
    Reconciliation,
    RecordKind,
)
from integrations.reconciliation import reconcile
from integrations.vault import Secrets
from tests.integrations.books import Books
from tests.integrations.conftest import box, connect, connection, queue  # noqa: F401 - fixtures
from tests.integrations.world import JANUARY, a_month

ORDER = [Role.VIEWER, Role.FINANCE, Role.ACCOUNTANT, Role.ADMIN]
SECRETS = ("s3cret", "r1-token", "the-client-id")


def url(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


@pytest.fixture
def stranger(tenant: Tenant) -> Client:
    """An administrator of another company."""
    other = create_tenant(slug="other", name="Other", currency="EUR")
    user = get_user_model().objects.create_user(username="stranger", password="x", is_staff=True)
    Membership.objects.create(tenant=other, user=user, role=Role.ADMIN)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def parked(connection: Connection, queue: Callable[..., OutboxItem], draft: Invoice) -> OutboxItem:  # noqa: F811
    return queue(
        "invoice",
        draft.pk,
        group=draft.customer_id,
        state="parked",
        reason_code="missing_mapping",
        reason="The product Pro plan is not in the ERP.",
    )


@pytest.fixture
def erp_account(connection: Connection) -> ErpRecord:  # noqa: F811
    return ErpRecord.objects.create(
        connection=connection, kind=RecordKind.ACCOUNT, external_id="77", name="Checking", type="Bank"
    )


@pytest.fixture
def kept(connection: Connection) -> Reconciliation:  # noqa: F811
    differences = [
        {"kind": "invoice", "document": "INV-000001", "cause": "parked", "ours": "100.00", "theirs": None, "detail": "Why"},
        {"kind": "journal_entry", "document": "JE-00000001", "cause": "changed in the ERP", "ours": {"77": "1.00"},
         "theirs": {"78": "1.00"}, "erp_id": "9"},
        {"kind": "journal_entry", "document": "5", "cause": "never put in the outbox", "ours": "1.00", "theirs": None},
    ]  # fmt: skip
    accounts = [
        {
            "account": "Checking",
            "erp_id": "77",
            "currency": "USD",
            "ours": "1.00",
            "theirs": "2.00",
            "difference": "1.00",
        }
    ]
    return Reconciliation.objects.create(
        connection=connection,
        through=JANUARY,
        compared=3,
        accounts=accounts,
        differences=differences,
        difference_count=3,
    )


def secret_connection(entity: BusinessEntity) -> Connection:
    return Connection.objects.create(
        business_entity=entity, erp="quickbooks", name="Ours", sync_mode="documents", status="connected", realm_id="1",
        credentials=Secrets(client_id=SECRETS[2], client_secret=SECRETS[0], refresh_token=SECRETS[1], access_token="r1-token",
                            expires_at=9e9, refresh_expires_at=9e9),
    )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("role", ORDER)
def test_every_page_answers_whoever_may_see_it(
    role: str, sign_in: Callable[[str], Client], connection: Connection, parked: OutboxItem, erp_account: ErpRecord,  # noqa: F811
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
    stranger: Client, connection: Connection, parked: OutboxItem, kept: Reconciliation, erp_account: ErpRecord  # noqa: F811
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
def test_no_page_shows_a_secret(
    administrator: Client, entity: BusinessEntity, caplog: pytest.LogCaptureFixture
) -> None:
    made = secret_connection(entity)
    pages = [
        url("index"), url("integrations_connection_changelist"), url("integrations_connection_change", made.pk),
        url("integrations_connection_credentials", made.pk), url("connect_erp", made.pk),
        url("integrations_connection_mode", made.pk), url("integrations_mapping_changelist"), url("reconcile_erp"),
    ]  # fmt: skip
    for page in pages:
        shown = administrator.get(page).content.decode()
        assert not any(secret in shown for secret in SECRETS), page
    assert not any(secret in caplog.text for secret in SECRETS)


@pytest.mark.django_db
def test_credentials_are_typed_and_never_come_back(administrator: Client, entity: BusinessEntity) -> None:
    administrator.post(
        url("integrations_connection_add"),
        {"erp": "quickbooks", "business_entity": entity.pk, "mode": "documents", "name": "QBO"},
    )
    made = Connection.objects.get()
    assert (made.name, made.sync_mode, made.status) == ("QBO", "documents", ConnectionStatus.NEW)
    page = url("integrations_connection_credentials", made.pk)
    incomplete = administrator.post(page, {"client_id": "typed-id", "client_secret": ""})
    assert "This field is required" in incomplete.content.decode()
    assert "typed-id" not in incomplete.content.decode()
    done = administrator.post(page, {"client_id": "typed-id", "client_secret": "typed-secret"}, follow=True)
    assert dict(Connection.objects.get().credentials) == {"client_id": "typed-id", "client_secret": "typed-secret"}
    for answer in (done, administrator.get(page)):
        assert "typed" not in answer.content.decode()
    with database.cursor() as cursor:
        cursor.execute("SELECT credentials FROM integrations_connection")
        assert "typed" not in cursor.fetchone()[0]


@pytest.mark.django_db
def test_other_credentials_ask_for_another_sign_in(administrator: Client, connection: Connection) -> None:  # noqa: F811
    page = url("integrations_connection_credentials", connection.pk)
    administrator.post(page, {"client_id": "id", "client_secret": "s3cret"})
    assert Connection.objects.get().status == ConnectionStatus.CONNECTED
    administrator.post(page, {"client_id": "id", "client_secret": "another"})
    kept_ = Connection.objects.get()
    assert kept_.status == ConnectionStatus.RECONNECT_NEEDED
    assert kept_.credentials["refresh_token"] == "r1"


@pytest.mark.django_db
def test_unreadable_credentials_are_said_and_can_be_entered_anew(
    administrator: Client, connection: Connection, settings: Any  # noqa: F811
) -> None:  # fmt: skip
    settings.COUNTERFOIL_VAULT_KEYS = ["Zm9yIHRoaXMgdGVzdCBhbG9uZSwgbm90aGluZyBlbHM="]
    for page in ("integrations_connection_changelist", "integrations_outboxitem_changelist", "index"):
        assert administrator.get(url(page)).status_code == 200, page
    shown = administrator.get(url("integrations_connection_change", connection.pk)).content.decode()
    assert "cannot be read with the present vault keys" in shown
    given = {"client_id": "new", "client_secret": "new"}
    administrator.post(url("integrations_connection_credentials", connection.pk), given)
    assert Connection.objects.get().credentials["client_id"] == "new"


def _sign_in_there(address: str) -> str:
    """Agree on the sandbox's sign-in page; give the path that it sends the browser back to."""
    form = setup._Form()
    form.feed(requests.get(address, timeout=10).text)
    answer = requests.post(
        requests.compat.urljoin(address, form.action), data=form.fields, timeout=10, allow_redirects=False
    )
    back = urlsplit(answer.headers["Location"])
    assert back.path == "/integrations/callback/"
    return f"{back.path}?{back.query}"


@pytest.fixture
def unconnected(entity: BusinessEntity, box: Any) -> Connection:  # noqa: F811
    oauth = Books(box.url).state()["oauth"]
    return Connection.objects.create(
        business_entity=entity, erp="quickbooks", name="Books", sync_mode="journal_entries", base_url=box.url,
        auth_url=box.url, throttled=False,
        credentials=Secrets(client_id=oauth["client_id"], client_secret=oauth["client_secret"]),
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_person_connects_and_comes_back(administrator: Client, unconnected: Connection, viewer: Client) -> None:
    leave = administrator.post(url("connect_erp", unconnected.pk))
    back = _sign_in_there(leave.url)
    state = parse_qs(urlsplit(back).query)["state"][0]
    elsewhere = viewer.get(back, follow=True).content.decode()
    assert "was not begun here" in elsewhere
    assert Connection.objects.get().status == ConnectionStatus.NEW
    answer = administrator.get(back, follow=True)
    shown = answer.content.decode()
    assert "Books is connected" in shown
    made = Connection.objects.get()
    assert made.status == ConnectionStatus.CONNECTED
    assert made.realm_id
    assert state not in shown
    assert made.credentials["access_token"] not in shown
    assert "Import the ERP&#x27;s lists" in shown
    assert "used already" in administrator.get(back, follow=True).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_callback_is_refused_without_the_right_or_the_answer(
    administrator: Client, unconnected: Connection, stranger: Client
) -> None:
    def begin() -> str:
        return parse_qs(urlsplit(administrator.post(url("connect_erp", unconnected.pk)).url).query)["state"][0]

    callback = reverse("erp_callback")
    declined = administrator.get(callback, {"state": begin(), "error": "access_denied"}, follow=True)
    assert "nobody agreed" in declined.content.decode()
    odd = administrator.get(callback, {"state": begin(), "code": "c", "realmId": "../../x"}, follow=True)
    assert "which company was chosen" in odd.content.decode()
    wrong = administrator.get(callback, {"state": begin(), "code": "wrong", "realmId": "1"}, follow=True)
    assert "did not accept the sign-in" in wrong.content.decode()
    theirs = stranger.get(callback, {"state": begin(), "code": "c", "realmId": "1"}, follow=True)
    assert "was not begun here" in theirs.content.decode()
    out = Client().get(callback, {"state": begin(), "code": "c", "realmId": "1"})
    assert out.status_code == 302
    assert "code" not in out.url
    # What was begun as an administrator does not outlast the role.
    state = begin()
    Membership.objects.filter(user__username="admin-person").update(role=Role.ACCOUNTANT)
    demoted = administrator.get(callback, {"state": state, "code": "c", "realmId": "1"}, follow=True)
    assert "Only an administrator" in demoted.content.decode()
    assert administrator.post(callback).status_code == 405
    assert Connection.objects.get().status == ConnectionStatus.NEW
    assert not OAuthState.objects.filter(digest="").exists()


@pytest.mark.django_db(transaction=True)
def test_the_callback_works_in_the_company_where_it_was_begun(
    administrator: Client, unconnected: Connection, tenant: Tenant
) -> None:
    other = create_tenant(slug="other", name="Other Ltd", currency="EUR")
    user = get_user_model().objects.get(username="admin-person")
    Membership.objects.create(tenant=other, user=user, role=Role.VIEWER)
    back = _sign_in_there(administrator.post(url("connect_erp", unconnected.pk)).url)
    administrator.post(reverse("switch_company"), {"company": other.pk})
    answer = administrator.get(back)
    assert answer.status_code == 302
    with tenant_scope(tenant.pk):
        assert Connection.objects.get().status == ConnectionStatus.CONNECTED
    with tenant_scope(other.pk):
        assert not Connection.objects.exists()


@pytest.mark.django_db
def test_connecting_needs_credentials_first(administrator: Client, connection: Connection) -> None:  # noqa: F811
    connection.credentials = Secrets()
    connection.save()
    shown = administrator.post(url("connect_erp", connection.pk), follow=True).content.decode()
    assert "client id and secret first" in shown
    assert "missing: client id, client secret" in shown


@pytest.mark.django_db
def test_the_mode_is_not_changed_with_anything_in_flight(administrator: Client, parked: OutboxItem) -> None:
    page = url("integrations_connection_mode", parked.connection_id)
    refused = administrator.post(page, {"mode": "documents"}).content.decode()
    assert "1 items wait" in refused
    assert Connection.objects.get().sync_mode == "journal_entries"
    OutboxItem.objects.all().delete()
    both = administrator.post(page, {"mode": "journal_entries", "send_payments": "on"}).content.decode()
    assert "contain the payments already" in both
    administrator.post(page, {"mode": "documents", "send_payments": "on"})
    changed = Connection.objects.get()
    assert (changed.sync_mode, changed.send_payments) == ("documents", True)
    assert changed.credentials["client_secret"] == "s3cret"


@pytest.mark.django_db
def test_a_connection_is_switched_off_and_on(administrator: Client, connection: Connection) -> None:  # noqa: F811
    administrator.post(url("integrations_connection_switch_off", connection.pk))
    off = Connection.objects.get()
    assert off.status == ConnectionStatus.DISABLED
    assert "admin-person" in off.status_reason
    refused = administrator.post(url("connect_erp", connection.pk), follow=True).content.decode()
    assert "switched off" in refused
    second, _ = setup.create_connection(business_entity=connection.business_entity, erp="quickbooks", name="Second")
    page = url("integrations_connection_switch_on", connection.pk)
    assert "Second is connected to the same books" in administrator.post(page).content.decode()
    second.delete()
    administrator.post(page)
    assert Connection.objects.get().status == ConnectionStatus.CONNECTED


@pytest.mark.django_db
def test_send_again_and_skip(accountant: Client, parked: OutboxItem, queue: Callable[..., OutboxItem]) -> None:  # noqa: F811
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
) -> None:  # noqa: F811
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
    viewer: Client, story: Contract, connection: Connection, queue: Any  # noqa: F811
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
def test_the_mapping_is_confirmed_and_changed_by_hand(
    accountant: Client, connection: Connection, erp_account: ErpRecord
) -> None:  # noqa: F811
    ours = {each.code: each for each in mapping.our_accounts(connection)}
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
def test_a_counterpart_is_searched_where_there_are_many(accountant: Client, connection: Connection) -> None:  # noqa: F811
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
    administrator.get(_sign_in_there(administrator.post(url("connect_erp", unconnected.pk)).url))
    lists = run_job(url("integrations_connection_import_lists", unconnected.pk))
    assert "tax codes read" in lists.result["words"], lists.message
    accountant.post(url("integrations_connection_suggest", unconnected.pk), {"confirm": "on"})
    created = run_job(url("integrations_connection_create_missing", unconnected.pk))
    assert "created in" in created.result["words"], created.message
    assert mapping.readiness(Connection.objects.get()) == []
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
) -> None:  # noqa: F811
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
    accountant: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)
    accountant.post(url("reconcile_erp"), {"connection": connection.pk, "through": "2026-01-31"})
    Connection.objects.update(status=ConnectionStatus.RECONNECT_NEEDED)
    failed = jobs.run_job(job_id=Job.objects.get().pk)
    assert failed.message == "Books is not connected: sign in again."


@pytest.mark.django_db
def test_the_home_page_shows_each_connection(viewer: Client, connection: Connection, queue: Any) -> None:  # noqa: F811
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
    viewer: Client, story: Contract, connection: Connection, queue: Any  # noqa: F811
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
