"""Report pages: the list of all reports, each report with its parameters, and its files."""

from datetime import date
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounting.admin.report_view import (
    chart_data,
    headline,
    letter,
    pages_of,
    proof_words,
    report_url,
    shown_tables,
    verdict,
)
from accounting.models import Account
from accounting.reports.asked import Mistakes, ReportForm
from accounting.reports.catalog import REPORTS
from accounting.reports.rendering.pdf import TooLong
from accounting.reports.running import FORMATS, build, export, one_moment
from accounting.reports.structure import Report
from billing.admin.forms import dress, today
from billing.downloads import file_headers
from billing.models import BusinessEntity

_LABELS = {"csv": "CSV", "xlsx": "Excel", "pdf": "PDF"}


def ledger_url(account: Account, *, until: date) -> str:
    """Give the address of an account's lines from the first of a day's year to that day."""
    asked = {
        "business_entity": account.business_entity.code,
        "account": account.code,
        "from": date(until.year, 1, 1),
        "to": until,
    }
    return report_url("general-ledger", asked)


def report_index(request: HttpRequest) -> HttpResponse:
    """List the reports by what they are about."""
    listed = [kind for kind in REPORTS.values() if kind.is_listed]
    groups = [
        (group, [(kind.title, kind.sentence, report_url(kind.code, {})) for kind in kinds])
        for group, kinds in groupby(listed, key=lambda kind: kind.group)
    ]
    return _page(request, "admin/counterfoil/reports.html", {"title": "Reports", "groups": groups})


def report_page(request: HttpRequest, code: str) -> HttpResponse:
    """Show one report, or what is wrong with what was asked."""
    kind = REPORTS[code]
    given = {name: value for name, value in request.GET.dict().items() if name != "page"}
    entities = list(BusinessEntity.objects.order_by("pk"))
    entity = next((each for each in entities if each.code == given.get("business_entity")), next(iter(entities), None))
    first = {parameter.name: parameter.first(today(entity)) for parameter in kind.parameters}
    asked = {**({"business_entity": entity.code} if entity else {}), **first, **given}
    form = ReportForm(kind.parameters, entity, asked)
    for field in form.fields.values():
        dress(field)
    context: dict[str, Any] = {
        "title": kind.title, "sentence": kind.sentence, "entities": entities, "entity": entity, "form": form,
    }  # fmt: skip
    if not given and any(each.required and first[each.name] == "" for each in kind.parameters):
        context["form"] = ReportForm(kind.parameters, entity, None, initial=asked)
        for field in context["form"].fields.values():
            dress(field)
        context["note"] = "Say above what the report is to be about, and press Show."
        return _page(request, "admin/counterfoil/book_report.html", context)
    try:
        with one_moment():
            _, report = build(kind, asked)
            context |= _shown(report, _page_number(request), asked)
    except Mistakes as mistakes:
        others = {name: texts for name, texts in mistakes.texts.items() if name not in form.fields}
        context["mistakes"] = [f"{name.replace('_', ' ')}: {' '.join(texts)}" for name, texts in others.items()]
        return _page(request, "admin/counterfoil/book_report.html", context)
    query = _query(asked)
    context["files"] = [
        (label, f"{reverse('admin:report_file', args=[code, form])}?{query}") for form, label in _LABELS.items()
    ]
    return _page(request, "admin/counterfoil/book_report.html", context)


def report_file(request: HttpRequest, code: str, form: str) -> HttpResponseBase:
    """Give a report as a file."""
    if code not in REPORTS or form not in FORMATS:
        raise Http404
    try:
        name, parts = export(REPORTS[code], request.GET.dict(), form)
    except (Mistakes, TooLong) as error:
        context = {"title": REPORTS[code].title, "mistakes": [str(error)]}
        return _page(request, "admin/counterfoil/book_report.html", context, status=400)
    return StreamingHttpResponse(parts, content_type=FORMATS[form], headers=file_headers(name))


def _shown(report: Report, page: int, asked: dict[str, Any]) -> dict[str, Any]:
    pages = pages_of(report)

    def url(number: int) -> str:
        return f"?{_query({**asked, 'page': number})}" if 1 <= number <= pages else ""

    pager = {"previous": url(page - 1), "next": url(page + 1), "words": f"Page {page:,} of {pages:,}"}
    return {
        "title": report.title,
        "note": report.about,
        "letter": letter(report),
        "headline": headline(report),
        "charts": [chart_data(chart) for chart in report.charts],
        "tables": shown_tables(report, page),
        "verdict": verdict(report),
        "proofs": [proof_words(proof) for proof in report.proofs],
        "pager": pager if pages > 1 else None,
    }


def _query(asked: dict[str, Any]) -> str:
    return urlencode({name: value for name, value in asked.items() if value not in (None, "")})


def _page_number(request: HttpRequest) -> int:
    number = request.GET.get("page", "1")
    return max(int(number), 1) if number.isascii() and number.isdecimal() and len(number) < 8 else 1


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context}, status=status)


def report_urls() -> list[URLPattern]:
    """Give the addresses of all report pages, each named after its report: `trial_balance`."""
    wrap = admin.site.admin_view
    pages = [
        path(f"reports/{code}/", wrap(report_page), {"code": code}, name=code.replace("-", "_")) for code in REPORTS
    ]
    return [
        path("reports/", wrap(report_index), name="reports"),
        path("reports/<slug:code>.<slug:form>", wrap(report_file), name="report_file"),
        *pages,
    ]
