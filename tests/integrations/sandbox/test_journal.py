"""Journal entries: what is refused, what is kept, what it does to balances."""

from typing import Any

import pytest


def _changed(body: dict[str, Any], at: int = 0, **line: Any) -> dict[str, Any]:
    lines = [dict(each) for each in body["Line"]]
    lines[at] |= line
    return body | {"Line": lines}


def test_kept_with_id_token_and_a_total_of_zero(qbo: Any) -> None:
    made = qbo.make("JournalEntry", **qbo.journal(DocNumber="RR-1", PrivateNote="note"))
    assert (made["SyncToken"], made["TotalAmt"], made["DocNumber"]) == ("0", 0, "RR-1")
    assert qbo.call("GET", f"journalentry/{made['Id']}").json()["JournalEntry"] == made
    assert qbo.account("Services")["CurrentBalance"] == 100.5
    assert qbo.account("Deferred Revenue")["CurrentBalance"] == -100.5


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Id": "5"}, "2010"),
        ({"Surprise": 1}, "2010"),
        ({"DocNumber": "x" * 22}, "2050"),
        ({"PrivateNote": "x" * 4001}, "2050"),
        ({"TxnDate": "31.10.2026"}, "2060"),
        ({"TxnDate": ""}, "2060"),
        ({"TxnDate": "2026-02-30"}, "2060"),
        ({"CurrencyRef": {"value": "EUR"}}, "6000"),
        ({"GlobalTaxCalculation": "TaxExcluded"}, "6000"),
        ({"Line": []}, "2250"),
    ],
)
def test_bad_fields(qbo: Any, fields: dict[str, Any], code: str) -> None:
    assert qbo.refused("journalentry", qbo.journal(**fields)) == code
    assert qbo.state()["counts"]["JournalEntry"] == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"Amount": -1}, "2290"),
        ({"Amount": 0}, "2290"),
        ({"Amount": "100.50"}, "2010"),
        ({"Amount": 100.505}, "2290"),
        ({"LineNum": 0}, "2010"),
        ({"DetailType": None}, "2020"),
        ({"Amount": 1234567890123456}, "2290"),
        ({"Amount": 99}, "2300"),
        ({"Description": "x" * 4001}, "2050"),
        ({"DetailType": "Other"}, "2010"),
        ({"Extra": 1}, "2010"),
    ],
)
def test_bad_lines(qbo: Any, line: dict[str, Any], code: str) -> None:
    assert qbo.refused("journalentry", _changed(qbo.journal(), **line)) == code


@pytest.mark.parametrize(
    ("detail", "code"),
    [
        ({"PostingType": "debit"}, "2260"),
        ({"PostingType": None}, "2260"),
        ({"PostingType": "Credit"}, "2250"),
        ({"AccountRef": {"value": "999"}}, "2500"),
        ({"AccountRef": {"value": 16}}, "2010"),
        ({"AccountRef": None}, "2020"),
        ({"ClassRef": {"value": "77"}}, "2500"),
        ({"TaxCodeRef": {"value": "TAX"}}, "6000"),
    ],
)
def test_bad_line_details(qbo: Any, detail: dict[str, Any], code: str) -> None:
    body = qbo.journal()
    changed = body["Line"][0]["JournalEntryLineDetail"] | detail
    assert qbo.refused("journalentry", _changed(body, JournalEntryLineDetail=changed)) == code


def test_inactive_account(qbo: Any) -> None:
    account = qbo.account("Services")
    body = qbo.journal()
    qbo.make("Account", Id=account["Id"], SyncToken=account["SyncToken"], sparse=True, Active=False)
    assert qbo.refused("journalentry", body) == "610"
    assert qbo.query("select * from Account where Name = 'Services'") == {}
    assert qbo.query("select * from Account where Name = 'Services' and Active in (true, false)")["maxResults"] == 1


def test_receivables_want_a_customer_and_payables_a_vendor(qbo: Any) -> None:
    customer = qbo.make("Customer", DisplayName="Ann")["Id"]
    for account, right, wrong in (
        ("Accounts Receivable (A/R)", "Customer", "Vendor"),
        ("Accounts Payable (A/P)", "Vendor", "Customer"),
    ):
        credit = qbo.line("Credit", "Services", 10)
        assert qbo.refused("journalentry", {"Line": [qbo.line("Debit", account, 10), credit]}) == "6000"
        party = qbo.make("Vendor", DisplayName="Bob")["Id"] if right == "Vendor" else customer
        entity = {"Type": wrong, "EntityRef": {"value": party}}
        assert qbo.refused("journalentry", {"Line": [qbo.line("Debit", account, 10, Entity=entity), credit]}) == "6000"
        entity = {"Type": right, "EntityRef": {"value": party}}
        qbo.make("JournalEntry", Line=[qbo.line("Debit", account, 10, Entity=entity), credit])
    assert qbo.query("select * from Customer")["Customer"][0]["Balance"] == 10
    vendor = qbo.query("select * from Vendor")["Vendor"][0]["Id"]
    both = [
        qbo.line(
            "Debit", "Accounts Receivable (A/R)", 10, Entity={"Type": "Customer", "EntityRef": {"value": customer}}
        ),
        qbo.line("Credit", "Accounts Payable (A/P)", 10, Entity={"Type": "Vendor", "EntityRef": {"value": vendor}}),
    ]
    assert qbo.refused("journalentry", {"Line": both}) == "6000"


def test_numbers_repeat_unless_the_company_says_otherwise(qbo: Any) -> None:
    body = qbo.journal(DocNumber="J1")
    qbo.make("JournalEntry", **body)
    qbo.make("JournalEntry", **body)
    qbo.control("preferences", {"WarnDuplicateJournalNumber": True})
    assert qbo.refused("journalentry", body) == "6140"


def test_closed_books(qbo: Any) -> None:
    made = qbo.make("JournalEntry", **qbo.journal())
    qbo.control("preferences", {"BookCloseDate": "2026-10-31"})
    preferences = qbo.call("GET", "preferences").json()["Preferences"]
    assert preferences["AccountingInfoPrefs"]["BookCloseDate"] == "2026-10-31"
    token = {"Id": made["Id"], "SyncToken": "0"}
    assert qbo.refused("journalentry", qbo.journal()) == "6200"
    assert qbo.refused("journalentry", token, operation="delete") == "6200"
    assert qbo.refused("journalentry", {**token, "sparse": True, "TxnDate": "2026-11-01"}) == "6200"
    qbo.make("JournalEntry", **qbo.journal(TxnDate="2026-11-01"))


def test_foreign_currency(qbo: Any) -> None:
    qbo.control("preferences", {"MultiCurrencyEnabled": True})
    assert qbo.refused("journalentry", qbo.journal()) == "2020"
    assert qbo.refused("journalentry", qbo.journal(CurrencyRef={"value": "XXX"})) == "2500"
    eur = {"value": "EUR"}
    assert qbo.make("JournalEntry", **qbo.journal(100, CurrencyRef=eur))["ExchangeRate"] == 1
    qbo.make("JournalEntry", **qbo.journal(100, CurrencyRef=eur, ExchangeRate=1.1))
    assert qbo.account("Services")["CurrentBalance"] == 210
    rate = qbo.call("GET", "exchangerate", sourcecurrencycode="EUR", asofdate="2026-10-31").json()["ExchangeRate"]
    assert (rate["Rate"], rate["AsOfDate"]) == (1.08, "2026-10-31")


def test_update_delete_and_stale_tokens(qbo: Any) -> None:
    made = qbo.make("JournalEntry", **qbo.journal(DocNumber="J1", PrivateNote="keep"))
    identity = {"Id": made["Id"], "SyncToken": "0"}
    sparse = qbo.make("JournalEntry", **identity, sparse=True, DocNumber="J2")
    assert (sparse["SyncToken"], sparse["PrivateNote"], sparse["DocNumber"]) == ("1", "keep", "J2")
    assert qbo.refused("journalentry", qbo.journal(**identity)) == "5010"
    full = qbo.make("JournalEntry", **qbo.journal(7, **identity | {"SyncToken": "1"}))
    assert "PrivateNote" not in full
    assert qbo.account("Services")["CurrentBalance"] == 7
    assert qbo.query("select Id from JournalEntry where DocNumber = 'J2'") == {}
    gone = qbo.post("journalentry", identity | {"SyncToken": "2"}, operation="delete").json()["JournalEntry"]
    assert gone == {"status": "Deleted", "domain": "QBO", "Id": made["Id"]}
    assert qbo.account("Services")["CurrentBalance"] == 0
    assert qbo.refused("journalentry", identity | {"SyncToken": "3"}, operation="delete") == "610"


def test_cents_are_exact(qbo: Any) -> None:
    for _ in range(10):
        qbo.make("JournalEntry", **qbo.journal(0.1))
    assert qbo.account("Services")["CurrentBalance"] == 1
