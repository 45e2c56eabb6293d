"""Books that an ERP has locked: each vendor, each policy."""

from datetime import date

import pytest
from django.db.models.functions import Now

from billing.models import BusinessEntity
from integrations import mapping, outbox, setup
from integrations.delivery import drain
from integrations.documents import Kind
from integrations.models import Connection, OutboxItem
from integrations.sandbox.server import start_in_thread
from integrations.upkeep import set_options
from tests.integrations.books import Books
from tests.integrations.conftest import QUICK
from tests.integrations.world import a_month

pytestmark = pytest.mark.django_db(transaction=True)
LOCKS = {
    "quickbooks": "BookCloseDate",
    "xero": "PeriodLockDate",
    "netsuite": "ClosedThrough",
    "zoho": "AccountantLockDate",
}


@pytest.mark.parametrize("erp", list(LOCKS))
def test_each_policy_is_kept_for_each_vendor(erp: str, entity: BusinessEntity) -> None:
    with start_in_thread(erp, port=0, limits="off") as box:
        made, _ = setup.create_connection(business_entity=entity, erp=erp)
        made.options = QUICK
        connection = setup.connect_sandbox(made, box.url)
        a_month(customers=1)
        Books(box.url).prefer(**{LOCKS[erp]: "2026-01-31"})
        mapping.import_lists(connection)

        assert after(connection, "ask") == {"parked"}
        assert "Open them there and send it again, or send it with the first open day." in reasons()
        assert after(connection, "hold", patience=1.0) == {"pending"}  # It is tried until patience ends.
        assert "It is sent by itself when they are open again." in reasons()
        assert dates(connection) == set()
        assert after(connection, "first_open") == {"delivered"}
        assert dates(connection) == {"2026-02-01"}


def test_who_has_opened_the_books_need_not_wait_for_the_next_look(entity: BusinessEntity) -> None:
    with start_in_thread("quickbooks", port=0, limits="off") as box:
        made, _ = setup.create_connection(business_entity=entity, erp="quickbooks")
        connection = setup.connect_sandbox(made, box.url)
        Connection.objects.update(
            options={"when_locked": "hold", "settle_seconds": 0}
        )  # Looked at again after an hour.
        a_month(customers=1)
        Books(box.url).prefer(BookCloseDate="2026-01-31")
        mapping.import_lists(connection)
        assert drain(connection.pk, until_empty=True, patience=0.5).waiting == OutboxItem.objects.count()
        Books(box.url).prefer(BookCloseDate=None)
        assert drain(connection.pk, until_empty=True, patience=0.5).delivered == 0
        assert outbox.hurry(connection.pk) == OutboxItem.objects.count()
        assert drain(connection.pk, until_empty=True, patience=0.5).waiting == 0
        assert set(OutboxItem.objects.values_list("state", flat=True)) == {"delivered"}


def after(connection: Connection, policy: str, *, patience: float = 6.0) -> set[str]:
    """Give the states that a delivery under a policy leaves."""
    set_options(connection.pk, {"when_locked": policy})
    outbox.send_again(list(OutboxItem.objects.values_list("id", flat=True)))
    OutboxItem.objects.filter(state="pending").update(available_at=Now())
    drain(connection.pk, until_empty=True, patience=patience)
    return set(OutboxItem.objects.values_list("state", flat=True))


def reasons() -> str:
    return " ".join(OutboxItem.objects.values_list("reason", flat=True))


def dates(connection: Connection) -> set[str]:
    held = mapping.connector_of(Connection.objects.get(pk=connection.pk))
    return {each.date for each in held.documents(Kind.JOURNAL_ENTRY, through=date(2026, 12, 31))}
