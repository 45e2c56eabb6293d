"""Invoices with their lines."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.fields import DayField, RecordSerializer, RequestSerializer
from billing.api.filters import AnyOfFilter, Filters, IdFilter
from billing.api.money import MoneySerializer
from billing.api.one_off import NewInvoice
from billing.api.views import Records
from billing.api.write_offs import NewWriteOff, Recovery
from billing.models import Invoice, InvoiceLine, InvoiceStatus
from billing.printing.document_pdf import CONTENT_TYPE, pdf_response
from billing.printing.documents import invoice_document
from billing.services.invoices import delete_draft, finalize_invoices, void_invoice
from billing.services.one_off import draft_invoice
from billing.services.write_offs import recover_write_off, write_off_invoice


class InvoiceLineSerializer(RecordSerializer):
    unit_amount = MoneySerializer(all_digits=True, help_text="May have more decimals than the currency.")

    class Meta:
        model = InvoiceLine
        fields = (
            "id",
            "position",
            "contract_item",
            "product",
            "description",
            "quantity",
            "unit_amount",
            "discount",
            "net",
            "tax_rate",
            "tax_percent",
            "tax",
            "tax_included",
            "recognition_method",
            "period_start",
            "period_end",
        )


class InvoiceSerializer(RecordSerializer):
    business_entity = serializers.CharField(source="business_entity.code")
    due = MoneySerializer(help_text="What is still owed.")

    class Meta:
        model = Invoice
        fields: tuple[str, ...] = (
            "id",
            "number",
            "status",
            "customer",
            "contract",
            "business_entity",
            "issued_on",
            "due_on",
            "net",
            "tax",
            "total",
            "settled",
            "due",
            "voided_on",
            "void_reason",
            "created_at",
            "finalized_at",
        )


class InvoiceDetailSerializer(InvoiceSerializer):
    lines = InvoiceLineSerializer(many=True)

    class Meta(InvoiceSerializer.Meta):
        fields = (*InvoiceSerializer.Meta.fields, "bill_to", "lines")


class InvoiceVoid(RequestSerializer):
    on = DayField(help_text="The day of voiding, not before the invoice's.")
    reason = serializers.CharField(max_length=200)
    bill_again = serializers.BooleanField(
        default=False, help_text="Make the billed periods due once more, for the next billing run."
    )


class InvoiceFilters(Filters):
    customer = IdFilter("customer_id")
    contract = IdFilter("contract_id")
    status = AnyOfFilter("status", InvoiceStatus.choices)

    class Meta:
        model = Invoice
        fields = {
            "number": ["exact"],
            "currency": ["exact"],
            "issued_on": ["gte", "lte"],
            "due_on": ["gte", "lte"],
            "created_at": ["gte", "lte"],
            "finalized_at": ["gte", "lte"],
        }


class Invoices(Records):
    """Bills. Drafts come from the billing run, or are made here; from finalized on they never change."""

    model = Invoice
    serializer_class = InvoiceSerializer
    detail_serializer_class = InvoiceDetailSerializer
    filterset_class = InvoiceFilters

    def rows(self) -> QuerySet[Invoice]:
        return Invoice.objects.select_related("business_entity")

    def detail_rows(self) -> QuerySet[Invoice]:
        return self.rows().prefetch_related("lines")

    @extend_schema(request=NewInvoice, responses={201: InvoiceDetailSerializer})
    def create(self, request: Request) -> Response:
        """Draft an invoice outside any contract: discounts, tax included in the price, prepaid credits."""
        sent = self.received(NewInvoice)
        return self.shown(draft_invoice(customer_id=sent.pop("customer").pk, **sent).pk, created=True)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a draft; its periods become due again. A finalized invoice is voided instead."""
        delete_draft(invoice_id=self.record_id())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=InvoiceDetailSerializer)
    @action(detail=True, methods=["post"])
    def finalize(self, request: Request, pk: str) -> Response:
        """Give a draft its number and freeze it; the books and the ERP are told."""
        finalize_invoices([self.record_id()])
        return self.shown(self.record_id())

    @extend_schema(request=InvoiceVoid, responses=InvoiceDetailSerializer)
    @action(detail=True, methods=["post"])
    def void(self, request: Request, pk: str) -> Response:
        """Undo a finalized invoice that nothing was paid on."""
        return self.shown(void_invoice(invoice_id=self.record_id(), **self.received(InvoiceVoid)).pk)

    @extend_schema(request=NewWriteOff, responses=InvoiceDetailSerializer)
    @action(detail=True, methods=["post"], url_path="write-off")
    def write_off(self, request: Request, pk: str) -> Response:
        """Give up what is still due: bad debt."""
        write_off_invoice(invoice_id=self.record_id(), **self.received(NewWriteOff))
        return self.shown(self.record_id())

    @extend_schema(request=Recovery, responses=InvoiceDetailSerializer)
    @action(detail=True, methods=["post"])
    def recover(self, request: Request, pk: str) -> Response:
        """Record that an invoice given up is paid after all, in part or in full."""
        recover_write_off(invoice_id=self.record_id(), **self.received(Recovery))
        return self.shown(self.record_id())

    @extend_schema(responses={(200, CONTENT_TYPE): OpenApiTypes.BINARY})
    @action(detail=True)
    def pdf(self, request: Request, pk: str) -> HttpResponse:
        """The invoice as it is printed. A draft says that it is one."""
        return pdf_response(
            invoice_document(
                get_object_or_404(
                    self.rows().select_related("business_entity", "customer", "contract"), pk=self.record_id()
                )
            )
        )

    def get_serializer_context(self) -> dict[str, Any]:
        context: dict[str, Any] = dict(super().get_serializer_context())
        if self.action == "recover" and not getattr(self, "swagger_fake_view", False):
            context["currency"] = self.get_object().currency
        return context
