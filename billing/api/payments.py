"""Payments and what they settled."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.choices import ChoiceField
from billing.api.credit_notes import Undoing, unique
from billing.api.fields import DayField, RecordField, RecordSerializer, RequestSerializer
from billing.api.filters import AnyOfFilter, Filters, IdFilter
from billing.api.money import MoneySerializer
from billing.api.views import Records
from billing.models import Customer, Payment, PaymentAllocation, PaymentMethod
from billing.services.payments import allocate_payment, receive_payment
from billing.services.undoing import unallocate_payment, void_payment
from billing.services.wallets import keep_in_wallet

_MAX_ALLOCATIONS = 1000


class AllocationSerializer(RecordSerializer):
    class Meta:
        model = PaymentAllocation
        fields = ("id", "invoice", "amount", "allocated_on", "undoes")


class PaymentSerializer(RecordSerializer):
    business_entity = serializers.CharField(source="business_entity.code")
    gateway = serializers.CharField(source="gateway.code", allow_null=True)

    class Meta:
        model = Payment
        fields: tuple[str, ...] = (
            "id",
            "customer",
            "business_entity",
            "received_on",
            "amount",
            "unapplied",
            "withheld",
            "withheld_is_recoverable",
            "gateway",
            "method",
            "reference",
            "voided_on",
            "void_reason",
            "created_at",
        )


class PaymentDetailSerializer(PaymentSerializer):
    allocations = AllocationSerializer(many=True)

    class Meta(PaymentSerializer.Meta):
        fields = (*PaymentSerializer.Meta.fields, "allocations")


class NewAllocation(RequestSerializer):
    invoice = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    amount = MoneySerializer()


class NewPayment(RequestSerializer):
    customer = RecordField(Customer)
    received_on = DayField()
    amount = MoneySerializer()
    method = ChoiceField(PaymentMethod.choices, required=False)
    reference = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="The bank's own id. A second one is refused."
    )
    gateway = serializers.CharField(
        max_length=30,
        required=False,
        help_text="The code of the gateway that captured it and owes it until it pays out.",
    )
    withheld = MoneySerializer(
        required=False, help_text="Tax the customer kept back on top of the amount; it settles invoices too."
    )
    withheld_is_recoverable = serializers.BooleanField(
        required=False, help_text="Whether the state gives it back; true where it is left out."
    )
    allocations = serializers.ListField(
        child=NewAllocation(),
        required=False,
        allow_null=True,
        max_length=_MAX_ALLOCATIONS,
        help_text="Left out: the customer's oldest due invoices first. An empty list: none, all stays unapplied.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "withheld" in attrs and attrs["withheld"].currency != attrs["amount"].currency:
            raise serializers.ValidationError({"withheld": ["Give it in the currency of the payment."]})
        if attrs.get("allocations") is not None:
            attrs["allocations"] = amounts_by_invoice(attrs["allocations"], attrs["amount"].currency.code)
        return attrs


class NewAllocations(RequestSerializer):
    on = DayField(help_text="The day, not before the payment came in.")
    allocations = serializers.ListField(child=NewAllocation(), allow_empty=False, max_length=_MAX_ALLOCATIONS)


def amounts_by_invoice(allocations: list[dict[str, Any]], currency: str) -> dict[int, Any]:
    """Turn allocations into amounts by invoice. Raises ValidationError for another currency, or an invoice named twice."""
    if any(each["amount"].currency.code != currency for each in allocations):
        raise serializers.ValidationError({"allocations": [f"The money is in {currency}; allocate it in {currency}."]})
    return unique(allocations, "invoice", "amount")


class TakingOff(Undoing):
    allocation = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="The id of the allocation.")


class WalletKeeping(RequestSerializer):
    on = DayField(help_text="The day, not before the payment came in.")
    amount = MoneySerializer(required=False, help_text="Left out: all that is unapplied.")
    expires_on = DayField(
        required=False,
        help_text="The last day on which it can be used; what is left then expires. Left out: it does not expire.",
    )


class PaymentFilters(Filters):
    customer = IdFilter("customer_id")
    invoice = IdFilter("allocations__invoice_id", distinct=True)
    method = AnyOfFilter("method", PaymentMethod.choices)

    class Meta:
        model = Payment
        fields = {
            "reference": ["exact"],
            "currency": ["exact"],
            "received_on": ["gte", "lte"],
            "created_at": ["gte", "lte"],
        }


class Payments(Records):
    """Money received. Recorded once, never changed; what no invoice took stays `unapplied`."""

    model = Payment
    serializer_class = PaymentSerializer
    detail_serializer_class = PaymentDetailSerializer
    filterset_class = PaymentFilters

    def rows(self) -> QuerySet[Payment]:
        return Payment.objects.select_related("business_entity", "gateway")

    def detail_rows(self) -> QuerySet[Payment]:
        return self.rows().prefetch_related("allocations")

    @extend_schema(request=NewPayment, responses={201: PaymentDetailSerializer})
    def create(self, request: Request) -> Response:
        sent = self.received(NewPayment)
        amount = sent.pop("amount")
        if "withheld" in sent:
            sent["withheld"] = sent["withheld"].amount
        payment = receive_payment(
            customer_id=sent.pop("customer").pk, amount=amount.amount, currency=amount.currency.code, **sent
        )
        return self.shown(payment.pk, created=True)

    @extend_schema(request=NewAllocations, responses=PaymentDetailSerializer)
    @action(detail=True, methods=["post"])
    def allocate(self, request: Request, pk: str) -> Response:
        """Settle invoices with what is still unapplied."""
        sent = self.received(NewAllocations)
        amounts = amounts_by_invoice(sent["allocations"], self.get_object().currency)
        return self.shown(allocate_payment(payment_id=self.record_id(), allocations=amounts, on=sent["on"]).pk)

    @extend_schema(request=WalletKeeping, responses=PaymentDetailSerializer)
    @action(detail=True, methods=["post"], url_path="keep-in-wallet")
    def keep_in_wallet(self, request: Request, pk: str) -> Response:
        """Move what is unapplied into the customer's wallet."""
        sent = self.received(WalletKeeping)
        if "amount" in sent:
            if sent["amount"].currency.code != self.get_object().currency:
                raise serializers.ValidationError({"amount": ["Give it in the currency of the payment."]})
            sent["amount"] = sent["amount"].amount
        keep_in_wallet(payment_id=self.record_id(), **sent)
        return self.shown(self.record_id())

    @extend_schema(request=TakingOff, responses=PaymentDetailSerializer)
    @action(detail=True, methods=["post"])
    def unallocate(self, request: Request, pk: str) -> Response:
        """Take the payment off an invoice that it settled; the amount is unapplied again."""
        sent = self.received(TakingOff)
        if not self.get_object().allocations.filter(pk=sent["allocation"]).exists():
            raise serializers.ValidationError({"allocation": ["This payment has no such allocation."]})
        return self.shown(unallocate_payment(allocation_id=sent.pop("allocation"), **sent).pk)

    @extend_schema(request=Undoing, responses=PaymentDetailSerializer)
    @action(detail=True, methods=["post"])
    def void(self, request: Request, pk: str) -> Response:
        """Undo a payment that was recorded by mistake; its invoices are due again."""
        return self.shown(void_payment(payment_id=self.record_id(), **self.received(Undoing)).pk)
