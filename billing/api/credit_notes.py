"""Credit notes."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.choices import ChoiceField
from billing.api.fields import DayField, RecordField, RecordSerializer, RequestSerializer
from billing.api.filters import Filters, IdFilter
from billing.api.money import MoneySerializer
from billing.api.views import Records
from billing.models import CreditNote, CreditNoteLine, Invoice
from billing.printing.document_pdf import CONTENT_TYPE, pdf_response
from billing.printing.documents import credit_note_document
from billing.services.credit_notes import Keep, issue_credit_note
from billing.services.undoing import void_credit_note

_MAX_LINES = 1000


class CreditNoteLineSerializer(RecordSerializer):
    class Meta:
        model = CreditNoteLine
        fields = ("id", "invoice_line", "product", "description", "net", "tax", "tax_percent")


class CreditNoteSerializer(RecordSerializer):
    business_entity = serializers.CharField(source="business_entity.code")

    class Meta:
        model = CreditNote
        fields: tuple[str, ...] = (
            "id",
            "number",
            "invoice",
            "customer",
            "business_entity",
            "issued_on",
            "net",
            "tax",
            "total",
            "to_wallet",
            "to_refund",
            "reason",
            "voided_on",
            "void_reason",
            "created_at",
        )


class CreditNoteDetailSerializer(CreditNoteSerializer):
    lines = CreditNoteLineSerializer(many=True)

    class Meta(CreditNoteSerializer.Meta):
        fields = (*CreditNoteSerializer.Meta.fields, "lines")


class NewCreditNoteLine(RequestSerializer):
    invoice_line = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    net = MoneySerializer(help_text="To credit of this line, without tax; the tax follows.")


class NewCreditNote(RequestSerializer):
    invoice = RecordField(Invoice)
    on = DayField(help_text="The day of the credit note, not before the invoice's.")
    reason = serializers.CharField(max_length=200)
    keep = ChoiceField(
        [(each.value, each.value) for each in Keep],
        required=False,
        help_text="What becomes of the part that was paid already: kept in the wallet, or to be refunded.",
    )
    wallet_expires_on = DayField(
        required=False,
        help_text="The last day on which what is kept in the wallet can be used. Left out: it does not expire.",
    )
    lines = serializers.ListField(child=NewCreditNoteLine(), allow_empty=False, max_length=_MAX_LINES)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        currency = attrs["invoice"].currency
        if any(line["net"].currency.code != currency for line in attrs["lines"]):
            raise serializers.ValidationError({"lines": [f"The invoice is in {currency}; credit it in {currency}."]})
        attrs["lines"] = unique(attrs["lines"], "invoice_line", "net")
        return attrs


def unique(parts: list[dict[str, Any]], name: str, amount: str) -> dict[int, Any]:
    """Turn a list of parts into amounts by id. Raises ValidationError where one is named twice."""
    amounts = {part[name]: part[amount].amount for part in parts}
    if len(amounts) < len(parts):
        raise serializers.ValidationError(f"The same {name.replace('_', ' ')} is named twice; add the amounts up.")
    return amounts


class Undoing(RequestSerializer):
    on = DayField(help_text="The day, not before it was recorded.")
    reason = serializers.CharField(max_length=200, help_text="An auditor will ask.")


class CreditNoteFilters(Filters):
    customer = IdFilter("customer_id")
    invoice = IdFilter("invoice_id")

    class Meta:
        model = CreditNote
        fields = {
            "number": ["exact"],
            "currency": ["exact"],
            "issued_on": ["gte", "lte"],
            "created_at": ["gte", "lte"],
        }


class CreditNotes(Records):
    """Credits of parts of invoices. Final from the start; one issued by mistake is voided."""

    model = CreditNote
    serializer_class = CreditNoteSerializer
    detail_serializer_class = CreditNoteDetailSerializer
    filterset_class = CreditNoteFilters

    def rows(self) -> QuerySet[CreditNote]:
        return CreditNote.objects.select_related("business_entity")

    def detail_rows(self) -> QuerySet[CreditNote]:
        return self.rows().prefetch_related("lines")

    @extend_schema(request=NewCreditNote, responses={201: CreditNoteDetailSerializer})
    def create(self, request: Request) -> Response:
        sent = self.received(NewCreditNote)
        return self.shown(issue_credit_note(invoice_id=sent.pop("invoice").pk, **sent).pk, created=True)

    @extend_schema(request=Undoing, responses=CreditNoteDetailSerializer)
    @action(detail=True, methods=["post"])
    def void(self, request: Request, pk: str) -> Response:
        """Undo a credit note that was issued by mistake; what it settled is due again."""
        sent = self.received(Undoing)
        return self.shown(void_credit_note(credit_note_id=self.record_id(), **sent).pk)

    @extend_schema(responses={(200, CONTENT_TYPE): OpenApiTypes.BINARY})
    @action(detail=True)
    def pdf(self, request: Request, pk: str) -> HttpResponse:
        """The credit note as it is printed."""
        return pdf_response(
            credit_note_document(
                get_object_or_404(
                    self.rows().select_related("business_entity", "invoice__contract"), pk=self.record_id()
                )
            )
        )
