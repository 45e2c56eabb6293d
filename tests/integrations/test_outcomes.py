"""What follows from an outcome: when a request is tried again, and which tries count."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from integrations import claims, outcomes
from integrations.connectors.base import InProgress, TryLater, UnknownOutcome
from integrations.documents import Kind
from integrations.models import OutboxItem

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def claim(connection, queue):
    request = uuid4()
    for number in range(30):
        queue("journal_entry", number, attempts=4, available_at=LONG_AGO, request_id=request)
    with claims.worker() as worker_id:
        found = claims.claim(connection=connection, worker_id=worker_id, batch_size={Kind.JOURNAL_ENTRY: 30})
        claims.seal(found, {item.pk: "{}" for item in found.items})
        yield found


def test_a_request_comes_back_whole_and_not_before_its_time(connection, claim) -> None:
    """A part of it, or the same id with other items, is another request to the vendor."""
    connection.options = {"backoff_base": 10}
    outcomes.record(connection=connection, claim=claim, outcomes=outcomes.all_of(claim, UnknownOutcome("?")))
    (moment,) = set(OutboxItem.objects.values_list("available_at", flat=True))
    assert (moment - OutboxItem.objects.first().created_at).total_seconds() > 10 * 2**4 - 1


def test_nobody_comes_back_earlier_than_the_vendor_asked(connection, claim) -> None:
    connection.options = {}
    outcomes.record(connection=connection, claim=claim, outcomes=outcomes.all_of(claim, TryLater("Later", after=60)))
    for item in OutboxItem.objects.all():
        assert (item.available_at - item.created_at).total_seconds() > 59
        assert item.attempts == 4


def test_what_the_erp_works_on_has_all_its_tries_again(connection, claim) -> None:
    outcomes.record(
        connection=connection, claim=claim, outcomes=outcomes.all_of(claim, InProgress("…", after=1, ticket="7"))
    )
    assert set(OutboxItem.objects.values_list("attempts", "ticket", "outcome_unknown")) == {(0, "7", True)}
