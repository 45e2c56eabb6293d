"""The OpenAPI document and its page: public, complete, and asking nobody else for anything."""

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounting.reports.catalog import REPORTS
from billing.tenancy import _current

WRITES = {"post", "patch", "delete", "put"}


@pytest.fixture
def document(db: None) -> dict[str, Any]:
    return json.loads(Client().get("/api/v1/schema/", headers={"accept": "application/json"}).content)


def test_it_is_valid_and_without_warnings(db: None) -> None:
    assert _current.get() is None
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO(), stderr=StringIO())


def test_money_is_described_with_its_currency(document: dict[str, Any]) -> None:
    money = document["components"]["schemas"]["Money"]
    assert money["required"] == ["amount", "currency"]
    assert money["properties"]["amount"]["type"] == "string"
    assert "#/components/schemas/Money" in str(document["components"]["schemas"]["Invoice"]["properties"]["total"])


def test_errors_and_keys_are_described_on_every_operation(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert {"400", "401", "500"} <= set(operation["responses"]), (method, path)
            assert operation["security"] == [{"BearerKey": []}, {"ApiKeyHeader": []}]
            named = any("IdempotencyKey" in parameter.get("$ref", "") for parameter in operation.get("parameters", ()))
            assert named is (method in WRITES), (method, path)


def test_every_operation_parameter_and_answer_says_what_it_is(document: dict[str, Any]) -> None:
    operations = {(m, path): each for path, of in document["paths"].items() for m, each in of.items()}
    assert len(operations) > 100
    assert [name for name, each in operations.items() if not each.get("summary") or not each.get("description")] == []
    bodies = {name: each["requestBody"]["content"] for name, each in operations.items() if "requestBody" in each}
    assert [name for name, each in bodies.items() if "example" not in each["application/json"]] == []
    parameters = [(name, each) for name, of in operations.items() for each in of.get("parameters", ())]
    assert [(*name, each["name"]) for name, each in parameters if "$ref" not in each and not each["description"]] == []
    answers = [((*name, status), each) for name, of in operations.items() for status, each in of["responses"].items()]
    assert [name for name, each in answers if "$ref" not in each and not each["description"]] == []


def test_a_report_lists_the_parameters_that_it_takes(document: dict[str, Any]) -> None:
    asked = {code: {each.name for each in kind.parameters} | {"business_entity"} for code, kind in REPORTS.items()}
    said = {
        code: {each["name"] for each in document["paths"][f"/api/v1/reports/{code}/"]["get"]["parameters"]}
        for code in REPORTS
    }
    assert said == {code: names | {"page", "page_size"} for code, names in asked.items()}
    as_file = document["paths"]["/api/v1/reports/deferred-revenue.{form}"]["get"]["parameters"]
    assert {each["name"] for each in as_file} == {"at", "from", "business_entity", "form"}


def test_the_page_asks_nobody_else(db: None) -> None:
    page = Client().get("/api/v1/docs/").content.decode()
    assert "swagger-ui" in page
    assert re.findall(r"(?:src|href)=\"(https?:)?//", page) == []
