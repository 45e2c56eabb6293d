"""The journal: periods, entries and lines. Written by `accounting.posting` alone; the database refuses the rest."""

from django.conf import settings
from django.db import models
from django.db.models import Func, Q
from django.db.models.functions import Cast

from accounting.models.account import Account, Level
from accounting.models.rule import RuleVersion
from billing.fields import ZERO_IN_SQL, CurrencyField
from billing.models import BusinessEntity, BusinessEvent
from billing.tenancy import TenantModel

# Each process takes its ids ahead, so alone they tell no order; within one posting they stand in the order of the events.
AS_POSTED = ("posted_at", "id")
BY_PERSON = "person"  # Beside the steps of the hierarchy: the account was chosen by whoever wrote the entry.


class PeriodStatus(models.TextChoices):
    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


class AccountingPeriod(TenantModel):
    """One calendar month of a business entity's books. Nothing posts into a closed one."""

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="periods")
    start = models.DateField()
    end = models.DateField("ends before")
    status = models.CharField(max_length=10, choices=PeriodStatus.choices, default=PeriodStatus.OPEN)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reopened_at = models.DateTimeField(null=True)
    reopened_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reopen_reason = models.CharField(max_length=200, blank=True)
    close_checks = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="What the check list said when it was closed.",
    )
    seal = models.ForeignKey(
        "accounting.PeriodSeal",
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The proof of the closing that holds; set and taken by the database.",
    )

    class Meta:
        ordering = ("business_entity", "-start")
        constraints = [models.UniqueConstraint(fields=["business_entity", "start"], name="period_once")]

    def __str__(self) -> str:
        return f"{self.start:%B %Y}"


class EntryKind(models.TextChoices):
    STANDARD = "standard", "By rule"
    MANUAL = "manual", "By hand"
    REVERSAL = "reversal", "Reversal"


class JournalEntry(TenantModel):
    """A posted, balanced entry. Auditors rely on it never changing; a mistake is undone by a second, mirrored entry.

    Written a thousand at a time, so its references are checked set-wise by triggers instead of row by row.
    """

    tenant = models.ForeignKey(
        "billing.Tenant", on_delete=models.PROTECT, db_index=False, db_constraint=False, editable=False
    )
    business_entity = models.ForeignKey(
        BusinessEntity, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    date = models.DateField()
    currency = CurrencyField()
    kind = models.CharField(max_length=10, choices=EntryKind.choices)
    description = models.CharField(max_length=200)
    event = models.ForeignKey(
        BusinessEvent, on_delete=models.PROTECT, related_name="entries", db_constraint=False, db_index=False
    )
    part = models.SmallIntegerField(help_text="Tells the entries of one event apart.")
    rule_version = models.ForeignKey(
        RuleVersion,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="Empty for what persons approved: manual entries, and reversals by hand.",
    )
    reverses = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="reversed_by",
        db_constraint=False,
        db_index=False,
    )
    line_count = models.SmallIntegerField()
    posted_at = models.DateTimeField()
    posted_xid = models.BigIntegerField(
        db_default=Cast(Cast(Func(function="pg_current_xact_id"), models.TextField()), models.BigIntegerField()),
        editable=False,
        help_text="The transaction that posted it; its lines can come from no other.",
    )

    class Meta:
        verbose_name_plural = "journal entries"
        ordering = ("-date", "-posted_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=["event", "part"], name="event_posted_once"),
            models.UniqueConstraint(fields=["reverses"], condition=Q(reverses__isnull=False), name="reversed_once"),
            models.CheckConstraint(condition=Q(line_count__gte=2), name="entry_has_two_sides"),
            models.CheckConstraint(
                name="entry_by_rule_or_by_hand",
                condition=Q(kind="reversal")
                | Q(kind="manual", rule_version=None)
                | Q(kind="standard", rule_version__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["business_entity", "date"], name="entry_by_date"),
            models.Index(fields=["tenant", "posted_at", "id"], name="entry_as_posted"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return entry_number(self.pk)


def entry_number(entry_id: int) -> str:
    """Write an entry's id as people see it."""
    return f"JE-{entry_id:08d}"


class JournalLine(TenantModel):
    """One side of an entry. Debit and credit are both positive; `base_` amounts are in the entity's base currency."""

    tenant = models.ForeignKey(
        "billing.Tenant", on_delete=models.PROTECT, db_index=False, db_constraint=False, editable=False
    )
    business_entity = models.ForeignKey(
        BusinessEntity, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    entry = models.ForeignKey(
        JournalEntry, on_delete=models.PROTECT, related_name="lines", db_constraint=False, db_index=False
    )
    position = models.SmallIntegerField()
    date = models.DateField(help_text="The entry's, kept here so that balances read one index.")
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="lines", db_constraint=False, db_index=False
    )
    currency = CurrencyField()
    debit = models.DecimalField(max_digits=19, decimal_places=4)
    credit = models.DecimalField(max_digits=19, decimal_places=4)
    base_debit = models.DecimalField(max_digits=19, decimal_places=4)
    base_credit = models.DecimalField(max_digits=19, decimal_places=4)
    role = models.CharField(max_length=60)
    resolved_by = models.CharField(
        max_length=20, choices=[*Level.choices, (BY_PERSON, "Person")], help_text="The step that chose the account."
    )
    customer_id = models.BigIntegerField(null=True)
    contract_id = models.BigIntegerField(null=True)
    contract_item_id = models.BigIntegerField(null=True)
    product_id = models.BigIntegerField(null=True)
    invoice_id = models.BigIntegerField(null=True)
    credit_note_id = models.BigIntegerField(null=True)
    payment_id = models.BigIntegerField(null=True)
    tax_rate_id = models.BigIntegerField(null=True)
    refund_id = models.BigIntegerField(null=True)
    obligation_id = models.BigIntegerField(null=True)

    class Meta:
        ordering = ("entry", "position")
        constraints = [
            models.UniqueConstraint(fields=["entry", "position"], name="line_position"),
            models.CheckConstraint(
                name="line_is_debit_or_credit",
                # One side only, nothing below zero. An amount of a foreign currency can be too small for the base currency's
                # minor unit, so one of a side's two amounts may be zero.
                condition=(
                    Q(credit=ZERO_IN_SQL, base_credit=ZERO_IN_SQL, debit__gte=ZERO_IN_SQL, base_debit__gte=ZERO_IN_SQL)
                    & (Q(debit__gt=ZERO_IN_SQL) | Q(base_debit__gt=ZERO_IN_SQL))
                )
                | (
                    Q(debit=ZERO_IN_SQL, base_debit=ZERO_IN_SQL, credit__gte=ZERO_IN_SQL, base_credit__gte=ZERO_IN_SQL)
                    & (Q(credit__gt=ZERO_IN_SQL) | Q(base_credit__gt=ZERO_IN_SQL))
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["account", "date"], include=["base_debit", "base_credit"], name="line_balance"),
        ]

    def __str__(self) -> str:
        return f"{entry_number(self.entry_id)} line {self.position}"
