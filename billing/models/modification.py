"""What was agreed anew about a started contract."""

from django.conf import settings
from django.db import models

from billing.models.contract import Contract
from billing.periods import day_words
from billing.tenancy import TenantModel


class ModificationKind(models.TextChoices):
    UPGRADE = "upgrade", "Upgrade"
    DOWNGRADE = "downgrade", "Downgrade"
    PRICE_CHANGE = "price_change", "Price change"
    EXTENSION = "extension", "Extension"
    TERMINATION = "termination", "Termination"


class Treatment(models.TextChoices):
    """How revenue takes up a modification (ASC 606-10-25-12 and 13)."""

    PROSPECTIVE = "prospective", "Prospective: what is left is earned over the time that is left"
    CATCH_UP = "catch_up", "Cumulative catch-up: as if it had been so from the start"
    SEPARATE = "separate", "Separate contract: what is added stands by itself, at its standalone price"


class Adjustment(models.TextChoices):
    """Where the change of a price falls, within the periods that are still open."""

    STRAIGHT_LINE = "straight_line", "Straight line: evenly over what is left"
    FRONT_LOAD = "front_load", "Front load: into the first open period"
    BACK_LOAD = "back_load", "Back load: into the last period"


class ContractModification(TenantModel):
    """One modification, as agreed. Never changes: a further one corrects it."""

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="modifications")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20, choices=ModificationKind.choices)
    effective_on = models.DateField("holds from")
    signed_on = models.DateField()
    treatment = models.CharField(max_length=20, choices=Treatment.choices)
    adjustment = models.CharField(max_length=20, choices=Adjustment.choices)
    reason = models.CharField(max_length=200)
    changes = models.JSONField(help_text="Per contract item: what was left of its price before and after.")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("contract", "number")
        constraints = [models.UniqueConstraint(fields=["contract", "number"], name="modification_number")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.contract} from {day_words(self.effective_on)}"
