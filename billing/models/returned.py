"""Money that went back to a customer, or was taken back: disputes and refunds, and what they undid."""

from django.db import models
from django.db.models import Q

from billing.fields import AmountField, CurrencyField
from billing.models.customer import Customer
from billing.models.gateway import PaymentGateway
from billing.models.invoice import CreditNote, Invoice
from billing.models.payment import Payment
from billing.models.tenant import BusinessEntity
from billing.tenancy import TenantModel


class DisputeStatus(models.TextChoices):
    OPEN = "open", "Open"
    WON = "won", "Won: the money came back"
    LOST = "lost", "Lost: the money stays with the customer"


class Dispute(TenantModel):
    """A customer's bank took a payment back. Only its outcome changes, once.

    `from_unapplied` is the part of `amount` that no invoice had taken; the rest is in its parts. `gateway` is set where
    the gateway keeps amount and fee from a later payout; else they left the bank account at once.
    """

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="disputes")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="disputes")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    gateway = models.ForeignKey(PaymentGateway, null=True, on_delete=models.PROTECT, related_name="disputes")
    opened_on = models.DateField()
    currency = CurrencyField()
    amount = AmountField()
    fee = AmountField(default=0)
    from_unapplied = AmountField(default=0)
    reason = models.CharField(max_length=200)
    reference = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=10, choices=DisputeStatus.choices, default=DisputeStatus.OPEN)
    resolved_on = models.DateField(null=True)
    fee_returned = AmountField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-opened_on", "-id")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, fee__gte=0, from_unapplied__gte=0, from_unapplied__lte=models.F("amount")),
                name="dispute_amounts",
            ),
            models.CheckConstraint(
                condition=Q(fee_returned__gte=0, fee_returned__lte=models.F("fee")), name="dispute_fee_returned"
            ),
            models.CheckConstraint(
                condition=Q(status="open", resolved_on=None) | (~Q(status="open") & Q(resolved_on__isnull=False)),
                name="dispute_resolved_on",
            ),
            models.UniqueConstraint(
                fields=["tenant", "reference"], condition=~Q(reference=""), name="dispute_reference_once"
            ),
        ]

    def __str__(self) -> str:
        return self.reference or f"Dispute {self.pk}"


class Refund(TenantModel):
    """Money paid back to a customer. Never changes.

    It pays what is owed back already (a credit note), or returns a payment: first what no invoice had taken
    (`from_unapplied`), then what settled invoices (its parts). `gateway` is set where the gateway pays it and
    keeps it from a later payout.
    """

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="refunds")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="refunds")
    credit_note = models.ForeignKey(CreditNote, null=True, on_delete=models.PROTECT, related_name="refunds")
    payment = models.ForeignKey(Payment, null=True, on_delete=models.PROTECT, related_name="refunds")
    gateway = models.ForeignKey(PaymentGateway, null=True, on_delete=models.PROTECT, related_name="refunds")
    refunded_on = models.DateField()
    currency = CurrencyField()
    amount = AmountField()
    from_unapplied = AmountField(default=0)
    reason = models.CharField(max_length=200, blank=True)
    reference = models.CharField(
        max_length=100, blank=True, help_text="The bank's or the gateway's own id. A second one is refused."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-refunded_on", "-id")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, from_unapplied__gte=0, from_unapplied__lte=models.F("amount")),
                name="refund_amounts",
            ),
            models.CheckConstraint(condition=Q(credit_note=None) | Q(payment=None), name="refund_has_one_source"),
            models.UniqueConstraint(
                fields=["tenant", "reference"], condition=~Q(reference=""), name="refund_reference_once"
            ),
        ]

    def __str__(self) -> str:
        return self.reference or f"Refund {self.pk}"


class ReturnedPart(TenantModel):
    """The part of a dispute or refund that gives back what one invoice was paid with, without a credit note."""

    dispute = models.ForeignKey(Dispute, null=True, on_delete=models.PROTECT, related_name="parts")
    refund = models.ForeignKey(Refund, null=True, on_delete=models.PROTECT, related_name="parts")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="returned_parts")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="returned_parts")
    currency = CurrencyField()
    amount = AmountField()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="returned_part_is_positive"),
            models.CheckConstraint(
                condition=Q(dispute=None, refund__isnull=False) | Q(dispute__isnull=False, refund=None),
                name="returned_part_has_one_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount}"
