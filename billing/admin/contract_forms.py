"""The forms of a draft contract: its terms, phases and items."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.admin import StackedInline

from billing import pricing
from billing.admin.base import RoleRights, TenantForm, TenantInline
from billing.admin.pricing_words import PricedForm
from billing.admin.shown import quantity
from billing.models import (
    Contract,
    ContractItem,
    ContractPhase,
    Price,
    PriceAllocation,
    RecognitionMethod,
    RevenueSpan,
)
from billing.periods import add_months, day_words


class ContractForm(TenantForm):
    """The entity and the currency are the customer's; the end follows from the term where it is left empty."""

    class Meta:
        model = Contract
        fields = (
            "customer",
            "number",
            "start",
            "term_months",
            "end",
            "renewal",
            "payment_terms_days",
            "reference",
            "price_allocation",
            "revenue_span",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("price_allocation", "revenue_span"):
            if name in self.fields:
                self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["price_allocation"] = cleaned.get("price_allocation") or PriceAllocation.STATED
        cleaned["revenue_span"] = cleaned.get("revenue_span") or RevenueSpan.SERVICE_PERIOD
        customer = cleaned.get("customer")
        if customer:
            self.instance.business_entity = customer.business_entity
            self.instance.currency = customer.currency
        if cleaned.get("start") and cleaned.get("term_months") and not cleaned.get("end"):
            cleaned["end"] = add_months(cleaned["start"], cleaned["term_months"])
        return cleaned


class PhaseFormSet(forms.BaseInlineFormSet):
    """Phases follow each other within the contract: two that overlap would bill the same days twice."""

    def clean(self) -> None:
        super().clean()
        given = [form for form in self.forms if form.is_valid() and form.cleaned_data.get("start")]
        phases = sorted(
            (form for form in given if not form.cleaned_data.get("DELETE")), key=lambda form: form.cleaned_data["start"]
        )
        contract: Contract = self.instance
        # A single one is made as long as the contract when it is saved.
        for form in phases if len(phases) > 1 else []:
            start, end = form.cleaned_data["start"], form.cleaned_data.get("end")
            if contract.start and start < contract.start:
                form.add_error("start", f"The contract begins on {day_words(contract.start)} only.")
            if contract.end and (start >= contract.end or (end and end > contract.end)):
                form.add_error("end", f"The contract ends before {day_words(contract.end)}.")
        for earlier, later in pairwise(phases):
            end, start = earlier.cleaned_data.get("end"), later.cleaned_data["start"]
            if end is None or end > start:
                earlier.add_error(
                    "end", f"The next phase begins on {day_words(start)}; this one must end before {day_words(start)}."
                )


class PhaseInline(TenantInline):
    model = ContractPhase
    formset = PhaseFormSet
    fields = ("name", "kind", "start", "end")
    hide_title = False
    verbose_name_plural = "phases (leave empty for one phase over the whole term)"
    delete_role = "finance"


class ItemForm(PricedForm):
    """What is left empty comes from the list price, the product and the phase."""

    class Meta:
        model = ContractItem
        fields = (
            "product",
            "price",
            "pricing_model",
            "quantity",
            "is_metered",
            "interval_months",
            "timing",
            "tax_rate",
            "recognition_method",
            "obligation",
            "standalone_price",
            "minimum",
            "description",
            "phase",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("pricing_model", "recognition_method", "phase", "minimum"):
            self.fields[name].required = False
        self._offer("pricing_model", [("", "As the list price"), *pricing.CHOICES])
        self._offer("recognition_method", [("", "As the product"), *RecognitionMethod.choices])
        self.initial["quantity"] = quantity(self.initial.get("quantity") or Decimal(1)).replace(",", "")
        self.fields["pricing_model"].help_text = (
            self.fields["price_text"].help_text + " Empty with a list price: its own."
        )
        self.fields["price_text"].help_text = ""
        self.fields["recognition_method"].help_text = "Empty: the product's."
        self.fields["phase"].help_text = "Empty: the first one."

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        price: Price | None = cleaned.get("price")
        product = cleaned.get("product")
        if price and product and price.product_id != product.pk:
            self.add_error("price", f"This is no price of {product}.")
        if price and not cleaned.get("pricing_model"):
            cleaned["pricing_model"], self.instance.pricing = price.pricing_model, price.pricing
        elif cleaned.get("pricing_model"):
            self.instance.pricing = self.read_price(cleaned["pricing_model"]) or {}
        else:
            self.add_error("pricing_model", "Choose a list price, or a pricing model with its amount.")
            self.instance.pricing = {}
        cleaned["minimum"] = cleaned.get("minimum") or Decimal(0)
        if product and not cleaned.get("recognition_method"):
            cleaned["recognition_method"] = product.recognition_method
        return cleaned


class ItemInline(RoleRights, StackedInline):
    model = ContractItem
    form = ItemForm
    extra = 0
    min_num = 1
    delete_role = "finance"
    verbose_name_plural = "items"
    autocomplete_fields = ("product", "tax_rate")
    fields = (
        ("product", "price"),
        ("pricing_model", "price_text"),
        ("quantity", "is_metered"),
        ("interval_months", "timing"),
        ("tax_rate", "recognition_method"),
        ("obligation", "standalone_price"),
        ("minimum",),
        ("description", "phase"),
    )

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField | None:
        if db_field.name == "price":
            kwargs["queryset"] = Price.objects.filter(is_active=True).select_related("product")
        if db_field.name == "phase":
            contract = request.resolver_match.kwargs.get("object_id") if request.resolver_match else None
            kwargs["queryset"] = ContractPhase.objects.filter(contract=contract or 0)
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.name == "price":
            field.label_from_instance = lambda price: f"{price.product}: {price}"
        return field
