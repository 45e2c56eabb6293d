"""The page that answers which account a role means for something, and why, before anything is posted."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from accounting.account_choice import Answer, Question, Step, choose_account, item_of_contract
from accounting.admin.roles import roles
from accounting.models import DefaultAccount
from billing.access import may
from billing.admin.forms import StyledForm
from billing.admin.shown import NONE, badge, change_url, link, to
from billing.admin.tables import Table, columns
from billing.models import BusinessEntity, ContractItem, Customer, Product, ProductFamily, Role
from billing.refusals import refusals


class QuestionForm(StyledForm):
    role = forms.ChoiceField()
    entity: forms.ModelChoiceField = forms.ModelChoiceField(label="Business entity", queryset=None, empty_label=None)
    currency = forms.CharField(max_length=3, required=False, help_text="Empty: the base currency.")
    customer_id = forms.CharField(label="Customer id", required=False)
    contract_number = forms.CharField(label="Contract number", required=False)
    item: forms.ModelChoiceField = forms.ModelChoiceField(
        label="Item of the contract", queryset=None, required=False, empty_label="the first"
    )
    product: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None, required=False, empty_label="any")
    family: forms.ModelChoiceField = forms.ModelChoiceField(
        label="Product family", queryset=None, required=False, empty_label="the product's"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = roles()  # type: ignore[attr-defined]
        self.fields["entity"].queryset = BusinessEntity.objects.all()  # type: ignore[attr-defined]
        self.fields["product"].queryset = Product.objects.select_related("family")  # type: ignore[attr-defined]
        self.fields["family"].queryset = ProductFamily.objects.all()  # type: ignore[attr-defined]
        number = str(self.data.get("contract_number", "")).strip()
        items = ContractItem.objects.filter(contract__number=number) if number else ContractItem.objects.none()
        self.fields["item"].queryset = items.select_related("product", "contract__customer")  # type: ignore[attr-defined]
        self.fields["item"].label_from_instance = lambda item: item.description or item.product.name  # type: ignore[attr-defined]

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).strip().upper()

    def clean_customer_id(self) -> Customer | None:
        given = self.cleaned_data["customer_id"].strip()
        customer = Customer.objects.filter(external_id=given).first() if given else None
        if given and customer is None:
            raise forms.ValidationError(f"There is no customer with the id {given}.")
        return customer

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        number = cleaned.get("contract_number")
        if number and not cleaned.get("item") and "item" not in self.errors:
            cleaned["item"] = item_of_contract(number, cleaned.get("product"))
            if cleaned["item"] is None:
                self.add_error("contract_number", f"There is no contract {number} with such an item.")
        return cleaned

    def question(self) -> Question:
        """Say it as the service takes it."""
        given = self.cleaned_data
        return Question(
            role=given["role"],
            business_entity=given["entity"],
            currency=given["currency"],
            customer=given["customer_id"],
            contract_item=given["item"],
            product=given["product"],
            product_family=given["family"],
        )


def which_account_page(request: HttpRequest) -> HttpResponse:
    """Answer which account a role means for something, and which step of the hierarchy says so."""
    first = BusinessEntity.objects.order_by("pk").first()
    defaults = {"role": "revenue", "entity": first.pk if first else ""}
    form = QuestionForm({**defaults, **request.GET.dict()})
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Which account?",
        "opts": DefaultAccount._meta,
        "form": form,
        "note": "Rules speak of roles. The first step from the top that has a default says which account a role means. Which "
        "role is posted may depend on more, such as the payment method: that is a condition of the rule.",
        "links": [("Default accounts", reverse("admin:accounting_defaultaccount_changelist"))],
    }
    if form.is_valid():
        try:
            answer = choose_account(form.question())
            context |= _shown(answer, form.cleaned_data["role"], may_edit=may(request, Role.ACCOUNTANT))
        except refusals() as error:
            context["warning"] = str(error)
    return TemplateResponse(request, "admin/counterfoil/report.html", context)


def _shown(answer: Answer, role: str, *, may_edit: bool) -> dict[str, Any]:
    decided = next((step for step in answer.steps if step.decides), None)
    rows = [
        (
            place,
            step.level.label,
            NONE if step.target is None else step.target,
            step.default.account_code if step.default else NONE,
            _verdict(step, decided),
            _edit(step, role) if may_edit else "",
        )
        for place, step in enumerate(answer.steps, start=1)
    ]
    return {
        "warning": answer.problem,
        "headline": [
            ("The account", link(answer.account) if answer.account else "none"),
            ("Decided by", decided.level.label if decided else NONE),
        ],
        "tables": [Table("The steps", columns(">Step", "Level", "For", "Account", "", ""), rows, "")],
    }


def _verdict(step: Step, decided: Step | None) -> object:
    if step.decides:
        return badge("paid", "Decides")
    if step.target is None:
        return "not asked: the question names none"
    if step.default is None:
        return "has no default"
    return "overruled by a step above" if decided else "names an account that cannot be used"


def _edit(step: Step, role: str) -> SafeString | str:
    if step.default is not None:
        return to(change_url(DefaultAccount, step.default.pk), "Change")
    if step.target is None:
        return ""
    given = urlencode({"level": step.level.value, "role": role, **step.target_fields})
    return to(f"{reverse('admin:accounting_defaultaccount_add')}?{given}", "Set one")
