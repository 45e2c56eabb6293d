"""Contracts: drafts are edited, started ones looked at, ended early when need be."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from billing.access import may
from billing.admin.bulk_actions import confirmed_action
from billing.admin.contract_forms import ContractForm, ItemInline, PhaseInline
from billing.admin.document import Document, EditableDocumentAdmin, Verb, VerbForm
from billing.admin.forms import DayField, today
from billing.admin.pricing_words import in_words
from billing.admin.shown import NONE, day, last_day, link, money, period, quantity, status
from billing.admin.tables import Table, columns
from billing.models import Contract, ContractItem, ContractStatus, Role
from billing.services.contracts import end_contract, start_contracts
from billing.wording import counted

_SHOWN = 24


class EndForm(VerbForm):
    end = DayField(label="First day no longer covered")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["end"] = today(self.subject.business_entity)


def _start(request: HttpRequest, contract: Contract, given: dict[str, Any]) -> str:
    start_contracts([contract.pk])
    return f"Contract {contract} has started. The next billing run bills what is due."


def _start_many(request: HttpRequest, chosen: QuerySet[Contract]) -> str:
    ids = list(chosen.values_list("pk", flat=True))
    start_contracts(ids)
    return f"{counted(len(ids), 'contract has', 'contracts have')} started."


def _end(request: HttpRequest, contract: Contract, given: dict[str, Any]) -> str:
    end_contract(contract_id=contract.pk, end=given["end"])
    return f"Contract {contract} ends; its last day is {last_day(given['end'])}."


@transaction.atomic
def _delete(request: HttpRequest, contract: Contract, given: dict[str, Any]) -> str:
    number = contract.number
    contract.items.all().delete()
    contract.phases.all().delete()
    contract.delete()
    return f"The draft {number} is deleted."


def _is(wanted: ContractStatus) -> Any:
    return lambda contract: contract.status == wanted


@admin.register(Contract)
class ContractAdmin(EditableDocumentAdmin):
    form = ContractForm
    inlines = (PhaseInline, ItemInline)
    autocomplete_fields = ("customer",)
    list_display = ("number", "customer_shown", "status_shown", "start", "end", "renewal_shown", "reference")
    list_filter = ("status", "renewal", ("start", RangeDateFilter), ("end", RangeDateFilter))
    list_select_related = ("customer",)
    search_fields = ("number", "reference", "customer__name", "customer__external_id")
    search_help_text = "Number, reference or customer"
    fields = (
        ("customer", "number"),
        ("start", "term_months"),
        ("end", "renewal"),
        ("payment_terms_days", "reference"),
        ("price_allocation", "revenue_span"),
    )
    empty_hint = "Add a contract, or import many from a CSV file. A contract is billed once it is started."
    actions = (
        confirmed_action(
            name="start_chosen",
            label="Start contracts",
            explain=lambda chosen: (
                f"{counted(chosen.count(), 'contract', 'contracts')}. From the start on they are billed and earn revenue, and "
                "their terms can no longer be edited. If one of them is not a draft, none is started."
            ),
            do=_start_many,
        ),
    )
    verbs = (
        Verb(
            "start",
            "Start contract",
            _start,
            explain=lambda contract: (
                "From its start the contract is billed and earns revenue. Its terms can no longer be "
                "edited, only modified or ended early."
            ),
            allowed=_is(ContractStatus.DRAFT),
        ),
        Verb(
            "end",
            "End early",
            _end,
            explain=lambda contract: (
                "Nothing from that day on is billed any more, and the contract does not renew. What is "
                "billed for later days already must be voided or credited first."
            ),
            form=EndForm,
            allowed=_is(ContractStatus.ACTIVE),
            danger=True,
        ),
        Verb(
            "delete-draft",
            "Delete draft",
            _delete,
            explain=lambda contract: "The draft and its items are removed. Nothing was billed or posted for it.",
            allowed=_is(ContractStatus.DRAFT),
            danger=True,
            back_to_list=True,
        ),
    )

    def list_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        return [("Import contracts", reverse("admin:import_contracts"))] if may(request, Role.FINANCE) else []

    def editable(self, request: HttpRequest, subject: Contract) -> bool:
        return super().editable(request, subject) and subject.status == ContractStatus.DRAFT

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.model is not ContractItem:
            super().save_formset(request, form, formset, change)
            return
        contract = form.instance
        first = contract.phases.order_by("start").first() or contract.phases.create(
            tenant_id=contract.tenant_id, start=contract.start, end=contract.end
        )
        if contract.phases.count() == 1 and (first.start, first.end) != (contract.start, contract.end):
            first.start, first.end = contract.start, contract.end
            first.save()
        formset.save(commit=False)
        for item in formset.deleted_objects:
            item.delete()
        for item_form in formset.forms:
            item = item_form.instance
            if item in formset.deleted_objects or (not item_form.has_changed() and item.pk is None):
                continue
            item.phase = item.phase if item.phase_id and item.phase_id != first.pk else first
            item.start = item.billed_until = item.phase.start
            item.save()

    @display(description="Customer", ordering="customer__name")
    def customer_shown(self, contract: Contract) -> str:
        return link(contract.customer)

    @display(description="Status", ordering="status")
    def status_shown(self, contract: Contract) -> str:
        return status(contract)

    @display(description="Renews", ordering="renewal")
    def renewal_shown(self, contract: Contract) -> str:
        return "Yes" if contract.renewal == "same_terms" else "No"

    def document(self, request: HttpRequest, subject: Contract) -> Document:
        return Document(
            title=f"Contract {subject}",
            badge=status(subject),
            note="A draft bills nothing. Check its items, then start it." if subject.status == "draft" else "",
            facts=[
                ("Customer", link(subject.customer)),
                ("Covers", period(subject.start, subject.end)),
                ("Term", f"{subject.term_months} months" if subject.term_months else "Open-ended"),
                ("When the term is over", subject.get_renewal_display()),
                ("Payment terms", f"{subject.payment_terms_days} days"),
                ("Currency", subject.currency),
                ("Transaction price", subject.get_price_allocation_display()),
                ("Revenue is earned over", subject.get_revenue_span_display()),
                ("Reference", subject.reference or NONE),
                *((str(name), value or NONE) for name, value in subject.attributes.items()),
            ],
            tables=[_items(subject), _phases(subject), _invoices(subject)],
        )


def _items(contract: Contract) -> Table:
    items = contract.items.select_related("product", "phase", "tax_rate")
    return Table(
        "Items",
        columns("Product", "Price", ">Quantity", "Billed", "Covers", "Tax", "Revenue", "Billed until", "Next billing"),
        [
            (
                link(item.product, item.description or item.product.name),
                in_words(item.pricing_model, item.pricing, contract.currency),
                "by usage" if item.is_metered else quantity(item.quantity),
                f"{item.get_interval_months_display()}, {item.get_timing_display().split(',')[0].lower()}",
                period(item.start, item.end or item.phase.end),
                item.tax_rate.name if item.tax_rate else "none",
                item.get_recognition_method_display(),
                last_day(item.billed_until) if item.billed_until > item.start else "not yet",
                day(item.next_billing_on),
            )
            for item in items
        ],
        "No items yet. Edit the draft and add a product with its price.",
    )


def _phases(contract: Contract) -> Table:
    return Table(
        "Phases",
        columns("Phase", "Kind", "Covers"),
        [(each.name, each.get_kind_display(), period(each.start, each.end)) for each in contract.phases.all()],
        "No phase yet: saving the first item makes one over the whole term.",
    )


def _invoices(contract: Contract) -> Table:
    return Table(
        "Invoices",
        columns("Number", "Status", "Issued", "Due", ">Total"),
        [
            (link(invoice), status(invoice), day(invoice.issued_on), day(invoice.due_on), money(invoice.total))
            for invoice in contract.invoices.order_by("-issued_on", "-pk")[:_SHOWN]
        ],
        "Nothing billed yet. A billing run drafts the invoices of active contracts.",
    )
