"""Balances: kept per day for speed, sealed per closed period for proof. All written by the database's own functions."""

from django.conf import settings
from django.db import models

from accounting.models.account import Account
from accounting.models.journal import AccountingPeriod
from billing.fields import CurrencyField
from billing.models import BusinessEntity
from billing.tenancy import TenantModel


class UnsummedEntries(TenantModel):
    """A run of posted entries that the daily balances do not hold yet; together the rows name each such entry once.

    Written by a trigger with every post and taken away by `accounting.balances.sum_up`, so that posting pays for one
    small row instead of for the balances of all accounts it touches, and two posts never wait for each other.
    """

    tenant = models.ForeignKey(
        "billing.Tenant", on_delete=models.PROTECT, db_index=False, db_constraint=False, editable=False
    )
    first_entry = models.BigIntegerField(primary_key=True)
    last_entry = models.BigIntegerField()
    first_date = models.DateField(help_text="No entry of the run is dated before.")
    last_date = models.DateField(help_text="No entry of the run is dated after.")

    class Meta:
        verbose_name_plural = "unsummed entries"

    def __str__(self) -> str:
        return f"{self.first_entry} to {self.last_entry}"


class Sums(TenantModel):
    """Debits and credits of one account in one currency, and the same in base currency."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = CurrencyField()
    debit = models.DecimalField(max_digits=24, decimal_places=4)
    credit = models.DecimalField(max_digits=24, decimal_places=4)
    base_debit = models.DecimalField(max_digits=24, decimal_places=4)
    base_credit = models.DecimalField(max_digits=24, decimal_places=4)

    class Meta:
        abstract = True


class DailyBalance(Sums):
    """What one day's summed lines moved on an account. Derived from the lines; `check_ledger` adds it up again."""

    business_entity = models.ForeignKey(
        BusinessEntity, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    date = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "date", "currency"], name="daily_balance_once")]
        indexes = [models.Index(fields=["business_entity", "date"], name="daily_balance_by_date")]

    def __str__(self) -> str:
        return f"{self.account_id} on {self.date}"


class PeriodSeal(TenantModel):
    """The proof of one closing: what the period held, and a digest over its lines. Kept for ever, also when reopened.

    `digest` runs over the period's entries and lines and over `previous_digest`, the seal before it, so that a change
    anywhere breaks every later seal. docs/ACCOUNTANTS.md says how an auditor computes it.
    """

    period = models.ForeignKey(AccountingPeriod, on_delete=models.PROTECT, related_name="seals")
    number = models.PositiveSmallIntegerField(help_text="Counts the closings of the period.")
    format = models.PositiveSmallIntegerField(help_text="What the digest covers, and how it is written.")
    digest = models.CharField(max_length=64)
    previous_digest = models.CharField(max_length=64, blank=True)
    entries = models.PositiveIntegerField()
    lines = models.PositiveIntegerField()
    base_debit = models.DecimalField("debits", max_digits=24, decimal_places=4)
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    checks = models.JSONField(default=list, help_text="What the check list said at closing.")
    release = models.JSONField(
        null=True, help_text="By month, how much of deferred revenue was to become revenue, as the schedules stood."
    )

    class Meta:
        ordering = ("period", "-number")
        constraints = [models.UniqueConstraint(fields=["period", "number"], name="seal_number")]

    def __str__(self) -> str:
        return f"{self.period}, closing {self.number}"


class SealedBalance(Sums):
    """What an account stood at, from its first line to the end of a sealed period."""

    seal = models.ForeignKey(PeriodSeal, on_delete=models.PROTECT, related_name="balances")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["seal", "account", "currency"], name="sealed_balance_once")]

    def __str__(self) -> str:
        return f"{self.account_id} in {self.seal_id}"


class SealedCustomerBalance(Sums):
    """The same for one customer on the accounts that customers are followed on: receivables and unapplied payments.

    Customers who stand at zero have no row.
    """

    seal = models.ForeignKey(PeriodSeal, on_delete=models.PROTECT, related_name="customer_balances")
    role = models.CharField(max_length=60)
    customer_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["seal", "role", "account", "customer_id", "currency"],
                nulls_distinct=False,
                name="sealed_customer_balance_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} of customer {self.customer_id} in {self.seal_id}"
