"""Accounting rules: data that says what is debited and credited for which event."""

from django.conf import settings
from django.db import models

from billing.models import Adjustment
from billing.periods import day_words
from billing.tenancy import TenantModel


class AccountingRule(TenantModel):
    """A rule for one kind of business event. What it says is in its versions."""

    code = models.SlugField(max_length=60)
    name = models.CharField(max_length=200)
    event_kind = models.CharField(max_length=40)
    is_standard = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ("event_kind", "code")
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="rule_code")]

    def __str__(self) -> str:
        return self.name


class RuleVersion(TenantModel):
    """What a rule says from a date on. Never edited once entries point at it: a change is a further version.

    A change begins as a draft; it is activated after it was tried on past events (`accounting.rule_versions`). Where several
    rules match an event, the lowest priority number wins. `conditions` is a list of {field, operator, value}; `lines` a
    list of {side, role, amount, per}. No lines: the rule says that nothing is to be posted. `reverses` names the event
    kind whose entries are mirrored first.
    """

    rule = models.ForeignKey(AccountingRule, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField(default=1)
    effective_from = models.DateField()
    is_active = models.BooleanField(default=True)
    is_draft = models.BooleanField(default=False, db_default=False)
    priority = models.PositiveSmallIntegerField(default=100, db_default=100)
    description = models.CharField(max_length=200, help_text="Becomes the description of the entries.")
    conditions = models.JSONField(default=list, blank=True)
    lines = models.JSONField(default=list, blank=True)
    reverses = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ("rule", "-number")
        constraints = [models.UniqueConstraint(fields=["rule", "number"], name="rule_version_number")]

    def __str__(self) -> str:
        return f"{self.rule.name}, version {self.number}" if "rule" in self._state.fields_cache else f"v{self.number}"


class ContractStartTreatment(models.TextChoices):
    """What a started contract posts: the two usual treatments of a signed contract."""

    MEMO = "memo", "Nothing: a signed contract is no receivable yet"
    GROSS_UP = "gross_up", "Gross-up: unbilled revenue against deferred revenue for the committed value"


class RevenueDate(models.TextChoices):
    """Which day the entry of a month's revenue carries, where a service does not run to the month's end."""

    MONTH_END = "month_end", "The month's last day"
    SERVICE_END = "service_end", "The last day of service in the month"


class AccountingPolicy(TenantModel):
    """The tenant's choices among accepted treatments.

    `stamp` grows with every change of rules, accounts and defaults (by trigger), so that a worker knows whether what it
    has compiled still holds.
    """

    contract_start = models.CharField(
        "when a contract starts",
        max_length=20,
        choices=ContractStartTreatment.choices,
        default=ContractStartTreatment.MEMO,
    )
    credit_adjustment = models.CharField(
        "a credit changes the revenue that is left",
        max_length=20,
        choices=Adjustment.choices,
        default=Adjustment.STRAIGHT_LINE,
        db_default=Adjustment.STRAIGHT_LINE,
    )
    large_change_percent = models.DecimalField(
        "a change of price is large above, in percent", max_digits=5, decimal_places=2, default=5, db_default=5
    )
    large_change_must_front_load = models.BooleanField(
        "a large change must be front loaded", default=False, db_default=False
    )
    revenue_date = models.CharField(
        "revenue earned over time is dated",
        max_length=20,
        choices=RevenueDate.choices,
        default=RevenueDate.MONTH_END,
        db_default=RevenueDate.MONTH_END,
    )
    straight_to_revenue = models.BooleanField(
        "what is earned on the day it is billed goes straight to revenue",
        default=True,
        db_default=True,
        help_text="Otherwise it passes through deferred revenue on that day.",
    )
    has_obligations = models.BooleanField(default=False, db_default=False, editable=False)
    bad_debt_tax_relief = models.BooleanField(
        "sales tax of written-off invoices is claimed back",
        default=True,
        help_text="Otherwise it stays owed to the state and is part of the loss.",
    )
    # Close check → whether it blocks, for those where the company chose otherwise than usual.
    close_choices = models.JSONField("close checks that differ", default=dict, db_default={}, editable=False)
    stamp = models.BigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name_plural = "accounting policies"
        constraints = [models.UniqueConstraint(fields=["tenant"], name="one_policy_per_tenant")]

    def __str__(self) -> str:
        return "Accounting policy"


class UnmatchedEvent(TenantModel):
    """A published event that no rule spoke of. It waits until a rule exists and somebody has the event posted by it.

    `measured` is how the event was measured when it was booked, for the schedules have moved on since then.
    """

    event = models.OneToOneField("billing.BusinessEvent", on_delete=models.PROTECT, db_constraint=False)
    measured = models.JSONField(null=True, editable=False)
    posted_at = models.DateTimeField(null=True, editable=False)
    posted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )

    def __str__(self) -> str:
        return f"Event {self.event_id}"


class RulePreview(TenantModel):
    """A version of a rule, tried on past events: what would have been posted, against what was. Nothing was posted.

    `digest` is that of the version's content, so that what is activated is what was tried. `accounts` holds the difference
    per account in base currency. Never changes.
    """

    version = models.ForeignKey(RuleVersion, on_delete=models.PROTECT, related_name="previews")
    digest = models.CharField(max_length=64)
    first_day = models.DateField()
    last_day = models.DateField()
    events = models.PositiveIntegerField(help_text="Events of the rule's kind on these days.")
    changed_events = models.PositiveIntegerField(help_text="Events that would have been posted otherwise.")
    unmatched_events = models.PositiveIntegerField(help_text="Events that no rule would speak of.")
    accounts = models.JSONField()
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Preview of {self.version} on {day_words(self.first_day)} to {day_words(self.last_day)}"


class PreviewedEvent(TenantModel):
    """An event that a preview would have posted otherwise: its lines as they were posted, and as they would have been."""

    preview = models.ForeignKey(RulePreview, on_delete=models.PROTECT, related_name="differences")
    event = models.ForeignKey("billing.BusinessEvent", on_delete=models.PROTECT, db_constraint=False, related_name="+")
    posted = models.JSONField()
    drafted = models.JSONField()

    class Meta:
        ordering = ("preview", "id")

    def __str__(self) -> str:
        return f"Event {self.event_id}"
