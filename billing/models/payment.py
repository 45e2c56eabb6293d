"""What was paid, and which invoices it settled."""

from django.db import models
from django.db.models import F, Q

from billing.fields import AmountField, CurrencyField
from billing.models.customer import Customer
from billing.models.gateway import PaymentGateway
from billing.models.invoice import Invoice
from billing.models.tenant import BusinessEntity
from billing.tenancy import TenantModel


class PaymentMethod(models.TextChoices):
    BANK_TRANSFER = "bank_transfer", "Bank transfer"
    CARD = "card", "Card"
    CHECK = "check", "Check"
    CASH = "cash", "Cash"
    DIRECT_DEBIT = "direct_debit", "Direct debit"
    OTHER = "other", "Other"


class Payment(TenantModel):
    """Money received from a customer. What no invoice has taken yet is kept as `unapplied`.

    `gateway` is set where a payment gateway captured it: the money is the gateway's debt until it pays out. `withheld` is
    tax that the customer kept back and pays to the state in our name; it settles invoices beside `amount`.
    """

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="payments")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="payments")
    gateway = models.ForeignKey(PaymentGateway, null=True, on_delete=models.PROTECT, related_name="payments")
    received_on = models.DateField()
    currency = CurrencyField()
    amount = AmountField()
    unapplied = AmountField()
    withheld = AmountField(default=0)
    withheld_is_recoverable = models.BooleanField(default=True)
    method = models.CharField(max_length=20, choices=PaymentMethod.choices, default=PaymentMethod.BANK_TRANSFER)
    reference = models.CharField(
        max_length=100, blank=True, help_text="The bank's or the gateway's own id. A second one is refused."
    )
    voided_on = models.DateField(null=True, editable=False)
    void_reason = models.CharField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-received_on", "-id")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gte=0, withheld__gte=0) & ~Q(amount=0, withheld=0), name="payment_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(unapplied__gte=0, unapplied__lte=F("amount")), name="payment_unapplied_within"
            ),
            models.UniqueConstraint(
                fields=["tenant", "reference"], condition=~Q(reference=""), name="payment_reference_once"
            ),
        ]

    def __str__(self) -> str:
        return self.reference or f"Payment {self.pk}"


class PaymentAllocation(TenantModel):
    """The part of a payment that settled one invoice. Never changes; one that takes another back (`undoes`) is negative."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="allocations")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="allocations")
    currency = CurrencyField()
    amount = AmountField()
    allocated_on = models.DateField()
    undoes = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="undone_by")

    class Meta:
        ordering = ("payment", "id")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, undoes=None) | Q(amount__lt=0, undoes__isnull=False),
                name="allocation_is_positive",
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount}"
