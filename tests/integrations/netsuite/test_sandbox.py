"""The sandbox is as strict as NetSuite: shapes, names, references, periods, repeats, jobs and queries."""

import time
import uuid
from decimal import Decimal

import pytest

JE = "/record/v1/journalEntry"
BATCH = {"Prefer": "respond-async", "Content_Type": "application/vnd.oracle.resource+json; type=collection"}


@pytest.fixture
def journal(erp):
    """Give a balanced journal: `journal(lines=[...], **fields)`."""
    deferred, services = erp.account("Deferred Revenue"), erp.account("Services")

    def make(**fields):
        lines = [{"account": {"id": deferred}, "debit": 100.5}, {"account": {"id": services}, "credit": 100.5}]
        body = {"tranDate": "2026-10-31", "subsidiary": {"id": "1"}, "currency": {"id": "1"}, "line": {"items": lines}}
        return body | fields

    return make


def test_a_record_is_made_with_no_answer_but_its_location(erp, journal) -> None:
    answer = erp.api("POST", JE, journal(externalId="A-J1"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Location"] == f"{erp.url}/services/rest/record/v1/journalEntry/1"
    by_name = erp.api("GET", f"{JE}/eid:A-J1?expandSubResources=true").json()
    shown = [by_name["id"], by_name["currency"]["refName"], by_name["postingPeriod"]["refName"]]
    assert shown == ["1", "USD", "Oct 2026"]
    assert [line.get("debit") for line in by_name["line"]["items"]] == [100.5, None]
    closed = erp.api("GET", f"{JE}/1").json()
    assert "items" not in closed["line"] and closed["line"]["links"]


def test_an_external_id_serves_once_over_all_kinds_of_transactions(erp, journal) -> None:
    erp.make("journalEntry", **journal(externalId="A-J1"))
    code, words = erp.refused("POST", JE, journal(externalId="A-J1"))
    assert code == "INVALID_CONTENT" and "already exists" in words
    other = {"customer": {"id": erp.customer()}, "payment": 5, "externalId": "A-J1"}
    assert "already exists" in erp.refused("POST", "/record/v1/customerPayment", other)[1]
    assert erp.refused("GET", "/record/v1/invoice/eid:A-J1", None, 404)[0] == "NONEXISTENT_ID"


def test_an_upsert_updates_the_second_time(erp) -> None:
    body = {"companyName": "Acme", "subsidiary": {"id": "1"}}
    first = erp.api("PUT", "/record/v1/customer/eid:A-U1", body)
    second = erp.api("PUT", "/record/v1/customer/eid:A-U1", body | {"companyName": "Acme Ltd"})
    assert first.headers["Location"] == second.headers["Location"]
    assert erp.api("GET", "/record/v1/customer/eid:A-U1").json()["companyName"] == "Acme Ltd"
    assert erp.count("customer") == 1


@pytest.mark.parametrize(("mode", "status"), [("Error", 400), ("Warning", 204), ("Ignore", 204)])
def test_a_misspelt_field_is_dropped_unless_names_are_checked(erp, journal, mode, status) -> None:
    body = journal(trandate="2026-10-01")
    answer = erp.api("POST", JE, body, X_NetSuite_PropertyNameValidation=mode)
    assert answer.status_code == status
    assert ("trandate" in answer.headers.get("Warning", "")) is (mode == "Warning")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tranDate": "31.10.2026"}, "tranDate"),
        ({"subsidiary": "1"}, "subsidiary"),
        ({"subsidiary": None}, "subsidiary"),
        ({"currency": {"id": "99"}}, "Invalid Field Value 99"),
        ({"exchangeRate": "1"}, "exchangeRate"),
        ({"exchangeRate": 2}, "exchange rate"),
        ({"approvalStatus": {"id": "7"}}, "Invalid Field Value 7"),
        ({"memo": "x" * 1000}, "maximum number"),
        ({"line": {"items": []}}, "at least one line"),
        ({"tranDate": "2040-01-01"}, "accounting period"),
        ({"externalId": "A|1"}, "externalId"),
        ({"externalId": 1}, "externalId"),
        ({"subsidiary": {"id": 1}}, "id"),
        ({"approvalStatus": "2"}, "Invalid Field Value 2"),
        ({"reversalDefer": "T"}, "reversalDefer"),
    ],
)
def test_a_wrong_field_is_refused(erp, journal, change, words) -> None:
    assert words in erp.refused("POST", JE, journal(**change))[1]
    assert erp.count("journalEntry") == 0


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([{"debit": 5}, {"credit": 4}], "must balance"),
        ([{"debit": 5, "credit": 5}], "either a debit or a credit"),
        ([{"debit": "5"}, {"credit": 5}], "debit"),
        ([{"debit": 5.001}, {"credit": 5.001}], "more decimals"),
        ([{"debit": -5}, {"credit": -5}], "positive"),
        ([{"debit": 5, "Memo": "x"}, {"credit": 5}], "Memo"),
        ([{"account": {"id": "4"}, "debit": 5}, {"credit": 5}], "entity"),
        ([{"account": {"id": "35"}, "debit": 5}, {"credit": 5}], "Invalid Field Value 35"),
    ],
)
def test_wrong_lines_are_refused(erp, journal, lines, words) -> None:
    filled = [{"account": {"id": erp.account("Services")}} | line for line in lines]
    assert words in erp.refused("POST", JE, journal(line={"items": filled}))[1]


def test_an_inactive_account_takes_nothing(erp, journal) -> None:
    erp.edit("account", erp.account("Services"), isInactive=True)
    assert "Invalid Field Value" in erp.refused("POST", JE, journal())[1]


@pytest.mark.parametrize("preference", ["ClosedThrough", "ArLockedThrough"])
def test_a_closed_period_takes_nothing(erp, journal, preference) -> None:
    customer = erp.customer()
    erp.prefer(**{preference: "2026-10-31"})
    code, words = erp.refused(
        "POST", "/record/v1/customerPayment", {"customer": {"id": customer}, "payment": 5, "tranDate": "2026-10-31"}
    )
    assert code == "USER_ERROR" and "Oct 2026" in words
    status = erp.api("POST", JE, journal()).status_code
    assert status == (400 if preference == "ClosedThrough" else 204)
    assert erp.api("POST", JE, journal(tranDate="2026-11-01")).status_code == 204


def sale(erp, customer: str, **fields) -> dict:
    line = {"item": {"id": "1"}, "quantity": 2, "rate": 50, "amount": 100}
    return {"entity": {"id": customer}, "tranDate": "2026-10-31", "item": {"items": [line]}} | fields


def test_payments_and_credits_settle_open_documents_only(erp) -> None:
    customer, other = erp.customer(), erp.customer("Other")
    invoice = erp.make("invoice", **sale(erp, customer, tranId="INV-1"))
    apply = {"items": [{"doc": {"id": invoice}, "apply": True, "amount": 60}]}
    paid = {"customer": {"id": customer}, "payment": 60, "apply": apply, "autoApply": False}
    erp.make("customerPayment", **paid)
    assert erp.api("GET", f"/record/v1/invoice/{invoice}").json()["amountRemaining"] == 40
    assert "more than what is due" in erp.refused("POST", "/record/v1/customerPayment", paid)[1]
    wrong = paid | {"customer": {"id": other}}
    assert "doc" in erp.refused("POST", "/record/v1/customerPayment", wrong)[1]
    memo = sale(erp, customer, apply={"items": [{"doc": {"id": invoice}, "apply": True, "amount": 40}]})
    erp.make("creditMemo", **memo)
    assert erp.api("GET", f"/record/v1/invoice/{invoice}").json()["amountRemaining"] == 0


def test_a_transformation_copies_the_lines_and_applies_itself(erp) -> None:
    invoice = erp.make("invoice", **sale(erp, erp.customer()))
    answer = erp.api("POST", f"/record/v1/invoice/{invoice}/!transform/creditMemo", {"externalId": "V1"})
    memo = erp.api("GET", f"/record/v1/creditMemo/{answer.headers['Location'].rpartition('/')[2]}").json()
    assert (memo["total"], memo["externalId"]) == (100, "V1")
    assert erp.api("GET", f"/record/v1/invoice/{invoice}").json()["amountRemaining"] == 0
    assert erp.refused("POST", f"/record/v1/invoice/{invoice}/!transform/journalEntry", {})[0] == "INVALID_CONTENT"


def test_stated_taxes_need_all_their_columns(erp) -> None:
    line = {"item": {"id": "1"}, "amount": 100, "taxDetailsReference": "1"}
    detail = {
        "taxDetailsReference": {"id": "1"},
        "taxType": "1",
        "taxCode": {"id": "1"},
        "taxBasis": 100,
        "taxRate": 8.25,
        "taxAmount": 8.25,
    }
    body = sale(erp, erp.customer(), item={"items": [line]}, taxDetailsOverride=True, taxDetails={"items": [detail]})
    invoice = erp.make("invoice", **body)
    assert erp.api("GET", f"/record/v1/invoice/{invoice}").json()["total"] == 108.25
    for name in detail:
        partial = {key: value for key, value in detail.items() if key != name}
        assert name in erp.refused("POST", "/record/v1/invoice", body | {"taxDetails": {"items": [partial]}})[1]
    for wrong in ({"taxDetailsReference": "1"}, {"taxType": {"id": "1"}}, {"taxType": "99"}, {"taxCode": "1"}):
        (name,) = wrong
        assert name in erp.refused("POST", "/record/v1/invoice", body | {"taxDetails": {"items": [detail | wrong]}})[1]


def test_a_refund_has_a_payment_option_and_no_payment_method(erp) -> None:
    customer = erp.customer()
    memo = erp.make("creditMemo", **sale(erp, customer))
    refund = {"customer": {"id": customer}, "apply": {"items": [{"doc": {"id": memo}, "apply": True, "amount": 5}]}}
    path = "/record/v1/customerRefund"
    assert "paymentMethod" in erp.refused("POST", path, refund | {"paymentMethod": {"id": "1"}})[1]
    erp.prefer(PaymentOptionMandatory=True)
    assert "paymentOption" in erp.refused("POST", path, refund)[1]
    erp.make("customerRefund", **refund, paymentOption={"id": "6"})


def test_unknown_query_parameters_are_refused(erp, journal) -> None:
    for method, path in (("POST", f"{JE}?requestid=1"), ("GET", f"{JE}/1?minorversion=75"), ("PUT", f"{JE}/eid:1?q=1")):
        assert erp.refused(method, path, journal())[0] == "INVALID_PARAMETER"
    assert erp.refused("PUT", "/record/v1/customer/eid:A%7C1", {"companyName": "A"})[0] == "INVALID_CONTENT"


def job_of(erp, answer, done: bool = True) -> dict:
    assert answer.status_code == 202 and answer.headers["Preference-Applied"] == "respond-async"
    path = answer.headers["Location"].removeprefix("/services/rest")
    while done and not erp.api("GET", path).json()["completed"]:
        time.sleep(0.02)
    return erp.api("GET", path).json()


def test_a_batch_is_done_later_and_each_record_by_itself(erp, journal, later) -> None:
    erp.prefer(JobSeconds=600)
    items = [journal(externalId="B1"), journal(externalId="B2", tranDate="nonsense"), journal(externalId="B3")]
    answer = erp.api("POST", JE, {"items": items}, **BATCH)
    assert job_of(erp, answer, done=False)["progress"] == "pending" and erp.count("journalEntry") == 0
    later(600)
    job = job_of(erp, answer)
    path = f"/async/v1/job/{job['id']}/task"
    tasks = erp.api("GET", path).json()["items"]
    assert [task["progress"] for task in tasks] == ["succeeded", "failed", "succeeded"]
    assert erp.api("GET", f"{path}/2/result").status_code == 400
    assert erp.api("GET", f"{path}/3/result").headers["Location"].endswith("/journalEntry/2")


def test_a_batch_has_at_most_100_records_and_must_be_asynchronous(erp, journal) -> None:
    assert "100" in erp.refused("POST", JE, {"items": [journal()] * 101}, **BATCH)[1]
    content = {"Content_Type": BATCH["Content_Type"]}
    assert "respond-async" in erp.refused("POST", JE, {"items": [journal()]}, **content)[1]


def test_an_idempotency_key_leads_back_to_the_first_job(erp, journal) -> None:
    key = {"X_NetSuite_Idempotency_Key": str(uuid.uuid4())}
    first = erp.api("POST", JE, {"items": [journal()]}, **BATCH, **key)
    again = erp.api("POST", JE, {"items": [journal()]}, **BATCH, **key)
    assert again.status_code == 400 and again.json()["title"] == "Conflict"
    assert again.json()["o:errorDetails"][0]["o:errorCode"] == "IDEMPOTENCY_ERROR"
    assert again.headers["Location"] == first.headers["Location"]
    job_of(erp, first)
    assert erp.count("journalEntry") == 1
    erp.api("POST", JE, journal(), **key)  # A synchronous call ignores it.
    assert erp.count("journalEntry") == 2


def test_suiteql_wants_its_header_and_shows_the_accounts_own_dates(erp, journal) -> None:
    erp.make("journalEntry", **journal(externalId="B1", memo="It's"))
    text = "SELECT id, trandate, TO_CHAR(trandate, 'YYYY-MM-DD') AS day, duedate FROM transaction WHERE memo = 'It''s'"
    assert erp.query(text) == [{"links": [], "id": "1", "trandate": "10/31/2026", "day": "2026-10-31"}]
    assert "Prefer" in erp.refused("POST", "/query/v1/suiteql", {"q": text})[1]
    transient = {"Prefer": "transient"}
    unknown = {"q": "SELECT nonsense FROM account"}
    assert "Unknown identifier 'nonsense'" in erp.refused("POST", "/query/v1/suiteql", unknown, **transient)[1]
    for bad in ("DELETE FROM account", "SELECT id FROM account LIMIT 5", "SELECT id FROM account; SELECT 1"):
        assert "Invalid" in erp.refused("POST", "/query/v1/suiteql", {"q": bad}, **transient)[1]
    path = "/query/v1/suiteql?limit=1001"
    assert "limit" in erp.refused("POST", path, {"q": "SELECT id FROM account"}, **transient)[1]


def test_suiteql_pages(erp) -> None:
    text = {"q": "SELECT id FROM account ORDER BY id"}
    seen = []
    for offset in (0, 20):
        answer = erp.api("POST", f"/query/v1/suiteql?limit=20&offset={offset}", text, Prefer="transient").json()
        assert (answer["count"], answer["hasMore"], answer["totalResults"]) == (len(answer["items"]), not offset, 35)
        seen += [int(row["id"]) for row in answer["items"]]
    assert seen == list(range(1, 36))


def test_the_ledger_of_each_subsidiary_adds_up_in_its_own_currency(erp, journal) -> None:
    erp.prefer(Subsidiaries=3)
    erp.make("journalEntry", **journal(subsidiary={"id": "2"}, currency={"id": "1"}, exchangeRate=0.925925))
    rows = erp.query("SELECT foreignamount, netamount FROM transactionline ORDER BY id")
    assert [Decimal(row["foreignamount"]) for row in rows] == [Decimal("100.5"), Decimal("-100.5")]
    assert sum(Decimal(row["netamount"]) for row in rows) == 0


def test_a_person_sees_the_books(erp, journal) -> None:
    erp.make("journalEntry", **journal(memo="<b>bold</b>"))
    home = erp.get("/")
    assert "Deferred Revenue" in home and "100.50" in home and "Parent Company, books in USD" in home
    page = erp.get("/journalentry/1")
    assert "GL impact in USD" in page and "&lt;b&gt;bold" in page
    assert page.count(f'<a href="/account/{erp.account("Services")}">Services</a>') == 2  # its line, and its impact
    assert "100.50" in erp.get(f"/account/{erp.account('Services')}")
    for path in ("/journalentry", "/invoice", "/customer", "/servicesaleitem"):
        assert erp.get(path)
