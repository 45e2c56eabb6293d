"""The cases that every connector has to pass, each written once. Locked books have a file of their own: test_locked_books."""

import json
import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import call_command
from django.db.models.functions import Now
from django.utils import timezone

from accounting.models import Account
from accounting.recognition import recognize_revenue
from billing.models import BusinessEntity, Customer, Invoice, InvoiceLine, Product, TaxRate
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import finalize_invoices
from billing.services.one_off import NewLine, draft_invoice
from integrations import mapping, outbox, outcomes, setup, signing_out, tokens
from integrations.connectors.base import BadCredentials, Delivered, Parcel, TryLater
from integrations.delivery import DrainResult, drain
from integrations.documents import JournalDocument, JournalLineDocument, Kind, reference_of
from integrations.models import Connection, ConnectionStatus, DeliveryAttempt, Mapping, OutboxItem
from integrations.reconciliation import reconcile
from integrations.vault import Secrets
from tests.accounting.rates import rates
from tests.integrations.vendors import FILES, VENDORS, Shop, StandIn, shop_of
from tests.integrations.world import JANUARY, sell

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal
MODES = ("journal_entries", "documents")
FAULTS = ("500", "503", "429", "html_error", "drop", "drop_after_commit", "timeout_after_commit")
ERRORS = tomllib.loads((Path(__file__).parent / "documented_errors.toml").read_text(encoding="utf-8"))
# Seconds after a 429 that names none, half as long again at most: Intuit says a minute, Zoho's windows are minutes, at the
# other two a request of our own ends soon.
UNTOLD = {"quickbooks": (60, 91), "xero": (1, 3), "netsuite": (2, 4), "zoho": (60, 91)}


@pytest.fixture(params=list(VENDORS))
def shop(entity: BusinessEntity, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Each of the four vendors."""
    with shop_of(entity, request.param) as opened:
        yield opened


@pytest.fixture(params=[*VENDORS, FILES])
def any_shop(entity: BusinessEntity, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Each vendor, and an ERP that is fed by files."""
    with shop_of(entity, request.param) as opened:
        yield opened


def deliver(connection: Connection) -> DrainResult:
    return drain(connection.pk, until_empty=True, seconds=180, patience=5)


def at_once() -> None:
    """Let nothing wait any longer."""
    Connection.objects.update(paused_until=None)
    OutboxItem.objects.update(available_at=Now())


def undone() -> list[tuple[str, str, str]]:
    return list(OutboxItem.objects.exclude(state="delivered").values_list("kind", "state", "reason"))


def each_is_there_once(shop: Shop) -> bool:
    """Everything was delivered, and the ERP holds each of our references once."""
    held = shop.held()
    sent = list(shop.connection.references.values_list("reference", flat=True))
    return not undone() and len(sent) > 0 and {held[each] for each in sent} == {1}


def differences(*, through: date = JANUARY) -> list[dict[str, Any]]:
    return list(reconcile(Connection.objects.get(), through=through)[1].differences)


class Instead:
    """Gives answers in a vendor's place, and does things before a request; all else goes on to the stand-in.

    `cut`: of the stand-in's first own answer so many characters are passed on.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.only = ""
        self.answers: list[requests.Response] = []
        self.before: list[Callable[[], object]] = []
        self.count = self.cut = 0
        instead, really = self, requests.Session.request

        def request(session: requests.Session, method: str, url: str, **how: Any) -> requests.Response:
            if "/_sandbox/" in url or not instead._is_meant(method, url):
                return really(session, method, url, **how)
            instead.count += 1
            if instead.before:
                instead.before.pop(0)()
            if instead.answers:
                return instead.answers.pop(0)
            answer = really(session, method, url, **how)
            if instead.cut and answer.text:
                answer._content, instead.cut = answer.text[: instead.cut].encode(), 0
            return answer

        monkeypatch.setattr(requests.Session, "request", request)

    def _is_meant(self, method: str, url: str) -> bool:
        wanted, _, path = self.only.partition(" ")
        return bool(wanted) and method == wanted and path in url

    def answer(self, *, only: str, status: int, body: str = "{}", headers: dict[str, str] | None = None) -> None:
        """Give this in place of the next answer to such a request; the vendor does nothing."""
        made = requests.Response()
        made.status_code, made._content, made.encoding = status, body.encode(), "utf-8"
        made.headers.update(headers or {})
        self.only = only
        self.answers.append(made)


@pytest.mark.parametrize("mode", MODES)
def test_create(any_shop: Shop, mode: str) -> None:
    """What was made here is there once, both sides agree, and a second run sends nothing."""
    connection = any_shop.connect(mode)
    for number in range(3):
        sell(f"X-{number}", name=f"O'Neil {number}", amount=f"{10 + number}.01")
    recognize_revenue(through=JANUARY)
    assert deliver(connection).parked == 0
    assert each_is_there_once(any_shop)
    expected = {"journal_entry": 6} if mode == "journal_entries" else {"customer": 3, "product": 1, "invoice": 3}
    kinds = list(OutboxItem.objects.values_list("kind", flat=True))
    assert {kind: kinds.count(kind) for kind in set(kinds)} == expected
    assert any_shop.code == FILES or differences() == []  # Files are compared by what the ERP exports: test_csv_export.
    assert deliver(connection).calls == 0


@pytest.mark.parametrize("mode", MODES)
def test_repeat(any_shop: Shop, mode: str, monkeypatch) -> None:
    """A worker that dies between the answer and writing it down, once for each kind: the next one finds what is there."""
    connection = any_shop.connect(mode)
    sell()
    recognize_revenue(through=JANUARY)
    record, died = outcomes.record, []

    def die_once(**what: Any) -> dict[str, int]:
        if what["outcomes"] and what["claim"].kind not in died:
            died.append(what["claim"].kind)
            raise KeyboardInterrupt
        return record(**what)

    monkeypatch.setattr(outcomes, "record", die_once)
    kinds = 1 if mode == "journal_entries" else 3
    for _ in range(kinds):
        with pytest.raises(KeyboardInterrupt):
            deliver(connection)
    deliver(connection)
    assert len(died) == kinds
    assert each_is_there_once(any_shop)


@pytest.mark.parametrize("mode", MODES)
def test_after_a_restore_nothing_is_sent_twice(shop: StandIn, mode: str) -> None:
    """What was delivered since the backup waits again, with nothing to tell it from what never was sent."""
    connection = shop.connect(mode)
    sell("X-0", name="O'Neil 0")
    deliver(connection)
    backup = OutboxItem.objects.latest("id").pk
    for number in range(1, 4):
        sell(f"X-{number}", name=f"O'Neil {number}")
    deliver(connection)
    held, lost = shop.held(), OutboxItem.objects.filter(pk__gt=backup)
    for kind, subject in lost.values_list("kind", "subject_id"):
        connection.references.filter(kind=kind, subject_id=subject).delete()
        Mapping.objects.filter(kind=kind, internal_id=subject).delete()
    lost.update(state="pending", attempts=0, delivered_at=None)
    sell("X-4", name="O'Neil 4")  # Never sent before.
    call_command("sync_erp", "--after-restore", "--json")
    assert each_is_there_once(shop)
    assert shop.held().keys() > held.keys()
    assert differences() == []


@pytest.mark.parametrize("mode", MODES)
def test_read_back_after_a_lost_answer(shop: StandIn, mode: str) -> None:
    """However a request fails, twice in a row: nothing is missing, nothing is there twice."""
    connection = shop.connect(mode, read_timeout=0.5)
    only = shop.vendor.writes if mode == "journal_entries" else shop.vendor.sales
    for fault in FAULTS:
        for number in range(2):
            sell(f"X-{fault}-{number}", name=f"O'Neil {fault} {number}")
        shop.books.fail(rate=1, kinds=[fault], times=2, only=only, hold_seconds=0.7)
        deliver(connection)
        assert undone() == [], fault
        assert shop.books.state()["faults"]["times"] < 2, fault  # What was done in spite of it needs no second try.
    assert each_is_there_once(shop)
    assert not OutboxItem.objects.exclude(request_body="").exists()


@pytest.mark.parametrize("mode", MODES)
def test_every_documented_error(shop: StandIn, mode: str, monkeypatch) -> None:
    """Each means what the vendor says, is told in its words, and once it is mended the document is there once."""
    instead = Instead(monkeypatch)
    shop.connect(mode)
    met = [each for each in ERRORS[shop.code] if ("of" in each) == (mode == "documents")]
    assert met
    assert [words for each in met for words in meet(shop, instead, each)] == []
    assert each_is_there_once(shop)


def meet(shop: StandIn, instead: Instead, error: dict[str, Any]) -> Iterator[str]:
    """Let a document meet an error, then mend it; give what was not as it should be."""
    what = error["name"]
    number = f"X-{ERRORS[shop.code].index(error)}"
    sell(number, name=f"O'Neil {number}")
    given = {name: value for name, value in error.items() if name in ("status", "body", "headers")}
    for _ in range(error.get("times", 1)):
        instead.answer(only=error.get("of", shop.vendor.writes), **given)
    drain(shop.connection.pk, until_empty=True, seconds=60, patience=2)
    means, _, code = error["means"].partition(" ")
    kept, items = Connection.objects.get(), OutboxItem.objects.exclude(state="delivered")
    if instead.answers:
        yield f"{what}: was not met"
    if means == "parks":
        found = items.filter(state="parked", reason_code=code, reason__contains=error["words"], request_body="")
        if found.count() != 1:
            yield f"{what}: {list(items.values_list('state', 'reason_code', 'reason'))}"
    elif means == "asks":
        if kept.status != ConnectionStatus.RECONNECT_NEEDED or items.exclude(state="pending").exists():
            yield f"{what}: {kept.status}, {undone()}"
    elif items.exists() or (kept.paused_until is not None) != (means == "waits"):
        yield f"{what}: {undone()}, paused until {kept.paused_until}"
    if means == "renames" and not [each for each in shop.names() if f"({number})" in each]:
        yield f"{what}: {shop.names()}"
    instead.answers.clear()
    Connection.objects.update(status=ConnectionStatus.CONNECTED, status_reason="", paused_until=None)
    outbox.send_again(list(items.values_list("id", flat=True)))
    OutboxItem.objects.filter(state="pending").update(available_at=Now())
    deliver(shop.connection)
    if undone():
        yield f"{what}: not mended, {undone()}"


def test_a_token_that_ends_in_the_middle_of_a_batch(shop: StandIn, monkeypatch) -> None:
    """Before the second of two requests; where the vendor takes documents one by one, those of one batch."""
    connection = shop.connect()
    instead = Instead(monkeypatch)
    instead.only = shop.vendor.writes
    instead.before = [lambda: None, shop.books.expire_tokens]
    old = connection.credentials["access_token"]
    for number in range(2):
        sell(f"X-{number}")
        if shop.code != "zoho":
            assert deliver(connection).delivered == 1
    deliver(connection)
    assert Connection.objects.get().credentials["access_token"] != old
    assert DeliveryAttempt.objects.filter(http_status=401).count() == 1
    assert each_is_there_once(shop)


def test_a_rotated_token_that_was_lost(shop: StandIn) -> None:
    """The vendor gave new tokens, and the answer never came: the old one is tried again, and nothing is lost meanwhile."""
    connection = shop.connect()
    sell()
    shop.books.expire_tokens()
    shop.books.fail(rate=1, kinds=["drop_after_commit"], times=1, only=shop.vendor.tokens, include_oauth=True)
    deliver(connection)
    kept = Connection.objects.get()
    if shop.code == "quickbooks":  # Intuit ends the old refresh token when it gives a new one.
        assert kept.status == ConnectionStatus.RECONNECT_NEEDED
        assert [state for _, state, _ in undone()] == ["pending"]
        deliver(setup.connect_sandbox(kept, shop.url))
    assert Connection.objects.get().status == ConnectionStatus.CONNECTED
    assert each_is_there_once(shop)


@pytest.mark.parametrize("shop", ["quickbooks", "xero", "zoho"], indirect=True)
def test_a_sign_in_that_no_longer_holds(shop: StandIn) -> None:
    """A person is asked, and everything waits. (NetSuite's is a certificate of ours, which does not end like that.)"""
    connection = shop.connect()
    sell()
    shop.books.expire_tokens(refresh=True)
    result = deliver(connection)
    assert (result.delivered, result.parked, result.waiting) == (0, 0, 1)
    connection.refresh_from_db()
    assert connection.status == ConnectionStatus.RECONNECT_NEEDED


def test_what_is_logged_holds_no_secret(shop: StandIn) -> None:
    """Also of a renewed sign-in."""
    connection = shop.connect()
    sell()
    shop.books.expire_tokens()
    deliver(connection)
    connection.refresh_from_db()
    secrets = [text for value in connection.credentials.values() if len(text := str(value)) > 20]
    logged = json.dumps(list(DeliveryAttempt.objects.values("request", "response", "request_id")))
    assert secrets
    assert DeliveryAttempt.objects.exclude(request="").exists()
    assert not [secret for secret in secrets if secret in logged or json.dumps(secret)[1:-1] in logged]


def test_429(shop: StandIn, monkeypatch) -> None:
    """The wait that the vendor names, in seconds or by a date of its own clock, is kept, else one of ours.

    It costs no try, and nothing is there twice.
    """
    connection = shop.connect(backoff_cap=3600.0)
    sell()
    instead = Instead(monkeypatch)
    for count, told in enumerate(("97", "Sun, 06 Nov 2044 08:51:37 GMT", "soon", "-97", ""), 1):
        headers = {"Retry-After": told, "Date": "Sun, 06 Nov 2044 08:50:00 GMT"} if told else {}
        instead.answer(only=shop.vendor.writes, status=429, headers=headers)
        before = timezone.now()
        drain(connection.pk, until_empty=True, patience=0.5)
        item = OutboxItem.objects.get()
        assert (item.state, item.attempts, instead.count) == ("pending", 0, count)
        until = max(item.available_at, Connection.objects.get().paused_until or before)
        least, most = (97, 97 * 1.5 + 1) if told.startswith(("97", "Sun")) else UNTOLD[shop.code]
        assert least <= (until - before).total_seconds() <= most, told
        at_once()
    assert deliver(connection).delivered == 1
    assert each_is_there_once(shop)


@pytest.mark.parametrize("mode", MODES)
def test_answers_that_cannot_be_read(shop: StandIn, mode: str, monkeypatch) -> None:
    """A gateway's pages in the vendor's place say nothing of the document, and JSON that breaks off says that it is there.

    It is looked for each time, and made once.
    """
    connection = shop.connect(mode)
    sell()
    instead = Instead(monkeypatch)
    only = shop.vendor.writes if mode == "journal_entries" else shop.vendor.sales
    page = "<html><head><title>One moment</title></head><body>\N{CHECK MARK}</body></html>"
    for status in (200, 520):
        instead.answer(only=only, status=status, body=page, headers={"Content-Type": "text/html"})
    instead.cut = 40
    deliver(connection)
    assert instead.count >= 3
    assert instead.cut == 0 or shop.code == "netsuite"  # What it made NetSuite tells in a header, without a body.
    assert each_is_there_once(shop)


def test_trouble_at_the_sign_in_ends_no_connection(shop: StandIn, monkeypatch) -> None:
    """Only what the vendor itself refuses is refused: a gateway's page, or half an answer, is asked for again."""
    connection = shop.connect()
    sell()
    shop.books.expire_tokens()
    really = tokens.requests.post
    given = [(503, "Busy"), (429, "{}"), (403, "<html>Access denied</html>"), (200, '{"access_')]

    def post(url: str, **how: Any) -> requests.Response:
        if shop.vendor.tokens not in url or not given:
            return really(url, **how)
        made = requests.Response()
        made.status_code, text = given.pop(0)
        made._content = text.encode()
        made.headers["Content-Type"] = "text/html" if "html" in text else "application/json"
        return made

    monkeypatch.setattr(tokens.requests, "post", post)
    while given:
        left = len(given)
        drain(connection.pk, until_empty=True, patience=0.1)
        assert len(given) == left - 1
        at_once()
    deliver(connection)
    assert Connection.objects.get().status == ConnectionStatus.CONNECTED
    assert each_is_there_once(shop)


def test_a_lock_date(shop: StandIn) -> None:
    """Invoices, which wait for a person; test_locked_books has each policy, with journals."""
    connection = shop.connect("documents")
    sell()
    shop.books.prefer(**{shop.vendor.sales_lock: "2026-01-31"})
    deliver(connection)
    item = OutboxItem.objects.get(kind="invoice")
    assert (item.state, item.reason_code) == ("parked", "books_closed")
    assert shop.books.count(shop.vendor.invoices) == 0
    shop.books.prefer(**{shop.vendor.sales_lock: ""})
    mapping.import_lists(Connection.objects.get())
    outbox.send_again([item.pk])
    deliver(connection)
    assert each_is_there_once(shop)


def test_an_archived_account(shop: StandIn) -> None:
    """Parked with what to do; when the account is in use again, or the mapping was mended, it goes out."""
    connection = shop.connect()
    sell()
    account = shop.account("Deferred Revenue")
    assert Mapping.objects.filter(kind="account", external_id=account, status="confirmed").exists()
    shop.books.edit(shop.vendor.accounts, account, **shop.vendor.archived)
    assert deliver(connection).parked == 1
    item = OutboxItem.objects.get()
    assert item.reason_code == "missing_mapping"
    assert "mend the mapping" in item.reason
    shop.books.edit(shop.vendor.accounts, account, **shop.vendor.in_use)
    outbox.send_again([item.pk])
    deliver(connection)
    assert each_is_there_once(shop)


def test_a_renamed_customer(shop: StandIn) -> None:
    """Renamed there and here: what comes after goes to the same customer, and nobody is made twice."""
    connection = shop.connect("documents")
    customer = sell()
    deliver(connection)
    (there,) = shop.books.objects(shop.vendor.customers)
    number = shop.id_of(shop.vendor.customers, there)
    shop.books.edit(shop.vendor.customers, number, **{shop.vendor.customer_name: "Somebody else"})
    mapping.import_lists(Connection.objects.get())
    Customer.objects.update(name="Renamed here")
    sell(customer.external_id)
    assert deliver(connection).parked == 0
    assert shop.names() == ["Somebody else"]
    assert each_is_there_once(shop)
    assert differences() == []


def test_a_duplicate_number(shop: StandIn) -> None:
    """A document with our number that is not ours is not taken for ours; once that one has another number, ours goes out."""
    connection = shop.connect("documents")
    sell()
    deliver(connection)
    (there,) = shop.books.objects(shop.vendor.invoices)
    theirs = shop.id_of(shop.vendor.invoices, there)
    shop.books.edit(shop.vendor.invoices, theirs, **shop.vendor.disowned)
    shop.books.prefer(**shop.vendor.unique_numbers)
    connection.references.filter(kind="invoice").delete()
    OutboxItem.objects.filter(kind="invoice").update(state="pending", request_id=None)
    assert deliver(connection).parked == 1
    item = OutboxItem.objects.get(kind="invoice")
    assert item.reason_code.startswith("duplicate")
    shop.books.edit(shop.vendor.invoices, theirs, **{shop.vendor.number: "THEIRS-1"})
    outbox.send_again([item.pk])
    assert deliver(connection).parked == 0
    assert each_is_there_once(shop)
    numbers = {each[shop.vendor.number] for each in shop.books.objects(shop.vendor.invoices)}
    assert numbers == {"THEIRS-1", Invoice.objects.get().number}


NAMES = ("Łódź & Söhne “größte” GmbH", "株式会社カウンター", "شركة الدفتر", 'Ó\'Neill <b>"x"</b>', "Каса 🙂 №1")


@pytest.mark.parametrize("mode", MODES)
def test_non_ascii_names(any_shop: Shop, mode: str) -> None:
    """They arrive letter by letter."""
    connection = any_shop.connect(mode)
    for number, name in enumerate(NAMES):
        sell(f"Ä-{number}", name=name, product=f"Größe {name}", text=f"Für {name}")
    assert deliver(connection).parked == 0
    assert each_is_there_once(any_shop)
    assert any_shop.code == FILES or differences() == []
    if mode == "documents":
        assert set(any_shop.names()) == set(NAMES)


@pytest.mark.parametrize("mode", MODES)
def test_the_longest_fields(any_shop: Shop, mode: str) -> None:
    """Two customers and two products whose names differ in the last letter alone, each as long as we let them be."""
    connection = any_shop.connect(mode)
    for last in "ab":
        name = "é" * 199 + last
        sell(
            f"{'N' * 40}{last}", name=name, product=f"{last}{'P' * 198}{last}", text="ü" * 200, amount=any_shop.largest
        )
    assert deliver(connection).parked == 0
    assert each_is_there_once(any_shop)
    assert any_shop.code == FILES or differences() == []


def test_a_sign_in_that_is_ended_is_ended_at_the_vendor_too(shop: StandIn) -> None:
    """Its tokens are good for nothing any more, there or here; what waits goes out after the next sign-in."""
    connection = shop.connect()
    before = dict(connection.credentials)
    if shop.code == "netsuite":  # Its certificate or token is withdrawn by a person, in NetSuite.
        assert not signing_out.can_sign_out(connection)
        return
    assert signing_out.can_sign_out(connection)
    shop.books.fail(
        rate=1, kinds=["500"], times=1, include_oauth=True, only="DELETE" if shop.code == "xero" else "revoke"
    )
    with pytest.raises(ValueError, match="Nothing was changed"):
        signing_out.sign_out(connection, reason="Over.")
    assert Connection.objects.get().credentials == before
    signing_out.sign_out(connection, reason="Over.")
    ended = Connection.objects.get()
    assert (ended.status, ended.status_reason) == (ConnectionStatus.RECONNECT_NEEDED, "Over.")
    assert not set(ended.credentials) & {"access_token", "refresh_token"} and ended.credentials["client_id"]
    with pytest.raises((BadCredentials, TryLater, ValueError)):
        refreshed = tokens.exchange(ended, {"grant_type": "refresh_token", "refresh_token": before["refresh_token"]})
        assert shop.code == "xero" or refreshed is None
        Connection.objects.update(credentials=Secrets(before), status=ConnectionStatus.CONNECTED)
        mapping.connector_of(Connection.objects.get()).company()
    Connection.objects.update(credentials=ended.credentials, status=ended.status)
    sell()
    deliver(ended)
    assert [state for _, state, _ in undone()] == ["pending"]
    deliver(setup.connect_sandbox(Connection.objects.get(), shop.url))
    assert each_is_there_once(shop)


def test_an_invoice_of_every_shape(shop: StandIn) -> None:
    """Tax on top and included, discounts, a line for nothing, fine prices and parts of a unit: each total is ours to the cent."""
    connection = shop.connect("documents", payments=True)
    sell()
    deliver(connection)
    plan, customer = Product.objects.get(), Customer.objects.get()
    tax = TaxRate.objects.create(
        code="ca", name="CA State Tax" if shop.code == "netsuite" else "California", percent=D("8.25")
    )
    lines = [
        NewLine(product=plan, quantity=D(3), unit_amount=D("33.3333"), tax_rate=tax),
        NewLine(product=plan, unit_amount=D("19.99"), tax_rate=tax, tax_included=True),
        NewLine(product=plan, unit_amount=D("50.00"), tax_rate=tax, discount_percent=D(100)),
        NewLine(product=plan, unit_amount=D("80.01"), tax_rate=tax, discount=D("8.01")),
        NewLine(product=plan, quantity=D(100_000), unit_amount=D("0.000125"), tax_rate=tax),
        NewLine(product=plan, quantity=D("0.333"), unit_amount=D(30), description="Nur ein Teil davon"),
        *(NewLine(product=plan, unit_amount=D("1.00"), tax_rate=tax) for _ in range(3)),
    ]
    invoice = draft_invoice(customer_id=customer.pk, issued_on=JANUARY, lines=lines)
    finalize_invoices([invoice.pk])
    first = InvoiceLine.objects.filter(invoice=invoice).order_by("position")[0]
    issue_credit_note(invoice_id=invoice.pk, lines={first.pk: D("9.99")}, on=JANUARY, reason="Late")
    mapping.suggest(connection)
    mapping.confirm(connection)
    deliver(connection)
    assert undone() == []
    invoice.refresh_from_db()
    held = {each[shop.vendor.number]: each for each in shop.books.objects(shop.vendor.invoices)}[invoice.number]
    # 100.00 + 18.47 + 0 + 72.00 + 12.50 + 9.99 + 3.00, and tax of 8.25 + 1.52 + 5.94 + 1.03 + 3 times 0.08.
    assert D(str(held[shop.vendor.total])) == D("232.94")
    assert differences() == []


@pytest.mark.parametrize("mode", MODES)
def test_currencies_of_three_decimals_and_of_none(any_shop: Shop, mode: str) -> None:
    """What the vendor keeps arrives to the last digit; what it cannot keep is parked in words, and nothing is rounded."""
    rates("Date USD JPY KWD\n2026-01-01 1.00 150.25 0.30789\n2026-01-31 1.00 150.25 0.30789")
    connection = any_shop.connect(mode)
    for currency, amount in (("JPY", "123457"), ("KWD", "10.12"), ("KWD", "10.125")):
        sell(f"{currency}-{amount}", currency=currency, amount=amount, name=f"Abroad {currency} {amount}")
    if mode == "journal_entries":
        recognize_revenue(through=JANUARY)
    deliver(connection)
    parked = {
        (invoice.total.amount, item.reason_code)
        for item in OutboxItem.objects.filter(state="parked")
        for invoice in [Invoice.objects.get(pk=item.subject_id)]
    }
    assert (parked, differences() if not parked and any_shop.code != FILES else []) == (any_shop.cannot_keep(mode), [])


def test_a_journal_of_a_thousand_lines(any_shop: Shop) -> None:
    """Made once, found again, and read back to the cent."""
    connection = any_shop.connect()
    debit, credit = accounts(connection)
    lines = [
        JournalLineDocument(
            account, amount if side == "debit" else D(0), amount if side == "credit" else D(0), text, None
        )
        for number in range(1, 501)
        for amount, text in [(D(number) / 100, f"Zeile {number} für Ó'Neil")]
        for account, side in ((debit, "debit"), (credit, "credit"))
    ]
    reference = reference_of(connection.reference_prefix, Kind.JOURNAL_ENTRY, 1)
    document = JournalDocument(reference, JANUARY, "USD", D(1), "A thousand lines", tuple(lines))
    connector = mapping.connector_of(connection)
    parcel = Parcel(reference, 0, connector.encode(Kind.JOURNAL_ENTRY, document))
    (first,) = connector.send(Kind.JOURNAL_ENTRY, "8c2c4a5e-7d3f-4d57-9d0a-0d3c6f1b2a10", [parcel])
    assert isinstance(first, Delivered)
    found = connector.find(Kind.JOURNAL_ENTRY, [parcel])
    assert [each.external_id for each in found.values() if isinstance(each, Delivered)] == [first.external_id]
    assert any_shop.held()[reference] == 1
    if any_shop.code != FILES:
        (there,) = connector.documents(Kind.JOURNAL_ENTRY, through=JANUARY)
        sums: dict[str, Decimal] = {}
        for posting in there.postings:
            sums[posting.account] = sums.get(posting.account, D(0)) + posting.amount
        # One and two and so on up to five hundred cents.
        assert sums == {debit: D("1252.50"), credit: D("-1252.50")}


def accounts(connection: Connection) -> tuple[str, str]:
    """Give the ERP's ids of two accounts that need no customer."""
    names = {each.pk: each.role for each in Account.objects.filter(role__in=("deferred_revenue", "revenue"))}
    rows = Mapping.objects.filter(connection=connection, kind="account", internal_id__in=names).order_by("-internal_id")
    by_role = {names[row.internal_id]: row.external_id for row in rows}
    return by_role["deferred_revenue"], by_role["revenue"]
