"""What is sold, and at what price."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from billing import pricing
from billing.fields import CurrencyField
from billing.tenancy import TenantModel


class RecognitionMethod(models.TextChoices):
    """How the price of a service period becomes revenue."""

    STRAIGHT_LINE_DAYS = "straight_line_days", "Straight line by days"
    STRAIGHT_LINE_MONTHS = "straight_line_months", "Straight line by months"
    EQUAL_PER_PERIOD = "equal_per_period", "Equal parts: a partial month counts as a whole one"
    POINT_IN_TIME = "point_in_time", "At once, on the first day of service"
    ON_INVOICE = "on_invoice", "At once, when invoiced"
    ON_DELIVERY = "on_delivery", "At once, when delivery is confirmed"
    MILESTONES = "milestones", "By milestones reached"
    PERCENTAGE = "percentage", "By percentage of completion"
    AS_CONSUMED = "as_consumed", "As prepaid credits are used"


# Earned when somebody reports that work was done, not because a day has come.
REPORTED_METHODS = (RecognitionMethod.ON_DELIVERY, RecognitionMethod.MILESTONES, RecognitionMethod.PERCENTAGE)


class ProductFamily(TenantModel):
    """A group of products that share default accounts and reports."""

    code = models.SlugField(max_length=50)
    name = models.CharField(max_length=200)

    class Meta:
        verbose_name_plural = "product families"
        ordering = ("code",)
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="product_family_code")]

    def __str__(self) -> str:
        return self.name


class Product(TenantModel):
    """Something that is sold. Prices are kept apart: a product has many."""

    code = models.SlugField(max_length=50)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    family = models.ForeignKey(ProductFamily, null=True, blank=True, on_delete=models.PROTECT, related_name="products")
    recognition_method = models.CharField(
        max_length=30, choices=RecognitionMethod.choices, default=RecognitionMethod.STRAIGHT_LINE_DAYS
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("code",)
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="product_code")]

    def __str__(self) -> str:
        return self.name


class Price(TenantModel):
    """A list price of a product: a pricing model with its numbers, for one billing interval, in one currency."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="prices")
    name = models.CharField(max_length=100)
    currency = CurrencyField()
    pricing_model = models.CharField(max_length=30, choices=pricing.CHOICES)
    pricing = models.JSONField(
        help_text='Amounts as text. Flat fee: {"amount": "500.00"}; per unit: {"unit_amount": "2.00"}; '
        'tiered: {"tiers": [{"up_to": "500", "unit_amount": "2.00"}, {"up_to": null, "unit_amount": "1.50"}]}.'
    )
    standalone_price = models.DecimalField(
        "standalone selling price",
        max_digits=19,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Of one unit for one billing interval, sold alone. Empty: the list price itself.",
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("product", "name")
        constraints = [models.UniqueConstraint(fields=["tenant", "product", "name", "currency"], name="price_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"

    def clean(self) -> None:
        clean_pricing(self)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pricing = pricing.validate(self.pricing_model, self.pricing)
        super().save(*args, **kwargs)


def clean_pricing(priced: Any) -> None:
    """Check the pricing of a form's instance. Raises ValidationError on the field."""
    try:
        priced.pricing = pricing.validate(priced.pricing_model, priced.pricing or {})
    except pricing.InvalidPricing as error:
        raise ValidationError({"pricing": str(error)}) from error


class TaxRate(TenantModel):
    """A rate of sales tax or VAT, chosen per contract item or invoice line."""

    code = models.SlugField(max_length=30)
    name = models.CharField(max_length=100)
    percent = models.DecimalField(max_digits=7, decimal_places=4, help_text="In percent of the net amount: 20 is 20 %.")
    jurisdiction = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("code",)
        constraints = [
            models.UniqueConstraint(fields=["tenant", "code"], name="tax_rate_code"),
            models.CheckConstraint(condition=models.Q(percent__gte=0, percent__lte=100), name="tax_rate_in_percent"),
        ]

    def __str__(self) -> str:
        return self.name
