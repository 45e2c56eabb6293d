"""Request ids, batches, faults, limits, and what is recorded of them."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from integrations.sandbox.server import start_in_thread


def _batch(*bodies: Any, entity: str = "JournalEntry") -> dict[str, Any]:
    items = [{"bId": str(at), "operation": "create", entity: body} for at, body in enumerate(bodies)]
    return {"BatchItemRequest": items}


def test_same_request_id_gives_the_first_answer(qbo: Any) -> None:
    body = qbo.journal()
    first = qbo.post("journalentry", body, requestid="r-1").json()["JournalEntry"]
    assert qbo.post("journalentry", body, requestid="r-1").json()["JournalEntry"] == first
    assert qbo.state()["counts"]["JournalEntry"] == 1
    assert qbo.refused("journalentry", qbo.journal(5), requestid="r-1") == "600"
    assert qbo.refused("journalentry", body, requestid="x" * 51) == "2130"
    assert qbo.refused("journalentry", body, requestid="a b") == "2130"
    assert qbo.control("forget_requestids") == {"forgotten": 1}
    assert qbo.post("journalentry", body, requestid="r-1").json()["JournalEntry"]["Id"] != first["Id"]


def test_request_id_holds_when_many_ask_at_once(qbo: Any) -> None:
    body = qbo.journal()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: qbo.post("journalentry", body, requestid="same").json(), range(16)))
    assert len({answer["JournalEntry"]["Id"] for answer in answers}) == 1


def test_batch_answers_each_item_and_repeats_each(qbo: Any) -> None:
    bad = qbo.journal() | {"Line": []}
    batch = _batch(qbo.journal(1), bad, qbo.journal(3))
    first = qbo.post("batch", batch, requestid="b-1").json()["BatchItemResponse"]
    assert [item["bId"] for item in first] == ["0", "1", "2"]
    assert first[1]["Fault"]["Error"][0]["code"] == "2250"
    assert qbo.post("batch", batch, requestid="b-1").json()["BatchItemResponse"] == first
    only_last = {"BatchItemRequest": batch["BatchItemRequest"][2:]}
    assert qbo.post("batch", only_last, requestid="b-1").json()["BatchItemResponse"] == first[2:]
    assert qbo.state()["counts"]["JournalEntry"] == 2
    other = {"BatchItemRequest": [{"bId": "0", "operation": "create", "JournalEntry": qbo.journal(9)}]}
    answer = qbo.post("batch", other, requestid="b-1").json()["BatchItemResponse"]
    assert answer[0]["Fault"]["Error"][0]["code"] == "600"


def test_batch_limits(qbo: Any) -> None:
    assert qbo.refused("batch", _batch(*[qbo.journal()] * 31)) == "1040"
    assert qbo.refused("batch", _batch(qbo.journal()), requestid="x" * 37) == "2130"
    long = {"BatchItemRequest": [{"bId": "x" * 11, "operation": "create", "JournalEntry": qbo.journal()}]}
    assert qbo.refused("batch", long, requestid="ok") == "2130"
    assert qbo.state()["counts"]["JournalEntry"] == 0


def test_batch_voids_by_an_update_that_says_so(qbo: Any) -> None:
    customer = qbo.make("Customer", DisplayName="Ann")["Id"]
    invoice = qbo.make("Invoice", **qbo.sale(customer))
    known = {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"]}
    items = [
        {"bId": "1", "operation": "void", "Invoice": known},
        {"bId": "2", "operation": "create", "optionsData": "void", "Invoice": known},
        {"bId": "3", "operation": "query", "Query": "select * from Invoice"},
        {"bId": "4", "operation": "update", "optionsData": "void", "Invoice": known},
    ]
    *refused, done = qbo.post("batch", {"BatchItemRequest": items}).json()["BatchItemResponse"]
    assert [each["Fault"]["Error"][0]["element"] for each in refused] == ["operation", "optionsData", "operation"]
    assert (done["Invoice"]["TotalAmt"], done["Invoice"]["PrivateNote"]) == (0, "Voided")


def test_batch_item_cannot_see_what_an_earlier_one_made(qbo: Any) -> None:
    items = [
        {"bId": "1", "operation": "create", "Customer": {"DisplayName": "New"}},
        {"bId": "2", "Query": "select * from Customer"},
        {"bId": "3", "operation": "create", "Invoice": qbo.sale("1")},
        {"bId": "4", "operation": "create", "Customer": {"DisplayName": "New"}},
    ]
    answers = qbo.post("batch", {"BatchItemRequest": items}).json()["BatchItemResponse"]
    assert answers[0]["Customer"]["Id"] == "1"
    assert answers[1]["QueryResponse"] == {}
    assert answers[2]["Fault"]["Error"][0]["code"] == "2500"
    assert answers[3]["Fault"]["Error"][0]["code"] == "6240"
    assert qbo.query("select * from Customer")["maxResults"] == 1


@pytest.mark.parametrize(("kind", "status"), [("500", 500), ("503", 503), ("429", 429), ("html_error", 502)])
def test_fault_answers_without_doing_anything(qbo: Any, kind: str, status: int) -> None:
    body = qbo.journal()
    qbo.control("faults", {"kinds": [kind], "times": 1})
    assert qbo.post("journalentry", body, requestid="f").status_code == status
    assert qbo.state()["counts"]["JournalEntry"] == 0
    assert qbo.post("journalentry", body, requestid="f").status_code == 200
    assert qbo.state()["calls"]["faults_injected"] == {kind: 1}


@pytest.mark.parametrize(("kind", "kept"), [("drop", 0), ("drop_after_commit", 1), ("timeout_after_commit", 1)])
def test_fault_without_an_answer(qbo: Any, kind: str, kept: int) -> None:
    body = qbo.journal()
    is_held = kind == "timeout_after_commit"
    qbo.control("faults", {"kinds": [kind], "times": 1, "hold_seconds": 0.2 if is_held else 30})
    started = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        qbo.post("journalentry", body, requestid="f")
    took = time.monotonic() - started
    assert took >= 0.2 if is_held else took < 30
    assert qbo.state()["counts"]["JournalEntry"] == kept
    assert qbo.post("journalentry", body, requestid="f").status_code == 200
    assert qbo.state()["counts"]["JournalEntry"] == 1


def test_client_may_give_up_while_the_answer_is_held(qbo: Any) -> None:
    body = qbo.journal(DocNumber="T-1")
    qbo.control("faults", {"faults": {"timeout_after_commit": 1}, "only": "/journalentry", "hold_seconds": 30})
    headers = {"Authorization": f"Bearer {qbo.tokens['access_token']}", "Accept": "application/json"}
    url = f"{qbo.url}/v3/company/{qbo.realm}/journalentry"
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json=body, headers=headers, timeout=0.2)
    assert qbo.query("select Id from JournalEntry where DocNumber = 'T-1'")["maxResults"] == 1


def test_fault_plan_is_repeatable_and_clears(qbo: Any) -> None:
    def run() -> list[int]:
        qbo.control("faults", {"rate": 0.5, "kinds": ["500"], "seed": 7})
        return [qbo.call("GET", "preferences").status_code for _ in range(20)]

    first = run()
    assert first == run()
    assert set(first) == {200, 500}
    assert requests.delete(f"{qbo.url}/_sandbox/faults", timeout=5).json()["rates"] == {}
    assert {qbo.call("GET", "preferences").status_code for _ in range(5)} == {200}
    bad = requests.post(f"{qbo.url}/_sandbox/faults", json={"kinds": ["earthquake"]}, timeout=5)
    assert bad.status_code == 400
    assert "drop" in bad.json()["known_kinds"]


def test_token_calls_fail_only_when_asked(qbo: Any) -> None:
    qbo.control("faults", {"kinds": ["503"]})
    refreshed = qbo.token(grant_type="refresh_token", refresh_token=qbo.tokens["refresh_token"])
    assert refreshed.status_code == 200
    qbo.control("faults", {"kinds": ["503"], "include_oauth": True})
    assert qbo.token(grant_type="refresh_token", refresh_token=refreshed.json()["refresh_token"]).status_code == 503


def test_every_call_is_counted_and_recorded(qbo: Any) -> None:
    before = qbo.state()["calls"]["total"]
    qbo.post("journalentry", qbo.journal(DocNumber="SEEN-1"), requestid="c")
    state = qbo.state("?requests=1&objects=1")
    assert state["calls"]["total"] == before + 3  # two look-ups of accounts, one journal
    assert state["calls"]["by_kind"]["create JournalEntry"] == 1
    last = state["requests"][-1]
    assert (last["method"], last["status"]) == ("POST", 200)
    assert "requestid=c" in last["path"]
    assert "SEEN-1" in last["body"]
    assert state["objects"]["JournalEntry"][0]["DocNumber"] == "SEEN-1"


def test_limits_are_kept_when_real() -> None:
    with start_in_thread("quickbooks", limits="real") as server:
        url = f"{server.url}/v3/company/1/preferences"
        session = requests.Session()
        answers = [session.get(url, timeout=5) for _ in range(15)]
        assert [answer.status_code for answer in answers[:10]] == [401] * 10
        assert {answer.status_code for answer in answers[10:]} == {429}
        assert answers[-1].json()["fault"]["error"][0]["code"] == "3001"
        limits = requests.get(f"{server.url}/_sandbox/state", timeout=5).json()["limits"]
        assert (limits["mode"], limits["exceeded"]["per_second"]) == ("real", 5)


def test_pages_open_and_escape_what_was_sent(qbo: Any) -> None:
    customer = qbo.make("Customer", DisplayName="<script>alert(1)</script>")["Id"]
    qbo.make("JournalEntry", **qbo.journal(1234567.5, DocNumber="<b>"))
    invoice = qbo.make("Invoice", **qbo.sale(customer, 100))["Id"]
    qbo.make("Payment", CustomerRef={"value": customer}, TotalAmt=5)
    calls = qbo.state()["calls"]["total"]
    seen: set[str] = set()
    to_see = ["/"]
    while to_see:
        path = to_see.pop()
        seen.add(path)
        page = requests.get(qbo.url + path, timeout=5)
        assert page.status_code == 200, path
        assert "<script" not in page.text
        assert "<b>" not in page.text.replace("<b>QuickBooks sandbox</b>", "")
        links = re.findall(r'href="(/[^"]*)"', page.text)
        to_see += [link for link in links if link not in seen and link not in to_see and not link.startswith("/_")]
    assert f"/invoice/{invoice}" in seen
    assert "1,234,567.50" in requests.get(f"{qbo.url}/journalentry", timeout=5).text
    assert qbo.state()["calls"]["total"] == calls
