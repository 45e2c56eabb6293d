"""The query language, and changes since a time."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest


@pytest.fixture
def three(qbo: Any) -> Any:
    for number, day in (("A'1", "01"), ("B-2", "15"), ("C-3", "31")):
        qbo.make("JournalEntry", **qbo.journal(TxnDate=f"2026-10-{day}", DocNumber=number, PrivateNote=number))
    return qbo


def _numbers(qbo: Any, text: str) -> list[str]:
    rows = qbo.query(f"select DocNumber from JournalEntry {text}").get("JournalEntry", [])
    return [row["DocNumber"] for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["A'1", "B-2", "C-3"]),
        (r"where DocNumber = 'A\'1'", ["A'1"]),
        ("where DocNumber in ('C-3', 'B-2', 'none') orderby DocNumber", ["B-2", "C-3"]),
        ("where TxnDate >= '2026-10-15' and TxnDate < '2026-10-31'", ["B-2"]),
        ("where DocNumber like '%-%' order by TxnDate desc", ["C-3", "B-2"]),
        ("WHERE TxnDate <= '2026-10-31' STARTPOSITION 2 MAXRESULTS 1", ["B-2"]),
        ("where MetaData.CreateTime > '2020-01-01T00:00:00-08:00' maxresults 1000", ["A'1", "B-2", "C-3"]),
        ("where DocNumber = 'nothing'", []),
    ],
)
def test_finds(three: Any, text: str, expected: list[str]) -> None:
    assert _numbers(three, text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("select * from JournalEntry where DocNumber = 'a' or DocNumber = 'b'", "4000"),
        ("select * from JournalEntry join Account", "4000"),
        ("select * from JournalEntry where DocNumber = 'a", "4000"),
        ("select * from JournalEntry where DocNumber = abc", "4000"),
        ("select", "4000"),
        ("select * from JournalEntry where PrivateNote = 'a'", "4001"),
        ("select * from Payment where DocNumber = 'a'", "4001"),
        ("select * from JournalEntry where Nonsense = 'a'", "4001"),
        ("select * from Nonsense", "4001"),
        ("select * from journalentry", "4001"),
        ("select * from JournalEntry where TxnDate = 'soon'", "4001"),
        ("select * from JournalEntry maxresults 1001", "4001"),
        ("select * from JournalEntry startposition 0", "4001"),
    ],
)
def test_refuses(qbo: Any, text: str, code: str) -> None:
    answer = qbo.call("GET", "query", query=text)
    assert answer.status_code == 400
    assert answer.json()["Fault"]["Error"][0]["code"] == code


def test_counts_and_default_page(qbo: Any) -> None:
    items = [{"bId": str(n), "operation": "create", "JournalEntry": qbo.journal(n + 1)} for n in range(30)]
    for _ in range(4):
        qbo.post("batch", {"BatchItemRequest": items})
    assert qbo.query("select count(*) from JournalEntry") == {"totalCount": 120}
    page = qbo.query("select * from JournalEntry")
    assert (len(page["JournalEntry"]), page["startPosition"], page["maxResults"]) == (100, 1, 100)
    assert qbo.query("select * from JournalEntry startposition 121") == {}


def test_customer_and_payment_look_ups(qbo: Any) -> None:
    customer = qbo.make("Customer", DisplayName="O'Hara & Sons")["Id"]
    found = qbo.query(r"select * from Customer where DisplayName = 'O\'Hara & Sons'")
    assert found["Customer"][0]["Id"] == customer
    qbo.make("Payment", CustomerRef={"value": customer}, TotalAmt=5, PaymentRefNum="ch_1")
    assert qbo.query("select * from Payment where PaymentRefNum = 'ch_1'")["Payment"][0]["UnappliedAmt"] == 5
    assert qbo.query("select * from Payment where TotalAmt > 4.99")["maxResults"] == 1


def test_an_items_sku_comes_only_when_it_is_named(qbo: Any) -> None:
    """Of python-quickbooks' issue 373: a star leaves it out."""
    account = qbo.query("select Id from Account where Name = 'Services'")["Account"][0]["Id"]
    qbo.make("Item", Name="Plan", Type="Service", Sku="cf:1", IncomeAccountRef={"value": account})
    where = "from Item where Name = 'Plan'"
    (plain,) = qbo.query(f"select * {where}")["Item"]
    (named,) = qbo.query(f"select *, Sku {where}")["Item"]
    assert ("Sku" in plain, named["Sku"], named["Name"]) == (False, "cf:1", "Plan")


def test_chart_and_company(qbo: Any) -> None:
    accounts = qbo.query("select * from Account maxresults 1000")["Account"]
    assert len(accounts) >= 40
    assert {row["Classification"] for row in accounts} == {"Asset", "Liability", "Equity", "Revenue", "Expense"}
    info = qbo.call("GET", f"companyinfo/{qbo.realm}").json()["CompanyInfo"]
    assert info["Country"] == "US"
    assert qbo.query("select * from TaxCode")["maxResults"] == 5


def test_odd_numbers_and_letters_break_nothing(qbo: Any) -> None:
    body = qbo.journal()
    huge = body | {"ExchangeRate": "HUGE"}
    text = json.dumps(huge).replace('"HUGE"', "1e999999999")
    headers = {
        "Authorization": f"Bearer {qbo.tokens['access_token']}",
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    url = f"{qbo.url}/v3/company/{qbo.realm}/journalentry"
    answer = qbo.http.post(url, data=text, headers=headers)
    assert (answer.status_code, answer.json()["Fault"]["Error"][0]["code"]) == (400, "2290")
    qbo.make("JournalEntry", **body, PrivateNote="\ud800")
    assert qbo.query("select PrivateNote from JournalEntry")["JournalEntry"] == [{"PrivateNote": "?"}]


def test_changes_since(three: Any) -> None:
    three.post("journalentry", {"Id": "1", "SyncToken": "0"}, operation="delete")
    asked = {"entities": "JournalEntry,Invoice", "changedSince": (datetime.now(UTC) - timedelta(days=1)).isoformat()}
    answer = three.call("GET", "cdc", **asked).json()
    journals, invoices = answer["CDCResponse"][0]["QueryResponse"]
    assert [row.get("status") for row in journals["JournalEntry"]] == [None, None, "Deleted"]
    assert invoices == {}
    assert three.call("GET", "cdc", **asked | {"changedSince": "2020-01-01T00:00:00Z"}).status_code == 400
