"""What accounting adds to billing's pages: the journal entries behind a document, and what of an invoice is earned."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django.http import HttpRequest

from accounting.admin.report_view import report_url
from accounting.admin.schedules import deferred
from accounting.events import ContractBalancesNetted, ForeignBalancesRevalued, RevenueRecognized
from accounting.models import JournalEntry, RecognitionSchedule
from accounting.reports.related import entries_of_facts
from billing.admin.events import event_label
from billing.admin.hooks import add_buttons, add_job_link, add_section
from billing.admin.shown import day, link, list_url, money, period
from billing.admin.tables import Table, columns
from billing.models import (
    BusinessEvent,
    Contract,
    CreditNote,
    CreditUse,
    Customer,
    Dispute,
    GatewayPayout,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentAllocation,
    Refund,
    Wallet,
    WriteOff,
)

# Which kind of event a job of accounting publishes; the newest entry comes first, so what the job posted is at the head.
for _job, _event in (
    ("recognize_revenue", RevenueRecognized),
    ("net_contracts", ContractBalancesNetted),
    ("revalue_balances", ForeignBalancesRevalued),
):
    add_job_link(_job, "Its journal entries", partial(list_url, JournalEntry, f"kind={_event.kind}&o=-0"))


def _statement(request: HttpRequest, customer: Any) -> list[dict[str, object]]:
    asked = {"business_entity": customer.business_entity.code, "customer": customer.external_id}
    return [{"label": "Statement", "url": report_url("customer-statement", asked), "plain": True}]


add_buttons(Customer, _statement)


def _entries(facts: Mapping[str, Iterable[object]], empty: str) -> Table:
    return Table(
        "Journal entries",
        columns("Entry", "Date", "What happened", "Description", ">Amount"),
        [
            (
                link(entry),
                day(entry.date),
                event_label(entry.event.kind),
                entry.description,
                money(entry.total_debit or 0, entry.business_entity.base_currency),
            )
            for entry in entries_of_facts(facts)
        ],
        empty,
    )


def _of_invoice(request: HttpRequest, invoice: Any) -> list[Table]:
    if invoice.status == InvoiceStatus.DRAFT:
        return []
    allocations = list(PaymentAllocation.objects.filter(invoice=invoice).values_list("pk", "payment_id"))
    entries = _entries(
        {
            "invoice_finalized": [invoice.pk],
            "invoice_voided": [invoice.pk],
            "credit_note_issued": (
                notes := list(CreditNote.objects.filter(invoice=invoice).values_list("pk", flat=True))
            ),
            "credit_note_voided": notes,
            "payment_received": {payment for _, payment in allocations},
            "payment_captured": {payment for _, payment in allocations},
            "payment_allocated": [pk for pk, _ in allocations],
            "payment_unallocated": [pk for pk, _ in allocations],
            "wallet_applied": _ids(invoice.wallet_entries),
            **_of_write_offs(WriteOff.objects.filter(invoice=invoice)),
            "credits_consumed": (uses := _ids(CreditUse.objects.filter(invoice_line__invoice=invoice))),
            "credits_expired": uses,
            "dispute_opened": _ids(invoice.returned_parts, "dispute"),
            "dispute_won": _ids(invoice.returned_parts, "dispute"),
            "refund_paid": _ids(invoice.returned_parts, "refund"),
        },
        "No rule posts anything for this invoice; see Unmatched events.",
    )
    return [entries, _revenue_of(invoice)]


def _revenue_of(invoice: Invoice) -> Table:
    lines = list(invoice.lines.values_list("pk", "contract_item_id", "period_start"))
    periods = {(item, start) for _, item, start in lines}
    found = RecognitionSchedule.objects.filter(
        contract_item__in={item for _, item, _ in lines if item},
        service_start__in={start for *_, start in lines if start},
        obligation_id=None,
    ).select_related("product")
    of_lines = RecognitionSchedule.objects.filter(
        contract_item=None, invoice_line_id__in=[pk for pk, *_ in lines]
    ).select_related("product")
    schedules = [each for each in found if (each.contract_item_id, each.service_start) in periods] + list(of_lines)
    return Table(
        "Revenue of what it bills",
        columns("Product", "Service period", ">Price", ">Earned", ">Deferred"),
        [
            (
                link(each, each.product.name),
                period(each.service_start, each.service_end),
                money(each.amount),
                money(each.recognized),
                deferred(each),
            )
            for each in schedules
        ],
        "Nothing to recognize.",
    )


def _of_payment(request: HttpRequest, payment: Any) -> list[Table]:
    entries = _entries(
        {
            "payment_received": [payment.pk],
            "payment_captured": [payment.pk],
            "payment_allocated": (allocations := _ids(payment.allocations)),
            "payment_unallocated": allocations,
            "payment_voided": [payment.pk],
            "wallet_topped_up": _ids(payment.wallet_entries),
            "dispute_opened": _ids(payment.disputes),
            "dispute_won": _ids(payment.disputes),
            "refund_paid": _ids(payment.refunds),
        },
        "Nothing is posted for it.",
    )
    return [entries]


def _of_credit_note(request: HttpRequest, note: Any) -> list[Table]:
    facts = {"credit_note_issued": [note.pk], "credit_note_voided": [note.pk], "refund_paid": _ids(note.refunds)}
    return [_entries(facts, "Nothing is posted for it.")]


def _of_dispute(request: HttpRequest, dispute: Any) -> list[Table]:
    return [_entries({"dispute_opened": [dispute.pk], "dispute_won": [dispute.pk]}, "Nothing is posted for it.")]


def _of_refund(request: HttpRequest, refund: Any) -> list[Table]:
    return [_entries({"refund_paid": [refund.pk]}, "Nothing is posted for it.")]


def _of_payout(request: HttpRequest, payout: Any) -> list[Table]:
    return [_entries({"payout_received": [payout.pk]}, "Nothing is posted for it.")]


def _of_wallet(request: HttpRequest, wallet: Any) -> list[Table]:
    entries = _ids(wallet.entries)
    facts = {
        "wallet_topped_up": entries,
        "wallet_applied": entries,
        "wallet_expired": entries,
        "credit_note_issued": _ids(wallet.entries, "credit_note"),
        "refund_paid": _ids(wallet.entries, "refund"),
    }
    return [_entries(facts, "Nothing is posted for it yet.")]


def _of_write_off(request: HttpRequest, write_off: Any) -> list[Table]:
    return [_entries(_of_write_offs(WriteOff.objects.filter(pk=write_off.pk)), "Nothing is posted for it.")]


def _of_write_offs(found: Any) -> dict[str, list[object]]:
    write_offs = list(found)
    return {
        "invoice_written_off": [each.pk for each in write_offs],
        "write_off_recovered": [f"{each.pk}:{n}" for each in write_offs for n in range(1, each.recoveries + 1)],
    }


def _of_credit_use(request: HttpRequest, use: Any) -> list[Table]:
    return [_entries({"credits_consumed": [use.pk], "credits_expired": [use.pk]}, "Nothing is posted for it.")]


def _ids(rows: Any, name: str = "pk") -> set[int]:
    return set(rows.values_list(name, flat=True)) - {None}


def _of_contract(request: HttpRequest, contract: Any) -> list[Table]:
    if contract.status == "draft":
        return []
    renewals = [f"{contract.pk}:{term}" for term in range(1, contract.terms_renewed + 1)]
    return [
        _entries(
            {
                "contract_started": [contract.pk],
                "contract_renewed": renewals,
                "contract_ended": [f"{contract.pk}:{contract.end}"],
            },
            "Your accounting policy posts nothing when a contract starts; its invoices and revenue are posted as they come.",
        )
    ]


def _of_event(request: HttpRequest, event: Any) -> list[Table]:
    return [_entries({event.kind: [event.key]}, "Nothing is posted for this event.")]


add_section(Invoice, _of_invoice)
add_section(Payment, _of_payment)
add_section(CreditNote, _of_credit_note)
add_section(Dispute, _of_dispute)
add_section(Refund, _of_refund)
add_section(GatewayPayout, _of_payout)
add_section(Wallet, _of_wallet)
add_section(WriteOff, _of_write_off)
add_section(CreditUse, _of_credit_use)
add_section(Contract, _of_contract)
add_section(BusinessEvent, _of_event)
