"""A write with an Idempotency-Key happens once."""

from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, connections

from billing.models import BusinessEvent, Customer, IdempotencyRecord, Payment, Tenant
from billing.tenancy import tenant_scope
from tests.api.caller import V1, Caller, usd
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


def at_once(caller: Caller, bodies: list[dict[str, Any]]) -> list[Any]:
    """Pay with all bodies at the same moment, each on a connection of its own, under one key."""
    barrier, answers = Barrier(len(bodies)), []

    def pay(body: dict[str, Any]) -> None:
        client = caller.client.__class__()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {caller.plain}")
        barrier.wait()
        try:
            answers.append(client.post(f"{V1}/payments", body, headers={"Idempotency-Key": "once"}))
        finally:
            connections.close_all()

    threads = [Thread(target=pay, args=[body]) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(answers) == len(bodies)
    return answers


def test_two_at_the_same_time_write_once(committed: Tenant) -> None:
    caller = Caller(committed)
    paid = {"customer": caller.post("/customers", NEW)["id"], "received_on": "2026-01-09", "amount": usd("10.00")}
    answers = at_once(caller, [paid] * 4)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("Idempotent-Replay" in answer.headers for answer in answers) == 3
    assert len(caller.get("/payments")["results"]) == 1


def test_of_different_requests_at_the_same_time_one_is_done(committed: Tenant) -> None:
    caller = Caller(committed)
    paid = {"customer": caller.post("/customers", NEW)["id"], "received_on": "2026-01-09"}
    answers = at_once(caller, [paid | {"amount": usd(f"{amount}.00")} for amount in (10, 20, 30, 40)])
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]
    [done] = [answer.json() for answer in answers if answer.status_code == 201]
    assert [each["amount"] for each in caller.get("/payments")["results"]] == [done["amount"]]


def test_of_a_refused_and_a_good_request_at_the_same_time_the_good_one_is_done(committed: Tenant) -> None:
    caller = Caller(committed)
    paid = {"customer": caller.post("/customers", NEW)["id"], "received_on": "2026-01-09"}
    bodies = [paid | {"amount": usd(amount)} for amount in ("0.00", "10.00", "0.00", "10.00")]
    answers = at_once(caller, bodies)
    assert sorted(answer.status_code for answer in answers if answer.status_code < 300) == [201, 201]
    assert len({answer.json()["id"] for answer in answers if answer.status_code < 300}) == 1
    assert len(caller.get("/payments")["results"]) == 1


def test_what_breaks_between_the_work_and_its_record_leaves_neither(
    committed: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection dies under the record: nothing was done, and the same request under the same key does it."""
    caller = Caller(committed)
    paid = {"customer": caller.post("/customers", NEW)["id"], "received_on": "2026-01-09", "amount": usd("10.00")}

    def dies(**record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patch:
        patch.setattr(IdempotencyRecord.objects, "create", dies)
        caller.client.raise_request_exception = False
        answer = caller.client.post(f"{V1}/payments", paid, headers={"Idempotency-Key": "once"})
    assert (answer.status_code, answer.json()["error"]["code"], answer["Retry-After"]) == (503, "unavailable", "5")
    connections.close_all()
    with tenant_scope(committed.pk):
        assert (Payment.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)
        assert not BusinessEvent.objects.filter(kind="payment_received").exists()
    caller.post("/payments", paid, idempotency_key="once")
    assert len(caller.get("/payments")["results"]) == 1
