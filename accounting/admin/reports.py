"""Report pages: trial balance and general ledger. Every figure leads to what it is made of."""

from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from accounting.models import Account, JournalEntry, entry_number
from accounting.reports.ledger import Ledger, general_ledger
from accounting.reports.trial_balance import trial_balance
from billing.admin.events import event_label
from billing.admin.forms import DayField, StyledForm, today
from billing.admin.references import References
from billing.admin.shown import badge, change_url, day, figure, money, to
from billing.admin.tables import Table, columns
from billing.models import BusinessEntity

_PAGE = 100


class EntityField(forms.ModelChoiceField):
    """A business entity of the company in scope."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=None, empty_label=None, **kwargs)


class BalanceForm(StyledForm):
    entity = EntityField(label="Business entity")
    at = DayField(label="At the end of")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["entity"].queryset = BusinessEntity.objects.all()  # type: ignore[attr-defined]


class LedgerForm(StyledForm):
    account: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None, empty_label=None)
    since = DayField(label="From")
    until = DayField(label="To")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts = Account.objects.filter(is_group=False).select_related("business_entity")
        self.fields["account"].queryset = accounts  # type: ignore[attr-defined]


def ledger_url(account_id: int, *, until: date, since: date | None = None) -> str:
    """Give the address of an account's lines up to a day, by default from the first of its year."""
    query = {"account": account_id, "since": since or date(until.year, 1, 1), "until": until}
    return f"{reverse('admin:general_ledger')}?{urlencode(query)}"


def balance_words(balance: Decimal, currency: str) -> object:
    """Show a balance with its side: Dr or Cr."""
    return format_html("{} {}", figure(abs(balance), currency, blank_zero=False), _side(balance))


def _side(balance: Decimal) -> str:
    return "Dr" if balance > 0 else "Cr" if balance < 0 else ""


def trial_balance_page(request: HttpRequest) -> HttpResponse:
    """Show every account's balance at the end of a day."""
    first = BusinessEntity.objects.order_by("pk").first()
    defaults = {"entity": first.pk if first else "", "at": today(first).isoformat()}
    form = BalanceForm({**defaults, **request.GET.dict()})
    context: dict[str, Any] = {
        "title": "Trial balance", "form": form, "opts": JournalEntry._meta,
        "links": [("Journal entries", reverse("admin:accounting_journalentry_changelist"))],
    }  # fmt: skip
    if form.is_valid():
        entity, at = form.cleaned_data["entity"], form.cleaned_data["at"]
        balance = trial_balance(business_entity_id=entity.pk, at=at)
        currency = entity.base_currency
        balanced = balance.debit == balance.credit
        context["badge"] = badge("paid", "Balanced") if balanced else badge("failed", "Out of balance")
        context["note"] = (
            f"{entity}, {currency}, all entries up to and including {day(at)}. Click a figure for its lines."
        )
        context["tables"] = [
            Table(
                "",
                columns("Account", "Name", "Category", f">Debit {currency}", f">Credit {currency}"),
                [
                    (
                        to(change_url(Account, row.account_id), row.code),
                        row.name,
                        row.category.capitalize(),
                        _figure_link(row.account_id, at, row.debit, currency),
                        _figure_link(row.account_id, at, row.credit, currency),
                    )
                    for row in balance.accounts
                ],
                "Nothing is posted by that day. Entries appear when invoices are finalized.",
                totals=("Total", "", "", figure(balance.debit, currency), figure(balance.credit, currency)),
            )
        ]
    return _report(request, context)


def _figure_link(account_id: int, at: date, amount: Any, currency: str) -> object:
    return to(ledger_url(account_id, until=at), figure(amount, currency)) if amount else ""


def general_ledger_page(request: HttpRequest) -> HttpResponse:
    """Show the lines of one account between two days, with the running balance."""
    now = today()
    first = Account.objects.filter(is_group=False).order_by("code").first()
    defaults = {"account": first.pk if first else "", "since": date(now.year, 1, 1), "until": now}
    given = {**defaults, **request.GET.dict()}
    form = LedgerForm(given)
    context: dict[str, Any] = {"title": "General ledger", "form": form, "opts": JournalEntry._meta}
    if form.is_valid():
        account, since, until = (form.cleaned_data[name] for name in ("account", "since", "until"))
        number = request.GET.get("page", "1")
        page = max(int(number), 1) if number.isdecimal() and len(number) < 8 else 1
        ledger = general_ledger(account_id=account.pk, since=since, until=until, page=page, page_size=_PAGE)
        currency = account.business_entity.base_currency
        context["title"] = f"General ledger: {account}"
        context["note"] = f"{account.business_entity}, {currency}, {day(since)} to {day(until)}"
        context["headline"] = [
            ("Opening balance", _balance(ledger.opening, currency)),
            ("Closing balance", _balance(ledger.closing, currency)),
            ("Lines", f"{ledger.count:,}"),
        ]
        context["tables"] = [_ledger_table(ledger, currency)]
        context["pager"] = _pager(given, page, ledger.count)
    return _report(request, context)


def _balance(balance: Decimal, currency: str) -> object:
    return format_html("{} {}", money(abs(balance), currency), _side(balance))


def _ledger_table(ledger: Ledger, currency: str) -> Table:
    references = References({"customer_id": line.customer_id, "invoice_id": line.invoice_id} for line in ledger.lines)
    return Table(
        "Lines",
        columns(
            "Date", "Entry", "What happened", "Description", "Customer", "Invoice", ">Debit", ">Credit", ">Balance"
        ),
        [
            (
                day(line.date),
                to(change_url(JournalEntry, line.entry_id), entry_number(line.entry_id)),
                event_label(line.event_kind),
                line.description,
                references.show("customer_id", line.customer_id),
                references.show("invoice_id", line.invoice_id),
                figure(line.debit, currency),
                figure(line.credit, currency),
                balance_words(line.balance, currency),
            )
            for line in ledger.lines
        ],
        "No lines between these days. Choose other days or another account.",
    )


def _pager(given: dict[str, Any], page: int, count: int) -> dict[str, str] | None:
    pages = max((count + _PAGE - 1) // _PAGE, 1)
    if pages == 1:
        return None

    def url(number: int) -> str:
        return f"?{urlencode({**given, 'page': number})}" if 1 <= number <= pages else ""

    return {"previous": url(page - 1), "next": url(page + 1), "words": f"Page {page:,} of {pages:,}"}


def _report(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(request, "admin/counterfoil/report.html", {**admin.site.each_context(request), **context})
