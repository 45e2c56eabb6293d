"""A custom connection: no person signs in, there is no refresh token, and no list of organisations to choose from."""

import pytest

from integrations import mapping, setup, sign_in
from integrations.delivery import drain
from integrations.models import Connection, ConnectionStatus
from integrations.vault import Secrets
from tests.integrations.conftest import QUICK
from tests.integrations.world import a_month

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_connected_with_what_was_entered_and_delivers(entity, box, books) -> None:
    connection, _ = setup.create_connection(business_entity=entity, erp="xero", sign_in="custom", address=box.url)
    connection.options, connection.throttled = QUICK, False
    connection.save()
    with pytest.raises(sign_in.SignInError, match="Client id"):
        sign_in.connect(connection)
    known = books.state()["custom_connection"]
    connection.credentials = Secrets({**known, "client_secret": "wrong"})
    connection.save()
    with pytest.raises(sign_in.SignInError, match="did not accept"):
        sign_in.connect(connection)
    connection.credentials = Secrets(known)
    connection.save()
    connection = sign_in.connect(connection)
    assert connection.status == ConnectionStatus.CONNECTED
    assert (connection.realm_id, connection.realm_name) == (books.state()["realm_id"], "Sandbox Company (Xero)")
    assert not connection.credentials.get("refresh_token")
    mapping.import_lists(connection, mapping.connector_of(connection))
    mapping.suggest(connection)
    mapping.confirm(connection)
    mapping.create_missing(connection)
    a_month(customers=2)
    books.expire_tokens()
    result = drain(connection.pk, until_empty=True, seconds=180)
    assert (result.delivered, result.parked, result.waiting) == (4, 0, 0)
    assert {each["Status"] for each in books.objects("ManualJournal")} == {"POSTED"}
    assert Connection.objects.get().status == ConnectionStatus.CONNECTED
    calls = [each for each in books.state("?requests=1")["requests"] if "/api.xro/" in each["path"]]
    assert not any("xero-tenant-id" in each["headers"] for each in calls)
    assert not any(each["path"].startswith("/connections") for each in books.state("?requests=1")["requests"])
