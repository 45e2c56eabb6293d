"""The company itself: its people and their roles, its legal entities, its API keys. An administrator's pages."""

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from billing.access import access_of, may
from billing.admin.base import TenantAdmin
from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.form_page import form_page
from billing.admin.forms import DayField, StyledForm
from billing.admin.shown import NONE, badge, list_url, moment
from billing.models import ApiKey, BusinessEntity, Membership, Role
from billing.services.api_keys import issue_key, revoke_key
from billing.services.people import add_person, change_role, remove_person
from billing.services.tenants import add_business_entity
from billing.tenancy import current_tenant_id


class OfThisCompany(DocumentAdmin):
    """Rows that are not walled by the database (they are read before a company is entered), kept apart here."""

    add_role = Role.ADMIN

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, Role.ADMIN)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request, Role.ADMIN)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(tenant_id=current_tenant_id()).select_related("user")


class PersonForm(StyledForm):
    username = forms.CharField(label="User name", max_length=150)
    first_name = forms.CharField(max_length=150, required=False)
    last_name = forms.CharField(max_length=150, required=False)
    email = forms.EmailField(label="E-mail", required=False)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.FINANCE)
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="A first password; the person changes it after signing in.",
    )


class RoleForm(VerbForm):
    role = forms.ChoiceField(choices=Role.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["role"] = self.subject.role


def _change_role(request: HttpRequest, membership: Membership, given: dict[str, Any]) -> str:
    change_role(tenant_id=current_tenant_id(), membership_id=membership.pk, role=given["role"])
    return f"{membership.user} has a new role."


def _remove(request: HttpRequest, membership: Membership, given: dict[str, Any]) -> str:
    remove_person(tenant_id=current_tenant_id(), membership_id=membership.pk)
    return f"{membership.user} can no longer enter this company."


@admin.register(Membership)
class MembershipAdmin(OfThisCompany):
    list_display = ("user", "name_shown", "role_shown")
    search_fields = ("user__username", "user__first_name", "user__last_name", "user__email")
    search_help_text = "Name or e-mail"
    verbs = (
        Verb(
            "role", "Change role", _change_role, role=Role.ADMIN, form=RoleForm,
            explain=lambda membership: f"{membership.user} gets another role in this company, at once.",
        ),
        Verb(
            "remove", "Remove", _remove, role=Role.ADMIN, danger=True, back_to_list=True,
            explain=lambda membership: f"{membership.user} can no longer enter this company. What they did stays on record.",
        ),
    )  # fmt: skip

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        if not self.has_add_permission(request):
            raise PermissionDenied

        def add(given: dict[str, Any]) -> tuple[str, str]:
            membership = add_person(tenant_id=current_tenant_id(), **given)
            return f"{membership.user} can sign in now.", list_url(Membership)

        return form_page(
            request,
            title="Add a person",
            submit="Add person",
            cancel_url=list_url(Membership),
            do=add,
            form=PersonForm(request.POST if request.method == "POST" else None),
            opts=self.opts,
        )

    @display(description="Name")
    def name_shown(self, membership: Membership) -> str:
        return membership.user.get_full_name() or NONE

    @display(description="Role", ordering="role")
    def role_shown(self, membership: Membership) -> str:
        return str(membership.get_role_display())

    def document(self, request: HttpRequest, subject: Membership) -> Document:
        user = subject.user
        return Document(
            title=user.get_full_name() or user.get_username(),
            facts=[
                ("User name", user.get_username()),
                ("E-mail", user.email or NONE),
                ("Role", subject.get_role_display()),
                ("Last signed in", moment(user.last_login) if user.last_login else "never"),
            ],
        )


class KeyForm(StyledForm):
    name = forms.CharField(label="Which system will use it?", max_length=100, help_text="Such as “web shop”.")
    may_write = forms.BooleanField(label="It may change things, not only look", required=False, initial=True)
    may_reopen = forms.BooleanField(
        label="It may open closed months again", required=False, help_text="For a system that closes the books itself."
    )
    expires_on = DayField(label="Expires after", required=False, help_text="Empty: never.")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("may_reopen") and not given.get("may_write"):
            self.add_error("may_reopen", "A key that may reopen months must be allowed to change things.")
        return given


def _may(key: ApiKey) -> str:
    if key.may_reopen:
        return "look, change and reopen months"
    return "look and change" if key.may_write else "look only"


def _revoke(request: HttpRequest, key: ApiKey, given: dict[str, Any]) -> str:
    revoke_key(key_id=key.pk, at=timezone.now())
    return f"The key {key} opens nothing any more."


@admin.register(ApiKey)
class ApiKeyAdmin(OfThisCompany):
    list_display = ("name", "prefix", "state_shown", "may_write", "expires_at", "created_at")
    search_fields = ("name", "prefix")
    empty_hint = "Your own systems use the API with a key. Issue one for each system; it is shown once."
    verbs = (
        Verb(
            "revoke", "Revoke", _revoke, role=Role.ADMIN, danger=True,
            explain=lambda key: f"Whatever uses the key {key} is refused from now on. This cannot be undone.",
            allowed=lambda key: key.revoked_at is None,
        ),
    )  # fmt: skip

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = KeyForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return form_page(
                request,
                title="Issue an API key",
                submit="Issue key",
                cancel_url=list_url(ApiKey),
                do=lambda given: ("", ""),
                form=form,
                opts=self.opts,
            )
        last_day = form.cleaned_data["expires_on"]
        issued = issue_key(
            tenant_id=current_tenant_id(),
            name=form.cleaned_data["name"],
            may_write=form.cleaned_data["may_write"],
            may_reopen=form.cleaned_data["may_reopen"],
            expires_at=datetime.combine(last_day, time.max, UTC) if last_day else None,
        )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "The new key",
            "document": Document(
                title=f"The key for {issued.key.name}",
                note="Copy it now: it is shown this once and kept nowhere.",
                facts=[("Key", issued.plain)],
            ),
        }
        response = TemplateResponse(request, "admin/counterfoil/document.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def list_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        return [("API documentation", reverse("api:docs"))]

    @display(description="State")
    def state_shown(self, key: ApiKey) -> str:
        return key_state(key)

    def document(self, request: HttpRequest, subject: ApiKey) -> Document:
        return Document(
            title=str(subject),
            badge=key_state(subject),
            facts=[
                ("May", _may(subject)),
                ("Acts as user", subject.user.get_username()),
                ("Expires", moment(subject.expires_at) if subject.expires_at else "never"),
                ("Made", moment(subject.created_at)),
                ("Revoked", moment(subject.revoked_at) if subject.revoked_at else "no"),
            ],
        )


def key_state(key: ApiKey) -> str:
    if key.revoked_at:
        return badge("failed", "Revoked")
    if key.expires_at and key.expires_at <= timezone.now():
        return badge("ended", "Expired")
    return badge("active", "Active")


@admin.register(BusinessEntity)
class BusinessEntityAdmin(TenantAdmin):
    change_role = Role.ADMIN
    add_role = Role.ADMIN
    list_display = ("code", "name", "base_currency", "country", "time_zone")
    list_display_links = ("code", "name")
    search_fields = ("code", "name")
    fields = (
        "code", "name", "base_currency", "time_zone", "address", "country", "tax_id", "payment_details", "wallet_bonus",
    )  # fmt: skip

    def list_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        # Only who runs the installation makes companies: one is not a part of another.
        return [("New company", reverse("new_company"))] if getattr(request.user, "is_superuser", False) else []

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code", "base_currency") if obj else ()

    def save_model(self, request: HttpRequest, obj: BusinessEntity, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        access = access_of(request)
        assert access is not None
        made = add_business_entity(
            tenant=access.tenant,
            code=obj.code,
            name=obj.name,
            currency=obj.base_currency,
            time_zone=obj.time_zone,
            country=obj.country,
        )
        further = ("address", "tax_id", "payment_details", "wallet_bonus")
        BusinessEntity.objects.filter(pk=made.pk).update(**{name: getattr(obj, name) for name in further})
        obj.pk, obj.tenant_id = made.pk, made.tenant_id
        obj._state.adding = False


admin.site.unregister(Group)
admin.site.unregister(get_user_model())


@admin.register(get_user_model())
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """Users of all companies, for the operator only; a company's administrator works with People."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def _only_operator(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_active and request.user.is_superuser

    has_module_permission = has_view_permission = has_add_permission = _only_operator
    has_change_permission = has_delete_permission = _only_operator
