"""Customers."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.choices import ChoiceField
from billing.api.fields import CodeField, RecordSerializer, RequestSerializer
from billing.api.filters import Filters
from billing.api.money import CURRENCIES
from billing.api.views import Records
from billing.models import BusinessEntity, Customer
from billing.services.customers import change_customer, create_customer


class CustomerSerializer(RecordSerializer):
    business_entity = serializers.CharField(source="business_entity.code")

    class Meta:
        model = Customer
        fields = (
            "id",
            "external_id",
            "name",
            "business_entity",
            "currency",
            "email",
            "address",
            "country",
            "tax_id",
            "is_active",
            "created_at",
        )


class CustomerChange(RequestSerializer):
    name = serializers.CharField(max_length=200)
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    address = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    country = serializers.RegexField("^([A-Z]{2})?$", required=False, help_text="Two letters, such as US.")
    tax_id = serializers.CharField(max_length=50, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False)


class NewCustomer(CustomerChange):
    external_id = serializers.CharField(max_length=100, help_text="The id your own systems use for this customer.")
    business_entity = CodeField(
        BusinessEntity, required=False, help_text="Its code. May be left out where the company has only one."
    )
    currency = ChoiceField(CURRENCIES, required=False, help_text="Left out: the business entity's base currency.")


class CustomerFilters(Filters):
    class Meta:
        model = Customer
        fields = {
            "external_id": ["exact"],
            "name": ["exact", "icontains"],
            "email": ["exact"],
            "currency": ["exact"],
            "is_active": ["exact"],
            "created_at": ["gte", "lte"],
        }


class Customers(Records):
    """Who is billed. Customers are not deleted; set `is_active` to false."""

    model = Customer
    serializer_class = CustomerSerializer
    filterset_class = CustomerFilters

    def rows(self) -> QuerySet[Customer]:
        return Customer.objects.select_related("business_entity")

    @extend_schema(request=NewCustomer, responses={201: CustomerSerializer})
    def create(self, request: Request) -> Response:
        return self.shown(create_customer(**self.received(NewCustomer)).pk, created=True)

    @extend_schema(request=CustomerChange, responses=CustomerSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        changes = self.received(CustomerChange, partial=True)
        return self.shown(change_customer(customer_id=self.record_id(), **changes).pk)
