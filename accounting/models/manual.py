"""Manual entries: written by a person, approved by another, posted; their lines, their attachments."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounting.models.account import Account
from billing.fields import CurrencyField
from billing.models import BusinessEntity, Contract, Customer, Product
from billing.tenancy import TenantModel


class ManualEntryStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Waiting for approval"
    POSTED = "posted", "Posted"


class Repeat(models.IntegerChoices):
    """How often an entry is posted again, in months."""

    NEVER = 0, "Once"
    MONTHLY = 1, "Every month"
    QUARTERLY = 3, "Every three months"
    YEARLY = 12, "Every year"


class ManualEntry(TenantModel):
    """An entry that no business event of billing makes: an accrual, a correction, an opening balance.

    A draft is anybody's to edit; submitted it stands still; approved by somebody who is none of its authors it is posted, and
    stays. The database holds the line between authors and approver. `reverse_on` undoes it on that day by itself; `repeat`
    posts it again on the same day of later months, up to `repeat_until`, under the same approval: each of those is an entry
    of its own with `series` naming this one.
    """

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="+")
    date = models.DateField()
    currency = CurrencyField(editable=False)
    description = models.CharField(max_length=150, help_text="Becomes the description of the journal entry.")
    note = models.TextField("why", blank=True, help_text="For whoever approves it, and for the auditor.")
    status = models.CharField(
        max_length=10, choices=ManualEntryStatus.choices, default=ManualEntryStatus.DRAFT, editable=False
    )
    reverse_on = models.DateField(
        "reverse by itself on",
        null=True,
        blank=True,
        help_text="For an accrual: usually the first day of the next month.",
    )
    repeat = models.PositiveSmallIntegerField("post it", choices=Repeat.choices, default=Repeat.NEVER)
    repeat_until = models.DateField("last time by", null=True, blank=True)
    series = models.ForeignKey("self", null=True, editable=False, on_delete=models.PROTECT, related_name="occurrences")
    authors = ArrayField(models.BigIntegerField(), editable=False, help_text="Everybody who wrote or changed it.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    submitted_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, editable=False)
    returned_reason = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        verbose_name_plural = "manual entries"
        ordering = ("-date", "-id")
        constraints = [
            models.UniqueConstraint(fields=["series", "date"], name="manual_occurrence_once"),
            models.CheckConstraint(
                name="manual_entry_approved_by_another",
                condition=Q(approved_by=None)
                | (~Q(authors__contains=[F("approved_by")]) & ~Q(approved_by=F("submitted_by"))),
            ),
            models.CheckConstraint(
                name="manual_entry_posted_when_approved",
                condition=Q(status="posted", approved_by__isnull=False, approved_at__isnull=False)
                | (~Q(status="posted") & Q(approved_by=None, approved_at=None)),
            ),
            models.CheckConstraint(
                name="manual_entry_reversed_later", condition=Q(reverse_on=None) | Q(reverse_on__gt=F("date"))
            ),
        ]

    def __str__(self) -> str:
        return f"Manual entry {self.pk}"


class ManualEntryLine(TenantModel):
    """One side of a manual entry."""

    entry = models.ForeignKey(ManualEntry, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    debit = models.DecimalField(max_digits=19, decimal_places=4, default=0)
    credit = models.DecimalField(max_digits=19, decimal_places=4, default=0)
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    contract = models.ForeignKey(Contract, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("entry", "position")
        constraints = [
            models.UniqueConstraint(fields=["entry", "position"], name="manual_line_position"),
            models.CheckConstraint(
                name="manual_line_is_debit_or_credit",
                condition=(Q(debit__gt=0, credit=0) | Q(debit=0, credit__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry} line {self.position}"


class Attachment(TenantModel):
    """A document that proves a manual entry, kept in the database behind the tenant's wall, never changed."""

    entry = models.ForeignKey(ManualEntry, on_delete=models.PROTECT, related_name="attachments")
    name = models.CharField(max_length=150)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["entry", "sha256"], name="attachment_once")]

    def __str__(self) -> str:
        return self.name
