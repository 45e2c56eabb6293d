"""The document's examples: each fits its request, and the story they tell can be sent as it stands."""

import ast
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.test import Client

from billing.api.errors import CODES
from billing.models import Job
from billing.services import jobs
from tests.api.caller import Caller

ROOT = Path(__file__).parents[2]


@pytest.fixture
def document(db: None) -> dict[str, Any]:
    return json.loads(Client().get("/api/v1/schema/", headers={"accept": "application/json"}).content)


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["operationId"]: each for path in document["paths"].values() for each in path.values()}


def example(document: dict[str, Any], name: str) -> Any:
    return operations(document)[name]["requestBody"]["content"]["application/json"]["example"]


def test_every_operation_has_a_summary_and_every_body_an_example_that_fits(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        assert 3 <= len(operation["summary"]) <= 120, name
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is None:
            continue
        assert "example" in body, name
        schema = {**body["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(body["example"])


def test_every_code_that_is_given_is_documented(document: dict[str, Any]) -> None:
    known = {code for codes in CODES.values() for code in codes}
    given = set()
    for file in [*ROOT.glob("billing/services/*.py"), *ROOT.glob("billing/api/*.py"), *ROOT.glob("accounting/*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                given |= {
                    each.value.value
                    for each in node.exc.keywords
                    if each.arg == "code" and isinstance(each.value, ast.Constant)
                }
    assert {"exceeds_due", "duplicate", "billed"} <= given
    assert given <= known
    conflict = document["components"]["responses"]["Conflict"]["description"]
    assert "* `exceeds_due`: " in conflict
    assert "* `wrong_period`: " in conflict  # From the app above.


def test_the_story_of_the_examples(document: dict[str, Any], caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """500.00 in advance and 20 gigabytes at 0.25: 500.00 for January and 505.00 in February; 300.00 paid, 50.00 credited."""
    monkeypatch.setattr(jobs, "async_task", lambda *args, **options: None)

    def send(name: str, path: str, **ids: Any) -> Any:
        return caller.post(path, {**example(document, name), **ids})

    def work(job: dict[str, Any]) -> dict[str, Any]:
        assert (job["status"], job["outcome"]) == ("queued", "")
        jobs.run_job(job_id=job["id"])
        return caller.get(f"/jobs/{job['id']}")

    customer = send("customers_create", "/customers")["id"]
    plan = send("products_create", "/products")["id"]
    gigabytes = caller.post("/products", {"code": "gb", "name": "Gigabytes"})["id"]
    price = send("prices_create", "/prices", product=plan)["id"]
    flat, metered = example(document, "contracts_create")["items"]
    items = [{**flat, "product": plan, "price": price}, {**metered, "product": gigabytes}]
    contract = send("contracts_create", "/contracts", customer=customer, items=items)
    caller.post(f"/contracts/{contract['id']}/start", status=200)
    item = contract["phases"][0]["items"][1]["id"]
    caller.post("/usage", [{**each, "contract_item": item} for each in example(document, "usage_create")])

    done = work(send("jobs_run_billing_create", "/jobs/run-billing"))
    assert done["status"] == "done"
    assert done["outcome"] == "2 invoices drafted, 1,005.00 USD."
    first, second = caller.get("/invoices", {"status": "draft", "ordering": "id"})["results"]
    assert (first["total"]["amount"], second["total"]["amount"]) == ("500.00", "505.00")
    invoice = caller.post(f"/invoices/{first['id']}/finalize", status=200)
    part = {"invoice": invoice["id"], "amount": {"amount": "300.00", "currency": "USD"}}
    send("payments_create", "/payments", customer=customer, allocations=[part])
    line = {"invoice_line": invoice["lines"][0]["id"], "net": {"amount": "50.00", "currency": "USD"}}
    send("credit_notes_create", "/credit-notes", invoice=invoice["id"], lines=[line])
    assert caller.get(f"/invoices/{invoice['id']}")["due"]["amount"] == "150.00"

    done = work(send("jobs_recognize_revenue_create", "/jobs/recognize-revenue"))
    assert done["status"] == "done", done
    entries = caller.get("/journal-entries", {"invoice": invoice["id"]})["results"]
    assert {each["event_kind"] for each in entries} >= {"invoice_finalized", "payment_received", "credit_note_issued"}
    report = caller.get("/reports/trial-balance", {"at": "2026-01-31"})
    assert report["proofs"][0]["holds"]
    assert Job.objects.count() == 2


def test_a_wrong_choice_names_the_right_ones(caller: Caller) -> None:
    sent = {"code": "p", "name": "P", "recognition_method": "by_days"}
    refused = caller.post("/products", sent, status=400)["error"]["fields"]["recognition_method"]
    assert refused[0].startswith("“by_days” is not one of: straight_line_days, straight_line_months, ")


def test_a_reading_key_starts_no_work(reader: Caller) -> None:
    reader.post("/jobs/run-billing", {"through": "2026-01-31"}, status=403)
    reader.post("/jobs/recognize-revenue", {"through": "2026-01-31"}, status=403)
    assert not Job.objects.exists()
