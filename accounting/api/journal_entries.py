"""Posted journal entries with their lines."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounting.models import AS_POSTED, EntryKind, JournalEntry, JournalLine
from accounting.reversing import reverse_entry
from billing.api.fields import DayField, RecordSerializer, RequestSerializer
from billing.api.filters import AnyOfFilter, Filters, IdFilter
from billing.api.money import MoneySerializer
from billing.api.views import Records

_BASE = "business_entity.base_currency"


class JournalLineSerializer(RecordSerializer):
    account = serializers.CharField(source="account.code", help_text="The account's code.")
    account_name = serializers.CharField(source="account.name")
    debit = MoneySerializer(currency_from="currency")
    credit = MoneySerializer(currency_from="currency")
    base_debit = MoneySerializer(currency_from=_BASE, help_text="In the business entity's base currency.")
    base_credit = MoneySerializer(currency_from=_BASE, help_text="In the business entity's base currency.")
    customer = serializers.IntegerField(source="customer_id", allow_null=True)
    contract = serializers.IntegerField(source="contract_id", allow_null=True)
    contract_item = serializers.IntegerField(source="contract_item_id", allow_null=True)
    product = serializers.IntegerField(source="product_id", allow_null=True)
    invoice = serializers.IntegerField(source="invoice_id", allow_null=True)
    credit_note = serializers.IntegerField(source="credit_note_id", allow_null=True)
    payment = serializers.IntegerField(source="payment_id", allow_null=True)
    tax_rate = serializers.IntegerField(source="tax_rate_id", allow_null=True)
    refund = serializers.IntegerField(source="refund_id", allow_null=True)
    obligation = serializers.IntegerField(source="obligation_id", allow_null=True)

    class Meta:
        model = JournalLine
        fields = (
            "position",
            "account",
            "account_name",
            "debit",
            "credit",
            "base_debit",
            "base_credit",
            "role",
            "resolved_by",
            "customer",
            "contract",
            "contract_item",
            "product",
            "invoice",
            "credit_note",
            "payment",
            "tax_rate",
            "refund",
            "obligation",
        )


class JournalEntrySerializer(RecordSerializer):
    business_entity = serializers.CharField(source="business_entity.code")
    event_kind = serializers.CharField(source="event.kind")
    rule = serializers.CharField(
        source="rule_version.rule.code",
        default=None,
        allow_null=True,
        help_text="The code of the rule that made it; null for what persons approved.",
    )
    rule_version = serializers.IntegerField(
        source="rule_version.number", default=None, allow_null=True, help_text="Which version of the rule."
    )
    reverses = serializers.IntegerField(
        source="reverses_id", allow_null=True, help_text="The id of the entry that this one undoes."
    )

    class Meta:
        model = JournalEntry
        fields: tuple[str, ...] = (
            "id",
            "number",
            "business_entity",
            "date",
            "currency",
            "kind",
            "description",
            "event",
            "event_kind",
            "rule",
            "rule_version",
            "reverses",
            "line_count",
            "posted_at",
        )


class JournalEntryDetailSerializer(JournalEntrySerializer):
    lines = JournalLineSerializer(many=True)

    class Meta(JournalEntrySerializer.Meta):
        fields = (*JournalEntrySerializer.Meta.fields, "lines")


class ReverseEntry(RequestSerializer):
    on = DayField(help_text="The date of the reversal: the entry's or later, in an open month.")
    reason = serializers.CharField(max_length=200, help_text="Stays on record.")


def _with_line(entries: QuerySet[JournalEntry], **about: Any) -> QuerySet[JournalEntry]:
    """Keep the entries that have a line like that, each once."""
    return entries.filter(pk__in=JournalLine.objects.filter(**about).order_by().values("entry_id"))


class LineFilter(IdFilter):
    """The entries with a line about this record."""

    def filter(self, qs: QuerySet[JournalEntry], value: int | None) -> QuerySet[JournalEntry]:
        return qs if value is None else _with_line(qs, **{self.field_name: value})


class JournalEntryFilters(Filters):
    account = filters.CharFilter(method="with_account", label="The code of an account of one of its lines.")
    customer = LineFilter("customer_id")
    contract = LineFilter("contract_id")
    contract_item = LineFilter("contract_item_id")
    product = LineFilter("product_id")
    invoice = LineFilter("invoice_id")
    credit_note = LineFilter("credit_note_id")
    payment = LineFilter("payment_id")
    refund = LineFilter("refund_id")
    tax_rate = LineFilter("tax_rate_id")
    obligation = LineFilter("obligation_id")
    event = IdFilter("event_id")
    event_kind = filters.CharFilter("event__kind")
    business_entity = filters.CharFilter("business_entity__code")
    kind = AnyOfFilter("kind", EntryKind.choices)

    class Meta:
        model = JournalEntry
        fields = {"date": ["gte", "lte", "exact"], "currency": ["exact"], "posted_at": ["gte", "lte"]}

    def with_account(self, entries: QuerySet[JournalEntry], name: str, value: str) -> QuerySet[JournalEntry]:
        return _with_line(entries, account__code=value)


class JournalEntries(Records):
    """Posted, balanced entries. They never change; a mistake is undone by a mirrored entry."""

    model = JournalEntry
    serializer_class = JournalEntrySerializer
    detail_serializer_class = JournalEntryDetailSerializer
    filterset_class = JournalEntryFilters
    oldest_first = AS_POSTED

    def rows(self) -> QuerySet[JournalEntry]:
        return JournalEntry.objects.select_related("business_entity", "event", "rule_version__rule")

    @extend_schema(request=ReverseEntry, responses={201: JournalEntryDetailSerializer})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, pk: str) -> Response:
        """Post the mirror image of an entry. The document behind it stays as it is; answers the reversal."""
        sent = self.received(ReverseEntry)
        entry = self.get_object()
        reverse_entry(entry_id=entry.pk, on=sent["on"], reason=sent["reason"])
        return self.shown(JournalEntry.objects.get(reverses=entry).pk, created=True)

    def detail_rows(self) -> QuerySet[JournalEntry]:
        lines = JournalLine.objects.select_related("account", "business_entity")
        return self.rows().prefetch_related(Prefetch("lines", queryset=lines))
