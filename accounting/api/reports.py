"""Reports: trial balance, general ledger, account balance. In the base currency of one business entity."""

from typing import Any, TypeVar

from djmoney.money import Money
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounting.balances import account_balance
from accounting.models import Account, Side
from accounting.reports.ledger import general_ledger
from accounting.reports.trial_balance import trial_balance
from billing.api.fields import CodeField, DayField, RequestSerializer
from billing.api.money import MoneySerializer
from billing.api.views import TenantView
from billing.models import BusinessEntity
from billing.services.customers import only_entity

_Parameters = TypeVar("_Parameters", bound=RequestSerializer)
_ENTITY_HELP = "The business entity's code. May be left out where the company has only one."


class TrialBalanceParameters(RequestSerializer):
    at = DayField(help_text="The balances at the end of this day.")
    business_entity = CodeField(BusinessEntity, required=False, help_text=_ENTITY_HELP)


class AccountBalanceParameters(TrialBalanceParameters):
    account = serializers.CharField(max_length=20, help_text="The account's code.")


class LedgerParameters(RequestSerializer):
    account = serializers.CharField(max_length=20, help_text="The account's code.")
    business_entity = CodeField(BusinessEntity, required=False, help_text=_ENTITY_HELP)
    page = serializers.IntegerField(default=1, min_value=1, max_value=1_000_000)
    page_size = serializers.IntegerField(default=100, min_value=1, max_value=500)

    def get_fields(self) -> dict[str, serializers.Field]:  # `from` is a word of Python.
        first = DayField(help_text="The first day.")
        last = DayField(help_text="The last day.")
        return {**super().get_fields(), "from": first, "to": last}


class AccountRowSerializer(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    role = serializers.CharField()
    category = serializers.CharField()
    debit = MoneySerializer()
    credit = MoneySerializer()


class TrialBalanceSerializer(serializers.Serializer):
    business_entity = serializers.CharField()
    at = serializers.DateField()
    debit = MoneySerializer()
    credit = MoneySerializer()
    accounts = AccountRowSerializer(many=True)


class BalanceSerializer(serializers.Serializer):
    business_entity = serializers.CharField()
    account = serializers.CharField()
    at = serializers.DateField()
    balance = MoneySerializer(help_text="Always zero or more; `side` says on which side.")
    side = serializers.ChoiceField(Side.choices)


class LedgerLineSerializer(serializers.Serializer):
    entry = serializers.IntegerField()
    date = serializers.DateField()
    description = serializers.CharField()
    event = serializers.IntegerField()
    event_kind = serializers.CharField()
    customer = serializers.IntegerField(allow_null=True)
    invoice = serializers.IntegerField(allow_null=True)
    debit = MoneySerializer()
    credit = MoneySerializer()
    balance = MoneySerializer(help_text="Debit less credit, after this line.")


class LedgerSerializer(serializers.Serializer):
    business_entity = serializers.CharField()
    account = serializers.CharField()
    opening = MoneySerializer(help_text="Debit less credit before the first day.")
    closing = MoneySerializer(help_text="Debit less credit at the end of the last day.")
    count = serializers.IntegerField(help_text="How many lines there are on all pages.")
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()
    results = LedgerLineSerializer(many=True)


class Report(TenantView):
    """One report: parameters from the query, an answer, nothing written."""

    def asked(self, parameters: type[RequestSerializer]) -> dict[str, Any]:
        """Read the query. Raises ValidationError with a text per parameter."""
        serializer = parameters(data=self.request.query_params.dict())
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        asked.setdefault("business_entity", None)
        asked["business_entity"] = asked["business_entity"] or only_entity()
        return asked

    def account(self, asked: dict[str, Any]) -> Account:
        """Find the account asked for. Raises ValidationError."""
        account = Account.objects.filter(business_entity=asked["business_entity"], code=asked["account"]).first()
        if account is None:
            raise ValidationError({"account": [f"There is no account {asked['account']} in this chart of accounts."]})
        return account


class TrialBalanceReport(Report):
    """Every account's balance at the end of a day; both sides are equal."""

    @extend_schema(parameters=[TrialBalanceParameters], responses=TrialBalanceSerializer)
    def get(self, request: Request) -> Response:
        asked = self.asked(TrialBalanceParameters)
        entity = asked["business_entity"]
        balance = trial_balance(business_entity_id=entity.pk, at=asked["at"])
        answer = {
            "business_entity": entity.code,
            "at": balance.at,
            "debit": Money(balance.debit, entity.base_currency),
            "credit": Money(balance.credit, entity.base_currency),
            "accounts": [
                {
                    "code": row.code,
                    "name": row.name,
                    "role": row.role,
                    "category": row.category,
                    "debit": Money(row.debit, entity.base_currency),
                    "credit": Money(row.credit, entity.base_currency),
                }
                for row in balance.accounts
            ],
        }
        return Response(TrialBalanceSerializer(answer).data)


class AccountBalanceReport(Report):
    """The balance of one account at the end of a day."""

    @extend_schema(parameters=[AccountBalanceParameters], responses=BalanceSerializer)
    def get(self, request: Request) -> Response:
        asked = self.asked(AccountBalanceParameters)
        entity, account = asked["business_entity"], self.account(asked)
        balance = account_balance(business_entity_id=entity.pk, account_id=account.pk, at=asked["at"])
        side = (Side.DEBIT if balance > 0 else Side.CREDIT) if balance else Side(account.normal_balance)
        answer = {
            "business_entity": entity.code,
            "account": account.code,
            "at": asked["at"],
            "balance": Money(abs(balance), entity.base_currency),
            "side": side.value,
        }
        return Response(BalanceSerializer(answer).data)


class GeneralLedgerReport(Report):
    """The lines of one account between two days, both included, with the running balance."""

    @extend_schema(parameters=[LedgerParameters], responses=LedgerSerializer)
    def get(self, request: Request) -> Response:
        asked = self.asked(LedgerParameters)
        entity, account = asked["business_entity"], self.account(asked)
        page, page_size, currency = asked["page"], asked["page_size"], entity.base_currency
        ledger = general_ledger(
            account_id=account.pk, since=asked["from"], until=asked["to"], page=page, page_size=page_size
        )
        answer = {
            "business_entity": entity.code,
            "account": account.code,
            "opening": Money(ledger.opening, currency),
            "closing": Money(ledger.closing, currency),
            "count": ledger.count,
            "page": page,
            "page_size": page_size,
            "results": [
                {
                    "entry": line.entry_id,
                    "date": line.date,
                    "description": line.description,
                    "event": line.event_id,
                    "event_kind": line.event_kind,
                    "customer": line.customer_id,
                    "invoice": line.invoice_id,
                    "debit": Money(line.debit, currency),
                    "credit": Money(line.credit, currency),
                    "balance": Money(line.balance, currency),
                }
                for line in ledger.lines
            ],
        }
        return Response(LedgerSerializer(answer).data)
