"""Who uses Counterfoil: tenants, their legal entities, their people and their keys."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

from billing.fields import CurrencyField
from billing.tenancy import TenantModel


class Tenant(models.Model):
    """One company that uses Counterfoil. Its people and data never see another's."""

    slug = models.SlugField(unique=True, max_length=50)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.name


class BonusUse(models.TextChoices):
    """What a wallet is drawn on first: this decides when a bonus becomes a discount."""

    PAID_FIRST = "paid_first", "What was paid first, then the bonus"
    IN_PROPORTION = "in_proportion", "Both in proportion: the bonus is spread over what was paid"


class Proration(models.TextChoices):
    """What part of a billing period costs, of what is agreed from now on: at its start, at its end, where it is modified."""

    AS_EARNED = "as_earned", "As its revenue is earned: by months where that is by months, else by days"
    BY_DAYS = "by_days", "Always by days: its days of the period's days"
    BY_MONTHS = "by_months", "Always by months: a partial month by its days of that month"


def time_zone_fault(name: str) -> str:
    """Say in words that a time zone of this name is not known; empty where it is."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones.
        return f"“{name}” is not the name of a time zone, such as Europe/Berlin."
    return ""


class BusinessEntity(TenantModel):
    """A legal entity of the tenant, with books of its own in its base currency.

    Dates that matter to its books are dates in its time zone.
    """

    code = models.SlugField(max_length=30)
    name = models.CharField(max_length=200)
    base_currency = CurrencyField()
    time_zone = models.CharField(max_length=50, default="UTC")
    country = models.CharField(
        max_length=2,
        blank=True,
        validators=[RegexValidator(r"^[A-Z]{2}$", "Use a two-letter code such as US.")],
    )
    address = models.TextField(blank=True, help_text="Printed on invoices, without the country.")
    tax_id = models.CharField(
        "tax id", max_length=50, blank=True, help_text="Such as a VAT number. Printed on invoices."
    )
    payment_details = models.TextField(
        "how to pay", blank=True, help_text="Such as bank, IBAN and BIC. Printed on invoices that are open."
    )
    wallet_bonus = models.CharField(
        "wallets are drawn on", max_length=20, choices=BonusUse.choices, default=BonusUse.PAID_FIRST
    )
    proration = models.CharField(
        "part of a billing period is priced",
        max_length=20,
        choices=Proration.choices,
        default=Proration.AS_EARNED,
        db_default=Proration.AS_EARNED,
    )

    class Meta:
        verbose_name_plural = "business entities"
        ordering = ("code",)
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="business_entity_code")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if fault := time_zone_fault(self.time_zone):
            raise ValidationError({"time_zone": fault})


class Role(models.TextChoices):
    """What a person may do in one tenant; each role includes the ones below it."""

    ADMIN = "admin", "Administrator: people, connections and everything below"
    ACCOUNTANT = "accountant", "Accountant: rules, accounts, periods and everything below"
    FINANCE = "finance", "Finance staff: contracts, invoices, payments"
    VIEWER = "viewer", "Viewer: looks at everything, changes nothing"


class Membership(models.Model):
    """A person's role in one tenant. Not walled: it is read to learn which tenant to enter."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        ordering = ("tenant", "user")
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="one_role_per_tenant")]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}: {self.get_role_display()}"


class ApiKey(models.Model):
    """A tenant's key to the REST API. Only a digest of it is kept; the key itself is shown once, when it is made.

    Not walled: it is read to learn which tenant to enter. Each key acts as a service user of its own, so that the
    audit trail names it.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="api_keys")
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_key")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    may_write = models.BooleanField(default=True)
    may_reopen = models.BooleanField("may reopen months", default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "API key"
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotencyRecord(TenantModel):
    """The answer once given to a write with this idempotency key; the same request again gets the same answer."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE)
    key = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "api_key", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return self.key
