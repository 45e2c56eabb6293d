"""Payment gateways: who holds the customers' money until it is paid out."""

from django.db import models
from django.db.models import F, Q

from billing.fields import AmountField, CurrencyField
from billing.models.tenant import BusinessEntity
from billing.tenancy import TenantModel


class PaymentGateway(TenantModel):
    """An account of a business entity with a payment gateway."""

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="gateways")
    code = models.SlugField(max_length=30, help_text="Short and stable, such as stripe; the API and rules name it.")
    name = models.CharField(max_length=100)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("code",)
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="payment_gateway_code")]

    def __str__(self) -> str:
        return self.name


class GatewayPayout(TenantModel):
    """What a gateway paid out of what it had captured, less what it kept. Never changes.

    `deposited` is what reached the bank: `captured - withheld - fee`, negative where the gateway took money back.
    `withheld` are refunds and disputes that had been charged to the gateway before; negative: disputes won came back.
    """

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="payouts")
    gateway = models.ForeignKey(PaymentGateway, on_delete=models.PROTECT, related_name="payouts")
    paid_on = models.DateField()
    currency = CurrencyField()
    captured = AmountField()
    withheld = AmountField(default=0)
    fee = AmountField(default=0)
    deposited = AmountField()
    reference = models.CharField(max_length=100, help_text="The gateway's own id of the payout.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "payout"
        ordering = ("-paid_on", "-id")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "gateway", "reference"], name="payout_once"),
            models.CheckConstraint(
                condition=Q(captured__gte=0, fee__gte=0) & Q(deposited=F("captured") - F("withheld") - F("fee")),
                name="payout_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return self.reference
