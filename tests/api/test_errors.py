"""Everything that goes wrong has one shape, and nothing strange becomes a server error."""

from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from django.db import DataError, connection, transaction
from django.db.models import ProtectedError

from billing.api.errors import handle
from billing.services import customers as service
from tests.api.caller import V1, Caller

NEW = {"external_id": "C-1", "name": "Globex"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "x" * 201}, "name"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": ["x"]}, "name"),
        ({"email": "nobody"}, "email"),
        ({"country": "Germany"}, "country"),
        ({"currency": "XXX"}, "currency"),
        ({"business_entity": "nowhere"}, "business_entity"),
        ({"business_entity": {"a": 1}}, "business_entity"),
        ({"custmer": 1}, "custmer"),
    ],
)
def test_mistakes_are_named_by_field(caller: Caller, changes: dict[str, Any], field: str) -> None:
    error = caller.post("/customers", {**NEW, **changes}, status=400)["error"]
    assert error["code"] == "invalid_request"
    assert list(error["fields"]) == [field]


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("start", "2026-02-30", "start"),
        ("start", "9999-12-31", "start"),
        ("start", "01/02/2026", "start"),
        ("start", 20260101, "start"),
        ("term_months", 10**30, "term_months"),
        ("term_months", -1, "term_months"),
        ("customer", 10**30, "customer"),
        ("customer", True, "customer"),
        ("customer", 1.5, "customer"),
        ("attributes", [], "attributes"),
        ("items", [], "items"),
        ("items", {}, "items"),
        ("items", [{}], "items.0.product"),
        ("items.quantity", "NaN", "items.0.quantity"),
        ("items.quantity", 0.1, "items.0.quantity"),
        ("items.quantity", "1e400", "items.0.quantity"),
        ("items.pricing_model", "free", "items.0.pricing_model"),
        ("items.pricing", None, "items.0.pricing"),
        ("items.pricing", {"amount": 5}, "items.0.pricing"),
        ("items.pricing", {"amount": "1e999999"}, "items.0.pricing"),
        ("items.pricing", {"amount": "9" * 13}, "items.0.pricing"),
        ("items.quantity", "1000000001", "items.0.quantity"),
        ("items.interval_months", 2, "items.0.interval_months"),
    ],
)
def test_mistakes_deep_in_a_contract(caller: Caller, sold: Any, path: str, value: Any, field: str) -> None:
    contract = sold()
    item = {
        "product": contract["phases"][0]["items"][0]["product"],
        "pricing_model": "flat_fee",
        "pricing": {"amount": "1"},
    }
    sent: dict[str, Any] = {"customer": contract["customer"], "number": "K-2", "start": "2026-01-01", "items": [item]}
    outer, _, inner = path.partition(".")
    if inner:
        item[inner] = value
    else:
        sent[outer] = value
    assert field in caller.post("/contracts", sent, status=400)["error"]["fields"]


def test_what_the_model_refuses_is_a_mistake_too(caller: Caller, sold: Any) -> None:
    contract = sold()
    item = {
        "product": contract["phases"][0]["items"][0]["product"],
        "pricing_model": "flat_fee",
        "pricing": {"amount": "1"},
    }
    sent = {"customer": contract["customer"], "number": "K-2", "start": "2026-01-01", "items": [item]}
    assert "end" in caller.post("/contracts", {**sent, "end": "2025-01-01"}, status=400)["error"]["fields"]
    assert "renewal" in caller.post("/contracts", {**sent, "renewal": "same_terms"}, status=400)["error"]["fields"]
    item["pricing"] = {"amount": "-1"}
    assert caller.post("/contracts", sent, status=422)["error"]["code"] == "invalid"
    item["pricing"] = {"amount": "1"}
    caller.post("/contracts", sent)
    assert caller.post("/contracts", sent, status=409)["error"]["code"] == "duplicate"


def test_an_amount_that_the_books_cannot_hold(db: None) -> None:
    with pytest.raises(DataError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 10000000::numeric(5, 2)")
    answer = handle(caught.value, {})
    assert (answer.status_code, answer.data["error"]["code"]) == (422, "out_of_range")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[" * 100_000,
        "NaN",
        '{"a": ' + "9" * 5000 + "}",
        "\ufeff{}",
        '{"\\ud800": 1}',
        '{"name": "a\\u0000b"}',
        '{"a": [["\\udfff"]]}',
        "7",
        "[" * 99 + "]" * 99,
    ],
)
def test_bodies_that_are_no_json_object(caller: Caller, body: str) -> None:
    answer = caller.client.post(f"{V1}/customers", body.encode(), content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["code"] in ("parse_error", "invalid_request")


def test_other_content_types_addresses_and_methods(caller: Caller) -> None:
    answer = caller.client.post(f"{V1}/customers", b"a=1", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
    for path in ("/nowhere", "/customers/abc", "/customers/" + "9" * 30, "/customers/%00"):
        assert caller.get(path, status=404)["error"]["code"] == "not_found"
    assert caller("put", "/customers/1", NEW, status=405)["error"]["code"] == "method_not_allowed"
    assert caller.post("/customers/" + "9" * 18 + "/", NEW, status=405)


@pytest.mark.parametrize(
    "query",
    [
        "custmer=1",
        "is_active=maybe",
        "created_at__gte=yesterday",
        "name=%00",
        "page_size=0",
        "page_size=501",
        "page_size=x",
        "cursor=cD1hYmM%3D",
        "cursor=x",
        "ordering=name",
    ],
)
def test_queries_are_checked(caller: Caller, query: str) -> None:
    error = caller.get(f"/customers?{query}", status=404 if query == "cursor=x" else 400)["error"]
    assert error["message"]


@pytest.mark.parametrize("query", ["", "at=2026-02-30", "at=2026-01-01&business_entity=x", "at=2026-01-01&bogus=1"])
def test_report_parameters_are_checked(caller: Caller, query: str) -> None:
    assert caller.get(f"/reports/trial-balance?{query}", status=400)["error"]["fields"]


def test_what_nobody_foresaw_tells_no_details(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(service.Customer, "save", fail)
    error = caller.post("/customers", NEW, status=500)["error"]
    assert error["code"] == "server_error"
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [(ProtectedError("x", set()), 409, "in_use"), (RequestDataTooBig("x"), 413, "too_large")],
)
def test_errors_of_django(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, raised: Exception, status: int, code: str
) -> None:
    def fail(self: Any) -> None:
        raise raised

    monkeypatch.setattr(service.Customer, "save", fail)
    assert caller.post("/customers", NEW, status=status)["error"]["code"] == code
