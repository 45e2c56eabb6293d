"""Modify a contract: say what changes, see what that would do to billing and revenue, then sign it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.crypto import salted_hmac

from accounting.what_if import WhatIf, try_modification
from billing import pricing
from billing.access import may
from billing.admin.charts import columns_chart
from billing.admin.forms import DayField, StyledForm, today
from billing.admin.hooks import add_buttons
from billing.admin.pricing_words import HELP, from_text, in_words
from billing.admin.shown import change_url, figure
from billing.admin.tables import Table, columns
from billing.models import Adjustment, Contract, ContractItem, ContractStatus, Product, Role, Treatment
from billing.periods import day_words
from billing.refusals import refusals
from billing.services.amendments import Amendment, Change, Incomplete, modification_of
from billing.services.modifications import modify_contract

ZERO = Decimal(0)
_CHANGES = (
    (Change.REPLACE.value, "Upgrade, downgrade or change the price of an item"),
    (Change.ADD.value, "Add an item"),
    (Change.REMOVE.value, "End an item"),
    (Change.EXTEND.value, "Extend the contract"),
    (Change.END.value, "End the contract early"),
)
_FIELDS = {"pricing": "price_text"}


class ModifyForm(StyledForm):
    """What changes. Which fields matter depends on the choice; the others are left empty."""

    change = forms.ChoiceField(label="What changes", choices=_CHANGES)
    effective_on = DayField(label="Holds from")
    item = forms.ModelChoiceField(
        ContractItem.objects.none(),
        label="Item",
        required=False,
        help_text="The item that changes, ends or is extended.",
    )
    product = forms.ModelChoiceField(
        Product.objects.none(), label="New product", required=False, help_text="Empty: the item's own."
    )
    price_text = forms.CharField(
        label="New price", required=False, help_text=f"{HELP} To extend at the same price, leave it empty."
    )
    pricing_model = forms.ChoiceField(
        label="Priced by",
        choices=[("", "As the item is; a flat fee for what is added"), *pricing.CHOICES],
        required=False,
    )
    quantity = forms.DecimalField(
        label="New quantity", required=False, min_value=Decimal(0), help_text="Empty: as it is."
    )
    end = DayField(label="New end of the contract", required=False, help_text="The first day no longer covered.")
    treatment = forms.ChoiceField(label="Revenue", choices=Treatment.choices)
    adjustment = forms.ChoiceField(label="The change of price falls", choices=Adjustment.choices)
    credit_unused = forms.BooleanField(
        label="Give back what is billed for days that fall away", required=False, initial=True
    )
    signed_on = DayField(label="Signed on", help_text="The date of the invoice or credit note that settles it.")
    reason = forms.CharField(label="What was agreed", max_length=200)

    def __init__(self, *args: Any, contract: Contract, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.contract = contract
        items = contract.items.select_related("product", "phase").order_by("id")
        item = self.fields["item"]
        assert isinstance(item, forms.ModelChoiceField)
        item.queryset = items
        item.label_from_instance = lambda each: (  # type: ignore[method-assign]
            f"{each.description or each.product.name}, {in_words(each.pricing_model, each.pricing, contract.currency)}, "
            f"from {day_words(each.start)}"
        )
        product = self.fields["product"]
        assert isinstance(product, forms.ModelChoiceField)
        product.queryset = Product.objects.filter(is_active=True)
        self.initial.setdefault("effective_on", today(contract.business_entity))
        self.initial.setdefault("signed_on", today(contract.business_entity))
        if len(items) == 1:
            self.initial.setdefault("item", items[0].pk)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        if not cleaned["pricing_model"]:
            kept = None if cleaned["change"] == Change.ADD else cleaned["item"]
            cleaned["pricing_model"] = kept.pricing_model if kept else "flat_fee"
        try:
            if cleaned["price_text"]:
                cleaned["pricing"] = from_text(cleaned["pricing_model"], cleaned["price_text"])
            cleaned["modification"] = modification_of(self.contract, self._agreed(cleaned))
        except pricing.InvalidPricing as error:
            self.add_error("price_text", str(error))
        except Incomplete as error:
            self.add_error(_FIELDS.get(error.part, error.part), str(error))
        return cleaned

    def _agreed(self, given: dict[str, Any]) -> Amendment:
        return Amendment(
            change=Change(given["change"]),
            pricing_model=given["pricing_model"],
            **{
                name: given.get(name)
                for name in ("effective_on", "signed_on", "reason", "item", "product", "pricing", "quantity", "end",
                             "treatment", "adjustment", "credit_unused")
            },
        )  # fmt: skip


def modify_page(request: HttpRequest, contract_id: int) -> HttpResponse:
    """Try a modification, then sign it."""
    if not may(request, Role.FINANCE):
        raise PermissionDenied
    contract = Contract.objects.select_related("business_entity", "customer").filter(pk=contract_id).first()
    if contract is None:
        raise Http404("There is no such contract in this company.")
    form = ModifyForm(request.POST if request.method == "POST" else None, contract=contract)
    tried: WhatIf | None = None
    shown = _digest(request.POST, form)
    if request.method == "POST" and form.is_valid():
        try:
            if "sign" in request.POST and request.POST.get("shown") == shown:
                made = modify_contract(
                    contract_id=contract_id, change=form.cleaned_data["modification"], by=request.user
                )
                messages.success(request, f"Modified: {made}.")
                return HttpResponseRedirect(change_url(Contract, contract_id))
            tried = try_modification(contract_id=contract_id, change=form.cleaned_data["modification"])
            if "sign" in request.POST:
                messages.warning(
                    request, "Nothing is signed: this was not shown yet. Look at what it does, then sign it."
                )
        except refusals() as error:
            messages.error(request, str(error))
    context = {
        **admin.site.each_context(request),
        "title": f"Modify contract {contract}",
        "form": form,
        "opts": Contract._meta,
        "original": contract,
        "tried": tried,
        "shown": shown,
        "tables": [_comparison(tried)] if tried else [],
        "cancel_url": change_url(Contract, contract_id),
    }
    return TemplateResponse(request, "admin/counterfoil/modify.html", context)


def _digest(posted: QueryDict, form: ModifyForm) -> str:
    """Tell one set of answers from another: only what was looked at is signed."""
    return salted_hmac("modify", repr([(name, posted.getlist(name)) for name in form.fields])).hexdigest()


def _comparison(tried: WhatIf) -> Table:
    before, after, months = tried.before, tried.after, tried.months
    figures: list[Sequence[Decimal]] = [
        [before.billed.get(month, ZERO) + before.to_bill.get(month, ZERO) for month in months],
        [after.billed.get(month, ZERO) + after.to_bill.get(month, ZERO) for month in months],
        [before.recognized(month) + before.to_recognize(month) for month in months],
        [after.recognized(month) + after.to_recognize(month) for month in months],
    ]
    currency = before.currency
    labels = ("Billing before", "Billing after", "Revenue before", "Revenue after")
    return Table(
        "Before and after, by month",
        columns(f"Month, {currency}", *(f">{label}" for label in labels), ">Revenue changes by"),
        [
            (
                f"{month:%B %Y}",
                *(figure(column[place], currency) for column in figures),
                figure(figures[3][place] - figures[2][place], currency),
            )
            for place, month in enumerate(months)
        ],
        "Nothing is billed or earned.",
        totals=(
            "Total",
            *(figure(sum(column, ZERO), currency) for column in figures),
            figure(sum(figures[3], ZERO) - sum(figures[2], ZERO), currency),
        ),
        note="Nothing is written yet. Net of tax; what is billed and earned already is included. What changes closed months is "
        "posted in the first open one, and stands there.",
        chart=columns_chart([f"{month:%b %Y}" for month in months], dict(zip(labels, figures, strict=True))),
    )


def _buttons(request: HttpRequest, contract: Any) -> list[dict[str, object]]:
    label = {ContractStatus.ACTIVE: "Modify", ContractStatus.ENDED: "Extend"}.get(contract.status)
    if label is None or not may(request, Role.FINANCE):
        return []
    return [{"label": label, "url": reverse("admin:modify_contract", args=[contract.pk]), "danger": False}]


add_buttons(Contract, _buttons)
