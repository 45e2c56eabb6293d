"""Who may send what: order, groups, leases, and dead workers."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.utils import timezone

from integrations import claims, outbox
from integrations.claims import LeaseLost
from integrations.connectors.quickbooks import SPEC
from integrations.documents import Kind
from integrations.models import OutboxItem

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def claim(connection):
    with claims.worker() as worker_id:
        yield lambda: claims.claim(connection=connection, worker_id=worker_id, batch_size=SPEC.batch_size)


def subjects(found) -> list[tuple[str, int]]:
    return [(found.kind.value, item.subject_id) for item in found.items] if found else []


def test_claims_are_of_one_kind_by_stage_then_id(queue, claim) -> None:
    queue("invoice", 1)
    queue("customer", 2)
    queue("product", 3)
    queue("customer", 4)
    assert subjects(claim()) == [("customer", 2), ("customer", 4)]
    assert subjects(claim()) == [("product", 3)]
    assert subjects(claim()) == [("invoice", 1)]
    assert claim() is None


def test_a_batch_is_no_larger_than_the_vendor_takes(queue, claim) -> None:
    for number in range(12):
        queue("invoice", number)
    assert len(claim().items) == 10
    assert len(claim().items) == 2


@pytest.mark.parametrize("state", ["pending", "in_flight", "parked"])
def test_a_later_stage_waits_for_its_own_customer_only(queue, claim, state) -> None:
    later = timezone.now() + timedelta(hours=1)
    with claims.worker() as other:
        queue("customer", 7, group=7, state=state, available_at=later, worker_id=other, leased_until=later)
        queue("invoice", 1, group=7)
        queue("invoice", 2, group=8)
        assert subjects(claim()) == [("invoice", 2)]
        assert claim() is None


@pytest.mark.parametrize("state", ["delivered", "skipped"])
def test_what_is_done_or_skipped_holds_nothing_back(queue, claim, state) -> None:
    queue("customer", 7, group=7, state=state)
    queue("invoice", 1, group=7)
    assert subjects(claim()) == [("invoice", 1)]


def test_the_attempt_is_counted_when_the_lease_is_taken(queue, claim) -> None:
    queue("invoice", 1)
    claim()
    assert OutboxItem.objects.get().attempts == 1


def test_a_dead_worker_is_noticed_at_once(connection, queue, claim) -> None:
    queue("journal_entry", 1)
    queue("journal_entry", 2)
    with claims.worker() as dying:
        first = claims.claim(connection=connection, worker_id=dying, batch_size=SPEC.batch_size)
        claims.seal(first, {item.pk: "{}" for item in first.items})
        assert claim() is None
    again = claim()
    assert again.outcome_unknown
    assert again.request_id == first.request_id
    assert [(item.batch_position, item.request_body) for item in again.items] == [(1, "{}"), (2, "{}")]


def test_what_was_never_sent_starts_afresh(connection, queue, claim) -> None:
    queue("journal_entry", 1)
    with claims.worker() as dying:
        claims.claim(connection=connection, worker_id=dying, batch_size=SPEC.batch_size)
    again = claim()
    assert not again.outcome_unknown
    assert again.request_id is None


def test_items_of_one_request_stay_together_and_apart_from_others(connection, queue, claim) -> None:
    for number in (1, 2):
        queue("invoice", number)
    with claims.worker() as dying:
        first = claims.claim(connection=connection, worker_id=dying, batch_size=SPEC.batch_size)
        claims.seal(first, {item.pk: "{}" for item in first.items})
    queue("invoice", 3)
    assert subjects(claim()) == [("invoice", 1), ("invoice", 2)]
    assert subjects(claim()) == [("invoice", 3)]


def test_a_worker_that_lost_its_lease_may_not_send(connection, queue, claim) -> None:
    queue("invoice", 1)
    with claims.worker() as slow:
        late = claims.claim(connection=connection, worker_id=slow, batch_size=SPEC.batch_size)
        OutboxItem.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
        assert subjects(claim()) == [("invoice", 1)]
        with pytest.raises(LeaseLost):
            claims.seal(late, {item.pk: "{}" for item in late.items})


def test_an_item_that_kills_every_worker_is_parked(connection, queue, claim) -> None:
    connection.options = connection.options | {"max_attempts": 3}
    queue("invoice", 1, state="in_flight", attempts=3, worker_id=5, leased_until=timezone.now())
    assert claim() is None
    item = OutboxItem.objects.get()
    assert (item.state, item.reason_code) == ("parked", "worker_died")


def test_parked_items_can_be_sent_again_or_skipped_with_a_reason(queue, claim) -> None:
    item = queue("invoice", 1, state="parked", attempts=12)
    assert outbox.send_again([item.pk]) == 1
    assert subjects(claim()) == [("invoice", 1)]
    other = queue("invoice", 2)
    with pytest.raises(ValueError, match="why"):
        outbox.skip([other.pk], reason=" ")
    assert outbox.skip([other.pk], reason="Entered by hand") == 1
    assert claim() is None


def test_a_customer_is_put_into_the_outbox_once(connection) -> None:
    for _ in range(2):
        outbox.enqueue_once(
            tenant_id=connection.tenant_id, connection_id=connection.pk, kind=Kind.CUSTOMER, subjects=[(2, 2), (1, 1)]
        )
    assert list(OutboxItem.objects.values_list("subject_id", "group_key", "state")) == [
        (1, 1, "pending"),
        (2, 2, "pending"),
    ]


def test_an_item_that_is_held_back_says_for_what(queue) -> None:
    queue("customer", 1, group=1, state="delivered")
    invoice = queue("invoice", 5, group=1, state="parked", reason="Map the account.")
    payment = queue("payment", 9, group=1)
    assert outbox.waits_for(payment) == invoice
    assert outbox.waits_for(invoice) is None
    assert outbox.waits_for(queue("product", 3)) is None


def test_what_did_not_come_to_an_end_is_taken_up_in_halves(connection, queue) -> None:
    """So workers that are stopped again and again get something done, and an item that stops them is found."""
    for number in range(30):
        queue("journal_entry", number, attempts=2)
    with claims.worker() as worker_id:
        found = claims.claim(connection=connection, worker_id=worker_id, batch_size=SPEC.batch_size)
    assert len(found.items) == 7
    with claims.worker() as worker_id:  # It died: its items are free, with one attempt more.
        sizes = []
        while found := claims.claim(connection=connection, worker_id=worker_id, batch_size={Kind.JOURNAL_ENTRY: 30}):
            sizes.append(len(found.items))
    assert sum(sizes) == 30 and min(sizes) >= 1 and sizes[0] == 3


@pytest.mark.parametrize(("one_by_one", "sizes"), [(False, [8]), (True, [2, 2, 2, 2])])
def test_a_request_stays_whole_unless_each_document_was_one(connection, queue, one_by_one, sizes) -> None:
    sent = uuid4()
    for number in range(8):
        queue("journal_entry", number, attempts=2, request_id=sent, outcome_unknown=True)
    with claims.worker() as worker_id:
        claim = partial(claims.claim, connection=connection, worker_id=worker_id, one_by_one=one_by_one)
        found = []
        while each := claim(batch_size={Kind.JOURNAL_ENTRY: 8}):
            found.append(len(each.items))
    assert found == sizes
