"""Modifications, the what-if before them, and schedules through the API."""

from collections.abc import Callable
from typing import Any

from accounting.models import JournalEntry, ScheduleRevision
from billing.models import BusinessEvent, Contract, ContractItem, ContractModification, Invoice, Tenant
from billing.tenancy import tenant_scope
from tests.api.caller import Caller, bill

Sold = Callable[..., dict[str, Any]]


def upgrade(contract: dict[str, Any], **more: Any) -> dict[str, Any]:
    item = contract["phases"][0]["items"][0]["id"]
    changed = {"item": item, "pricing_model": "flat_fee", "pricing": {"amount": "200.00"}}
    return {
        "effective_on": "2026-01-17",
        "signed_on": "2026-01-17",
        "reason": "Twice the seats",
        "replace": [changed],
        **more,
    }


def counts() -> list[int]:
    kinds = (JournalEntry, BusinessEvent, Invoice, ContractItem, ContractModification, ScheduleRevision)
    return [model.objects.count() for model in kinds]


def test_what_if_tells_what_would_happen_and_writes_nothing(caller: Caller, sold: Sold, tenant: Tenant) -> None:
    """100.00 for January; 200.00 a month from the 17th: 15 of 31 days are 48.39 less and 96.77 more."""
    contract = sold()
    caller.post(f"/invoices/{bill(caller)[0]['id']}/finalize", status=200)
    with tenant_scope(tenant.pk):
        before = counts()
    told = caller.post(f"/contracts/{contract['id']}/what-if", upgrade(contract), status=200)
    assert told["kind"] == "Price change"
    january, february = told["after"]["months"][:2]
    assert january == {
        "month": "2026-01-01",
        "billed": "148.38",
        "to_bill": "0.00",
        "recognized": "0.00",
        "to_recognize": "148.38",
    }
    assert (february["to_bill"], february["to_recognize"]) == ("200.00", "200.00")
    assert told["before"]["months"][1]["to_bill"] == "100.00"
    with tenant_scope(tenant.pk):
        assert counts() == before
        assert Contract.objects.get().modifications_made == 0

    signed = caller.post(f"/contracts/{contract['id']}/modify", upgrade(contract))
    assert [each["kind"] for each in signed["modifications"]] == ["price_change"]
    assert len(signed["phases"][0]["items"]) == 2
    assert caller.get(f"/contracts/{contract['id']}/revenue")["months"] == told["after"]["months"]


def test_a_modification_is_refused_in_words(caller: Caller, sold: Sold) -> None:
    contract = sold()
    answer = caller.post(f"/contracts/{contract['id']}/modify", upgrade(contract, treatment="catch_up"), status=422)
    assert "nothing to catch up" in answer["error"]["message"]
    answer = caller.post(f"/contracts/{contract['id']}/what-if", upgrade(contract, reason=""), status=400)
    assert "reason" in str(answer)
    caller.post("/contracts/999999/modify", upgrade(contract), status=404)


def test_another_company_cannot_ask(stranger: Caller, sold: Sold) -> None:
    contract = sold()
    stranger.get(f"/contracts/{contract['id']}/revenue", status=404)
    stranger.post(f"/contracts/{contract['id']}/what-if", upgrade(contract), status=404)


def test_a_delivery_is_reported(caller: Caller, sold: Sold) -> None:
    contract = sold(recognition_method="on_delivery", interval_months=12)
    (schedule,) = caller.get("/revenue-schedules", {"contract": contract["id"]})["results"]
    assert schedule["amount"] == {"amount": "100.00", "currency": "USD"}
    path = f"/revenue-schedules/{schedule['id']}"
    assert caller.get(path)["to_come"] == [{"earned_through": None, "amount": "100.00"}]
    report = {"reached_on": "2026-02-03", "percent": "100", "evidence": "Delivery note 7"}
    assert caller.post(f"{path}/progress", report, status=200)["recognized"]["amount"] == "0.00"
    caller.post(f"{path}/progress", {**report, "percent": "50"}, status=422)


def test_a_schedule_is_written_by_hand(caller: Caller, sold: Sold) -> None:
    contract = sold(obligation="Plan", interval_months=12)
    (schedule,) = caller.get("/revenue-schedules", {"contract": contract["id"]})["results"]
    path = f"/revenue-schedules/{schedule['id']}"
    assert len(caller.get(path)["to_come"]) == 12
    parts = [{"start": "2026-06-01", "end": "2026-07-01", "amount": "100.00"}]
    by_hand = {"parts": parts, "reason": "Service starts in June", "on": "2026-01-05"}
    caller.post(f"{path}/override", {**by_hand, "parts": [{**parts[0], "amount": "99.00"}]}, status=422)
    answer = caller.post(f"{path}/override", by_hand, status=200)
    assert answer["to_come"] == [{"earned_through": "2026-06-30", "amount": "100.00"}]
