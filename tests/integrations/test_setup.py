"""Set-up can be repeated, and never changes a decision by accident."""

import json
from urllib.parse import urlsplit

import pytest
import requests
from django.core.management import CommandError, call_command

from billing.models import BusinessEntity, TaxRate, Tenant
from billing.tenancy import tenant_scope
from integrations import mapping, setup, signing_out, switching, tokens
from integrations.connectors import base
from integrations.delivery import drain
from integrations.models import Connection, Mapping
from integrations.readiness import readiness
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from integrations.setup import SetupError
from tests.integrations.books import Books
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)


def create(capsys, *arguments: str) -> dict:
    call_command("create_tenant", "globex", "--currency", "USD", "--json", *arguments)
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_one_command_makes_a_tenant_that_is_ready_to_send(box, capsys, mode) -> None:
    arguments = ("--erp", "quickbooks", "--mode", mode, "--erp-url", box.url)
    first = create(capsys, *arguments)
    assert (first["tenant"], first["created"], first["status"], first["to_do"]) == ("globex", True, "connected", [])
    before = Books(box.url).state()
    again = create(capsys, *arguments)
    assert (again["created"], again["connection_created"]) == (False, False)
    assert Books(box.url).state()["calls"] == before["calls"]


@pytest.mark.parametrize("erp", ["quickbooks", "xero", "netsuite", "zoho"])
def test_any_server_that_speaks_the_vendors_protocol_is_connected(erp, tmp_path, capsys) -> None:
    """Nothing but the vendor's own protocol is asked of it, each part at its own address; ours stands in for somebody's."""
    with start_in_thread(erp) as box:
        known = Books(box.url).state()
        other = box.url.replace("127.0.0.1", "localhost")  # Another host as far as addresses go.
        file = tmp_path / "credentials.json"
        file.write_text(json.dumps({**known["sign_in"]["fields"], "realm_id": known["realm_id"]}))
        own = base.get(erp).sign_ins[0].endpoints({})
        paths = {name: urlsplit(getattr(own, name)).path for name in ("authorize", "token", "revoke")}
        parts = {name: other + path for name, path in paths.items() if path}
        if erp == "xero":
            parts["connections"] = f"{other}/connections"
        arguments = ["--erp", erp, "--mode", "documents", "--erp-url", box.url, "--erp-credentials", str(file)]
        for name, url in parts.items():
            arguments += ["--erp-address", f"{name}={url}"]
        made = create(capsys, *arguments, "--erp-unpaced")
        assert (made["status"], made["to_do"]) == ("connected", [])
        assert create(capsys, *arguments)["connection_created"] is False
        with tenant_scope(Tenant.objects.get(slug="globex").pk):
            connection = Connection.objects.get()
            found = tokens.endpoints(connection)
            assert {name: getattr(found, name) for name in parts} == parts
            assert found.api == box.url
            a_month(customers=1)
            assert drain(connection.pk, until_empty=True, seconds=60).parked == 0
            signing_out.sign_out(connection, reason="")


def test_a_server_that_is_no_sandbox_asks_for_credentials(capsys, tmp_path) -> None:
    with start_in_thread("quickbooks") as box, pytest.raises(CommandError, match="--erp-credentials"):
        create(capsys, "--erp", "quickbooks", "--mode", "documents", "--erp-url", f"{box.url}/elsewhere")
    file = tmp_path / "credentials.json"
    file.write_text("[]")
    with pytest.raises(CommandError, match="must be a JSON object"):
        create(capsys, "--erp", "xero", "--mode", "documents", "--erp-url", "http://x", "--erp-credentials", str(file))
    for wrong in ("tokens=http://x", "token=x"):
        with pytest.raises(CommandError, match="no address of a part"):
            create(capsys, "--erp", "xero", "--mode", "documents", "--erp-url", "http://x", "--erp-address", wrong)


@pytest.mark.parametrize(
    ("erp", "given", "more", "said"),
    [
        (
            "netsuite",
            {"account_id": "1", "clientId": "c"},
            (),
            "Nothing is known by clientId.*takes account_id, client_id",
        ),
        ("netsuite", {"account_id": "1"}, (), "lack client_id, certificate_id, private_key.*--erp-sign-in token"),
        ("netsuite", {"account_id": "1"}, ("--erp-sign-in", "tba"), "tba is no way.*Known: certificate, token"),
        ("zoho", {"client_id": "c", "client_secret": "s", "data_centre": "com"}, (), "can be us, eu, in, au"),
        ("zoho", {"client_id": "c", "client_secret": "s", "organization_id": "1"}, (), "realm_id for the company"),
        ("zoho", {"client_id": "c", "client_secret": "s"}, ("--erp-url", "localhost:1"), "begin it with http"),
    ],
)
def test_what_is_wrong_with_credentials_is_said_by_the_names_in_the_file(
    erp, given, more, said, tmp_path, capsys
) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(given))
    url = ("--erp-url", "http://127.0.0.1:1")
    with pytest.raises(CommandError, match=said):
        create(capsys, "--erp", erp, "--mode", "documents", *url, "--erp-credentials", str(file), *more)


def test_a_company_that_the_sign_in_does_not_open_is_refused_even_where_it_opens_one_only(tmp_path, capsys) -> None:
    with start_in_thread("zoho") as box:
        known = Books(box.url).state()
        file = tmp_path / "credentials.json"
        arguments = ("--erp", "zoho", "--mode", "documents", "--erp-url", box.url, "--erp-credentials", str(file))
        file.write_text(json.dumps({**known["sign_in"]["fields"], "realm_id": "999"}))
        with pytest.raises(CommandError, match="does not open that company"):
            create(capsys, *arguments)
        file.write_text(json.dumps({**known["sign_in"]["fields"], "realm_id": known["realm_id"]}))
        assert create(capsys, *arguments)["status"] == "connected"
        asked = Books(box.url).state("?requests=1")["requests"]
    listed = [each for each in asked if "/organizations?" in each["path"]]
    assert listed[-1]["path"].endswith(f"organization_id={known['realm_id']}")


@pytest.mark.parametrize("erp", ["netsuite", "zoho"])
def test_another_server_that_was_started_again_gets_everything_anew(erp, tmp_path, capsys) -> None:
    with start_in_thread(erp) as box:
        known = Books(box.url).state()
        file = tmp_path / "credentials.json"
        file.write_text(json.dumps({**known["sign_in"]["fields"], "realm_id": known["realm_id"]}))
        arguments = ["--erp", erp, "--mode", "documents", "--erp-url", box.url, "--erp-credentials", str(file)]
        create(capsys, *arguments, "--erp-unpaced")
        with tenant_scope(Tenant.objects.get(slug="globex").pk):
            connection = Connection.objects.get()
            a_month(customers=1)
            assert drain(connection.pk, until_empty=True, seconds=60).parked == 0
            requests.post(f"{box.url}/_sandbox/reset", json={}, timeout=10)
            assert create(capsys, *arguments, "--erp-unpaced")["to_do"] == []
            assert drain(connection.pk, until_empty=True, seconds=60).parked == 0
            assert reconcile(connection, through=JANUARY)[1].differences == []


def test_tokens_that_somebody_else_got_are_used(tmp_path, capsys) -> None:
    with start_in_thread("quickbooks") as box:
        create(capsys, "--erp", "quickbooks", "--mode", "documents", "--erp-url", box.url)
        with tenant_scope(Tenant.objects.get(slug="globex").pk):
            first = Connection.objects.get()
            given = {**first.credentials, "realm_id": first.realm_id}
            Connection.objects.update(status="disabled")
        given.pop("access_token")
        file = tmp_path / "credentials.json"
        file.write_text(json.dumps(given))
        made = create(
            capsys, "--erp", "quickbooks", "--mode", "documents", "--erp-url", box.url, "--erp-credentials", str(file)
        )
        assert (made["status"], made["to_do"]) == ("connected", [])


def test_the_vendors_own_addresses_are_all_there() -> None:
    found = tokens.endpoints(Connection(erp="quickbooks"))
    assert found.revoke == "https://developer.api.intuit.com/v2/oauth2/tokens/revoke"


def test_a_repeat_maps_what_was_made_since(box, capsys) -> None:
    arguments = ("--erp", "quickbooks", "--mode", "documents", "--erp-url", box.url)
    create(capsys, *arguments)
    with tenant_scope(Tenant.objects.get(slug="globex").pk):
        TaxRate.objects.create(code="ca", name="California", percent=8)
        create(capsys, *arguments)
        assert Mapping.objects.get(kind="tax_code").status == "confirmed"


def test_the_books_go_by_the_days_of_the_time_zone_that_is_named(capsys) -> None:
    with pytest.raises(CommandError, match="“Tokyo” is not the name of a time zone"):
        create(capsys, "--time-zone", "Tokyo")
    create(capsys, "--time-zone", "Asia/Tokyo")
    with tenant_scope(Tenant.objects.get(slug="globex").pk):
        assert BusinessEntity.objects.get().time_zone == "Asia/Tokyo"


def test_books_in_another_currency_than_the_erps_are_not_sent(box, capsys) -> None:
    create(capsys, "--erp", "quickbooks", "--mode", "journal_entries", "--erp-url", box.url)
    with tenant_scope(Tenant.objects.get(slug="globex").pk):
        connection = Connection.objects.get()
        connection.company |= {"home_currency": "CAD"}
        assert any("in USD, the ERP in CAD: connect a company in USD" in each for each in readiness(connection))
        # Where the ERP keeps several companies, it is the one that the entity is mapped to.
        connection.company |= {"extra": {"subsidiaries": {"1": "CAD", "2": "USD"}}}
        entity = BusinessEntity.objects.get()
        for subsidiary, refused in (("1", True), ("2", False)):
            Mapping.objects.update_or_create(
                connection=connection,
                kind="subsidiary",
                internal_id=entity.pk,
                defaults={"external_id": subsidiary, "status": "confirmed"},
            )
            assert any("the ERP in CAD" in each for each in readiness(connection)) is refused


def test_a_repeat_with_another_choice_is_refused_in_words(capsys) -> None:
    create(capsys, "--erp", "quickbooks", "--mode", "documents")
    with pytest.raises(CommandError, match="sending documents"):
        create(capsys, "--erp", "quickbooks", "--mode", "journal_entries")
    with pytest.raises(CommandError, match="in USD, not in EUR"):
        call_command("create_tenant", "globex", "--currency", "EUR")
    with pytest.raises(CommandError, match="the days of UTC, not of Asia/Tokyo"):
        create(capsys, "--time-zone", "Asia/Tokyo")
    with tenant_scope(Tenant.objects.get(slug="globex").pk):
        assert Connection.objects.get().sync_mode == "documents"


def test_a_first_try_that_fails_is_not_in_the_way_of_the_next(box, tmp_path, capsys) -> None:
    """Another vendor's name, another way of signing in, fields that are not known, secrets that are refused, nobody there."""
    known = Books(box.url).state()
    right = {**known["sign_in"]["fields"], "realm_id": known["realm_id"]}
    wrong = {**right, "client_secret": "another", "refresh_token": "none", "access_token": "none"}
    file = tmp_path / "credentials.json"
    arguments = ("--mode", "documents", "--erp-credentials", str(file), "--erp-unpaced")
    unfit = (
        ("netsuite", box.url, right, "account_id"),
        ("quickbooks", box.url, {**right, "key": "x"}, "Nothing is known"),
    )
    for erp, url, entered, words in unfit:
        file.write_text(json.dumps(entered))
        with pytest.raises(CommandError, match=words):
            create(capsys, *arguments, "--erp", erp, "--erp-url", url)
    assert not Tenant.objects.filter(slug="globex").exists()
    failing = (
        ("zoho", box.url, right, "HTTP 40"),
        ("quickbooks", "http://127.0.0.1:9", right, "No server answers"),
        ("quickbooks", box.url, wrong, "nor their renewal"),
    )
    for erp, url, entered, words in failing:
        file.write_text(json.dumps(entered))
        with pytest.raises(CommandError, match=words):
            create(capsys, *arguments, "--erp", erp, "--erp-url", url)
        with tenant_scope(Tenant.objects.get(slug="globex").pk):
            assert not Connection.objects.exists()
    file.write_text(json.dumps(right))
    made = create(capsys, *arguments, "--erp", "quickbooks", "--erp-url", box.url)
    assert (made["connection_created"], made["status"], made["to_do"]) == (True, "connected", [])


def test_payments_belong_to_documents_mode(capsys) -> None:
    with pytest.raises(CommandError, match="documents mode only"):
        create(capsys, "--erp", "quickbooks", "--mode", "journal_entries", "--payments")
    assert not Tenant.objects.filter(slug="globex").exists()


def test_the_mode_cannot_change_with_anything_waiting(connection, queue) -> None:
    item = queue("journal_entry", 1)
    with pytest.raises(SetupError, match="1 items wait"):
        switching.change_mode(connection, mode="documents", send_payments=False)
    item.delete()
    switching.change_mode(connection, mode="documents", send_payments=True)
    assert Connection.objects.get().sync_mode == "documents"


def test_creating_what_is_missing_twice_creates_nothing_twice(connect, box) -> None:
    connection = connect()
    accounts = Books(box.url).count("Account")
    connection.mappings.all().delete()
    mapping.import_lists(connection)
    mapping.suggest(connection)
    mapping.confirm(connection)
    mapping.create_missing(connection)
    assert Books(box.url).count("Account") == accounts
    assert readiness(connection) == []


@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_a_sandbox_started_again_gets_everything_again(connect, mode) -> None:
    connection = connect(mode=mode)
    a_month(customers=2)
    drain(connection.pk, until_empty=True)
    with start_in_thread("quickbooks", port=0, limits="off") as fresh:
        again = setup.connect_sandbox(Connection.objects.get(), fresh.url)
        assert readiness(again) == []
        assert drain(again.pk, until_empty=True).parked == 0
        _, findings = reconcile(again, through=JANUARY)
        assert findings.differences == []
        assert findings.compared > 0


def test_moving_to_the_same_books_sends_nothing_again(connect, box) -> None:
    connection = connect()
    a_month(customers=1)
    drain(connection.pk, until_empty=True)
    Books(box.url).expire_tokens(refresh=True)
    Connection.objects.update(status="reconnect_needed")
    again = setup.connect_sandbox(Connection.objects.get(), box.url)
    assert (again.status, drain(again.pk, until_empty=True).calls) == ("connected", 0)
