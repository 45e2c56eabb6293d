"""What every page of the admin shares: rights that follow the person's role, rows of their tenant only, clean forms."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import capfirst
from unfold.admin import ModelAdmin, TabularInline

from billing.access import access_of, may
from billing.models import Role
from billing.tenancy import TenantModel, current_tenant_id


class TenantForm(forms.ModelForm):
    """A form whose instance belongs to the tenant in scope, so that "unique within the company" is checked, in words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.instance, TenantModel) and self.instance.tenant_id is None:
            self.instance.tenant_id = current_tenant_id()

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() - {"tenant"}  # type: ignore[misc]

    def _update_errors(self, errors: ValidationError) -> None:
        super()._update_errors(self._in_words(errors))  # type: ignore[misc]

    def _in_words(self, errors: ValidationError) -> ValidationError:
        if not hasattr(errors, "error_dict"):
            return errors
        kept: dict[str, list[ValidationError]] = {}
        for field, found in errors.error_dict.items():
            for error in found:
                unique = [name for name in (error.params or {}).get("unique_check", ()) if name != "tenant"]
                if error.code == "unique_together" and unique and unique[-1] in self.fields:
                    what = self.instance._meta.verbose_name
                    label = str(self.fields[unique[-1]].label or unique[-1]).lower()
                    kept.setdefault(unique[-1], []).append(
                        ValidationError(f"There is a {what} with this {label} already; choose another.")
                    )
                else:
                    kept.setdefault(field if field in self.fields else NON_FIELD_ERRORS, []).append(error)
        return ValidationError(kept)


class RoleRights:
    """Rights by role: everyone of the company looks, `change_role` changes. None: nobody does it here."""

    change_role: str | None = Role.FINANCE
    add_role: str | None = Role.FINANCE
    delete_role: str | None = None

    def _may(self, request: HttpRequest, role: str | None) -> bool:
        return role is not None and may(request, role)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access_of(request) is not None

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return access_of(request) is not None

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may(request, self.add_role)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may(request, self.change_role)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may(request, self.delete_role)


def history_url(model: type[models.Model], object_id: object) -> str:
    """Give the address of the changes of one object."""
    query = urlencode({"model": model._meta.label_lower, "object": object_id})
    return f"{reverse('admin:billing_change_changelist')}?{query}"


class TenantAdmin(RoleRights, ModelAdmin):
    """The base of all pages of a tenant's rows. `empty_hint` says what to do while the list is empty."""

    form = TenantForm
    list_per_page = 50
    list_filter_submit = True
    show_full_result_count = False
    change_list_template = "admin/counterfoil/change_list.html"
    empty_hint = ""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        title = capfirst(str(self.opts.verbose_name_plural))
        extra = {
            "title": title,
            "empty_hint": self.empty_hint,
            "list_links": self.list_links(request),
            **(extra_context or {}),
        }
        return super().changelist_view(request, extra)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out what the person's role may not do, and the deletion of many at once."""
        return {
            name: action
            for name, action in super().get_actions(request).items()
            if name != "delete_selected" and may(request, getattr(action[0], "role", Role.VIEWER))
        }

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show what was changed of one object, from the audit trail."""
        return HttpResponseRedirect(history_url(self.model, object_id))

    def list_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Give buttons (label, address) to stand above the list."""
        return []


class TenantInline(RoleRights, TabularInline):
    """Rows of a tenant inside the form of what they belong to."""

    form = TenantForm
    extra = 0
    add_role = Role.FINANCE
    hide_title = True
