"""Which rule speaks, which account a role means, and what check_ledger finds."""

import json
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounting.balances import account_balance, sum_up
from accounting.by_hand import BY_HAND
from accounting.checks import CHECKS, check_ledger
from accounting.engine import InvalidRule, compile_rule
from accounting.facts import FACTS
from accounting.measures import measured_kinds
from accounting.models import (
    Account,
    AccountingPeriod,
    AccountingRule,
    DefaultAccount,
    JournalEntry,
    JournalLine,
    Level,
    RuleVersion,
    UnmatchedEvent,
)
from accounting.periods import close_period
from accounting.recognition import recognize_revenue
from accounting.reports.trial_balance import trial_balance
from accounting.reports.why import explain_entry
from accounting.setup import standard_rules, starter_chart
from billing.models import BusinessEntity, Invoice, Product, ProductFamily
from billing.publishing import event_kinds
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.disputes import open_dispute
from billing.services.gateways import add_gateway, record_payout
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from billing.services.refunds import refund_credit_note
from billing.services.wallets import top_up_wallet
from billing.tenancy import tenant_scope
from tests.accounting.rates import rates
from tests.company import make_company
from tests.journal import journal, text

JAN = date(2026, 1, 1)


def rule(*lines: tuple[str, str, str], event: str = "invoice_finalized", **more):
    data = [{"side": side, "role": role, "amount": amount, "per": "line"} for side, role, amount in lines]
    return compile_rule(
        version_id=1, code="r", priority=1, effective_from=JAN, event_kind=event, description="r",
        conditions=more.get("conditions", []), lines=data,
    )  # fmt: skip


def test_every_event_has_facts_a_measure_and_a_standard_rule():
    by_rule = set(event_kinds()) - set(BY_HAND)
    assert by_rule == set(FACTS) == set(measured_kinds()) == {row["event"] for row in standard_rules()}


def test_the_starter_chart_fills_every_role_of_the_standard_rules():
    roles = {line["role"] for row in standard_rules() for line in row.get("lines", [])}
    assert roles <= {row.get("role") for row in starter_chart()}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([("debit", "cash", "gross"), ("credit", "revenue", "net")], "“tax” is debited without"),
        ([("credit", "revenue", "net")], "without a line on the other side"),
        ([("debit", "cash", "profit")], "no amount “profit”"),
        ([("left", "cash", "gross")], "the side is debit or credit"),
    ],
)
def test_a_rule_that_cannot_balance_is_refused_with_the_reason(lines, reason):
    with pytest.raises(InvalidRule, match=reason):
        rule(*lines)


def test_a_rule_may_split_an_amount_into_its_parts():
    rule(("debit", "ar", "gross"), ("credit", "r", "net_committed"), ("credit", "r", "net_from_unbilled"),
         ("credit", "r", "net_deferred"), ("credit", "t", "tax"))  # fmt: skip


def test_a_condition_chooses_per_line_and_the_lowest_priority_number_wins(entity, customer, product):
    hardware = Product.objects.create(code="box", name="Box")
    special = AccountingRule.objects.create(code="box", name="Box", event_kind="invoice_finalized")
    RuleVersion.objects.create(
        rule=special,
        priority=10,
        effective_from=JAN,
        description="Box sold",
        conditions=[{"field": "product_id", "operator": "is", "value": hardware.pk}],
        lines=[
            {"side": "debit", "role": "accounts_receivable.customers", "amount": "gross", "per": "document"},
            {"side": "credit", "role": "suspense", "amount": "gross", "per": "line"},
        ],
    )
    items = [
        {"product": each, "pricing_model": "flat_fee", "pricing": {"amount": amount}}
        for each, amount in ((product, "70"), (hardware, "30"))
    ]
    contract = draft_contract(customer=customer, number="K", start=JAN, items=items, term_months=1)
    start_contracts([contract.pk])
    run_billing(through=JAN, finalize=True)
    assert journal() == text("""
        2026-01-01  Box sold
            Dr AR - Customers                         30.00
            Cr Suspense                               30.00
        2026-01-01  Invoice finalized
            Dr AR - Customers                         70.00
            Cr Deferred Revenue                       70.00
    """)


def test_versions_hold_from_their_date(sell):
    standard = AccountingRule.objects.get(code="invoice-finalized")
    RuleVersion.objects.create(
        rule=standard,
        number=2,
        effective_from=date(2026, 2, 1),
        description="New way",
        lines=standard.versions.get().lines,
    )
    sell(amount="100", start=JAN, terms={"term_months": 3})
    run_billing(through=date(2026, 2, 1), finalize=True)
    assert list(JournalEntry.objects.order_by("date").values_list("description", flat=True)) == [
        "Invoice finalized",
        "New way",
    ]


def test_events_without_a_rule_are_listed_and_an_explicit_nothing_is_not(sell):
    RuleVersion.objects.filter(rule__event_kind="invoice_finalized").update(is_active=False)
    sell(amount="100", start=JAN, terms={"term_months": 1})
    run_billing(through=JAN, finalize=True)
    assert JournalEntry.objects.count() == 0
    assert list(UnmatchedEvent.objects.values_list("event__kind", flat=True)) == ["invoice_finalized"]


def test_the_most_specific_default_answers_and_each_line_says_so(entity, customer, sell):
    """From the last step to the first, each more specific default takes over from the one before."""
    family = ProductFamily.objects.create(code="plans", name="Plans")
    product = Product.objects.create(code="max", name="Max", family=family)
    contract = sell(amount="10", start=JAN, product=product, terms={"term_months": 12})
    targets = [
        (Level.ENTITY, {"business_entity": entity}),
        (Level.ENTITY_CURRENCY, {"business_entity": entity, "currency": "USD"}),
        (Level.CUSTOMER, {"customer": customer}),
        (Level.PRODUCT_FAMILY, {"product_family": family}),
        (Level.PRODUCT, {"product": product}),
        (Level.CONTRACT_ITEM, {"contract_item": contract.items.get()}),
    ]
    answered = []
    for month, (level, target) in enumerate([(Level.TENANT, None), *targets], start=1):
        if target:
            code = f"23{month:02d}"
            Account.objects.create(
                business_entity=entity, code=code, name=code, category="liabilities", normal_balance="credit"
            )
            DefaultAccount.objects.create(role="deferred_revenue", level=level, account_code=code, **target)
        run_billing(through=date(2026, month, 1), finalize=True)
        line = JournalLine.objects.get(role="deferred_revenue", date=date(2026, month, 1))
        answered.append((line.resolved_by, line.account.code))
    assert answered == [
        ("tenant", "2300"), ("entity", "2302"), ("entity_currency", "2303"), ("customer", "2304"),
        ("product_family", "2305"), ("product", "2306"), ("contract_item", "2307"),
    ]  # fmt: skip


def test_reports_agree_with_the_journal(entity, sell, customer):
    sell(amount="1200", start=JAN, interval_months=12, terms={"term_months": 12})
    run_billing(through=JAN, finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    receive_payment(customer_id=customer.pk, received_on=date(2026, 2, 1), amount=Decimal(500), currency="USD")
    shown = trial_balance(business_entity_id=entity.pk, at=date(2026, 2, 28))
    # 31 + 28 of 365 days of 1,200.00, each month rounded: 101.92 + 92.05
    assert {account.code: (account.debit, account.credit) for account in shown.accounts} == {
        "1000": (500, 0), "1110": (700, 0), "2300": (0, Decimal("1006.03")), "4000": (0, Decimal("193.97")),
    }  # fmt: skip
    assert shown.debit == shown.credit == 1200
    receivable = Account.objects.get(code="1110")
    assert (
        account_balance(
            business_entity_id=receivable.business_entity_id, account_id=receivable.pk, at=date(2026, 1, 31)
        )
        == 1200
    )


def test_an_entry_is_explained(sell):
    sell(amount="100", start=JAN, terms={"term_months": 1})
    run_billing(through=JAN, finalize=True)
    reason = explain_entry(JournalEntry.objects.get().pk)
    assert reason.event_label == "Invoice finalized"
    assert reason.documents["invoice_id"] == Invoice.objects.get().pk
    assert [line.rule_says for line in reason.lines] == [
        "debit accounts_receivable.customers with “gross”, per document",
        "credit deferred_revenue with “net deferred”, per line",
    ]


def test_the_gross_up_treatment_from_start_to_end(db):
    company = make_company("gross", contract_start="gross_up")
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        customer = entity.customers.create(tenant=company, external_id="C", name="C", currency="USD")
        product = Product.objects.create(code="p", name="P", recognition_method="straight_line_months")
        item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "100"}}
        contract = draft_contract(customer=customer, number="K", start=JAN, items=[item], term_months=2)
        start_contracts([contract.pk])
        run_billing(through=JAN, finalize=True)
        void_invoice(invoice_id=Invoice.objects.get().pk, on=JAN, reason="Typo", bill_again=True)
        run_billing(through=date(2026, 2, 1), finalize=True)
        recognize_revenue(through=date(2026, 2, 28))
        assert check_ledger(company).problems == []
        assert journal(kinds={"contract_started", "revenue_recognized"}) == text("""
            2026-01-01  Contract started: committed value
                Dr Unbilled Revenue                      200.00
                Cr Deferred Revenue                      200.00
            2026-01-31  Revenue recognized
                Dr Deferred Revenue                      100.00
                Cr Sales and Services Revenue            100.00
            2026-02-28  Revenue recognized
                Dr Deferred Revenue                      100.00
                Cr Sales and Services Revenue            100.00
        """)
        shown = trial_balance(business_entity_id=entity.pk, at=date(2026, 2, 28))
        assert {account.code: account.debit - account.credit for account in shown.accounts} == {
            "1110": 200, "1200": 0, "2300": 0, "4000": -200,
        }  # fmt: skip


DAMAGE = {
    "entries_balance": "UPDATE accounting_journalline SET debit = debit + 1 WHERE debit > 0",
    "entries_balance_in_base_currency": "UPDATE accounting_journalline SET base_debit = base_debit + 1 WHERE base_debit > 0",
    "base_amounts_agree": "UPDATE accounting_journalline SET base_debit = base_debit * 2, base_credit = base_credit * 2",
    "entries_are_whole": "DELETE FROM accounting_journalline WHERE position = 1",
    "lines_have_entries": "DELETE FROM accounting_journalentry",
    "accounts_belong_to_the_entity": "UPDATE accounting_account SET is_group = true",
    "entries_are_explained": "DELETE FROM billing_businessevent",
    "events_are_posted": "DELETE FROM accounting_journalline; DELETE FROM accounting_journalentry",
    "documents_are_published": "DELETE FROM billing_businessevent WHERE kind = 'invoice_finalized'",
    "events_are_whole": "UPDATE billing_businessevent SET occurred_on = occurred_on + 1",
    "events_say_what_documents_say": "UPDATE billing_payment SET received_on = received_on + 1",
    "voids_are_published": "UPDATE billing_invoice SET status = 'void', voided_on = issued_on",
    "invoices_add_up": "UPDATE billing_invoice SET net = net + 1, total = total + 1",
    "settlements_add_up": "UPDATE billing_invoice SET settled = settled - 1 WHERE settled > 1",
    "payments_add_up": "UPDATE billing_payment SET unapplied = unapplied + 1, amount = amount + 2",
    "returned_parts_add_up": "UPDATE billing_dispute SET from_unapplied = from_unapplied - 1",
    "wallets_agree": "UPDATE billing_walletentry SET paid = paid + 1, paid_balance = paid_balance + 1",
    "owed_back_agrees": "UPDATE billing_refund SET amount = amount + 1",
    "gateways_agree": "UPDATE billing_gatewaypayout SET captured = captured + 1, deposited = deposited + 1",
    "kept_by_gateways_agrees": "UPDATE billing_dispute SET fee = fee + 1",
    "invoice_numbers_have_no_gaps": "UPDATE billing_numberseries SET next_number = next_number + 1",
    "daily_balances_agree": "UPDATE accounting_dailybalance SET base_debit = base_debit + 1",
    "sealed_balances_agree": "UPDATE accounting_sealedbalance SET credit = credit + 1",
    "sealed_customers_agree": "UPDATE accounting_sealedcustomerbalance SET credit = credit + 1",
    "seals_count_right": "UPDATE accounting_periodseal SET entries = entries + 1",
    "reopened_on_the_record": "UPDATE accounting_accountingperiod SET status = 'open', seal_id = NULL WHERE status = 'closed'",
    "seals_hold": "UPDATE accounting_journalentry SET description = 'Something else'",
    "receivables_agree": "UPDATE billing_invoice SET settled = 0, status = 'finalized'",
    "unapplied_payments_agree": "UPDATE billing_payment SET unapplied = 0",
    "deferred_revenue_agrees": "UPDATE accounting_recognitionschedule SET billed = billed + 1",
    "unbilled_revenue_agrees": "UPDATE accounting_recognitionschedule SET billed = 0",
    "revenue_agrees": "UPDATE accounting_recognitionschedule SET recognized = 0",
    "carrying_amounts_agree": "UPDATE accounting_carryingamount SET base = base + 1",
    "nothing_is_left_of_what_is_settled": "UPDATE accounting_carryingamount SET amount = 0",
}


_BEFORE = [  # what the standard rule for payments said before tax withheld was known
    {"side": "debit", "role": "cash", "amount": "received", "per": "document"},
    {"side": "credit", "role": "accounts_receivable.customers", "amount": "allocated", "per": "line"},
    {"side": "credit", "role": "unapplied_payments", "amount": "unapplied", "per": "document"},
]


def test_books_of_an_earlier_release_learn_the_new_rules(customer):
    """Set-up again: what is missing comes, an untouched standard rule follows the file, a changed one stays."""
    RuleVersion.objects.filter(rule__code="payment-received").update(lines=_BEFORE)
    changed = RuleVersion.objects.get(rule__code="credit-note-issued")
    RuleVersion.objects.create(rule=changed.rule, number=2, effective_from=JAN, description="Ours", lines=changed.lines)
    RuleVersion.objects.filter(pk=changed.pk).update(lines=[])
    RuleVersion.objects.filter(rule__code="dispute-opened").delete()
    AccountingRule.objects.filter(code="dispute-opened").delete()
    DefaultAccount.objects.filter(role="disputes").delete()
    Account.objects.filter(role="disputes").delete()
    receive_payment(customer_id=customer.pk, received_on=JAN, amount=Decimal(5), currency="USD")
    for _ in range(2):
        call_command("update_books", "--tenant", "acme", "--json", stdout=(said := StringIO()))
        assert json.loads(said.getvalue()) == {"ok": True, "companies": 1}
    versions = RuleVersion.objects.filter(rule__code="payment-received").order_by("number")
    assert [(version.number, version.is_active) for version in versions] == [(1, False), (2, True)]
    assert {line["amount"] for line in versions[1].lines} >= {"withheld_recoverable", "withheld_lost"}
    assert RuleVersion.objects.filter(rule__code="credit-note-issued").count() == 2
    assert RuleVersion.objects.get(rule__code="dispute-opened").is_active
    assert (
        Account.objects.filter(role="disputes").count() == DefaultAccount.objects.filter(role="disputes").count() == 1
    )


def _move_money(customer):
    """Something in every sub-ledger: held and kept by a gateway, owed back, in a wallet, in a foreign currency."""
    rates("Date USD\n2026-01-01 1.10")
    receive_payment(customer_id=customer.pk, currency="EUR", received_on=JAN, amount=Decimal(3), allocations={})
    gateway = add_gateway(business_entity=customer.business_entity, code="cards", name="Cards")
    paid = {"customer_id": customer.pk, "currency": "USD"}
    payment = receive_payment(**paid, received_on=JAN, amount=Decimal(20), allocations={}, gateway="cards")
    open_dispute(payment_id=payment.pk, on=JAN, amount=Decimal(5), fee=Decimal(1), reason="No", by_gateway=True)
    record_payout(
        gateway="cards",
        business_entity_id=gateway.business_entity_id,
        paid_on=JAN,
        currency="USD",
        captured=Decimal(10),
        reference="po-1",
    )
    top_up_wallet(**paid, amount=Decimal(7), on=JAN)
    invoice = Invoice.objects.get()
    credited = {invoice.lines.get().pk: Decimal(10)}
    note = issue_credit_note(invoice_id=invoice.pk, lines=credited, on=JAN, reason="Late", keep="refund")
    refund_credit_note(credit_note_id=note.pk, on=JAN, amount=Decimal(4))


def test_there_is_damage_for_every_check():
    assert set(DAMAGE) == {check.name for check in CHECKS}


@pytest.mark.parametrize(("name", "sql"), DAMAGE.items(), ids=DAMAGE.keys())
def test_check_ledger_finds_damage_done_behind_the_guards(tenant, customer, sell, name, sql):
    sell(amount="100", start=JAN, terms={"term_months": 12})
    run_billing(through=JAN, finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    receive_payment(customer_id=customer.pk, received_on=JAN, amount=Decimal(150), currency="USD")
    _move_money(customer)
    close_period(period_id=AccountingPeriod.objects.order_by("start").first().pk, at=timezone.now())
    sum_up()
    assert check_ledger(tenant).problems == []
    connection.check_constraints()
    with connection.cursor() as cursor:
        for table in {word for word in sql.replace(";", " ").split() if word.count("_") == 1 and "." not in word}:
            if table in connection.introspection.table_names():
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in sql.split(";"):
            cursor.execute(statement)
    assert name in {problem["check"] for problem in check_ledger(tenant).problems}
