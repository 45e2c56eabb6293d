"""Default accounts at every level of the hierarchy."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from accounting.admin.roles import roles
from accounting.admin.which_account import which_account_page
from accounting.admin.words import role_name
from accounting.models import Account, DefaultAccount, Level
from billing.admin.base import TenantAdmin, TenantForm
from billing.admin.shown import day
from billing.models import ContractItem, Role

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
# Only what the chosen level names is shown: each target, and the levels that need it, as a condition in the page.
_SHOWN_WHEN = {
    target: " || ".join(f"level == '{level}'" for level, targets in _TARGETS.items() if target in targets)
    for target in _ALL_TARGETS
}


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
            choices=[("", "Choose one"), *((code, f"{code} {name}") for code, name in codes.items())],
            widget=UnfoldAdminSelectWidget(),
        )
        self.fields["level"].help_text = "The most specific level that has a default decides."
        for name in _ALL_TARGETS:
            self.fields[name].required = False
        self.fields[
            "contract_item"
        ].help_text = (
            f"The newest {_ITEMS_OFFERED} are offered. For another, ask “Which account?” with its contract's number."
        )

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
    list_select_related = (
        "product", "product_family", "customer", "business_entity", "contract_item__product", "contract_item__contract",
    )  # fmt: skip
    list_per_page = 100
    search_fields = ("role", "account_code")
    search_help_text = "Role or account code"
    autocomplete_fields = ("product", "product_family", "customer")
    fields = ("role", "level", *_ALL_TARGETS, "account_code")
    conditional_fields = _SHOWN_WHEN

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
            # Beside the newest the one that was chosen before, or that a link asks for.
            named = [each for each in (request.GET.get(db_field.name), request.POST.get(db_field.name)) if each]
            defaults = DefaultAccount.objects.filter(pk=request.resolver_match.kwargs.get("object_id") or 0)  # type: ignore[union-attr]
            kwargs["queryset"] = items.filter(
                Q(pk__in=items.values("pk")[:_ITEMS_OFFERED])
                | Q(pk__in=[each for each in named if each.isdecimal()])
                | Q(pk__in=defaults.values("contract_item"))
            )
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
        if default.contract_item:
            return item_name(default.contract_item)
        found = [getattr(default, name) for name in _TARGETS[default.level]]
        return ", ".join(str(each) for each in found) if found else "everything else"


def item_name(item: ContractItem) -> str:
    """Name an item so that two of one product on a contract can be told apart."""
    return f"{item.contract.number}: {item.description or item.product.name}, from {day(item.start)}"
