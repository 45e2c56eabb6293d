"""Default accounts at every level of the hierarchy, and the page that says which account a role means and why."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from accounting.admin.words import role_name
from accounting.books import books
from accounting.engine import Dimensions
from accounting.models import Account, DefaultAccount, Level
from accounting.setup import starter_chart
from billing.admin.base import TenantAdmin, TenantForm
from billing.admin.forms import StyledForm
from billing.admin.shown import NONE, badge, link
from billing.admin.tables import Table, columns
from billing.models import BusinessEntity, ContractItem, Customer, Product, Role
from billing.refusals import refusals

# Level → the fields that name its target; the others stay empty.
_TARGETS: dict[str, tuple[str, ...]] = {
    Level.CONTRACT_ITEM: ("contract_item",),
    Level.PRODUCT: ("product",),
    Level.PRODUCT_FAMILY: ("product_family",),
    Level.CUSTOMER: ("customer",),
    Level.ENTITY_CURRENCY: ("business_entity", "currency"),
    Level.ENTITY: ("business_entity",),
    Level.TENANT: (),
}
_ALL_TARGETS = ("contract_item", "product", "product_family", "customer", "business_entity", "currency")
_ITEMS_OFFERED = 200


def roles() -> list[tuple[str, str]]:
    """Give the roles that have an account, those of the starter chart first to last by name."""
    known = set(DefaultAccount.objects.order_by().values_list("role", flat=True).distinct())
    known |= {row["role"] for row in starter_chart() if row.get("role")}
    return sorted(((role, role_name(role)) for role in known), key=lambda each: each[1])


class DefaultAccountForm(TenantForm):
    class Meta:
        model = DefaultAccount
        fields = ("role", "level", *_ALL_TARGETS, "account_code")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" not in self.fields:  # Whoever may only look gets no fields.
            return
        self.fields["role"] = forms.ChoiceField(choices=roles(), widget=UnfoldAdminSelectWidget())
        accounts = Account.objects.filter(is_group=False, is_active=True).order_by("code")
        codes = dict(accounts.values_list("code", "name"))
        self.fields["account_code"] = forms.ChoiceField(
            label="Account",
            choices=[(code, f"{code} {name}") for code, name in codes.items()],
            widget=UnfoldAdminSelectWidget(),
        )
        self.fields["level"].help_text = "The most specific level that has a default decides."
        for name in _ALL_TARGETS:
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("level"):
            return cleaned
        needed = _TARGETS[cleaned["level"]]
        for name in needed:
            if not cleaned.get(name):
                self.add_error(name, f"Choose it: the level “{Level(cleaned['level']).label}” needs it.")
        for name in set(_ALL_TARGETS) - set(needed):
            cleaned[name] = "" if name == "currency" else None
        return cleaned


@admin.register(DefaultAccount)
class DefaultAccountAdmin(TenantAdmin):
    form = DefaultAccountForm
    change_role = Role.ACCOUNTANT
    add_role = Role.ACCOUNTANT
    delete_role = Role.ACCOUNTANT
    list_display = ("role_shown", "level_shown", "target", "account_code")
    list_filter = ("level",)
    list_select_related = ("product", "product_family", "customer", "business_entity", "contract_item__product")
    list_per_page = 100
    search_fields = ("role", "account_code")
    search_help_text = "Role or account code"
    autocomplete_fields = ("product", "product_family", "customer")
    fields = ("role", "level", ("product", "product_family"), ("customer", "contract_item"),
              ("business_entity", "currency"), "account_code")  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The whole company's default always answers, so it is changed, never removed.
        return super().has_delete_permission(request, obj) and (obj is None or obj.level != Level.TENANT)

    def get_urls(self) -> list[URLPattern]:
        ours = path("which-account/", self.admin_site.admin_view(which_account_page), name="which_account")
        return [ours, *super().get_urls()]

    def list_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        return [("Which account?", reverse("admin:which_account"))]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "contract_item":
            items = ContractItem.objects.select_related("contract", "product").order_by("-pk")
            kwargs["queryset"] = items.filter(pk__in=items.values("pk")[:_ITEMS_OFFERED])
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.name == "contract_item":
            field.label_from_instance = item_name
        return field

    @display(description="Role", ordering="role")
    def role_shown(self, default: DefaultAccount) -> str:
        return role_name(default.role)

    @display(description="Level", ordering="level")
    def level_shown(self, default: DefaultAccount) -> str:
        return Level(default.level).label

    @display(description="For")
    def target(self, default: DefaultAccount) -> str:
        found = [getattr(default, name) for name in _TARGETS[default.level]]
        return ", ".join(str(each) for each in found) if found else "everything else"


def item_name(item: ContractItem) -> str:
    return f"{item.contract.number}: {item.description or item.product.name}"


class QuestionForm(StyledForm):
    role = forms.ChoiceField()
    entity: forms.ModelChoiceField = forms.ModelChoiceField(label="Business entity", queryset=None, empty_label=None)
    product: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None, required=False, empty_label="any")
    customer_id = forms.CharField(label="Customer id", required=False)
    contract_number = forms.CharField(label="Contract number", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = roles()  # type: ignore[attr-defined]
        self.fields["entity"].queryset = BusinessEntity.objects.all()  # type: ignore[attr-defined]
        self.fields["product"].queryset = Product.objects.select_related("family")  # type: ignore[attr-defined]

    def clean_customer_id(self) -> Customer | None:
        given = self.cleaned_data["customer_id"].strip()
        if not given:
            return None
        customer = Customer.objects.filter(external_id=given).first()
        if customer is None:
            raise forms.ValidationError(f"There is no customer with the id {given}.")
        return customer

    def clean_contract_number(self) -> ContractItem | None:
        given = self.cleaned_data["contract_number"].strip()
        if not given:
            return None
        items = ContractItem.objects.filter(contract__number=given).select_related("product", "contract__customer")
        wanted = self.cleaned_data.get("product")
        item = (items.filter(product=wanted) if wanted else items).first()
        if item is None:
            raise forms.ValidationError(f"There is no contract {given} with such an item.")
        return item


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
        "note": "Rules speak of roles. The first step from the top that has a default says which account a role means.",
        "links": [("Default accounts", reverse("admin:accounting_defaultaccount_changelist"))],
    }
    if form.is_valid():
        try:
            context |= _answer(form.cleaned_data)
        except refusals() as error:
            context["warning"] = str(error)
    return TemplateResponse(request, "admin/counterfoil/report.html", context)


def _answer(given: dict[str, Any]) -> dict[str, Any]:
    item, entity = given["contract_number"], given["entity"]
    product = given["product"] or (item.product if item else None)
    customer = given["customer_id"] or (item.contract.customer if item else None)
    dimensions = Dimensions(
        customer_id=customer.pk if customer else None,
        contract_item_id=item.pk if item else None,
        product_id=product.pk if product else None,
        product_family_id=product.family_id if product else None,
    )
    hierarchy = books().hierarchy.for_batch([dimensions])
    question = {"role": given["role"], "business_entity_id": entity.pk, "currency": entity.base_currency}
    steps = hierarchy.steps(**question, dimensions=dimensions)
    account_id, decided = hierarchy.resolve(**question, dimensions=dimensions)
    account = Account.objects.get(pk=account_id)
    targets = {
        Level.CONTRACT_ITEM: item, Level.PRODUCT: product, Level.PRODUCT_FAMILY: product.family if product else None,
        Level.CUSTOMER: customer, Level.ENTITY: entity,
    }  # fmt: skip
    rows = []
    for place, (level, code) in enumerate(steps, start=1):
        subject = entity.base_currency if level == Level.ENTITY_CURRENCY else targets.get(Level(level))
        verdict: object = badge("paid", "Decides") if level == decided else ("overruled" if code else "has no default")
        rows.append((place, Level(level).label, subject or NONE, code or NONE, verdict))
    return {
        "headline": [("The account", link(account)), ("Decided by", Level(decided).label)],
        "tables": [Table("The steps", columns(">Step", "Level", "For", "Account", ""), rows, "")],
    }
