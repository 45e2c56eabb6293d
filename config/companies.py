"""A new company with its books, made by whoever runs the installation; the first one is made here too."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.validators import validate_slug
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounting.models import ContractStartTreatment
from accounting.setup import set_up_books
from billing.access import COMPANY_KEY
from billing.admin.form_page import form_page
from billing.admin.forms import StyledForm
from billing.fields import CURRENCIES
from billing.models import BusinessEntity, Tenant
from billing.services.tenants import create_tenant
from billing.tenancy import Actor, tenant_scope
from integrations.schedules import ensure_schedules


def _time_zones() -> list[tuple[str, str]]:
    return [(zone, zone) for zone in sorted(available_timezones())]


class CompanyForm(StyledForm):
    name = forms.CharField(max_length=200, label="Name", help_text="As it stands on invoices.")
    slug = forms.CharField(
        max_length=50,
        label="Short name",
        validators=[validate_slug],
        help_text="Letters, digits and hyphens, such as acme; commands name the company by it.",
    )
    currency = forms.ChoiceField(
        choices=[("", "Choose one"), *CURRENCIES],
        label="Currency of its books",
        help_text="It stays. Customers may be billed in other currencies.",
    )
    time_zone = forms.ChoiceField(
        choices=_time_zones,
        initial="UTC",
        label="Time zone",
        help_text="Its days are the days of the books: when a month ends, and when an invoice is overdue.",
    )
    contract_start = forms.ChoiceField(
        choices=ContractStartTreatment.choices,
        initial=ContractStartTreatment.MEMO,
        label="What the start of a contract posts",
        help_text="It stays too. In doubt leave it: a signed contract is no receivable yet.",
    )

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if Tenant.objects.filter(slug=slug).exists():
            raise forms.ValidationError(f"There is a company “{slug}” already. Choose another short name.")
        return slug


def new_company(request: HttpRequest) -> HttpResponse:
    """Make a company with its business entity, chart of accounts, default accounts and rules, and go on in it."""
    if not (request.user.is_active and request.user.is_superuser):
        raise PermissionDenied

    def make(given: dict[str, Any]) -> tuple[str, str]:
        with transaction.atomic():
            company = create_tenant(
                slug=given["slug"], name=given["name"], currency=given["currency"], time_zone=given["time_zone"]
            )
            with tenant_scope(company.pk, actor=Actor(request.user.pk, "admin")):
                set_up_books(business_entity=BusinessEntity.objects.get(), contract_start=given["contract_start"])
        ensure_schedules()
        request.session[COMPANY_KEY] = company.pk
        return f"{company} has its chart of accounts, default accounts and rules. Its first steps stand below.", _home()

    return form_page(
        request,
        title="New company",
        submit="Make the company",
        cancel_url=_home(),
        do=make,
        form=CompanyForm(request.POST if request.method == "POST" else None),
        explanation="A company has its own customers, contracts, invoices, books, people and connections; no other sees them. "
        "It begins with one business entity, a starter chart of accounts and the standard rules, which you can change.",
    )


def _home() -> str:
    return reverse("admin:index")
