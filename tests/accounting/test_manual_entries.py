"""Entries by hand: written, approved by another, posted; reversed, repeated; and what is refused."""

from datetime import date
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounting.attachments import LARGEST, attach
from accounting.by_hand import BY_HAND, AlreadyReversed
from accounting.checks import check_ledger
from accounting.currency.revaluation import revalue
from accounting.manual_entries import (
    ManualEntryError,
    NewLine,
    approve,
    delete_draft,
    due_count,
    next_repetition,
    post_scheduled,
    save_draft,
    send_back,
    stop_repeating,
    submit,
)
from accounting.models import (
    Account,
    AccountingPeriod,
    Attachment,
    DefaultAccount,
    JournalEntry,
    ManualEntry,
    ManualEntryLine,
)
from accounting.periods import close_period
from accounting.replaying import replay_ledger
from accounting.reports.why import explain_entry
from accounting.reversing import reverse_entry
from billing.models import BusinessEntity, BusinessEvent
from billing.publishing import stored_event
from billing.services.payments import receive_payment
from billing.tenancy import tenant_scope
from tests.accounting.rates import rates
from tests.company import make_company
from tests.journal import journal, text

D = Decimal
JAN_31 = date(2026, 1, 31)
FEB_1 = date(2026, 2, 1)


def person(name):
    return get_user_model().objects.get_or_create(username=name)[0]


@pytest.fixture
def ann(db):
    return person("ann")


@pytest.fixture
def bob(db):
    return person("bob")


def account(code):
    return Account.objects.get(code=code)


def lines(*rows):
    """Rows of account code, debit, credit."""
    return [NewLine(account=account(code), debit=D(debit), credit=D(credit)) for code, debit, credit in rows]


RENT = (("5000", "900.00", "0"), ("1000", "0", "900.00"))


def draft(by, rows=RENT, **head):
    entity = BusinessEntity.objects.get()
    entry = ManualEntry(business_entity=entity, **{"date": JAN_31, "description": "Rent of January", **head})
    return save_draft(entry=entry, lines=lines(*rows), by=by)


def post(by, second, rows=RENT, **head):
    entry = draft(by, rows, **head)
    submit(entry_id=entry.pk, by=by, at=timezone.now())
    return approve(entry_id=entry.pk, by=second, at=timezone.now())


@pytest.fixture(autouse=True)
def _codes(entity):
    """Two accounts that the tests write on, whatever the starter chart has."""
    for code, category in (("5000", "expenses"), ("1000", "assets")):
        Account.objects.get_or_create(
            business_entity=entity, code=code, defaults={"name": code, "category": category, "normal_balance": "debit"}
        )


def names():
    return {code: account(code).name for code in ("5000", "1000")}


def test_an_entry_is_posted_once_a_second_person_approves_it(entity, ann, bob):
    entry = draft(ann)
    assert JournalEntry.objects.count() == 0
    submit(entry_id=entry.pk, by=ann, at=timezone.now())
    approve(entry_id=entry.pk, by=bob, at=timezone.now())
    assert journal() == text(f"""
        2026-01-31  Rent of January
            Dr {names()["5000"]:<32}      900.00
            Cr {names()["1000"]:<32}      900.00
    """)
    posted = JournalEntry.objects.get()
    assert (posted.kind, posted.rule_version, posted.event.kind) == ("manual", None, "manual_entry_approved")
    reason = explain_entry(posted.pk)
    assert reason.rule is None
    assert reason.lines[0].account_chosen_by == "chosen by whoever wrote the entry"
    assert check_ledger(entity.tenant).problems == []


def test_nobody_approves_what_they_wrote_changed_or_submitted(entity, ann, bob):
    entry = draft(ann)
    with pytest.raises(ManualEntryError, match="is draft; it cannot be approved"):
        approve(entry_id=entry.pk, by=bob, at=timezone.now())
    entry.description = "Rent, mended"
    save_draft(entry=entry, lines=lines(*RENT), by=bob)
    carl = person("carl")
    submit(entry_id=entry.pk, by=carl, at=timezone.now())
    for author in (ann, bob, carl):
        with pytest.raises(ManualEntryError, match="Somebody else must approve it"):
            approve(entry_id=entry.pk, by=author, at=timezone.now())
    approve(entry_id=entry.pk, by=person("dora"), at=timezone.now())
    assert JournalEntry.objects.get().description == "Rent, mended"


@pytest.mark.parametrize(
    ("rows", "refusal"),
    [
        ((("5000", "900", "0"), ("1000", "0", "899.99")), "The debits are USD 0.01 more|debits are .*0.01.* more"),
        ((("5000", "900", "0"),), "two lines or more"),
        ((("5000", "900", "900"), ("1000", "0", "0")), "Line 1: write an amount above zero"),
        ((("5000", "-5", "0"), ("1000", "0", "-5")), "Line 1: write an amount above zero"),
        ((("5000", "0.005", "0"), ("1000", "0", "0.005")), "more decimals than USD has"),
        ((("1110", "5", "0"), ("1000", "0", "5")), "is kept by invoices"),
        ((("2300", "5", "0"), ("1000", "0", "5")), "is kept by invoices"),
    ],
)
def test_what_could_never_be_posted_is_refused_at_once(entity, ann, rows, refusal):
    with pytest.raises(ManualEntryError, match=refusal), transaction.atomic():
        draft(ann, rows=rows)
    assert ManualEntry.objects.count() == 0


def test_groups_and_deactivated_accounts_are_refused_at_approval_too(entity, ann, bob):
    group = Account.objects.filter(is_group=True)[0]
    with pytest.raises(ManualEntryError, match="groups others"), transaction.atomic():
        draft(ann, rows=((group.code, "5", "0"), ("1000", "0", "5")))
    entry = draft(ann)
    submit(entry_id=entry.pk, by=ann, at=timezone.now())
    Account.objects.filter(code="5000").update(is_active=False)
    with pytest.raises(ManualEntryError, match="is deactivated"):
        approve(entry_id=entry.pk, by=bob, at=timezone.now())
    entry.refresh_from_db()
    assert (entry.status, JournalEntry.objects.count()) == ("submitted", 0)


def test_an_entry_into_a_closed_month_is_refused_and_not_moved(entity, ann, bob, customer):
    entry = draft(ann)
    submit(entry_id=entry.pk, by=ann, at=timezone.now())
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 2), amount=D(1), currency="USD")
    close_period(period_id=AccountingPeriod.objects.get().pk, at=timezone.now())
    with pytest.raises(ManualEntryError, match=r"January 2026 is closed\. Date the entry from 1 February 2026 on"):
        approve(entry_id=entry.pk, by=bob, at=timezone.now())
    with pytest.raises(ManualEntryError, match="is closed"), transaction.atomic():
        draft(ann)


def test_what_is_sent_back_can_be_edited_and_deleted(entity, ann, bob):
    entry = draft(ann)
    attach(entry_id=entry.pk, name="bill.pdf", content=b"%PDF-1.7", by=ann)
    submit(entry_id=entry.pk, by=ann, at=timezone.now())
    with pytest.raises(ManualEntryError, match="can no longer be edited"), transaction.atomic():
        save_draft(entry=entry, lines=lines(*RENT), by=ann)
    with pytest.raises(ManualEntryError, match="Say what is to be changed"):
        send_back(entry_id=entry.pk, reason=" ")
    assert send_back(entry_id=entry.pk, reason="Wrong account").returned_reason == "Wrong account"
    delete_draft(entry_id=entry.pk)
    assert (ManualEntry.objects.count(), Attachment.objects.count()) == (0, 0)


def test_an_entry_by_rule_is_reversed_on_a_chosen_date_once(entity, customer, ann):
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 2), amount=D(7), currency="USD")
    paid = JournalEntry.objects.get()
    with pytest.raises(ValueError, match="reverse it on that day or later"):
        reverse_entry(entry_id=paid.pk, on=date(2026, 1, 1), reason="Bounced")
    with pytest.raises(ValueError, match="Say why"):
        reverse_entry(entry_id=paid.pk, on=FEB_1, reason="")
    reverse_entry(entry_id=paid.pk, on=FEB_1, reason="Bounced")
    mirror = JournalEntry.objects.get(reverses=paid)
    assert (mirror.date, mirror.kind, mirror.event.payload["reason"]) == (FEB_1, "reversal", "Bounced")
    sides = [list(e.lines.order_by("position").values_list("account", "debit", "credit")) for e in (paid, mirror)]
    assert sides[0] == [(pk, credit, debit) for pk, debit, credit in sides[1]]
    with pytest.raises(AlreadyReversed):
        reverse_entry(entry_id=paid.pk, on=FEB_1, reason="Again")
    with pytest.raises(ValueError, match="is a reversal itself"):
        reverse_entry(entry_id=mirror.pk, on=FEB_1, reason="Back")


def test_an_accrual_reverses_by_itself_on_its_day(entity, ann, bob):
    post(ann, bob, reverse_on=FEB_1)
    assert post_scheduled(business_entity_id=entity.pk, through=JAN_31).reversed == 0
    assert due_count(business_entity_id=entity.pk, through=FEB_1) == 1
    assert post_scheduled(business_entity_id=entity.pk, through=FEB_1).reversed == 1
    assert post_scheduled(business_entity_id=entity.pk, through=FEB_1).reversed == 0
    assert journal() == text(f"""
        2026-01-31  Rent of January
            Dr {names()["5000"]:<32}      900.00
            Cr {names()["1000"]:<32}      900.00
        2026-02-01  Rent of January: reversal
            Dr {names()["1000"]:<32}      900.00
            Cr {names()["5000"]:<32}      900.00
    """)


def test_a_month_end_accrual_repeats_on_month_ends_and_reverses_on_the_first(entity, ann, bob):
    original = post(ann, bob, reverse_on=FEB_1, repeat=1, repeat_until=date(2026, 4, 30))
    run = post_scheduled(business_entity_id=entity.pk, through=date(2026, 7, 1))
    assert (run.repeated, run.reversed) == (3, 4)
    dated = JournalEntry.objects.order_by("date", "id").values_list("date", "kind")
    assert [(f"{day:%m-%d}", kind) for day, kind in dated] == [
        ("01-31", "manual"), ("02-01", "reversal"), ("02-28", "manual"), ("03-01", "reversal"),
        ("03-31", "manual"), ("04-01", "reversal"), ("04-30", "manual"), ("05-01", "reversal"),
    ]  # fmt: skip
    assert set(original.occurrences.values_list("approved_by__username", flat=True)) == {"bob"}
    assert check_ledger(entity.tenant).problems == []


def test_a_series_that_is_stopped_goes_no_further(entity, ann, bob):
    original = post(ann, bob, repeat=3)
    assert next_repetition(original) == date(2026, 4, 30)
    assert post_scheduled(business_entity_id=entity.pk, through=date(2026, 5, 1)).repeated == 1
    assert next_repetition(original) == date(2026, 7, 31)
    stopped = stop_repeating(entry_id=original.pk, after=date(2026, 6, 30))
    assert next_repetition(stopped) is None
    assert post_scheduled(business_entity_id=entity.pk, through=date(2027, 5, 1)).repeated == 0


def test_the_event_alone_makes_the_same_entry_again(entity, ann, bob):
    """Replay: what is stored of the event, and nothing of the manual entry, gives the drafts."""
    post(ann, bob)
    (again,) = BY_HAND["manual_entry_approved"]([stored_event(BusinessEvent.objects.get())])
    posted = list(JournalEntry.objects.get().lines.order_by("position").values_list("account", "debit", "credit"))
    assert [(line.account_id, line.debit, line.credit) for line in again.lines] == posted


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        ("run.exe", b"MZ", "cannot be attached"),
        ("page.html", b"<script>", "cannot be attached"),
        ("bill.pdf", b"<html>", "does not hold what its name says"),
        ("list.csv", b"a\x00b", "does not hold what its name says"),
        ("bill.pdf", b"", "is empty or larger"),
        ("bill.pdf", b"%PDF-" + b"0" * LARGEST, "is empty or larger"),
    ],
)
def test_attachments_of_other_kinds_and_sizes_are_refused(entity, ann, name, content, refusal):
    entry = draft(ann)
    with pytest.raises(ManualEntryError, match=refusal):
        attach(entry_id=entry.pk, name=name, content=content, by=ann)


def test_an_attachment_is_kept_as_it_came(entity, ann, bob):
    entry = draft(ann)
    kept = attach(entry_id=entry.pk, name="..\\..\\etc/bill\r\n.pdf", content=b"%PDF-1", by=ann)
    assert (kept.name, kept.content_type, kept.size) == ("bill.pdf", "application/pdf", 6)
    with pytest.raises(ManualEntryError, match="attached already"):
        attach(entry_id=entry.pk, name="same.pdf", content=b"%PDF-1", by=ann)
    submit(entry_id=entry.pk, by=ann, at=timezone.now())
    attach(entry_id=entry.pk, name="late.txt", content=b"approved by phone", by=bob)
    assert entry.attachments.count() == 2


BY_SQL = {
    "approved by its author": "UPDATE accounting_manualentry SET status = 'posted', approved_by_id = {ann}, approved_at = now()",
    "approved by nobody": "UPDATE accounting_manualentry SET status = 'posted'",
    "submitter approves": "UPDATE accounting_manualentry SET submitted_by_id = {bob}, status = 'posted', "
    "approved_by_id = {bob}, approved_at = now()",
    "authors taken away": "UPDATE accounting_manualentry SET authors = '{{}}'",
    "amount changed while it waits": "UPDATE accounting_manualentryline SET debit = debit + 1 WHERE debit > 0",
    "date changed while it waits": "UPDATE accounting_manualentry SET date = '2026-01-30'",
    "line added while it waits": "INSERT INTO accounting_manualentryline (tenant_id, entry_id, position, account_id, debit, "
    "credit) SELECT tenant_id, entry_id, 9, account_id, 1, 0 FROM accounting_manualentryline LIMIT 1",
    "line deleted while it waits": "DELETE FROM accounting_manualentryline",
    "deleted while it waits": "DELETE FROM accounting_manualentry",
    "truncated": "TRUNCATE accounting_manualentry CASCADE",
    "attachment changed": "UPDATE accounting_attachment SET content = ''",
    "attachment deleted": "DELETE FROM accounting_attachment",
    "made posted": "INSERT INTO accounting_manualentry (tenant_id, business_entity_id, date, currency, description, note, "
    "status, repeat, authors, created_at, returned_reason, approved_by_id, approved_at) SELECT tenant_id, "
    "business_entity_id, date, currency, description, note, 'posted', 0, '{{}}', now(), '', {bob}, now() "
    "FROM accounting_manualentry LIMIT 1",
    "made posted as a repetition of what is not": "INSERT INTO accounting_manualentry (tenant_id, business_entity_id, date, "
    "currency, description, note, status, repeat, authors, created_at, returned_reason, approved_by_id, approved_at, "
    "series_id) SELECT tenant_id, business_entity_id, date + 30, currency, description, note, 'posted', 0, authors, now(), "
    "'', {bob}, now(), id FROM accounting_manualentry LIMIT 1",
}


@pytest.mark.parametrize("sql", BY_SQL.values(), ids=BY_SQL.keys())
def test_the_database_holds_the_line_between_author_and_approver(entity, ann, bob, sql):
    entry = draft(ann)
    attach(entry_id=entry.pk, name="bill.pdf", content=b"%PDF-1.7", by=ann)
    submit(entry_id=entry.pk, by=ann, at=timezone.now())
    connection.check_constraints()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(ann=ann.pk, bob=bob.pk))


CHANGES = (
    "description = 'x'",
    "status = 'draft'",
    "approved_by_id = NULL",
    "date = date + 1",
    "repeat = 1",
    "authors = '{}'",
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_posted_manual_entry_stays(entity, ann, bob, change):
    post(ann, bob)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE accounting_manualentry SET {change}")


COPY = """
WITH e AS (INSERT INTO accounting_journalentry (id, tenant_id, business_entity_id, date, currency, kind, description, event_id,
    part, rule_version_id, reverses_id, line_count, posted_at)
SELECT 9000000001, tenant_id, business_entity_id, date, currency, {kind}, 'x', {event}, 7, NULL, {reverses}, 2, now()
FROM accounting_journalentry WHERE id = {entry})
INSERT INTO accounting_journalline (tenant_id, business_entity_id, entry_id, position, date, account_id, currency, debit,
    credit, base_debit, base_credit, role, resolved_by)
SELECT tenant_id, business_entity_id, 9000000001, position, date, account_id, currency, debit, credit, base_debit,
    base_credit, role, resolved_by FROM accounting_journalline WHERE entry_id = {entry}
"""


@pytest.mark.parametrize(
    ("kind", "event", "reverses"),
    [
        ("'manual'", "{payment}", "NULL"),
        ("'reversal'", "{payment}", "{entry}"),
        ("'reversal'", "{payment}", "NULL"),
        ("'standard'", "{payment}", "NULL"),
        ("'manual'", "{forged}", "NULL"),
    ],
    ids=["by hand", "a reversal", "a reversal of nothing", "by no rule", "by an event that somebody forged"],
)
def test_nothing_is_posted_by_hand_that_was_not_approved(entity, customer, ann, kind, event, reverses):
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 2), amount=D(7), currency="USD")
    paid = JournalEntry.objects.get()
    waiting = draft(ann)
    forged = BusinessEvent.objects.create(
        business_entity=entity, kind="manual_entry_approved", key=str(waiting.pk), occurred_on=JAN_31,
        recorded_at=timezone.now(), payload={},
    )  # fmt: skip
    names = {"payment": paid.event_id, "entry": paid.pk, "forged": forged.pk}
    sql = COPY.format(kind=kind, event=event.format(**names), reverses=reverses.format(**names), entry=paid.pk)
    refusal = r"approved by a second person|entry_by_rule_or_by_hand"
    with pytest.raises(DatabaseError, match=refusal), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def _race(company, *acts):
    together, answers = Barrier(len(acts)), []

    def run(act):
        try:
            together.wait(timeout=20)
            with tenant_scope(company.pk):
                act()
                answers.append("done")
        except (ValueError, DatabaseError) as error:
            answers.append(type(error).__name__)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return sorted(answers)


@pytest.mark.django_db(transaction=True)
class TestRaces:
    @pytest.fixture(autouse=True)
    def _codes(self):
        """These commit, so they have a company of their own."""

    @pytest.fixture
    def company(self, transactional_db):
        company = make_company("race")
        with tenant_scope(company.pk):
            Account.objects.get_or_create(
                business_entity=BusinessEntity.objects.get(), code="5000",
                defaults={"name": "5000", "category": "expenses", "normal_balance": "debit"},
            )  # fmt: skip
        return company

    def test_two_who_approve_at_once_post_once(self, company):
        ann, bob, carl = (person(name) for name in ("ann", "bob", "carl"))
        with tenant_scope(company.pk):
            entry = draft(ann)
            submit(entry_id=entry.pk, by=ann, at=timezone.now())
        acts = [lambda by=by: approve(entry_id=entry.pk, by=by, at=timezone.now()) for by in (bob, carl)]
        assert _race(company, *acts) == ["ManualEntryError", "done"]
        with tenant_scope(company.pk):
            assert JournalEntry.objects.count() == 1

    def test_two_who_reverse_at_once_reverse_once(self, company):
        with tenant_scope(company.pk):
            post(person("ann"), person("bob"))
            posted = JournalEntry.objects.get()
        acts = [lambda: reverse_entry(entry_id=posted.pk, on=FEB_1, reason="x")] * 2
        assert _race(company, *acts) == ["AlreadyReversed", "done"]

    def test_two_clocks_post_a_repetition_once(self, company):
        with tenant_scope(company.pk):
            post(person("ann"), person("bob"), repeat=1, reverse_on=FEB_1)
            entity = BusinessEntity.objects.get()
        acts = [lambda: post_scheduled(business_entity_id=entity.pk, through=date(2026, 3, 31))] * 3
        assert _race(company, *acts) == ["done", "done", "done"]
        with tenant_scope(company.pk):
            assert JournalEntry.objects.count() == 5  # January to March, and the reversals of January and February
            assert ManualEntryLine.objects.count() == 6

    def test_closing_and_approving_at_once_ends_in_one_order(self, company):
        ann, bob = person("ann"), person("bob")
        with tenant_scope(company.pk):
            post(ann, bob, description="First")
            entry = draft(ann)
            submit(entry_id=entry.pk, by=ann, at=timezone.now())
            period = AccountingPeriod.objects.get()
        answers = _race(
            company,
            lambda: approve(entry_id=entry.pk, by=bob, at=timezone.now()),
            lambda: close_period(period_id=period.pk, at=timezone.now()),
        )
        with tenant_scope(company.pk):
            period.refresh_from_db()
            entry.refresh_from_db()
            assert "done" in answers and period.status == "closed"
            assert (entry.status == "posted") == (JournalEntry.objects.count() == 2) == (period.seal.entries == 2)
            assert check_ledger(company).problems == []


def test_an_entry_in_a_foreign_currency_is_posted_at_the_rate_of_its_day(entity, ann, bob):
    """900.00 EUR of rent at 1.10; reversed by itself on 1 February at what it was posted for, whatever the rate is then."""
    entry = draft(ann, currency="EUR", reverse_on=FEB_1)
    submit(entry_id=entry.pk, by=ann, at=timezone.now())
    with pytest.raises(ManualEntryError, match="no exchange rate from EUR to USD for 31 January 2026"):
        approve(entry_id=entry.pk, by=bob, at=timezone.now())
    assert (JournalEntry.objects.count(), ManualEntry.objects.get().status) == (0, "submitted")
    rates("Date USD\n2026-01-30 1.10\n2026-02-02 1.30")
    with pytest.raises(ManualEntryError, match="Somebody else must approve it"):
        approve(entry_id=entry.pk, by=ann, at=timezone.now())
    approve(entry_id=entry.pk, by=bob, at=timezone.now())
    assert post_scheduled(business_entity_id=entity.pk, through=FEB_1).reversed == 1
    rent, cash = names()["5000"], names()["1000"]
    assert journal(in_base=True) == text(f"""
        2026-01-31  Rent of January
            Dr {rent:<32}      990.00
            Cr {cash:<32}      990.00
        2026-02-01  Rent of January: reversal
            Dr {cash:<32}      990.00
            Cr {rent:<32}      990.00
    """)
    posted = JournalEntry.objects.order_by("id").first()
    assert {(line.currency, line.debit + line.credit) for line in posted.lines.all()} == {("EUR", D(900))}
    assert check_ledger(entity.tenant).problems == []
    assert replay_ledger().differences == []


def test_a_foreign_entry_balances_in_base_currency_whatever_its_lines_round_to(entity, ann, bob):
    """Three lines of 0.05 EUR at 1.10 are 0.055 each, 0.165 in all: 0.17 on both sides."""
    rates("Date USD\n2026-01-30 1.10")
    post(ann, bob, currency="EUR", rows=(("5000", "0.05", "0"),) * 3 + (("1000", "0", "0.15"),))
    sides = JournalEntry.objects.get().lines.values_list("base_debit", "base_credit")
    assert (sum(debit for debit, _ in sides), sum(credit for _, credit in sides)) == (D("0.17"), D("0.17"))


def test_a_foreign_entry_has_the_decimals_of_its_currency(entity, ann):
    with pytest.raises(ManualEntryError, match=r"0\.5 has more decimals than JPY has"):
        draft(ann, currency="JPY", rows=(("5000", "0.5", "0"), ("1000", "0", "0.5")))


def test_a_repeated_foreign_entry_takes_each_days_rate_and_waits_for_it(entity, ann, bob):
    rates("Date USD\n2026-01-30 1.10\n2026-02-27 1.20")
    original = post(ann, bob, currency="EUR", repeat=1)
    run = post_scheduled(business_entity_id=entity.pk, through=date(2026, 3, 31))
    assert run.repeated == 0
    assert "no exchange rate from EUR to USD for 31 March 2026" in run.refused[0]
    assert post_scheduled(business_entity_id=entity.pk, through=date(2026, 2, 28)).repeated == 1
    amounts = [entry.lines.order_by("position")[0].base_debit for entry in JournalEntry.objects.order_by("date")]
    assert amounts == [D(990), D(1080)]
    assert original.currency == "EUR"


def test_what_a_person_moves_on_a_bank_account_in_its_currency_is_carried_with_it(entity, customer, ann, bob):
    """1,000.00 EUR came in at 1.10; a fee of 100.00 EUR at 1.30 takes 110.00 off the account, and realizes 20.00."""
    rates("Date USD\n2026-01-02 1.10\n2026-01-30 1.30\n2026-02-27 1.20")
    about = {"category": "assets", "normal_balance": "debit", "business_entity": entity}
    Account.objects.create(code="1019", name="Cash EUR", **about)
    DefaultAccount.objects.create(
        role="cash", level="entity_currency", business_entity=entity, currency="EUR", account_code="1019"
    )
    customer.currency = "EUR"
    customer.save()
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 2), amount=D(1000), currency="EUR")
    post(ann, bob, currency="EUR", rows=(("5000", "100", "0"), ("1019", "0", "100")))
    assert journal(in_base=True, kinds={"manual_entry_approved"}) == text(f"""
        2026-01-31  Rent of January
            Dr {names()["5000"]:<32}      130.00
            Cr Cash EUR                              110.00
            Cr FX Gain, Realized                      20.00
    """)
    # 900.00 EUR at 1.20 are 1,080.00, carried at 990.00; what the customer may ask back is 1,200.00, carried at 1,100.00.
    assert revalue(at=date(2026, 2, 28)).total == {"USD": D("-10.00")}
    assert check_ledger(entity.tenant).problems == []
    assert replay_ledger().differences == []
