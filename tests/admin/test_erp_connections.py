"""Connecting to an ERP in the admin: secrets stay secret, and only the right person comes back signed in."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from billing.models import BusinessEntity, Membership, Role, Tenant
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope
from integrations import setup
from integrations.models import (
    Connection,
    ConnectionStatus,
    OAuthState,
    OutboxItem,
)
from integrations.sandbox.netsuite.auth import self_signed
from integrations.sandbox.server import start_in_thread
from integrations.vault import Secrets
from tests.admin.erp import sign_in_there, url
from tests.integrations.books import Books

SECRETS = ("s3cret", "r1-token", "the-client-id")


def secret_connection(entity: BusinessEntity) -> Connection:
    return Connection.objects.create(
        business_entity=entity, erp="quickbooks", name="Ours", sync_mode="documents", status="connected", realm_id="1",
        credentials=Secrets(client_id=SECRETS[2], client_secret=SECRETS[0], refresh_token=SECRETS[1], access_token="r1-token",
                            expires_at=9e9, refresh_expires_at=9e9),
    )  # fmt: skip


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
@pytest.mark.parametrize(
    ("days", "said"), [(10, r"The certificate ends on .*, in 9 days\."), (-1, r"The certificate ended on "), (90, None)]
)
def test_a_certificate_near_its_end_is_said(
    administrator: Client, entity: BusinessEntity, days: int, said: str
) -> None:
    certificate = self_signed(ec.generate_private_key(ec.SECP256R1()), days=days)
    entered = Secrets(account_id="1", client_id="x", certificate_id="y", private_key="z", certificate=certificate)
    made = Connection.objects.create(
        business_entity=entity,
        erp="netsuite",
        sign_in="certificate",
        name="NS",
        status="connected",
        credentials=entered,
    )
    shown = administrator.get(url("integrations_connection_change", made.pk)).content.decode()
    assert "Certificate ends" in shown
    assert bool(re.search(said or "The certificate en", shown)) is bool(said)


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
def test_other_credentials_ask_for_another_sign_in(administrator: Client, connection: Connection) -> None:
    page = url("integrations_connection_credentials", connection.pk)
    administrator.post(page, {"client_id": "id", "client_secret": "s3cret"})
    assert Connection.objects.get().status == ConnectionStatus.CONNECTED
    administrator.post(page, {"client_id": "id", "client_secret": "another"})
    kept_ = Connection.objects.get()
    assert kept_.status == ConnectionStatus.RECONNECT_NEEDED
    assert kept_.credentials["refresh_token"] == "r1"


@pytest.mark.django_db
def test_unreadable_credentials_are_said_and_can_be_entered_anew(
    administrator: Client, connection: Connection, settings: Any
) -> None:  # fmt: skip
    settings.COUNTERFOIL_VAULT_KEYS = ["Zm9yIHRoaXMgdGVzdCBhbG9uZSwgbm90aGluZyBlbHM="]
    for page in ("integrations_connection_changelist", "integrations_outboxitem_changelist", "index"):
        assert administrator.get(url(page)).status_code == 200, page
    shown = administrator.get(url("integrations_connection_change", connection.pk)).content.decode()
    assert "cannot be read with the present vault keys" in shown
    given = {"client_id": "new", "client_secret": "new"}
    administrator.post(url("integrations_connection_credentials", connection.pk), given)
    assert Connection.objects.get().credentials["client_id"] == "new"


@pytest.mark.django_db(transaction=True)
def test_a_custom_connection_of_xero_needs_no_person_there(administrator: Client, entity: BusinessEntity) -> None:
    with start_in_thread("xero", port=0) as there:
        known = Books(there.url).state()
        given = {"erp": "xero", "sign_in": "xero custom", "business_entity": entity.pk, "mode": "journal_entries"}
        administrator.post(url("integrations_connection_add"), given | {"address": there.url})
        made = Connection.objects.get()
        page = administrator.get(url("integrations_connection_credentials", made.pk)).content.decode()
        assert "United Kingdom" in page  # For whom it is.
        administrator.post(url("integrations_connection_credentials", made.pk), known["custom_connection"])
        assert "credentials you entered" in administrator.get(url("connect_erp", made.pk)).content.decode()
        shown = administrator.post(url("connect_erp", made.pk), follow=True).content.decode()
    assert "Sandbox Company (Xero)" in shown
    made.refresh_from_db()
    assert (made.status, made.realm_id) == (ConnectionStatus.CONNECTED, known["realm_id"])


@pytest.mark.django_db(transaction=True)
def test_a_person_connects_and_comes_back(administrator: Client, unconnected: Connection, viewer: Client) -> None:
    leave = administrator.post(url("connect_erp", unconnected.pk))
    back = sign_in_there(leave.url)
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
    assert declined.redirect_chain == [(url("integrations_connection_change", unconnected.pk), 302)]
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
    back = sign_in_there(administrator.post(url("connect_erp", unconnected.pk)).url)
    administrator.post(reverse("switch_company"), {"company": other.pk})
    answer = administrator.get(back)
    assert answer.status_code == 302
    with tenant_scope(tenant.pk):
        assert Connection.objects.get().status == ConnectionStatus.CONNECTED
    with tenant_scope(other.pk):
        assert not Connection.objects.exists()


@pytest.mark.django_db
def test_connecting_needs_credentials_first(administrator: Client, connection: Connection) -> None:
    connection.credentials = Secrets()
    connection.save()
    shown = administrator.post(url("connect_erp", connection.pk), follow=True).content.decode()
    assert "Enter first: Client id, Client secret" in shown
    assert "missing: Client id, Client secret" in shown


@pytest.mark.django_db(transaction=True)
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
def test_a_connection_is_switched_off_and_on(administrator: Client, connection: Connection) -> None:
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


def test_import_files_ask_for_no_sign_in_and_say_what_comes_next(administrator: Client, entity: BusinessEntity) -> None:
    made, _ = setup.create_connection(business_entity=entity, erp="csv_export")
    page, begin = url("integrations_connection_change", made.pk), url("connect_erp", made.pk)
    before = administrator.get(page).content.decode()
    assert "Connect: no sign-in is needed." in before and "Enter credentials" not in before
    assert "a person carries them over" in administrator.get(begin).content.decode()
    shown = administrator.post(begin, follow=True).content.decode()
    assert "Next: upload the ERP&#x27;s chart of accounts" in shown
    assert "Upload the ERP&#x27;s chart of accounts, or create the missing accounts" in shown
    assert not [words for words in ("Reconnect", "Calls that failed", "Access token") if words in shown]
