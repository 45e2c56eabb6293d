"""Reports: one address each, as JSON page by page, or as a file: `/reports/ar-ageing`, `/reports/ar-ageing.csv`."""

from typing import Any
from urllib.parse import urlencode

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, re_path, reverse
from djmoney.money import Money
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounting.balances import account_balance
from accounting.models import Account, Side
from accounting.reports import asked as ask
from accounting.reports.asked import Asked, Mistakes, Parameter, required
from accounting.reports.catalog import REPORTS, ReportKind
from accounting.reports.rendering.data import report_data
from accounting.reports.rendering.pdf import TooLong
from accounting.reports.running import FORMATS, build, export, one_moment
from accounting.reports.structure import Further, Kind, Style, Target
from billing.api.errors import Unprocessable
from billing.api.money import MoneySerializer
from billing.api.views import TenantView
from billing.downloads import file_headers

_MOST_ROWS, _ROWS = 1000, 200
_ENTITY_HELP = "The business entity's code. May be left out where the company has only one."
_RECORDS = {
    "entry": "journal-entries", "event": "business-events", "customer": "customers", "contract": "contracts",
    "invoice": "invoices", "credit_note": "credit-notes", "payment": "payments", "account": "accounts",
    "product": "products",
}  # fmt: skip


class ProofSerializer(serializers.Serializer):
    """A total of the report beside the balance of the books that it must equal."""

    words = serializers.CharField()
    report = MoneySerializer()
    books = MoneySerializer()
    holds = serializers.BooleanField()


class LetterBlockSerializer(serializers.Serializer):
    """A block at the top of a letter: who writes, to whom, how to pay."""

    heading = serializers.CharField()
    lines = serializers.ListField(child=serializers.CharField())


class HeadlineSerializer(serializers.Serializer):
    """A figure above the tables: money, or a text."""

    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.JSONField(help_text="Money as an object of text and currency; a count or a text as text.")


class ColumnSerializer(serializers.Serializer):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    type = serializers.ChoiceField([kind.value for kind in Kind])
    currency = serializers.CharField(allow_null=True)


class RowSerializer(serializers.Serializer):
    style = serializers.ChoiceField(  # type: ignore[assignment]
        [style.value for style in Style], help_text="Only a `line` counts in the totals."
    )
    level = serializers.IntegerField(help_text="How far the row is indented.")
    values = serializers.DictField(help_text="By column key. An amount is money: text with its currency.")
    links = serializers.DictField(child=serializers.CharField(), help_text="Where a figure leads, by column key.")


class TableSerializer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    columns = ColumnSerializer(many=True)
    count = serializers.IntegerField(help_text="How many rows there are on all pages.")
    rows = RowSerializer(many=True)
    totals = serializers.DictField(allow_null=True, help_text="Of all pages, by column key.")


class ReportSerializer(serializers.Serializer):
    """Any report: tables of typed columns, with totals and proofs."""

    title = serializers.CharField()
    about = serializers.CharField()
    currency = serializers.CharField()
    letter = LetterBlockSerializer(many=True, help_text="Empty where the report is no letter.")
    headline = HeadlineSerializer(many=True)
    proofs = ProofSerializer(many=True)
    tables = TableSerializer(many=True)
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()


class BalanceSerializer(serializers.Serializer):
    business_entity = serializers.CharField()
    account = serializers.CharField()
    at = serializers.DateField()
    balance = MoneySerializer(help_text="Always zero or more; `side` says on which side.")
    side = serializers.ChoiceField(Side.choices)


def _described(parameters: tuple[Parameter, ...]) -> list[OpenApiParameter]:
    entity = OpenApiParameter("business_entity", OpenApiTypes.STR, description=_ENTITY_HELP)
    types = {"date": OpenApiTypes.DATE, "integer": OpenApiTypes.INT64, "string": OpenApiTypes.STR}
    return [entity] + [
        OpenApiParameter(
            each.name, types[each.format], description=each.help, required=each.required, enum=each.choices or None
        )
        for each in parameters
    ]


def _refused(mistakes: Mistakes) -> ValidationError:
    return ValidationError(mistakes.texts)


class ReportView(TenantView):
    """One report, page by page."""

    kind: ReportKind

    def get(self, request: Request) -> Response:
        given = request.query_params.dict()
        page, page_size = (_number(given, name, *limits) for name, limits in _PAGING.items())
        try:
            with one_moment():
                _, report = build(self.kind, given)
                data = report_data(report, self._address, page=page, page_size=page_size)
        except Mistakes as mistakes:
            raise _refused(mistakes) from mistakes
        return Response(data)

    def _address(self, target: Target) -> str | None:
        if isinstance(target, Further):
            return f"{reverse(f'api:report-{target.report}')}?{urlencode(target.asked)}"
        return reverse(f"api:{_RECORDS[target.kind]}-detail", args=[target.id]) if target.kind in _RECORDS else None


class ReportFileView(TenantView):
    """One report as a file: csv, xlsx or pdf."""

    kind: ReportKind

    def get(self, request: Request, form: str) -> HttpResponseBase:
        if form not in FORMATS:
            raise NotFound(f"A report comes as {', '.join(FORMATS)}.")
        try:
            name, parts = export(self.kind, request.query_params.dict(), form)
        except Mistakes as mistakes:
            raise _refused(mistakes) from mistakes
        except TooLong as error:
            raise Unprocessable(str(error)) from error
        return StreamingHttpResponse(parts, content_type=FORMATS[form], headers=file_headers(name))


_PAGING = {"page": (1, 1_000_000), "page_size": (_ROWS, _MOST_ROWS)}


def _number(given: dict[str, str], name: str, usual: int, most: int) -> int:
    text = given.pop(name, str(usual))
    if not (text.isascii() and text.isdecimal() and len(text) < 8 and 1 <= int(text) <= most):
        raise ValidationError({name: [f"Give a whole number from 1 to {most:,}."]})
    return int(text)


class AccountBalanceReport(TenantView):
    """The balance of one account at the end of a day."""

    _parameters = (ask.AT, required(ask.ACCOUNT))

    @extend_schema(parameters=_described(_parameters), responses=BalanceSerializer)
    def get(self, request: Request) -> Response:
        try:
            asked: Asked = ask.read(self._parameters, request.query_params.dict())
        except Mistakes as mistakes:
            raise _refused(mistakes) from mistakes
        account: Account = asked["account"]
        balance = account_balance(business_entity_id=account.business_entity_id, account_id=account.pk, at=asked["at"])
        side = (Side.DEBIT if balance > 0 else Side.CREDIT) if balance else Side(account.normal_balance)
        answer = {
            "business_entity": asked.entity.code,
            "account": account.code,
            "at": asked["at"],
            "balance": Money(abs(balance), asked.base),
            "side": side.value,
        }
        return Response(BalanceSerializer(answer).data)


def _views(kind: ReportKind) -> tuple[Any, Any]:
    name = kind.title.title().replace(" ", "").replace("-", "")
    parameters = _described(kind.parameters)
    paging = [
        OpenApiParameter(each, OpenApiTypes.INT, description=f"At most {most:,}.")
        for each, (_, most) in _PAGING.items()
    ]
    page = extend_schema(parameters=[*parameters, *paging], responses=ReportSerializer)
    file = extend_schema(
        parameters=[*parameters, OpenApiParameter("form", OpenApiTypes.STR, "path", enum=list(FORMATS))],
        responses={(200, each): OpenApiTypes.BINARY for each in FORMATS.values()},
    )
    about = {"kind": kind, "__doc__": kind.sentence}
    # The method is one for all reports, what is said of it is each report's own: this decorator keeps them apart.
    return (
        extend_schema_view(get=page)(type(f"{name}Report", (ReportView,), about)),
        extend_schema_view(get=file)(type(f"{name}File", (ReportFileView,), about)),
    )


def report_urls() -> list[URLPattern]:
    """Give the addresses of all reports."""
    urls = [re_path("^reports/account-balance/?$", AccountBalanceReport.as_view(), name="account-balance")]
    for code, kind in REPORTS.items():
        page, file = _views(kind)
        urls += [
            re_path(f"^reports/{code}/?$", page.as_view(), name=f"report-{code}"),
            re_path(rf"^reports/{code}\.(?P<form>[a-z]+)$", file.as_view(), name=f"report-{code}-file"),
        ]
    return urls
