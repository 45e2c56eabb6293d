"""A write with an Idempotency-Key happens once."""

from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connections

from billing.models import Customer, IdempotencyRecord, Tenant
from tests.api.caller import Caller, usd
from tests.company import make_company

NEW = {"external_id": "C-1", "name": "Globex"}


def test_the_same_request_gets_the_same_answer(caller: Caller) -> None:
    first = caller.post("/customers", NEW, idempotency_key="k1")
    assert "Idempotent-Replay" not in caller.last.headers
    again = caller.post("/customers", NEW, idempotency_key="k1")
    assert caller.last["Idempotent-Replay"] == "true"
    assert first == again
    assert Customer.objects.count() == 1


def test_another_request_under_the_same_key_is_refused(caller: Caller) -> None:
    caller.post("/customers", NEW, idempotency_key="k1")
    for path, data in (("/customers", {**NEW, "external_id": "C-2"}), ("/products", NEW)):
        refused = caller.post(path, data, status=422, idempotency_key="k1")
        assert refused["error"]["code"] == "idempotency_key_reused"


def test_a_refused_request_may_be_corrected_under_its_key(caller: Caller) -> None:
    caller.post("/customers", {"external_id": "C-1"}, status=400, idempotency_key="k1")
    caller.post("/customers", NEW, idempotency_key="k1")
    caller.post("/customers", NEW, status=409)
    assert IdempotencyRecord.objects.count() == 1


def test_patches_and_actions_are_covered(caller: Caller, invoice: dict[str, Any]) -> None:
    path = f"/customers/{invoice['customer']}"
    caller.patch(path, {"name": "One"}, idempotency_key="p")
    caller.patch(path, {"name": "Two"})
    assert caller.patch(path, {"name": "One"}, idempotency_key="p")["name"] == "One"
    assert caller.get(path)["name"] == "Two"
    void = {"on": "2026-01-10", "reason": "Wrong"}
    for _ in range(2):
        voided = caller.post(f"/invoices/{invoice['id']}/void", void, status=200, idempotency_key="v")
        assert voided["status"] == "void"


def test_the_keys_of_two_callers_are_apart(caller: Caller, reader: Caller, stranger: Caller) -> None:
    caller.post("/customers", NEW, idempotency_key="k1")
    stranger.post("/customers", NEW, idempotency_key="k1")
    reader.post("/customers", NEW, status=403, idempotency_key="k1")


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_cannot_be_kept_is_refused(caller: Caller, key: str) -> None:
    assert "Idempotency-Key" in caller.post("/customers", NEW, status=400, idempotency_key=key)["error"]["fields"]


@pytest.fixture
def committed(transactional_db: None) -> Tenant:
    """A company whose rows other connections see."""
    return make_company("acme", name="Acme Inc")


def test_two_at_the_same_time_write_once(committed: Tenant) -> None:
    caller = Caller(committed)
    customer = caller.post("/customers", NEW)["id"]
    paid = {"customer": customer, "received_on": "2026-01-09", "amount": usd("10.00")}
    barrier, answers = Barrier(4), []

    def pay() -> None:
        mine = Caller.__new__(Caller)
        mine.__dict__.update(caller.__dict__, client=caller.client.__class__())
        mine.client.credentials(HTTP_AUTHORIZATION=f"Bearer {caller.plain}")
        barrier.wait()
        try:
            answers.append((mine.post("/payments", paid, idempotency_key="once"), mine.last.headers))
        finally:
            connections.close_all()

    threads = [Thread(target=pay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(answers) == 4
    assert len({body["id"] for body, _ in answers}) == 1
    assert sum("Idempotent-Replay" in headers for _, headers in answers) == 3
    assert len(caller.get("/payments")["results"]) == 1
