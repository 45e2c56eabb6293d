"""Reports through the API: every report, every figure's address, files; and one company's figures only."""

from typing import Any

import pytest

from accounting.reports.catalog import REPORTS
from billing.models import BusinessEntity
from tests.api.caller import Caller, usd

DAYS = {"at": "2026-02-28", "from": "2026-01-01", "to": "2026-02-28"}
LISTED = [code for code, kind in REPORTS.items() if kind.is_listed]


def asked(code: str) -> dict[str, str]:
    names = {each.name for each in REPORTS[code].parameters}
    customer = {"customer": "C-a"} if code == "customer-statement" else {}
    return {name: day for name, day in DAYS.items() if name in names} | customer


@pytest.mark.parametrize("code", LISTED)
def test_every_figure_leads_to_something(code: str, caller: Caller, invoice: dict[str, Any]) -> None:
    report = caller.get(f"/reports/{code}", asked(code))
    assert all(proof["holds"] for proof in report["proofs"])
    links = {url for table in report["tables"] for row in table["rows"] for url in row["links"].values()}
    for url in links:
        caller.get(url.removeprefix("/api/v1"))
    assert report["tables"][0]["columns"]
    for form, start in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("pdf", b"%PDF")):
        answer = caller.client.get(f"/api/v1/reports/{code}.{form}", asked(code))
        assert answer.status_code == 200
        assert b"".join(answer.streaming_content).startswith(start)


def test_money_has_its_currency_and_totals_are_of_all_pages(caller: Caller, invoice: dict[str, Any]) -> None:
    page = caller.get("/reports/ar-ageing", {"at": "2026-01-31", "by": "invoice", "page_size": 1, "page": 2})
    assert page["tables"][0]["rows"] == []
    assert page["tables"][0]["totals"]["total"] == usd("100.00")
    row = caller.get("/reports/ar-ageing", {"at": "2026-01-31", "by": "invoice"})["tables"][0]["rows"][0]
    assert (row["values"]["invoice"], row["values"]["due_on"]) == (invoice["number"], invoice["due_on"])
    lines = caller.get(row["links"]["total"].removeprefix("/api/v1"))["tables"][0]
    assert lines["totals"]["debit"] == usd("100.00")
    event = caller.get(lines["rows"][0]["links"]["event"].removeprefix("/api/v1"))
    assert event["payload"]["invoice_id"] == invoice["id"]


def test_a_statement_is_a_letter_with_its_addresses_and_how_to_pay(caller: Caller, invoice: dict[str, Any]) -> None:
    BusinessEntity.objects.update(payment_details="Bank of Nowhere\nAccount 000-0001")
    customer = caller.get(f"/customers/{invoice['customer']}")
    asked = {"customer": customer["name"], "from": "2026-01-01", "to": "2026-01-31"}
    statement = caller.get("/reports/customer-statement", asked)
    letter = {block["heading"]: block["lines"] for block in statement["letter"]}
    assert letter["How to pay"] == ["Bank of Nowhere", "Account 000-0001"]
    assert letter["To"][0] == customer["name"]
    assert {"label": "Balance", "value": usd("100.00")} in statement["headline"]
    assert caller.get("/reports/trial-balance", {"at": "2026-01-31"})["letter"] == []


def test_lines_are_asked_for_by_the_part_of_the_chart(caller: Caller, invoice: dict[str, Any]) -> None:
    owned = caller.get("/reports/lines", {"to": "2026-01-31", "category": "assets"})["tables"][0]
    assert {row["values"]["account"] for row in owned["rows"]} == {"1110"}
    assert caller.get("/reports/lines", {"to": "2026-01-31", "category": "expenses"})["tables"][0]["rows"] == []


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/reports/ar-ageing?at=2026-01-31&page=0", 400, "page"),
        ("/reports/ar-ageing?at=2026-01-31&page_size=1001", 400, "page_size"),
        ("/reports/ar-ageing?at=2026-01-31&buckets=9,1", 400, "buckets"),
        ("/reports/ar-ageing?at=2026-01-31&currency=XYZ", 400, "currency"),
        ("/reports/ar-ageing.csv?at=x", 400, "at"),
        ("/reports/customer-statement?from=2026-01-01&to=2026-01-31", 400, "customer"),
        ("/reports/journal?from=2026-02-01&to=2026-01-31", 400, "to"),
        ("/reports/lines?to=2026-01-31&customer_id=x", 400, "customer_id"),
        ("/reports/lines?to=2026-01-31&category=money", 400, "category"),
        ("/reports/mrr-customers?month=2026-01-31&kind=what", 400, "kind"),
        ("/reports/ar-ageing.exe?at=2026-01-31", 404, ""),
        ("/reports/nothing", 404, ""),
    ],
)
def test_mistakes_are_named(caller: Caller, path: str, status: int, field: str) -> None:
    error = caller.get(path, status=status)["error"]
    assert error["message"]
    assert set(error.get("fields", {})) == ({field} if field else set())


def test_another_companys_figures_stay_its_own(caller: Caller, stranger: Caller, invoice: dict[str, Any]) -> None:
    assert stranger.get("/reports/trial-balance", {"at": "2026-12-31"})["tables"][0]["rows"] == []
    lines = stranger.get("/reports/lines", {"to": "2026-12-31", "invoice_id": invoice["id"]})
    assert lines["tables"][0]["rows"] == []
    assert "customer" in stranger.get("/reports/ar-ageing?at=2026-01-31&customer=C-a", status=400)["error"]["fields"]
    own = stranger.client.get("/api/v1/reports/journal.csv", {"from": "2026-01-01", "to": "2026-12-31"})
    assert b"INV-" not in b"".join(own.streaming_content)
