"""Which account a role means for something, and why."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounting.account_choice import Question, choose_account
from accounting.models import DefaultAccount
from billing.api.fields import CodeField, RequestSerializer
from billing.api.views import TenantView
from billing.models import BusinessEntity, ContractItem, Customer, Product, ProductFamily


class WhichAccountQuery(RequestSerializer):
    role = serializers.CharField(max_length=60, help_text="Such as `revenue` or `accounts_receivable.customers`.")
    business_entity = CodeField(BusinessEntity, help_text="The business entity's code.")
    currency = serializers.CharField(max_length=3, required=False, help_text="Left out: the entity's base currency.")
    customer = serializers.CharField(max_length=100, required=False, help_text="The customer's external id.")
    contract_item = serializers.IntegerField(required=False, help_text="The contract item's id.")
    product = CodeField(Product, required=False, help_text="The product's code.")
    product_family = CodeField(ProductFamily, required=False, help_text="The product family's code.")

    def validate_role(self, role: str) -> str:
        if not DefaultAccount.objects.filter(role=role).exists():
            raise serializers.ValidationError(f"No default account is set for “{role}”; roles are those of /accounts.")
        return role

    def validate_customer(self, external_id: str) -> Customer:
        customer = Customer.objects.filter(external_id=external_id).first()
        if customer is None:
            raise serializers.ValidationError(f"There is no customer “{external_id}” in this company.")
        return customer

    def validate_contract_item(self, pk: int) -> ContractItem:
        item = ContractItem.objects.select_related("product__family", "contract__customer").filter(pk=pk).first()
        if item is None:
            raise serializers.ValidationError(f"There is no contract item {pk} in this company.")
        return item


class StepSerializer(serializers.Serializer):
    level = serializers.CharField()
    target = serializers.CharField(allow_null=True, help_text="What the step was asked for; null: not in the question.")
    account_code = serializers.CharField(allow_null=True, help_text="Its default; null: it has none.")
    decides = serializers.BooleanField()


class WhichAccountSerializer(serializers.Serializer):
    account = serializers.IntegerField(allow_null=True)
    account_code = serializers.CharField(allow_null=True)
    problem = serializers.CharField(help_text="Why there is no account; empty where there is one.")
    steps = StepSerializer(many=True)


class WhichAccount(TenantView):
    """Which account would this role get, and which step of the default-account hierarchy says so. Nothing is posted."""

    @extend_schema(parameters=[WhichAccountQuery], responses=WhichAccountSerializer)
    def get(self, request: Request) -> Response:
        asked = WhichAccountQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        answer = choose_account(Question(**asked.validated_data))
        steps: list[dict[str, Any]] = [
            {
                "level": step.level.value,
                "target": None if step.target is None else str(step.target),
                "account_code": step.default.account_code if step.default else None,
                "decides": step.decides,
            }
            for step in answer.steps
        ]
        return Response(
            {
                "account": answer.account.pk if answer.account else None,
                "account_code": answer.account.code if answer.account else None,
                "problem": answer.problem,
                "steps": steps,
            }
        )
