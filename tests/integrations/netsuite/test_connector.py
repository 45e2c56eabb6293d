"""The connector against the sandbox: create, repeat, read back, and every way a request can go wrong."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from integrations.connectors.base import (
    BadCredentials,
    Delivered,
    InProgress,
    MissingMapping,
    NameTaken,
    PeriodLocked,
    Rejected,
    RowKind,
    TryLater,
    UnknownOutcome,
)
from integrations.connectors.netsuite.signing import TOKEN
from integrations.documents import Kind
from tests.integrations.netsuite import samples
from tests.integrations.netsuite.samples import D, parcels

JOURNAL, CUSTOMER = Kind.JOURNAL_ENTRY, Kind.CUSTOMER


@pytest.fixture
def ns(erp):
    return erp.connector()


@pytest.fixture
def accounts(erp) -> tuple[str, str]:
    return erp.account("Deferred Revenue"), erp.account("Services")


def send(ns, kind, *documents, key: str = ""):
    return ns.send(kind, key or str(uuid4()), parcels(ns, kind, *documents))


def made(ns, kind, document) -> str:
    """Send one document; give the id it got."""
    outcome = send(ns, kind, document)[0]
    assert isinstance(outcome, Delivered), outcome
    return outcome.external_id


def test_one_journal_is_made_once_whatever_is_repeated(erp, ns, accounts) -> None:
    document = samples.journal(accounts)
    first, second = send(ns, JOURNAL, document), send(ns, JOURNAL, document)
    found = ns.find(JOURNAL, parcels(ns, JOURNAL, document))
    assert {(each.external_id, each.url) for each in (*first, *second, found["ABCDE-J1"])} == {
        ("1", f"{erp.url}/journalentry/1")
    }
    assert ns.find(JOURNAL, parcels(ns, JOURNAL, samples.journal(accounts, 2))) == {}
    assert erp.count("journalEntry") == 1


def test_every_write_has_its_property_names_checked(erp, ns, accounts) -> None:
    headers = []
    session = ns._client._session
    session.hooks["response"].append(
        lambda answer, *a, **k: headers.append((answer.request.method, answer.request.headers))
    )
    send(ns, CUSTOMER, samples.customer())
    send(ns, JOURNAL, samples.journal(accounts), samples.journal(accounts, 2))
    writes = [sent for method, sent in headers if method in ("PUT", "PATCH") or "PropertyName" in str(sent)]
    assert len(writes) == 2
    assert all(sent["X-NetSuite-PropertyNameValidation"] == "Error" for sent in writes)
    batch = writes[1]
    assert batch["Prefer"] == "respond-async"
    assert batch["Content-Type"] == "application/vnd.oracle.resource+json; type=collection"
    assert len(batch["X-NetSuite-Idempotency-Key"]) == 36


def test_100_journals_go_out_as_one_batch(erp, ns, accounts) -> None:
    outcomes = send(ns, JOURNAL, *(samples.journal(accounts, number) for number in range(1, 101)))
    assert [type(each) for each in outcomes] == [Delivered] * 100
    kinds = erp.state()["calls"]["by_kind"]
    assert (kinds["batch journalEntry"], kinds.get("create journalEntry", 0), erp.count("journalEntry")) == (1, 0, 100)


def test_what_a_batch_refuses_is_told_apart_in_the_vendors_words(erp, ns, accounts) -> None:
    late = samples.journal(accounts, 2, date=date(2026, 9, 30))
    gone = samples.journal((accounts[0], "999"), 3)
    held = samples.journal(accounts, 4)
    made(ns, JOURNAL, held)
    erp.prefer(ClosedThrough="2026-09-30")
    outcomes = send(ns, JOURNAL, samples.journal(accounts, 1), late, gone, held)
    assert [type(each) for each in outcomes] == [Delivered, PeriodLocked, MissingMapping, Delivered]
    assert "Sep 2026" in outcomes[1].words and "Manage Accounting Periods" in outcomes[1].words
    assert "Invalid Field Value 999" in outcomes[2].words
    assert erp.count("journalEntry") == 2


def test_an_account_that_takes_no_batches_gets_one_after_another(erp, ns, accounts) -> None:
    """Oracle's help makes records by POST in batches; its REST API Browser updates and upserts that way only."""
    erp.prefer(BatchesByPost=False)
    outcomes = send(ns, JOURNAL, *(samples.journal(accounts, number) for number in range(22)))
    assert [type(each) for each in outcomes] == [Delivered] * 20 + [TryLater] * 2
    assert send(ns, JOURNAL, samples.journal(accounts, 20), samples.journal(accounts, 21))[1].external_id == "22"
    assert erp.count("journalEntry") == 22


def test_a_batch_whose_answer_was_lost_is_not_done_twice(erp, ns, accounts, later) -> None:
    ours, key = parcels(ns, JOURNAL, *(samples.journal(accounts, number) for number in (1, 2, 3, 4, 5))), str(uuid4())
    erp.prefer(JobSeconds=600)
    erp.fail(faults={"drop_after_commit": 1}, times=1, only="journalEntry")
    with pytest.raises(UnknownOutcome):
        ns.send(JOURNAL, key, ours)
    assert ns.find(JOURNAL, ours) == {}
    with pytest.raises(InProgress) as caught:
        ns.send(JOURNAL, key, ours)  # The same key leads back to the first job.
    assert caught.value.ticket == "1"
    later(600)
    outcomes = ns.send(JOURNAL, key, ours)
    assert [type(each) for each in outcomes] == [Delivered] * 5
    assert set(ns.find(JOURNAL, ours)) == {each.reference for each in ours}
    assert erp.count("journalEntry") == 5


def test_nobody_waits_for_a_job_that_takes_its_time(erp, ns, accounts, later) -> None:
    erp.prefer(JobSeconds=600)
    documents = [samples.journal(accounts, number) for number in (1, 2)]
    with pytest.raises(InProgress) as caught:
        send(ns, JOURNAL, *documents)
    assert caught.value.after == 1.0
    waiting = parcels(ns, JOURNAL, *documents, ticket=caught.value.ticket)
    with pytest.raises(InProgress) as caught:
        ns.find(JOURNAL, waiting)
    assert caught.value.after == 4.0
    later(600)
    assert set(ns.find(JOURNAL, waiting)) == {"ABCDE-J1", "ABCDE-J2"}
    gone = parcels(ns, JOURNAL, *documents, ticket="4711")  # A job that NetSuite no longer knows has ended.
    assert set(ns.find(JOURNAL, gone)) == {"ABCDE-J1", "ABCDE-J2"}


def test_of_a_few_each_is_asked_for_by_itself(erp, ns, accounts) -> None:
    documents = [samples.journal(accounts, number) for number in (1, 2)]
    for document in documents:
        made(ns, JOURNAL, document)
    erp.fail(faults={"500": 1}, times=1, only="J1")
    found = ns.find(JOURNAL, parcels(ns, JOURNAL, *documents))
    assert isinstance(found["ABCDE-J1"], UnknownOutcome)
    assert isinstance(found["ABCDE-J2"], Delivered)


@pytest.mark.parametrize("fault", ["drop_after_commit", "timeout_after_commit"])
def test_a_lost_answer_is_read_back(erp, accounts, fault) -> None:
    ns = erp.connector(read_timeout=0.5)
    erp.fail(faults={fault: 1}, times=1, only="POST /services/rest/record")
    ours = parcels(ns, JOURNAL, samples.journal(accounts))
    with pytest.raises(UnknownOutcome) as caught:
        ns.send(JOURNAL, str(uuid4()), ours)
    assert caught.value.settle == (30 if fault.startswith("timeout") else 0)
    assert isinstance(ns.find(JOURNAL, ours)["ABCDE-J1"], Delivered)


@pytest.mark.parametrize("fault", ["500", "503", "html_error", "drop"])
def test_a_server_error_leaves_the_outcome_open(erp, ns, accounts, fault) -> None:
    erp.fail(faults={fault: 1}, times=1)
    with pytest.raises(UnknownOutcome):
        send(ns, JOURNAL, samples.journal(accounts))
    assert made(ns, JOURNAL, samples.journal(accounts))


@pytest.mark.parametrize(("seconds", "after", "whole"), [(0, 2.0, False), (7, 7.0, True)])
def test_a_busy_account_is_waited_for(erp, ns, accounts, seconds, after, whole) -> None:
    erp.prefer(RetryAfter=seconds)
    erp.fail(faults={"429": 1}, times=1)
    with pytest.raises(TryLater) as caught:
        send(ns, JOURNAL, samples.journal(accounts))
    assert (caught.value.after, caught.value.whole_connection) == (after, whole)


def test_a_token_that_ends_in_the_middle_is_renewed(erp, ns, accounts) -> None:
    made(ns, JOURNAL, samples.journal(accounts))
    before = erp.login.asked
    erp.expire_tokens()
    assert made(ns, JOURNAL, samples.journal(accounts, 2))
    assert erp.login.asked == before + 1


@pytest.mark.parametrize("sign_in", ["certificate", TOKEN])
def test_a_refused_login_may_be_overload_and_ends_no_connection(erp, accounts, sign_in) -> None:
    ns = erp.connector(sign_in=sign_in)
    erp.control("refuse_logins", times=1)
    assert made(ns, JOURNAL, samples.journal(accounts))
    erp.control("refuse_logins", times=2)
    with pytest.raises(TryLater, match="audit trail") as caught:
        send(ns, JOURNAL, samples.journal(accounts, 2))
    assert caught.value.whole_connection and not isinstance(caught.value, BadCredentials)


def test_a_journal_of_1000_lines(erp, ns, accounts) -> None:
    document = samples.journal(accounts, lines=1000, amount="0.01")
    number = made(ns, JOURNAL, document)
    read = ns.document(JOURNAL, number)
    assert len(read.postings) == 1000
    assert sum(each.amount for each in read.postings) == 0
    assert sum(each.amount for each in read.postings if each.amount > 0) == 5


@pytest.mark.parametrize(
    ("currency", "amount", "rate"), [("JPY", "12001", "0.0067"), ("KWD", "1.234", "3.25"), ("EUR", "10.10", "1.0801")]
)
def test_currencies_of_no_and_three_decimals(erp, ns, accounts, currency, amount, rate) -> None:
    number = made(ns, JOURNAL, samples.journal(accounts, currency=currency, rate=D(rate), amount=amount))
    read = ns.document(JOURNAL, number)
    assert (read.currency, read.rate) == (currency, D(rate))
    assert {each.amount for each in read.postings} == {D(amount), -D(amount)}
    assert {each.base for each in read.postings} == {s * round(D(amount) * D(rate), 2) for s in (1, -1)}


def test_amounts_and_currencies_that_netsuite_does_not_keep_are_refused_before(erp, ns, accounts) -> None:
    with pytest.raises(Rejected, match="more digits"):
        ns.encode(JOURNAL, samples.journal(accounts, currency="JPY", amount="1.5"))
    with pytest.raises(Rejected, match="CHF, which is not a currency"):
        ns.encode(JOURNAL, samples.journal(accounts, currency="CHF"))
    document = samples.journal(accounts)
    with pytest.raises(Rejected, match="does not balance"):
        ns.encode(JOURNAL, replace(document, lines=document.lines[:1]))


@pytest.mark.parametrize(
    "name", ["Grüße & Söhne GmbH", "株式会社テスト", 'O\'Neil "Best" <b>', "n" * 300, "  spaced  "]
)
def test_names_come_through(erp, ns, name) -> None:
    number = made(ns, CUSTOMER, samples.customer(name=name))
    held = erp.api("GET", f"/record/v1/customer/{number}").json()
    assert held["companyName"] == name.strip()[:83]
    read = {row.external_id: row for row in ns.lists() if row.kind == RowKind.CUSTOMER}
    assert read[number].name == name.strip()[:83]


def test_the_longest_fields(erp, ns, accounts) -> None:
    long = samples.journal(accounts, description="d" * 5000)
    assert made(ns, JOURNAL, long)
    customer = made(ns, CUSTOMER, samples.customer(email="x" * 250 + "@acme.example"))
    item = made(ns, Kind.PRODUCT, samples.product(accounts[1], name="n" * 200, description="d" * 5000))
    made(ns, Kind.INVOICE, samples.invoice(customer, samples.line(item, description="x" * 5000), number=10**40))
    with pytest.raises(Rejected, match="longer than the 45"):
        ns.encode(Kind.INVOICE, samples.invoice(customer, samples.line(item), number=10**42))


def test_a_name_that_is_anothers_is_told_so_and_taken_with_a_suffix(erp, ns) -> None:
    erp.customer("Acme 1")
    assert isinstance(send(ns, CUSTOMER, samples.customer())[0], NameTaken)
    assert isinstance(send(ns, CUSTOMER, samples.customer(), samples.customer(2))[0], NameTaken)
    outcome = send(ns, CUSTOMER, samples.customer(suffix="X-1"))[0]
    assert outcome.name == "Acme 1 (X-1)"
    assert erp.api("GET", "/record/v1/customer/eid:ABCDE-U1").json()["companyName"] == "Acme 1 (X-1)"


def test_a_renamed_customer_is_renamed_there_under_the_same_id(erp, ns) -> None:
    first = made(ns, CUSTOMER, samples.customer())
    assert made(ns, CUSTOMER, samples.customer(name="New name")) == first
    assert erp.count("customer") == 1


def test_a_duplicate_number_is_anothers_document(erp, ns) -> None:
    erp.prefer(AllowDuplicateNumbers=False)
    customer = made(ns, CUSTOMER, samples.customer())
    made(ns, Kind.INVOICE, samples.invoice(customer, samples.line("1")))
    other = replace(samples.invoice(customer, samples.line("1")), reference="ABCDE-I2")
    outcome = send(ns, Kind.INVOICE, other)[0]
    assert (outcome.code, "another number there" in outcome.words) == ("duplicate_number", True)


def test_numbers_that_netsuite_gives_itself_are_noticed(erp, ns) -> None:
    customer = made(ns, CUSTOMER, samples.customer())
    number = made(ns, Kind.INVOICE, samples.invoice(customer, samples.line("1")))
    erp.edit("invoice", number, tranId="OTHER")
    ours = parcels(ns, Kind.INVOICE, samples.invoice(customer, samples.line("1")))
    assert ns.find(Kind.INVOICE, ours)["ABCDE-I1"].code == "number_differs"


def test_an_archived_account_and_customer_are_missing(erp, ns, accounts) -> None:
    customer = made(ns, CUSTOMER, samples.customer())
    erp.edit("account", accounts[1], isInactive=True)
    assert isinstance(send(ns, JOURNAL, samples.journal(accounts))[0], MissingMapping)
    erp.edit("customer", customer, isInactive=True)
    assert isinstance(send(ns, Kind.INVOICE, samples.invoice(customer, samples.line("1")))[0], MissingMapping)


def test_a_locked_month_is_known_before_and_told_after(erp, ns, accounts) -> None:
    erp.prefer(ClosedThrough="2026-08-31", ArLockedThrough="2026-09-30")
    company = ns.company()
    assert company.books_closed_through == "2026-08-31"
    assert company.lock_on(Kind.INVOICE, date(2026, 9, 15)).name == "Sep 2026"
    assert company.lock_on(JOURNAL, date(2026, 9, 15)) is None
    assert company.first_open_day(Kind.INVOICE, date(2026, 7, 4)) == date(2026, 10, 1)
    assert company.first_open_day(JOURNAL, date(2026, 7, 4)) == date(2026, 9, 1)
    outcome = send(ns, JOURNAL, samples.journal(accounts, date=date(2026, 8, 31)))[0]
    assert isinstance(outcome, PeriodLocked)


def test_company_facts(ns, erp) -> None:
    company = ns.company()
    assert (company.name, company.home_currency, company.country) == ("Parent Company", "USD", "US")
    assert (company.multi_currency, company.time_zone, company.extra["taxes"]) == (True, "America/New_York", "suitetax")
    erp.prefer(Subsidiaries=3)
    europe = erp.connector(subsidiary="2").company()
    assert (europe.name, europe.home_currency) == ("Europe GmbH", "EUR")


def test_all_lists_are_read_with_what_is_inactive(erp, ns, accounts) -> None:
    erp.prefer(Subsidiaries=3)
    erp.edit("account", accounts[0], isInactive=True)
    rows = list(ns.lists())
    count = {kind: sum(row.kind == kind for row in rows) for kind in RowKind}
    assert count == {
        RowKind.ACCOUNT: 35,
        RowKind.CUSTOMER: 0,
        RowKind.PRODUCT: 2,
        RowKind.TAX_CODE: 3,
        RowKind.CURRENCY: 6,
        RowKind.CLASS: 2,
        RowKind.DEPARTMENT: 2,
        RowKind.LOCATION: 2,
        RowKind.TRACKING: 0,
        RowKind.SUBSIDIARY: 3,
    }
    by_name = {row.name: row for row in rows if row.kind != RowKind.PRODUCT}
    assert (by_name["Services"].number, by_name["Deferred Revenue"].is_active) == ("4100", False)
    assert by_name["Euro"].number == "EUR" and by_name["Europe GmbH"].data["currency"] == "EUR"
    assert by_name["DE 19%"].data["rate"] == "19"


def test_lists_come_in_pages_and_changes_are_found(erp, ns, monkeypatch) -> None:
    monkeypatch.setattr("integrations.connectors.netsuite.suiteql.PAGE", 10)
    assert sum(row.kind == RowKind.ACCOUNT for row in ns.lists()) == 35
    tomorrow = datetime.now(UTC) + timedelta(days=2)
    assert {row.kind for row in ns.lists(since=tomorrow)} == {RowKind.CURRENCY}
    assert sum(row.kind == RowKind.ACCOUNT for row in ns.lists(since=datetime.now(UTC))) == 35


def test_an_account_list_without_a_number_column(erp, ns) -> None:
    erp.prefer(AccountColumns="")
    rows = {row.name: row for row in ns.lists() if row.kind == RowKind.ACCOUNT}
    assert len(rows) == 35 and "Services" in rows


def test_accounts_and_customers_are_created_once(erp, ns) -> None:
    wish = {"name": "Wallet", "number": "2399", "account_type": "OthCurrLiab", "subtype": ""}
    first = ns.create_account(request_id="r1", **wish)
    assert ns.create_account(request_id="r1", **wish) == first
    assert ns.create_account(request_id="r2", **wish).external_id == first.external_id
    with pytest.raises(Rejected):
        ns.create_account(request_id="r3", **{**wish, "account_type": "Income"})
    customer = ns.create_customer(request_id="c1", name="Sub-ledger", note="One balance")
    assert ns.create_customer(request_id="c1", name="Sub-ledger", note="One balance") == customer
    assert ns.create_customer(request_id="c2", name="Sub-ledger", note="").external_id == customer.external_id
    assert (erp.count("Account"), erp.count("customer")) == (36, 1)


def test_what_changed_is_told(erp, ns, accounts) -> None:
    number = made(ns, JOURNAL, samples.journal(accounts))
    assert [(each.kind, each.external_id) for each in ns.changes(since=datetime.now(UTC))] == [
        ("journal_entry", number)
    ]
    assert list(ns.changes(since=datetime.now(UTC) + timedelta(days=3))) == []


def test_totals_are_decimal_all_the_way(erp, ns, accounts) -> None:
    number = made(ns, JOURNAL, samples.journal(accounts, amount="70000000000000.07"))
    assert max(each.amount for each in ns.document(JOURNAL, number).postings) == Decimal("70000000000000.07")
