"""Money that goes back: disputes and refunds."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.fields import DayField, RecordField, RecordSerializer, RequestSerializer
from billing.api.filters import AnyOfFilter, Filters, IdFilter
from billing.api.money import MoneySerializer
from billing.api.views import Records
from billing.models import CreditNote, Dispute, DisputeStatus, Payment, Refund, ReturnedPart
from billing.services.disputes import lose_dispute, open_dispute, win_dispute
from billing.services.refunds import refund_credit_note, refund_payment

_GATEWAY = "The code of the gateway that pays it and keeps it from a payout. Left out: it leaves the bank account."


class ReturnedPartSerializer(RecordSerializer):
    class Meta:
        model = ReturnedPart
        fields = ("invoice", "payment", "amount")


class DisputeSerializer(RecordSerializer):
    parts = ReturnedPartSerializer(many=True, help_text="The invoices whose money went back.")
    gateway = serializers.CharField(source="gateway.code", allow_null=True)

    class Meta:
        model = Dispute
        fields = (
            "id",
            "payment",
            "customer",
            "gateway",
            "status",
            "opened_on",
            "resolved_on",
            "amount",
            "fee",
            "fee_returned",
            "from_unapplied",
            "parts",
            "reason",
            "reference",
            "created_at",
        )


class NewDispute(RequestSerializer):
    payment = RecordField(Payment)
    on = DayField(help_text="The day, not before the payment came in.")
    amount = MoneySerializer()
    fee = MoneySerializer(required=False)
    by_gateway = serializers.BooleanField(
        default=False, help_text="The gateway keeps it from a later payout. Else it left the bank account at once."
    )
    reason = serializers.CharField(max_length=200)
    reference = serializers.CharField(max_length=100, required=False, help_text="A second one is refused.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("amount", "fee"):
            if name in attrs:
                attrs[name] = in_currency(attrs[name], attrs["payment"].currency, name)
        return attrs


class DisputeWin(RequestSerializer):
    on = DayField()
    fee_returned = MoneySerializer(required=False, help_text="What came back of the fee.")


class DisputeLoss(RequestSerializer):
    on = DayField()


def in_currency(money: Any, currency: str, name: str) -> Any:
    """Give the plain amount. Raises ValidationError for another currency than the document's."""
    if money.currency.code != currency:
        raise serializers.ValidationError({name: [f"This is in {currency}; give the amount in {currency}."]})
    return money.amount


class DisputeFilters(Filters):
    customer = IdFilter("customer_id")
    payment = IdFilter("payment_id")
    status = AnyOfFilter("status", DisputeStatus.choices)

    class Meta:
        model = Dispute
        fields = {"reference": ["exact"], "currency": ["exact"], "opened_on": ["gte", "lte"]}


class Disputes(Records):
    """Payments taken back by customers' banks. Decided once: won or lost."""

    model = Dispute
    serializer_class = DisputeSerializer
    filterset_class = DisputeFilters

    def rows(self) -> QuerySet[Dispute]:
        return Dispute.objects.select_related("gateway").prefetch_related("parts")

    @extend_schema(request=NewDispute, responses={201: DisputeSerializer})
    def create(self, request: Request) -> Response:
        sent = self.received(NewDispute)
        return self.shown(open_dispute(payment_id=sent.pop("payment").pk, **sent).pk, created=True)

    @extend_schema(request=DisputeWin, responses=DisputeSerializer)
    @action(detail=True, methods=["post"])
    def win(self, request: Request, pk: str) -> Response:
        """The money came back, the way it had gone."""
        sent = self.received(DisputeWin)
        if "fee_returned" in sent:
            sent["fee_returned"] = in_currency(sent["fee_returned"], self.get_object().currency, "fee_returned")
        return self.shown(win_dispute(dispute_id=self.record_id(), **sent).pk)

    @extend_schema(request=DisputeLoss, responses=DisputeSerializer)
    @action(detail=True, methods=["post"])
    def lose(self, request: Request, pk: str) -> Response:
        """The money stays with the customer; what was posted when the dispute was opened stands."""
        return self.shown(lose_dispute(dispute_id=self.record_id(), **self.received(DisputeLoss)).pk)


class RefundSerializer(RecordSerializer):
    parts = ReturnedPartSerializer(many=True, help_text="The invoices whose money went back without a credit note.")
    gateway = serializers.CharField(source="gateway.code", allow_null=True)

    class Meta:
        model = Refund
        fields = (
            "id",
            "customer",
            "credit_note",
            "payment",
            "gateway",
            "refunded_on",
            "amount",
            "from_unapplied",
            "parts",
            "reason",
            "reference",
            "created_at",
        )


class NewRefund(RequestSerializer):
    credit_note = RecordField(CreditNote, required=False, help_text="Pay back what a credit note owes; or else:")
    payment = RecordField(Payment, required=False, help_text="give a payment back without a credit note.")
    amount = MoneySerializer(required=False, help_text="Left out with a credit note: all that it owes.")
    on = DayField()
    gateway = serializers.CharField(max_length=30, required=False, help_text=_GATEWAY)
    reference = serializers.CharField(max_length=100, required=False, help_text="A second one is refused.")
    reason = serializers.CharField(max_length=200, required=False, help_text="Needed without a credit note.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("credit_note" in attrs) == ("payment" in attrs):
            raise serializers.ValidationError("Name either the credit note or the payment that is refunded.")
        source = attrs.get("credit_note") or attrs["payment"]
        if "amount" in attrs:
            attrs["amount"] = in_currency(attrs["amount"], source.currency, "amount")
        elif "payment" in attrs:
            raise serializers.ValidationError({"amount": ["Say how much of the payment goes back."]})
        return attrs


class RefundFilters(Filters):
    customer = IdFilter("customer_id")
    credit_note = IdFilter("credit_note_id")
    payment = IdFilter("payment_id")

    class Meta:
        model = Refund
        fields = {"reference": ["exact"], "currency": ["exact"], "refunded_on": ["gte", "lte"]}


class Refunds(Records):
    """Money paid back to customers. Recorded once, never changed. A wallet is paid out at its own address."""

    model = Refund
    serializer_class = RefundSerializer
    filterset_class = RefundFilters

    def rows(self) -> QuerySet[Refund]:
        return Refund.objects.select_related("gateway").prefetch_related("parts")

    @extend_schema(request=NewRefund, responses={201: RefundSerializer})
    def create(self, request: Request) -> Response:
        sent = self.received(NewRefund)
        note, payment = sent.pop("credit_note", None), sent.pop("payment", None)
        if note is not None:
            refund = refund_credit_note(credit_note_id=note.pk, **sent)
        else:
            refund = refund_payment(payment_id=payment.pk, **{"reason": ""} | sent)
        return self.shown(refund.pk, created=True)
