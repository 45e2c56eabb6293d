"""Prepaid credits: used and expired."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.fields import DayField, QuantityField, RecordField, RecordSerializer, RequestSerializer
from billing.api.filters import AnyOfFilter, Filters, IdFilter
from billing.api.views import Records
from billing.models import CreditUse, CreditUseKind, Customer, Product
from billing.services.prepaid import consume_credits


class CreditUseSerializer(RecordSerializer):
    class Meta:
        model = CreditUse
        fields = ("id", "invoice_line", "kind", "on", "units", "amount", "key", "created_at")


class NewCreditUse(RequestSerializer):
    customer = RecordField(Customer)
    product = RecordField(Product, help_text="The product that sold the credits.")
    units = QuantityField()
    on = DayField()
    key = serializers.CharField(
        max_length=100, required=False, help_text="Your own id of the use; a second one is refused."
    )


class CreditUseFilters(Filters):
    customer = IdFilter("invoice_line__invoice__customer_id")
    product = IdFilter("invoice_line__product_id")
    kind = AnyOfFilter("kind", CreditUseKind.choices)

    class Meta:
        model = CreditUse
        fields = {"key": ["exact"], "on": ["gte", "lte"]}


class CreditUses(Records):
    """Prepaid credits that were used, and that expired. They never change."""

    model = CreditUse
    serializer_class = CreditUseSerializer
    filterset_class = CreditUseFilters

    def rows(self) -> QuerySet[CreditUse]:
        return CreditUse.objects.all()

    @extend_schema(request=NewCreditUse, responses={201: CreditUseSerializer(many=True)})
    def create(self, request: Request) -> Response:
        """Use credits, those that expire first at the head; one record for each invoice line they were sold by."""
        sent = self.received(NewCreditUse)
        uses = consume_credits(customer_id=sent.pop("customer").pk, product_id=sent.pop("product").pk, **sent)
        return Response(CreditUseSerializer(uses, many=True).data, status=status.HTTP_201_CREATED)
