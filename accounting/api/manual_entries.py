"""Manual entries: drafted and submitted by systems, approved by a person in the admin."""

import base64
import binascii
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounting.attachments import attach, detach
from accounting.manual_entries import NewLine, delete_draft, save_draft, submit
from accounting.models import Account, Attachment, ManualEntry, ManualEntryLine, ManualEntryStatus, Repeat
from billing.api.choices import ChoiceField
from billing.api.fields import CodeField, DayField, RecordField, RecordSerializer, RequestSerializer
from billing.api.filters import AnyOfFilter, Filters
from billing.api.money import MoneySerializer
from billing.api.views import Records
from billing.downloads import kept_file
from billing.models import BusinessEntity, Contract, Customer, Product
from billing.services.customers import only_entity

_MOST_LINES = 1000
# Of base64: a request's body has 2.5 MB at most. Larger documents are attached in the admin.
_MOST_CHARACTERS = 2_400_000
_ATTACHMENT = "attachments/(?P<attachment_id>[0-9]{1,18})"
_ATTACHMENT_ID = OpenApiParameter("attachment_id", int, OpenApiParameter.PATH, description="The document's id.")


class ManualEntryLineSerializer(RecordSerializer):
    account = serializers.CharField(source="account.code")
    debit = MoneySerializer(currency_from="entry.currency")
    credit = MoneySerializer(currency_from="entry.currency")

    class Meta:
        model = ManualEntryLine
        fields = ("position", "account", "debit", "credit", "customer", "contract", "product")


class ManualEntrySerializer(RecordSerializer):
    business_entity = serializers.CharField(source="business_entity.code")
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)
    approved_by = serializers.CharField(source="approved_by.username", default=None, allow_null=True)

    class Meta:
        model = ManualEntry
        fields: tuple[str, ...] = (
            "id", "business_entity", "date", "currency", "description", "note", "status", "reverse_on", "repeat",
            "repeat_until", "series", "created_by", "submitted_at", "approved_by", "approved_at", "returned_reason",
        )  # fmt: skip


class AttachmentSerializer(RecordSerializer):
    class Meta:
        model = Attachment
        fields = ("id", "name", "content_type", "size", "sha256", "uploaded_at")


class ManualEntryDetailSerializer(ManualEntrySerializer):
    lines = ManualEntryLineSerializer(many=True)
    attachments = AttachmentSerializer(many=True)

    class Meta(ManualEntrySerializer.Meta):
        fields = (*ManualEntrySerializer.Meta.fields, "lines", "attachments")


class NewManualLine(RequestSerializer):
    account = serializers.CharField(max_length=20, help_text="The account's code.")
    debit = MoneySerializer(required=False, help_text="Debit or credit, not both.")
    credit = MoneySerializer(required=False)
    customer = RecordField(Customer, required=False, allow_null=True)
    contract = RecordField(Contract, required=False, allow_null=True)
    product = RecordField(Product, required=False, allow_null=True)


class NewManualEntry(RequestSerializer):
    business_entity = CodeField(
        BusinessEntity, required=False, help_text="May be left out where the company has only one."
    )
    date = DayField()
    description = serializers.CharField(max_length=150)
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    reverse_on = DayField(required=False, allow_null=True, help_text="The day on which it reverses by itself.")
    repeat = ChoiceField(Repeat.choices, required=False, help_text="In months; 0: once.")
    repeat_until = DayField(required=False, allow_null=True)
    lines = serializers.ListField(child=NewManualLine(), min_length=2, max_length=_MOST_LINES)


class NewAttachment(RequestSerializer):
    name = serializers.CharField(
        max_length=150,
        help_text="With its ending: PDF, PNG, JPEG, Excel, Word, CSV or text, and the content must be that.",
    )
    content = serializers.CharField(
        max_length=_MOST_CHARACTERS, help_text="In base64, 1.8 MB of document at most; the admin takes larger ones."
    )

    def validate_content(self, content: str) -> bytes:
        try:
            return base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise serializers.ValidationError("This is not base64.") from error


class ManualEntryFilters(Filters):
    business_entity = filters.CharFilter("business_entity__code")
    status = AnyOfFilter("status", ManualEntryStatus.choices)

    class Meta:
        model = ManualEntry
        fields = {"date": ["gte", "lte", "exact"]}


class ManualEntries(Records):
    """Entries by hand. A key writes and submits them; a person who is not their author approves them in the admin."""

    model = ManualEntry
    serializer_class = ManualEntrySerializer
    detail_serializer_class = ManualEntryDetailSerializer
    filterset_class = ManualEntryFilters

    def rows(self) -> QuerySet[ManualEntry]:
        return ManualEntry.objects.select_related("business_entity", "created_by", "approved_by")

    def detail_rows(self) -> QuerySet[ManualEntry]:
        return self.rows().prefetch_related(
            Prefetch("lines", queryset=ManualEntryLine.objects.select_related("account", "entry").order_by("position")),
            Prefetch("attachments", queryset=Attachment.objects.defer("content")),
        )

    @extend_schema(request=NewManualEntry, responses={201: ManualEntryDetailSerializer})
    def create(self, request: Request) -> Response:
        """Write a draft. It is refused where it could never be posted."""
        sent = self.received(NewManualEntry)
        entity = sent.pop("business_entity", None) or only_entity()
        lines = sent.pop("lines")
        entry = ManualEntry(business_entity=entity, currency=_currency(lines), **sent)
        save_draft(entry=entry, lines=_lines(entity, lines), by=request.user)
        return self.shown(entry.pk, created=True)

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a draft."""
        delete_draft(entry_id=self.get_object().pk)
        return Response(status=204)

    @extend_schema(request=None, responses=ManualEntryDetailSerializer)
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """Ask for approval; from now on the entry stands still."""
        return self.shown(submit(entry_id=self.get_object().pk, by=request.user, at=timezone.now()).pk)

    @extend_schema(request=NewAttachment, responses={201: ManualEntryDetailSerializer})
    @action(detail=True, methods=["post"])
    def attachments(self, request: Request, pk: str) -> Response:
        """Attach a document that proves the entry, whatever its status; once the entry is submitted it stays."""
        entry = self.get_object()
        attach(entry_id=entry.pk, by=request.user, **self.received(NewAttachment))
        return self.shown(entry.pk, created=True)

    @extend_schema(parameters=[_ATTACHMENT_ID], responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, url_path=_ATTACHMENT)
    def attachment(self, request: Request, pk: str, attachment_id: str) -> HttpResponse:
        """Hand out a document as it was attached."""
        found = get_object_or_404(Attachment, entry=self.record_id(), pk=attachment_id)
        return kept_file(name=found.name, content_type=found.content_type, content=bytes(found.content))

    @extend_schema(parameters=[_ATTACHMENT_ID], responses={204: None})
    @attachment.mapping.delete
    def remove_attachment(self, request: Request, pk: str, attachment_id: str) -> Response:
        """Take a document off a draft that was attached by mistake."""
        detach(entry_id=self.get_object().pk, attachment_id=int(attachment_id))
        return Response(status=204)


def _currency(sent: list[dict[str, Any]]) -> str:
    """Give the one currency that the lines are in; at the rate of the day where it is not that of the books."""
    found = sorted({line[side].currency.code for line in sent for side in ("debit", "credit") if side in line})
    if len(found) > 1:
        raise ValidationError({"lines": [f"An entry is in one currency; these lines are in {' and '.join(found)}."]})
    return found[0] if found else ""


def _lines(entity: BusinessEntity, sent: list[dict[str, Any]]) -> list[NewLine]:
    codes = {line["account"] for line in sent}
    accounts = {each.code: each for each in Account.objects.filter(business_entity=entity, code__in=codes)}
    if missing := sorted(codes - accounts.keys()):
        raise ValidationError({"lines": [f"There is no account {missing[0]} in this chart of accounts."]})
    return [
        NewLine(
            account=accounts[line["account"]],
            debit=line["debit"].amount if "debit" in line else Decimal(0),
            credit=line["credit"].amount if "credit" in line else Decimal(0),
            customer_id=_id(line.get("customer")),
            contract_id=_id(line.get("contract")),
            product_id=_id(line.get("product")),
        )
        for line in sent
    ]


def _id(record: Any) -> int | None:
    return record.pk if record else None
