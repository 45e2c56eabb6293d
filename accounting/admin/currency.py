"""Exchange rates: the list, and the import with its preview."""

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from accounting.admin.revaluation import revalue_page
from accounting.currency.importing import RateImport, import_rates, preview_rates
from accounting.models import ExchangeRate, Quotation
from billing.access import may
from billing.admin.document import Document, DocumentAdmin
from billing.admin.forms import DayField, StyledForm, today
from billing.admin.shown import NONE, day, list_url, moment
from billing.admin.tables import Table, columns
from billing.fields import CURRENCIES
from billing.models import Role
from billing.wording import counted

_LARGEST = 3_000_000
_SHOWN = 20
_SALT = "accounting.admin.currency"


class RatesForm(StyledForm):
    file = forms.FileField(
        label="Rates (CSV)",
        help_text="As central banks give them: Date, then a column for each currency; or a row for each day and currency, with "
        "columns Date, Currency, Rate (the ECB's data portal: TIME_PERIOD, CURRENCY, OBS_VALUE). Unpack a ZIP first.",
    )
    # The theme writes the name of a chosen file into the form's first input of the type text.
    source = forms.CharField(
        max_length=20, initial="ECB", label="Who published them", widget=forms.TextInput(attrs={"type": "search"})
    )
    bank_currency = forms.ChoiceField(choices=CURRENCIES, initial="EUR", label="Currency they are compared with")
    quotation = forms.ChoiceField(
        choices=Quotation.choices, initial=Quotation.FOREIGN_PER_BANK, label="What a rate counts"
    )
    since = DayField(required=False, label="Leave out days before")
    correct = forms.BooleanField(
        required=False,
        label="Record rates that differ as corrections",
        help_text="They hold for what is posted from now on and for revaluations run again; entries keep the rate they have.",
    )

    def clean_file(self) -> bytes:
        given = self.cleaned_data["file"]
        if given.size > _LARGEST:
            raise forms.ValidationError("The file has more than 3 MB; import it with manage.py import_rates.")
        return bytes(given.read())


def import_page(request: HttpRequest) -> HttpResponse:
    """Ask for a file, show what importing it would do, and import it once that is confirmed."""
    if not may(request, Role.ACCOUNTANT):
        raise PermissionDenied
    if "confirmed" in request.POST:
        return _import_confirmed(request)
    posted = request.method == "POST"
    form = RatesForm(request.POST if posted else None, request.FILES if posted else None)
    context: dict[str, Any] = {
        "title": "Import exchange rates",
        "form": form,
        "submit": "Show what it would do",
        "explanation": "Rates that are recorded already are left as they are, so the same file may be imported again. With a "
        "bad line nothing is imported.",
    }
    if posted and form.is_valid():
        given = form.cleaned_data
        try:
            preview = preview_rates(**_asked(given), today=today())
        except ValueError as error:
            messages.error(request, str(error))
        else:
            context |= _preview_context(given, preview)
    return _page(request, context)


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    names = ("bank_currency", "quotation", "correct", "since")
    return {"content": given["file"], **{name: given[name] for name in names}}


def _preview_context(given: dict[str, Any], preview: RateImport) -> dict[str, Any]:
    tables = _preview_tables(given, preview)
    if preview.rejected:
        return {
            "tables": tables,
            "warning": f"Nothing can be imported: {counted(len(preview.rejected), 'line is', 'lines are')} bad. Mend the file "
            "and choose it again.",
        }
    if preview.days is None:
        return {"tables": tables, "warning": "Nothing of this file is new: every rate is recorded already."}
    first, last = preview.days
    corrected = f", {len(preview.corrections):,} corrected" if preview.corrections else ""
    token = signing.dumps(
        {**given, "file": given["file"].decode("utf-8-sig"), "since": str(given["since"] or "")},
        salt=_SALT,
        compress=True,
    )
    return {
        "title": "Import exchange rates?",
        "form": None,
        "hidden": [("confirmed", token)],
        "submit": f"Import {counted(len(preview.added) + len(preview.corrections), 'rate', 'rates')}",
        "explanation": f"{counted(len(preview.added), 'rate is', 'rates are')} new{corrected}, {preview.unchanged:,} recorded "
        "already. "
        f"They are of {day(first)} to {day(last)}.",
        "tables": tables,
    }


def _preview_tables(given: dict[str, Any], preview: RateImport) -> list[Table]:
    tables = []
    if preview.rejected:
        rows = [(f"{bad.line:,}", bad.reason) for bad in preview.rejected[:_SHOWN]]
        more = len(preview.rejected) - len(rows)
        note = f"… and {more:,} more." if more else ""
        tables.append(Table("Bad lines", columns(">Line", "What is wrong"), rows, "", note=note))
        return tables
    if preview.corrections:
        rows_corrected = [
            (day(each.given.day), each.given.currency, f"{each.recorded.normalize():f}", f"{each.given.rate:f}")
            for each in preview.corrections[:_SHOWN]
        ]
        heads = columns("Day", "Currency", ">Recorded", ">In the file")
        tables.append(Table("Corrections", heads, rows_corrected, ""))
    latest: dict[str, tuple[date, Decimal]] = {}
    for each in preview.added:
        if each.currency not in latest or latest[each.currency][0] < each.day:
            latest[each.currency] = (each.day, each.rate)
    rows_new = [
        (currency, day(on), f"{rate:f}", _in_words(given, currency, rate))
        for currency, (on, rate) in sorted(latest.items())
    ]
    left_out = ", ".join(preview.unknown)
    note = f"Left out, as no document here can be in them: {left_out}." if left_out else ""
    heads = columns("Currency", "Newest day", ">Rate", "Which means")
    tables.append(Table("New rates, the newest of each currency", heads, rows_new, "No rate is new.", note=note))
    return tables


def _in_words(given: dict[str, Any], currency: str, rate: Decimal) -> str:
    one, other = given["bank_currency"], currency
    if given["quotation"] == Quotation.BANK_PER_FOREIGN:
        one, other = other, one
    return f"1 {one} = {rate:f} {other}"


def _import_confirmed(request: HttpRequest) -> HttpResponse:
    try:
        given = signing.loads(request.POST["confirmed"], salt=_SALT, max_age=86_400)
        given["file"] = given["file"].encode()
        given["since"] = date.fromisoformat(given["since"]) if given["since"] else None
        result = import_rates(**_asked(given), source=given["source"], today=today())
    except (signing.BadSignature, ValueError) as error:
        expired = isinstance(error, signing.BadSignature)
        messages.error(request, "This preview has expired; choose the file again." if expired else str(error))
        return HttpResponseRedirect(reverse("admin:import_rates"))
    if result.rejected:
        messages.error(request, f"Nothing was imported. Line {result.rejected[0].line}: {result.rejected[0].reason}")
        return HttpResponseRedirect(reverse("admin:import_rates"))
    corrected = f", {len(result.corrections):,} corrected" if result.corrections else ""
    messages.success(request, f"{counted(len(result.added), 'rate', 'rates')} imported{corrected}.")
    return HttpResponseRedirect(list_url(ExchangeRate))


def _page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    everywhere = {**admin.site.each_context(request), "opts": ExchangeRate._meta, "cancel_url": list_url(ExchangeRate)}
    return TemplateResponse(request, "admin/counterfoil/confirm.html", {**everywhere, **context})


@admin.register(ExchangeRate)
class ExchangeRateAdmin(DocumentAdmin):
    list_display = ("date", "currency", "rate_shown", "source", "correction_shown", "recorded_at")
    list_filter = ("currency", ("date", RangeDateFilter), "source")
    ordering = ("-date", "currency", "-number")
    search_fields = ("currency",)
    empty_hint = "Import the file of a central bank, such as the daily or historical reference rates of the ECB."

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path("import/", self.admin_site.admin_view(import_page), name="import_rates"),
            path("revalue/", self.admin_site.admin_view(revalue_page), name="revalue_balances"),
        ]
        return [*ours, *super().get_urls()]

    def list_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        if not may(request, Role.ACCOUNTANT):
            return []
        return [
            ("Import rates", reverse("admin:import_rates")),
            ("Revalue balances", reverse("admin:revalue_balances")),
        ]

    @display(description="Rate", ordering="rate")
    def rate_shown(self, rate: ExchangeRate) -> str:
        return str(rate).partition(" on ")[0]

    @display(description="Correction", ordering="number")
    def correction_shown(self, rate: ExchangeRate) -> str:
        return f"{rate.number - 1}." if rate.number > 1 else NONE

    def document(self, request: HttpRequest, subject: ExchangeRate) -> Document:
        others = ExchangeRate.objects.filter(
            date=subject.date, currency=subject.currency, bank_currency=subject.bank_currency
        )
        rows = [(f"{each.number}", str(each), each.source, moment(each.recorded_at)) for each in others]
        return Document(
            title=str(subject),
            facts=[("Day", day(subject.date)), ("As the bank gave it", subject.get_quotation_display())],
            tables=[
                Table("Recorded", columns("Number", "Rate", "Source", "Recorded"), rows, "", note="The last one holds.")
            ],
        )
