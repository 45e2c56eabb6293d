"""Usage of metered items: looked at, and recorded by hand where no system sends it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from billing.admin.document import Document, DocumentAdmin
from billing.admin.form_page import form_page
from billing.admin.forms import DayField, StyledForm
from billing.admin.shown import day, link, list_url, moment, quantity
from billing.models import ContractItem, ContractStatus, Role, UsageRecord
from billing.services.usage import record_usage


class UsageForm(StyledForm):
    item: forms.ModelChoiceField = forms.ModelChoiceField(label="Contract item", queryset=None)
    used_on = DayField(label="Used on")
    quantity = forms.DecimalField(
        label="Units", max_digits=20, decimal_places=6, help_text="A correction may be negative."
    )
    key = forms.CharField(
        label="Your own id of the record", max_length=100, help_text="A second record with the same id is refused."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        items = self.fields["item"]
        assert isinstance(items, forms.ModelChoiceField)
        items.queryset = ContractItem.objects.filter(
            is_metered=True, contract__status=ContractStatus.ACTIVE
        ).select_related("contract", "product")
        items.label_from_instance = lambda item: f"{item.contract.number}: {item.product.name}"  # type: ignore[method-assign, assignment]


@admin.register(UsageRecord)
class UsageAdmin(DocumentAdmin):
    add_role = Role.FINANCE
    list_display = ("used_on", "contract_shown", "product_shown", "amount_of_units", "key")
    list_filter = (("used_on", RangeDateFilter),)
    search_fields = ("key", "contract_item__contract__number")
    search_help_text = "Id or contract number"
    empty_hint = "Your systems send usage through the API; a correction can be added here as a further record."

    def get_queryset(self, request: HttpRequest) -> QuerySet[UsageRecord]:
        return super().get_queryset(request).select_related("contract_item__contract", "contract_item__product")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        if not self.has_add_permission(request):
            raise PermissionDenied

        def record(given: dict[str, Any]) -> tuple[str, str]:
            usage = record_usage(
                contract_item_id=given["item"].pk,
                used_on=given["used_on"],
                quantity=given["quantity"],
                key=given["key"],
            )
            return f"{quantity(usage.quantity)} units recorded.", list_url(UsageRecord)

        return form_page(
            request,
            title="Record usage",
            submit="Record usage",
            cancel_url=list_url(UsageRecord),
            do=record,
            form=UsageForm(request.POST if request.method == "POST" else None),
            explanation="Units of an item that is priced by usage. They are priced by the billing run after the period.",
            opts=self.opts,
        )

    def document(self, request: HttpRequest, subject: UsageRecord) -> Document:
        item = subject.contract_item
        product = item.description or item.product.name
        return Document(
            title=f"{product}: {quantity(subject.quantity)} on {day(subject.used_on)}",
            facts=[
                ("Contract", link(item.contract)),
                ("Product", link(item.product)),
                ("Units", quantity(subject.quantity)),
                ("Used on", day(subject.used_on)),
                ("The sender's id of the record", subject.key),
                ("Recorded", moment(subject.recorded_at)),
            ],
        )

    @display(description="Contract")
    def contract_shown(self, record: UsageRecord) -> str:
        return link(record.contract_item.contract)

    @display(description="Product")
    def product_shown(self, record: UsageRecord) -> str:
        return record.contract_item.description or record.contract_item.product.name

    @display(description="Units", ordering="quantity")
    def amount_of_units(self, record: UsageRecord) -> str:
        return quantity(record.quantity)
