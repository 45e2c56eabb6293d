"""Performance obligations: what was promised, its share of the transaction price, and how far it is fulfilled."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounting.models.schedule import RecognitionSchedule
from billing.fields import AmountField, CurrencyField
from billing.models import Contract, ContractItem
from billing.periods import day_words
from billing.tenancy import TenantModel


class PerformanceObligation(TenantModel):
    """One promise of a contract that is earned as one (ASC 606-10-25-14). Its schedule holds the price allocated to it.

    Obligations of one `pool` share the transaction price: what the contract bills is divided over them in proportion to
    their prices. Where each item keeps its stated price, an obligation is a pool of its own.
    """

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="obligations")
    number = models.PositiveSmallIntegerField()
    pool = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=200)
    currency = CurrencyField()
    stated_price = AmountField(help_text="What its items add up to at the prices of the contract.")
    standalone_price = AmountField(help_text="What they would add up to sold alone.")

    class Meta:
        ordering = ("contract", "number")
        constraints = [models.UniqueConstraint(fields=["contract", "number"], name="obligation_number")]

    def __str__(self) -> str:
        return self.name


class ObligationItem(TenantModel):
    """A contract item is part of an obligation from a day on; several items may share one."""

    obligation = models.ForeignKey(PerformanceObligation, on_delete=models.PROTECT, related_name="items")
    contract_item = models.ForeignKey(ContractItem, on_delete=models.PROTECT, related_name="obligations")
    start = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contract_item", "start"], name="obligation_of_item_once")]

    def __str__(self) -> str:
        return f"Item {self.contract_item_id} from {self.start}"


class SchedulePart(TenantModel):
    """One written part of a schedule that no longer follows its formula: what is earned from `start` to before `end`."""

    schedule = models.ForeignKey(RecognitionSchedule, on_delete=models.CASCADE, related_name="parts")
    start = models.DateField()
    end = models.DateField()
    currency = CurrencyField()
    amount = AmountField()

    class Meta:
        ordering = ("schedule", "start")
        constraints = [
            models.UniqueConstraint(fields=["schedule", "start"], name="schedule_part_start"),
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="schedule_part_has_days"),
        ]

    def __str__(self) -> str:
        return f"{self.start} – {self.end}"


class ScheduleRevision(TenantModel):
    """Why a schedule was written anew, and what it was before and after. Never changes. Without `made_by`, an event did it."""

    schedule = models.ForeignKey(RecognitionSchedule, on_delete=models.PROTECT, related_name="revisions")
    effective_on = models.DateField()
    reason = models.CharField(max_length=300)
    before = models.JSONField()
    after = models.JSONField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("schedule", "-id")

    def __str__(self) -> str:
        return self.reason


class ProgressReport(TenantModel):
    """How much of an obligation was fulfilled by the end of a day: a delivery (100), a milestone, a percentage.

    `percent` is cumulative. Of two reports for one day the later holds, so a mistake is corrected by another report.
    """

    schedule = models.ForeignKey(RecognitionSchedule, on_delete=models.PROTECT, related_name="progress")
    reached_on = models.DateField()
    percent = models.DecimalField(max_digits=9, decimal_places=6)
    evidence = models.CharField(max_length=200, help_text="Such as a delivery note, or the milestone's name.")
    reported_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reported_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("schedule", "reached_on", "id")
        constraints = [
            models.CheckConstraint(condition=Q(percent__gte=0, percent__lte=100), name="progress_in_percent")
        ]

    def __str__(self) -> str:
        return f"{self.percent:f} % on {day_words(self.reached_on)}"
