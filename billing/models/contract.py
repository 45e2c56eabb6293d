"""What a customer agreed to pay for, from which date, in which currency."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from billing import pricing
from billing.fields import CurrencyField
from billing.models.customer import Customer
from billing.models.product import Price, Product, RecognitionMethod, TaxRate, clean_pricing
from billing.models.tenant import BusinessEntity
from billing.periods import Measure, day_words
from billing.tenancy import TenantModel


class ContractStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Active"
    ENDED = "ended", "Ended"


class Renewal(models.TextChoices):
    """What happens when the term is over."""

    NONE = "none", "Ends with its term"
    SAME_TERMS = "same_terms", "Renews for another term on the same terms"


class BillingTiming(models.TextChoices):
    """When a service period is billed."""

    ADVANCE = "advance", "In advance, on its first day"
    ARREARS = "arrears", "In arrears, on the day after its last"


class BillingInterval(models.IntegerChoices):
    """The cadence, in months; the numbers mean just that."""

    MONTHLY = 1, "Monthly"
    QUARTERLY = 3, "Quarterly"
    YEARLY = 12, "Yearly"


class PriceAllocation(models.TextChoices):
    """How the contract's transaction price is divided over what was promised."""

    STATED = "stated", "Each item keeps its stated price"
    STANDALONE = "standalone", "By standalone selling prices, discounts included"


class RevenueSpan(models.TextChoices):
    """Over which time a fixed price is earned."""

    SERVICE_PERIOD = "service_period", "Each service period earns its own price; what is free earns nothing"
    TERM = "term", "One obligation over the whole term, free months included"


class Contract(TenantModel):
    """One agreement with one customer. `end` is the first day no longer covered; None: open-ended."""

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="contracts")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="contracts")
    number = models.CharField(max_length=100)
    status = models.CharField(
        max_length=10, choices=ContractStatus.choices, default=ContractStatus.DRAFT, editable=False
    )
    currency = CurrencyField()
    start = models.DateField("starts on")
    end = models.DateField("ends before", null=True, blank=True, help_text="The first day no longer covered.")
    term_months = models.PositiveSmallIntegerField(
        "term in months", null=True, blank=True, help_text="Empty: open-ended."
    )
    renewal = models.CharField(max_length=20, choices=Renewal.choices, default=Renewal.NONE)
    payment_terms_days = models.PositiveSmallIntegerField("payment terms in days", default=30)
    price_allocation = models.CharField(
        "transaction price",
        max_length=20,
        choices=PriceAllocation.choices,
        default=PriceAllocation.STATED,
        db_default=PriceAllocation.STATED,
    )
    revenue_span = models.CharField(
        "revenue is earned over",
        max_length=20,
        choices=RevenueSpan.choices,
        default=RevenueSpan.SERVICE_PERIOD,
        db_default=RevenueSpan.SERVICE_PERIOD,
    )
    reference = models.CharField(max_length=200, blank=True, help_text="Shown on invoices, such as a purchase order.")
    attributes = models.JSONField(default=dict, blank=True)
    import_digest = models.CharField(max_length=64, blank=True, editable=False)
    terms_renewed = models.PositiveSmallIntegerField(default=0, editable=False)
    modifications_made = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("number",)
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="contract_number"),
            models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name="contract_ends_after_start"),
            models.CheckConstraint(
                condition=~Q(renewal="same_terms") | (Q(term_months__gt=0) & Q(end__isnull=False)),
                name="contract_renews_with_a_term",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "status", "end"], name="contract_due_renewal")]

    def __str__(self) -> str:
        return self.number

    def clean(self) -> None:
        if self.end and self.start and self.end <= self.start:
            raise ValidationError({"end": "The contract must end after it starts."})
        if self.renewal == Renewal.SAME_TERMS and not (self.term_months and self.end):
            raise ValidationError({"renewal": "A contract that renews needs a term in months and an end."})


class PhaseKind(models.TextChoices):
    ACTIVE = "active", "Active"
    TRIAL = "trial", "Free trial: not billed"
    PAUSE = "pause", "Paused: not billed"


class ContractPhase(TenantModel):
    """A stretch of a contract in which the same items hold, such as a trial, then the first year."""

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="phases")
    name = models.CharField(max_length=100, default="Term")
    kind = models.CharField(max_length=10, choices=PhaseKind.choices, default=PhaseKind.ACTIVE)
    start = models.DateField("starts on")
    end = models.DateField("ends before", null=True, blank=True)

    class Meta:
        ordering = ("contract", "start")
        constraints = [
            models.UniqueConstraint(fields=["contract", "start"], name="phase_start"),
            models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name="phase_ends_after_start"),
        ]

    def __str__(self) -> str:
        return self.name


class ContractItem(TenantModel):
    """One product in one phase at a negotiated price, with its own cadence.

    The price is that of one billing interval; part of an interval is prorated by `measure`, as the entity's `proration` said when
    it was agreed. A metered item is priced by the usage recorded in the period, a fixed one by its quantity. `billed_until` is
    the first day not yet billed.
    """

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="items")
    phase = models.ForeignKey(ContractPhase, on_delete=models.PROTECT, related_name="items")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="contract_items")
    price = models.ForeignKey(Price, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    description = models.CharField(
        max_length=200, blank=True, help_text="As printed on invoices; else the product's name."
    )
    pricing_model = models.CharField(max_length=30, choices=pricing.CHOICES)
    pricing = models.JSONField()
    is_metered = models.BooleanField("priced by recorded usage", default=False)
    quantity = models.DecimalField(max_digits=20, decimal_places=6, default=1)
    timing = models.CharField(max_length=10, choices=BillingTiming.choices, default=BillingTiming.ADVANCE)
    interval_months = models.PositiveSmallIntegerField(
        "billed", choices=BillingInterval.choices, default=BillingInterval.MONTHLY
    )
    tax_rate = models.ForeignKey(TaxRate, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    recognition_method = models.CharField(max_length=30, choices=RecognitionMethod.choices)
    measure = models.CharField(
        "part of a billing period is priced",
        max_length=20,
        choices=[(each.value, each.value.replace("_", " ")) for each in Measure],
        default=Measure.DAYS.value,
        db_default=Measure.DAYS.value,
        editable=False,
    )
    obligation = models.CharField(
        "performance obligation",
        max_length=100,
        blank=True,
        db_default="",
        help_text="Items of one name are one promise, earned as one. Empty: a promise of its own.",
    )
    standalone_price = models.DecimalField(
        "standalone selling price",
        max_digits=19,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Of one unit for one billing interval, sold alone. Empty: that of its list price, else its own price.",
    )
    minimum = models.DecimalField(
        "minimum per billing interval",
        max_digits=19,
        decimal_places=4,
        default=0,
        db_default=0,
        help_text="What is billed and earned at least, whatever the usage.",
    )
    start = models.DateField("starts on")
    end = models.DateField("ends before", null=True, blank=True)
    billed_until = models.DateField(editable=False)
    next_billing_on = models.DateField(null=True, editable=False)

    class Meta:
        ordering = ("contract", "id")
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=0), name="item_quantity_not_negative"),
            models.CheckConstraint(
                condition=Q(minimum__gte=0) & (Q(minimum=0) | Q(is_metered=True)), name="item_minimum_of_usage"
            ),
            models.CheckConstraint(
                condition=Q(standalone_price=None) | Q(standalone_price__gte=0), name="item_standalone_not_negative"
            ),
            # One that was replaced or removed on its first day ends on it: it has no days.
            models.CheckConstraint(condition=Q(end=None) | Q(end__gte=F("start")), name="item_ends_not_before_start"),
            models.CheckConstraint(
                condition=Q(is_metered=False) | Q(timing="arrears"), name="metered_items_bill_in_arrears"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "next_billing_on"], name="item_due")]

    def __str__(self) -> str:
        named = self.product.name if "product" in self._state.fields_cache else f"Item {self.pk}"
        return self.description or named

    def clean(self) -> None:
        clean_pricing(self)
        if self.end is not None and self.end <= self.start:
            raise ValidationError({"end": f"An item must end after it starts on {day_words(self.start)}."})
        if self.is_metered and self.timing != BillingTiming.ARREARS:
            raise ValidationError({"timing": "Usage is known after the period only: bill it in arrears."})
        if self.minimum and not self.is_metered:
            raise ValidationError({"minimum": "Only usage has a minimum; a fixed price is one already."})


class UsageRecord(TenantModel):
    """Units of a metered contract item used on one day. Corrections are further records, which may be negative."""

    contract_item = models.ForeignKey(ContractItem, on_delete=models.PROTECT, related_name="usage")
    used_on = models.DateField()
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    key = models.CharField(max_length=100, help_text="The sender's own id of the record; a second one is refused.")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-used_on", "-id")
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="usage_key_once")]
        indexes = [models.Index(fields=["contract_item", "used_on"], name="usage_of_item")]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():,f} on {day_words(self.used_on)}"
