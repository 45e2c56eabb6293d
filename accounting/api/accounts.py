"""The chart of accounts."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from accounting.models import Account
from billing.api.fields import RecordSerializer
from billing.api.filters import Filters
from billing.api.views import Records


class AccountSerializer(RecordSerializer):
    business_entity = serializers.CharField(source="business_entity.code")

    class Meta:
        model = Account
        fields = (
            "id",
            "business_entity",
            "code",
            "name",
            "category",
            "normal_balance",
            "parent",
            "is_group",
            "role",
            "description",
            "is_active",
        )


class AccountFilters(Filters):
    business_entity = filters.CharFilter("business_entity__code")

    class Meta:
        model = Account
        fields = {
            "code": ["exact"],
            "category": ["exact"],
            "role": ["exact"],
            "is_group": ["exact"],
            "is_active": ["exact"],
        }


class Accounts(Records):
    """The accounts of the books."""

    model = Account
    serializer_class = AccountSerializer
    filterset_class = AccountFilters

    def rows(self) -> QuerySet[Account]:
        return Account.objects.select_related("business_entity")
