"""The admin as a whole: its sidebar, its home page, the company one works in."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_POST

from accounting.admin.report_view import report_url
from accounting.models import Category
from accounting.reports.related import revenue_by_month
from billing.access import COMPANY_KEY, access_of, may
from billing.admin.charts import chart_options
from billing.admin.forms import today
from billing.admin.hooks import cards
from billing.admin.shown import figure, to
from billing.admin.tables import Table, columns
from billing.models import BusinessEntity, Role
from billing.periods import add_months, end_of_month, first_of_month
from billing.tenancy import current_tenant_id
from config.first_steps import first_steps

_MONTHS = 12
_COLOURS = ("var(--color-primary-600)", "var(--color-base-400)", "var(--color-primary-300)", "var(--color-base-600)")


@dataclass(frozen=True, slots=True)
class Page:
    """A link of the sidebar: the admin's name of the page, and the role that may see it."""

    title: str
    name: str
    icon: str
    role: str = Role.VIEWER


# A page that no app has registered yet is left out, so the last group is ready for the ERP pages.
SIDEBAR: tuple[tuple[str, tuple[Page, ...]], ...] = (
    ("", (Page("Home", "index", "home"),)),
    (
        "Billing",
        (
            Page("Customers", "billing_customer_changelist", "groups"),
            Page("Contracts", "billing_contract_changelist", "contract"),
            Page("Invoices", "billing_invoice_changelist", "receipt_long"),
            Page("Credit notes", "billing_creditnote_changelist", "undo"),
            Page("Payments", "billing_payment_changelist", "payments"),
            Page("Payouts", "billing_gatewaypayout_changelist", "account_balance"),
            Page("Disputes", "billing_dispute_changelist", "gavel"),
            Page("Refunds", "billing_refund_changelist", "currency_exchange"),
            Page("Wallets", "billing_wallet_changelist", "account_balance_wallet"),
            Page("Write-offs", "billing_writeoff_changelist", "money_off"),
            Page("Usage", "billing_usagerecord_changelist", "speed"),
            Page("Prepaid credits", "billing_credituse_changelist", "toll"),
            Page("Run billing", "run_billing", "play_circle", Role.FINANCE),
        ),
    ),
    (
        "Accounting",
        (
            Page("Reports", "reports", "analytics"),
            Page("Journal entries", "accounting_journalentry_changelist", "edit_note"),
            Page("Manual entries", "accounting_manualentry_changelist", "draw"),
            Page("Revenue schedules", "accounting_recognitionschedule_changelist", "trending_up"),
            Page("Recognize revenue", "recognize_revenue", "play_circle", Role.ACCOUNTANT),
            Page("Exchange rates", "accounting_exchangerate_changelist", "euro_symbol"),
            Page("Periods", "accounting_accountingperiod_changelist", "calendar_month"),
            Page("Business events", "billing_businessevent_changelist", "bolt"),
            Page("Unmatched events", "accounting_unmatchedevent_changelist", "rule"),
        ),
    ),
    (
        "ERP",
        (
            Page("Connections", "integrations_connection_changelist", "hub"),
            Page("Mappings", "integrations_mapping_changelist", "compare_arrows"),
            Page("Outbox", "integrations_outboxitem_changelist", "outbox"),
            Page("Reconciliations", "integrations_reconciliation_changelist", "fact_check"),
        ),
    ),
    (
        "Set-up",
        (
            Page("Products", "billing_product_changelist", "inventory_2"),
            Page("Product families", "billing_productfamily_changelist", "category"),
            Page("Tax rates", "billing_taxrate_changelist", "percent"),
            Page("Payment gateways", "billing_paymentgateway_changelist", "credit_card"),
            Page("Chart of accounts", "accounting_account_changelist", "account_tree"),
            Page("Default accounts", "accounting_defaultaccount_changelist", "signpost"),
            Page("Accounting rules", "accounting_accountingrule_changelist", "gavel"),
            Page("Accounting policy", "accounting_accountingpolicy_changelist", "policy"),
            Page("Number series", "billing_numberseries_changelist", "tag"),
        ),
    ),
    (
        "Company",
        (
            Page("Jobs", "billing_job_changelist", "pending_actions"),
            Page("History", "billing_change_changelist", "history"),
            Page("Business entities", "billing_businessentity_changelist", "domain"),
            Page("People", "billing_membership_changelist", "person", Role.ADMIN),
            Page("API keys", "billing_apikey_changelist", "key", Role.ADMIN),
        ),
    ),
)


# Pages whose address does not lie below the page of the sidebar that leads to them.
_ELSEWHERE = {"modify_contract": "billing_contract_changelist", "import_contracts": "billing_contract_changelist"}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Give the sidebar's groups for a person's role."""
    match = request.resolver_match
    below = _ELSEWHERE.get(str(match.url_name)) if match else None
    here = reverse(f"admin:{below}") if below else _here(request.path)
    groups = []
    for title, pages in SIDEBAR:
        items = [_item(page, here) for page in pages if may(request, page.role) and _address(page)]
        if items:
            groups.append({"title": title, "separator": bool(title), "items": items})
    return groups


def _item(page: Page, here: str) -> dict[str, Any]:
    address = _address(page)
    return {"title": page.title, "icon": page.icon, "link": address, "active": address == here}


def _here(path: str) -> str:
    """Find the address of the sidebar that a page lies below; the longest match decides, so that only one lights up."""
    addresses = [_address(page) for _, pages in SIDEBAR for page in pages if page.name != "index"]
    below = [address for address in addresses if address and path.startswith(address)]
    return max(below, key=len, default=path)


@cache
def _address(page: Page) -> str:
    try:
        return reverse(f"admin:{page.name}")
    except NoReverseMatch:
        return ""


@require_POST
def switch_company(request: HttpRequest) -> HttpResponse:
    """Work in another company from now on."""
    access = access_of(request)
    wanted = request.POST.get("company", "")
    if access is None or wanted not in {str(company.pk) for company in access.companies}:
        raise PermissionDenied
    request.session[COMPANY_KEY] = int(wanted)
    return HttpResponseRedirect(reverse("admin:index"))


def stylesheet(request: HttpRequest) -> str:
    """Give the address of the stylesheet that is added to the theme's."""
    return static("counterfoil/admin.css")


def script(request: HttpRequest) -> str:
    """Give the address of what our pages do by themselves."""
    return static("counterfoil/pages.js")


def icon(request: HttpRequest) -> str:
    """Give the address of the picture that stands for the pages in a browser's tabs."""
    return static("counterfoil/icon.svg")


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """Add to every page what the company switcher needs."""
    return {"access": access_of(request)}


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the home page: what needs attention, and the months' figures. A fixed number of queries."""
    access = access_of(request)
    if access is None:
        return context
    since = add_months(first_of_month(today()), 1 - _MONTHS)
    figures = _by_month(since)
    return {
        **context,
        "title": "Home",
        "company": access.tenant,
        "cards": cards(request),
        "chart": _chart(figures) if figures else "",
        "chart_options": json.dumps(chart_options(stacked=False)),
        "months": _table(figures),
        "first_steps": None if figures else first_steps(request),
    }


# By month, business entity and currency: invoiced, recognized.
Figures = dict[tuple[date, int, str], tuple[Decimal, Decimal]]


def _by_month(since: date) -> Figures:
    invoiced: dict[tuple[date, int, str], Decimal] = defaultdict(Decimal)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_trunc('month', day)::date, entity, currency, sum(net) FROM ("
            " SELECT issued_on AS day, business_entity_id AS entity, currency, net FROM billing_invoice"
            " WHERE tenant_id = %s AND issued_on >= %s AND status NOT IN ('draft', 'void')"
            " UNION ALL SELECT issued_on, business_entity_id, currency, -net FROM billing_creditnote"
            " WHERE tenant_id = %s AND issued_on >= %s AND voided_on IS NULL"
            ") documents GROUP BY 1, 2, 3",
            [current_tenant_id(), since, current_tenant_id(), since],
        )
        for month, entity, currency, net in cursor.fetchall():
            invoiced[(month, entity, currency)] += net
    recognized = {(month, *key): amount for month, *key, amount in revenue_by_month(since=since)}
    keys = sorted(invoiced.keys() | recognized.keys())
    return {key: (invoiced.get(key, Decimal(0)), recognized.get(key, Decimal(0))) for key in keys}


def _chart(figures: Figures) -> str:
    months = sorted({month for month, _, _ in figures})
    currencies = sorted({currency for _, _, currency in figures})
    datasets: list[dict[str, object]] = []
    for currency in currencies:
        for place, label in enumerate(("Invoiced", "Recognized")):
            sums: dict[date, Decimal] = defaultdict(Decimal)
            for (month, _, each), amounts in figures.items():
                sums[month] += amounts[place] if each == currency else 0
            datasets.append(
                {
                    "label": f"{label} {currency}",
                    "data": [str(sums[month]) for month in months],
                    "backgroundColor": _COLOURS[len(datasets) % len(_COLOURS)],
                    "maxBarThickness": 36,
                }
            )
    return json.dumps({"labels": [f"{month:%b %Y}" for month in months], "datasets": datasets})


def _table(figures: Figures) -> Table:
    entities = BusinessEntity.objects.in_bulk({entity for _, entity, _ in figures})
    # A figure leads to a report, which is that of one business entity.
    is_one = len(entities) <= 1
    rows = []
    for (month, entity, currency), (invoiced, recognized) in sorted(
        figures.items(), key=lambda row: (-row[0][0].toordinal(), entities[row[0][1]].name, row[0][2])
    ):
        asked = {
            "business_entity": entities[entity].code,
            "from": month,
            "to": end_of_month(month),
            "currency": currency,
        }
        income = report_url("lines", {**asked, "category": Category.INCOME})
        rows.append(
            (
                f"{month:%b %Y}".replace(" ", "\u00a0"),
                *(() if is_one else (entities[entity].name,)),
                currency,
                to(report_url("invoice-register", asked), figure(invoiced, currency, blank_zero=False)),
                to(income, figure(recognized, currency, blank_zero=False)),
            )
        )
    return Table(
        "The figures",
        columns("Month", *(() if is_one else ("Business entity",)), "Currency", ">Invoiced", ">Recognized"),
        rows,
        "No figures yet.",
    )


admin.site.site_title = "Counterfoil"
