"""Within a day the books stand in the order of posting, whichever process had taken its ids earlier."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model

from accounting.models import JournalEntry
from accounting.recognition import recognize_revenue
from accounting.reports.structure import Report
from billing import bulk
from billing.models import BusinessEvent, Customer, Product
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.payments import receive_payment
from integrations.backfill import backfill
from integrations.models import OutboxItem
from tests.api.caller import V1, Caller
from tests.journal import journal, text
from tests.report_text import run, shown

D = Decimal
_DAY, _FEB = date(2026, 1, 31), date(2026, 2, 1)


@contextmanager
def another_process() -> Iterator[None]:
    """Work with ids of another block than the one this process holds: one that has taken its block later."""
    kept = dict(bulk._stores)
    bulk._stores.clear()
    yield
    bulk._stores.clear()
    bulk._stores.update(kept)


class Written:
    """The ids of entries and events in the order in which they came: what each step adds, one process at a time."""

    def __init__(self) -> None:
        self.of: dict[type[Model], list[int]] = {JournalEntry: [], BusinessEvent: []}

    def __call__(self, step: Callable[..., Any], *args: Any, **given: Any) -> None:
        step(*args, **given)
        for model, known in self.of.items():
            known.extend(model.objects.exclude(pk__in=known).order_by("id").values_list("id", flat=True))


def _numbers(ids: list[int]) -> list[str]:
    """Each entry has two lines."""
    return [f"JE-{pk:08d}" for pk in ids for _ in range(2)]


def _entries(report: Report, table: str | int = 0) -> list[str]:
    return [cell for line in shown(report, table).splitlines() for cell in line.split("|") if cell.startswith("JE-")]


def _three_on_one_day(sell) -> Written:
    """A worker that took its ids later recognizes first; then the web server bills, then the worker recognizes again."""
    written = Written()
    for model in written.of:
        bulk.stock_ids(model, 10)  # the web server's
    with another_process():
        written(sell, amount="310", start=date(2026, 1, 1), terms={"term_months": 1})
        written(run_billing, through=date(2026, 1, 1), finalize=True)
        written(recognize_revenue, through=_DAY)
        worker = dict(bulk._stores)
    written(sell, amount="280", start=_DAY, number="K-2", terms={"term_months": 1})
    written(run_billing, through=_DAY, finalize=True)
    with another_process():
        bulk._stores.update(worker)
        written(recognize_revenue, through=_DAY)
    for ids in written.of.values():
        assert ids != sorted(ids)  # Or else none of this shows anything.
    return written


def _many_at_once(written: Written, customer: Customer, product: Product) -> None:
    """Invoices of one run are posted at one moment."""
    for number in range(7):
        item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "28"}}
        contract = draft_contract(customer=customer, number=f"M-{number}", start=_FEB, items=[item])
        written(start_contracts, [contract.pk])
    written(run_billing, through=_FEB, finalize=True)


# 310.00 for January. 280.00 for the 28 days from 31 January to 27 February: one day of it, 10.00, is earned in January.
_BOOKS = """
    2026-01-01  Invoice finalized
        Dr AR - Customers                        310.00
        Cr Deferred Revenue                      310.00
    2026-01-31  Revenue recognized
        Dr Deferred Revenue                      310.00
        Cr Sales and Services Revenue            310.00
    2026-01-31  Invoice finalized
        Dr AR - Customers                        280.00
        Cr Deferred Revenue                      280.00
    2026-01-31  Revenue recognized
        Dr Deferred Revenue                       10.00
        Cr Sales and Services Revenue             10.00
"""


def test_every_report_lists_entries_in_the_order_of_posting(sell, customer) -> None:
    posted = _three_on_one_day(sell).of[JournalEntry]
    assert journal() == text(_BOOKS)
    given = {"from_": "2026-01-01", "to": "2026-01-31"}
    for code in ("journal", "lines"):
        assert _entries(run(code, **given)) == _numbers(posted), code
    ledger = run("general-ledger", account="2300", **given)
    assert _entries(ledger) == [f"JE-{pk:08d}" for pk in posted]
    # 310.00 billed and earned, 280.00 billed, of which 10.00 is earned.
    assert [row.cells[10] for row in ledger.tables[0].rows] == [D(each) for each in (0, -310, 0, -280, -270)]


def test_a_customer_s_statement_is_in_the_order_of_posting(sell, customer) -> None:
    """Money that came first stands first, so that the running balance is what it was."""
    bulk.stock_ids(JournalEntry, 10)
    with another_process():
        receive_payment(customer_id=customer.pk, received_on=_DAY, amount=D(280), currency="USD")
    sell(amount="280", start=_DAY, number="K-2", terms={"term_months": 1})
    run_billing(through=_DAY, finalize=True)
    report = run("customer-statement", customer=customer.external_id, from_="2026-01-01", to="2026-01-31")
    assert [row.cells[-1] for row in report.tables[0].rows] == [D(0), D(-280), D(0)]


def test_the_api_lists_entries_and_events_as_they_were_posted(sell, customer, product, tenant) -> None:
    """Page by page, forth and back; entries of one posting, which share their moment, come in the order of their events."""
    written = _three_on_one_day(sell)
    _many_at_once(written, customer, product)
    caller = Caller(tenant)
    for path, expected in (
        ("/journal-entries", written.of[JournalEntry]),
        ("/business-events", written.of[BusinessEvent]),
    ):
        for ordering, wanted in (("id", expected), ("-id", expected[::-1])):
            asked: str | None = f"{path}?ordering={ordering}&page_size=2"
            found, pages = [], []
            while asked:
                page = caller.get(asked)
                ids = [each["id"] for each in page["results"]]
                if pages:
                    back = caller.get(_path(page["previous"]))
                    assert [each["id"] for each in back["results"]] == pages[-1]
                found += ids
                pages.append(ids)
                asked = _path(page["next"]) if page["next"] else None
            assert found == wanted, (path, ordering)


def test_a_cursor_that_was_changed_is_refused(sell, tenant) -> None:
    _three_on_one_day(sell)
    for position in ("7", "2026-01-31T00:00:00Z,x", "today,7", "2026-01-31T00:00:00,7", "2026-99-31T00:00:00Z,7"):
        changed = b64encode(urlencode({"p": position}).encode()).decode()
        answer = Caller(tenant).get(f"/journal-entries?{urlencode({'cursor': changed})}", status=400)
        assert "Take the cursor from `next` or `previous`, unchanged." in str(answer), position


def test_the_outbox_is_filled_in_the_order_of_posting(sell, connection) -> None:
    """A reversal goes out behind what it reverses."""
    posted = _three_on_one_day(sell).of[JournalEntry]
    OutboxItem.objects.all().delete()
    backfill(connection, since=date(2026, 1, 1))
    items = OutboxItem.objects.filter(connection=connection, kind="journal_entry").order_by("id")
    assert list(items.values_list("subject_id", flat=True)) == posted


def _path(address: str) -> str:
    return address.partition(V1)[2]
