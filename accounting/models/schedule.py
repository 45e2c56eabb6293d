"""When a price becomes revenue, and how far that has come."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q

from accounting.spreading import BY_ACT
from billing.fields import AmountField, CurrencyField
from billing.models import BusinessEntity, Contract, ContractItem, Customer, Product, RecognitionMethod
from billing.periods import day_words
from billing.tenancy import TenantModel

# Revenue is still to come, or to be taken back. Where all of the price is recognized, parts that are left may add up to nothing,
# and a price that has changed may have come to what had been earned of the old one.
UNFINISHED = Q(is_void=False) & (
    ~Q(recognized=F("amount"))
    | Q(is_planned=True, recognized_until=None)
    | Q(is_planned=True, recognized_until__lt=F("service_end"))
    | Q(method__in=sorted(BY_ACT), recognized_until__lte=F("spread_from"))
)


class RecognitionSchedule(TenantModel):
    """The price of one service period of one contract item (or invoice line) and what became of it.

    `billed` is the net amount invoiced, `recognized` the revenue posted, `released` the part of it that had been billed
    before, `straight` the part that an invoice took to revenue at once. So `recognized - released - straight` once
    stood in unbilled revenue, and what stands there now is
    `max(recognized - billed, 0)`; what is deferred is `max(billed - recognized, 0)`. Kept in step with the journal in
    the same transaction; `check_ledger` adds it up again. Where the price is earned as one obligation, the row is the
    obligation's: `amount` is the transaction price allocated to it, `billed` its share of what the contract has billed.

    What is left after a change (a credit) is spread anew: `spread_base` had been recognized before `spread_from`, the
    rest of `amount` is spread from there to the end. Written a thousand at a time from events, so without row-wise
    foreign key checks. `is_committed`: the price was grossed up at contract start.
    """

    tenant = models.ForeignKey(
        "billing.Tenant", on_delete=models.PROTECT, db_index=False, db_constraint=False, editable=False
    )

    business_entity = models.ForeignKey(
        BusinessEntity, db_constraint=False, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    customer = models.ForeignKey(
        Customer, db_constraint=False, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    contract = models.ForeignKey(
        Contract, db_constraint=False, null=True, on_delete=models.PROTECT, related_name="schedules"
    )
    contract_item = models.ForeignKey(
        ContractItem,
        db_constraint=False,
        null=True,
        on_delete=models.PROTECT,
        related_name="schedules",
        db_index=False,
    )
    invoice_line_id = models.BigIntegerField(
        null=True, help_text="Set where no contract item stands behind the charge."
    )
    product = models.ForeignKey(
        Product, db_constraint=False, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    product_family_id = models.BigIntegerField(null=True)
    pricing_model = models.CharField(max_length=30, blank=True)
    method = models.CharField(max_length=30, choices=RecognitionMethod.choices)
    obligation_id = models.BigIntegerField(
        null=True, help_text="Set where the price is that of a performance obligation, not of one service period."
    )
    service_start = models.DateField()
    service_end = models.DateField("service ends before")
    currency = CurrencyField()
    amount = AmountField()
    billed = AmountField(default=0)
    recognized = AmountField(default=0)
    released = AmountField(default=0)
    spread_from = models.DateField()
    spread_base = AmountField(default=0)
    recognized_until = models.DateField(null=True, help_text="The first day not yet recognized.")
    postings = models.SmallIntegerField(default=0)
    is_metered = models.BooleanField(default=False)
    is_committed = models.BooleanField(default=False)
    is_void = models.BooleanField(default=False)
    is_planned = models.BooleanField(
        default=False, help_text="What is left is earned by written parts, not by the method's formula."
    )
    straight = AmountField(default=0, help_text="Revenue of the day it was billed on, never deferred.")
    true_up = AmountField(default=0, help_text="The part of the price that tops usage up to the agreed minimum.")

    class Meta:
        ordering = ("contract_item", "service_start")
        constraints = [
            models.UniqueConstraint(
                fields=["contract_item", "service_start"],
                condition=Q(contract_item__isnull=False, obligation_id=None),
                name="one_schedule_per_service_period",
            ),
            models.UniqueConstraint(
                fields=["invoice_line_id"],
                condition=Q(contract_item=None, obligation_id=None),
                name="one_schedule_per_line",
            ),
            models.UniqueConstraint(
                fields=["obligation_id"], condition=~Q(obligation_id=None), name="one_schedule_per_obligation"
            ),
            models.CheckConstraint(condition=Q(service_end__gt=F("service_start")), name="schedule_has_days"),
        ]
        indexes = [
            # In the order in which a run goes through them.
            models.Index(fields=["tenant", "id"], condition=UNFINISHED, name="schedule_unfinished"),
            models.Index(fields=["tenant"], condition=Q(is_metered=True), name="schedule_metered"),
        ]

    def __str__(self) -> str:
        return f"{day_words(self.service_start)} to {day_words(self.service_end - timedelta(days=1))}"


class ContractCommitment(TenantModel):
    """Under the gross-up treatment: a contract item's committed value, and how much of it was billed and recognized."""

    contract_item = models.OneToOneField(ContractItem, on_delete=models.PROTECT, related_name="commitment")
    currency = CurrencyField()
    committed = AmountField(default=0)
    billed = AmountField(default=0)
    recognized = AmountField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    billed__gte=0,
                    billed__lte=F("committed"),
                    recognized__gte=0,
                    recognized__lte=F("committed"),
                ),
                name="commitment_not_exceeded",
            )
        ]

    def __str__(self) -> str:
        return f"Commitment of item {self.contract_item_id}"
