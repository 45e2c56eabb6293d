"""Lists, filters, pages, what changed; idempotency keys; limits and failures; pages for a person."""

import re
import time
from typing import Any

import pytest
import requests

from integrations.sandbox.server import start_in_thread
from integrations.sandbox.xero import idempotency
from tests.integrations.xero.caller import Caller


@pytest.fixture
def xero(box: Any) -> Caller:
    return Caller(box.url)


def test_a_list_without_pages_has_no_lines(xero: Caller) -> None:
    for number in range(5):
        xero.made("ManualJournals", **xero.journal(number + 1, Narration=f"J{number}"))
    assert [row["JournalLines"] for row in xero.get("ManualJournals")] == [[]] * 5
    answer = xero.call("GET", "ManualJournals", page="2", pageSize="2").json()
    assert [(row["Narration"], len(row["JournalLines"])) for row in answer["ManualJournals"]] == [("J2", 2), ("J3", 2)]
    assert answer["pagination"] == {"page": 2, "pageSize": 2, "pageCount": 3, "itemCount": 5}
    assert xero.get("ManualJournals", page="4", pageSize="2") == []


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ('Narration=="O\'Neil é"', ["O'Neil é"]),
        ('Narration=="A" OR Narration=="B"', ["A", "B"]),
        ("Date>=DateTime(2026,10,15) AND Date<=DateTime(2026,10,31)", ["B", "O'Neil é"]),
        ('(Narration=="A" OR Narration=="B") AND Date<DateTime(2026,10,2)', ["A"]),
        ('Narration.StartsWith("O")', ["O'Neil é"]),
        ('Status=="DRAFT"', []),
    ],
)
def test_filters(xero: Caller, where: str, found: list[str]) -> None:
    for narration, day in (("A", "2026-10-01"), ("B", "2026-10-15"), ("O'Neil é", "2026-10-31")):
        xero.made("ManualJournals", **xero.journal(Narration=narration, Date=day))
    assert [row["Narration"] for row in xero.get("ManualJournals", where=where)] == found
    newest_first = xero.get("ManualJournals", where=where, order="Date DESC")
    assert [row["Narration"] for row in newest_first] == found[::-1]


@pytest.mark.parametrize("where", ["Narration=", 'Nonsense=="x"', 'Narration=="A" AND', "Narration==A", '("A"'])
def test_a_filter_that_cannot_be_read_is_refused(xero: Caller, where: str) -> None:
    answer = xero.call("GET", "ManualJournals", where=where)
    assert (answer.status_code, answer.json()["Type"]) == (400, "QueryParseException")


def test_filters_by_reference_and_by_what_is_linked(xero: Caller) -> None:
    contact = xero.contact()
    first = xero.made("Invoices", **xero.sale(contact, InvoiceNumber="A-1"))
    xero.made("Invoices", **xero.sale(contact, InvoiceNumber="A-2"))
    pay = {"Account": {"Code": "090"}, "Date": "2026-11-05", "Amount": 1, "Reference": "ABCDE-P1"}
    xero.made("Payments", **pay, Invoice={"InvoiceID": first["InvoiceID"]})
    assert len(xero.get("Payments", where='Reference=="ABCDE-P1"')) == 1
    assert len(xero.get("Payments", where=f'Invoice.InvoiceID==guid("{first["InvoiceID"]}")')) == 1
    assert [row["InvoiceNumber"] for row in xero.get("Invoices", InvoiceNumbers="A-2,A-9")] == ["A-2"]
    assert [row["InvoiceNumber"] for row in xero.get("Invoices", Statuses="PAID")] == []


def test_what_changed_since(xero: Caller) -> None:
    xero.made("Contacts", Name="Old")
    time.sleep(1.1)
    moment = time.gmtime()
    xero.made("Contacts", Name="New")
    for form in ("%Y-%m-%dT%H:%M:%S", "%a, %d %b %Y %H:%M:%S GMT"):
        header = time.strftime(form, moment)
        answer = xero.call("GET", "Contacts", headers={"If-Modified-Since": header})
        assert [row["Name"] for row in answer.json()["Contacts"]] == ["New"]
    assert xero.call("GET", "Contacts", headers={"If-Modified-Since": "yesterday"}).status_code == 412


def test_the_same_key_gives_the_first_answer_for_six_minutes(xero: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = xero.put("ManualJournals", xero.journal(), headers=key).json()
    assert xero.put("ManualJournals", xero.journal(), headers=key).json() == first
    assert xero.state()["counts"]["ManualJournal"] == 1
    other = xero.put("ManualJournals", xero.journal(5), headers=key)
    assert (other.status_code, "used with a different request" in other.text) == (400, True)
    assert xero.put("ManualJournals", xero.journal(), headers={"Idempotency-Key": "x" * 129}).status_code == 400
    monkeypatch.setattr(idempotency, "KEPT_SECONDS", -1.0)
    assert xero.put("ManualJournals", xero.journal(), headers=key).json() != first
    assert xero.state()["counts"]["ManualJournal"] == 2


def test_its_own_errors_stay_under_the_key(xero: Caller) -> None:
    key = {"Idempotency-Key": "k-2"}
    xero.control("faults", {"kinds": ["500"], "times": 1})
    assert xero.put("ManualJournals", xero.journal(), headers=key).status_code == 500
    assert xero.put("ManualJournals", xero.journal(), headers=key).status_code == 500
    assert xero.put("ManualJournals", xero.journal(), headers={"Idempotency-Key": "k-3"}).status_code == 200
    assert xero.state()["counts"]["ManualJournal"] == 1


def test_faults_and_the_shape_of_their_answers(xero: Caller) -> None:
    xero.control("faults", {"kinds": ["503"], "times": 1})
    answer = xero.call("GET", "Organisation")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/plain; charset=utf-8")
    xero.control("faults", {"kinds": ["429"], "times": 1})
    answer = xero.call("GET", "Organisation")
    assert (answer.status_code, answer.headers["X-Rate-Limit-Problem"], answer.headers["Retry-After"]) == (
        429,
        "minute",
        "60",
    )
    xero.control("retry_after", {"told": False})
    xero.control("faults", {"kinds": ["429"], "times": 1})
    assert "Retry-After" not in xero.call("GET", "Organisation").headers
    for kind, kept in (("drop", 0), ("drop_after_commit", 1)):
        xero.control("faults", {"kinds": [kind], "times": 1})
        with pytest.raises(requests.ConnectionError):
            xero.put("ManualJournals", xero.journal(), headers={"Idempotency-Key": kind})
        assert xero.state()["counts"]["ManualJournal"] == kept


def test_sixty_a_minute_and_what_is_left_of_them() -> None:
    with start_in_thread("xero", limits="real") as server:
        xero = Caller(server.url)
        first = xero.call("GET", "Organisation")
        assert (first.headers["X-MinLimit-Remaining"], first.headers["X-DayLimit-Remaining"]) == ("59", "4999")
        statuses = [xero.call("GET", "Organisation").status_code for _ in range(62)]
        assert statuses == [200] * 59 + [429] * 3
        assert xero.state()["limits"]["exceeded"]["minute"] == 3


def test_pages_open_and_escape_what_was_sent(xero: Caller) -> None:
    contact = xero.contact("<script>alert(1)</script>")
    xero.made("ManualJournals", **xero.journal(1234567.5, Narration="<b>"))
    invoice = xero.made("Invoices", **xero.sale(contact))["InvoiceID"]
    pay = {"Account": {"Code": "090"}, "Date": "2026-11-05", "Amount": 1, "Invoice": {"InvoiceID": invoice}}
    xero.made("Payments", **pay)
    seen: set[str] = set()
    to_see = ["/"]
    while to_see:
        path = to_see.pop()
        seen.add(path)
        page = requests.get(xero.url + path, timeout=5)
        assert page.status_code == 200, path
        assert "<script" not in page.text
        assert "<b>" not in page.text.replace("<b>Xero sandbox</b>", "")
        links = re.findall(r'href="(/[^"]*)"', page.text)
        to_see += [link for link in links if link not in seen and link not in to_see and not link.startswith("/_")]
    assert f"/invoice/{invoice}" in seen
    assert "1,234,567.50" in requests.get(f"{xero.url}/manualjournal", timeout=5).text
