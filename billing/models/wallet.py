"""A customer's wallet: money and promotional credit kept for later invoices, as an immutable ledger."""

from django.db import models
from django.db.models import F, Q

from billing.fields import AmountField, CurrencyField
from billing.models.customer import Customer
from billing.models.invoice import CreditNote, Invoice
from billing.models.payment import Payment
from billing.models.returned import Refund
from billing.models.tenant import BusinessEntity
from billing.tenancy import TenantModel


class Wallet(TenantModel):
    """One per customer and currency. Its balance is what its newest entry says; its row is locked for every entry."""

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="wallets")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="wallets")
    currency = CurrencyField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("customer", "currency")
        constraints = [models.UniqueConstraint(fields=["customer", "currency"], name="one_wallet_per_currency")]

    def __str__(self) -> str:
        return f"Wallet of {self.customer} in {self.currency}"


class WalletEntryKind(models.TextChoices):
    TOP_UP = "top_up", "Topped up"
    CREDIT_NOTE = "credit_note", "Credit note kept"
    CREDIT_NOTE_VOIDED = "credit_note_voided", "Credit note voided"
    BONUS = "bonus", "Bonus granted"
    WITHDRAWN = "withdrawn", "Bonus withdrawn"
    APPLIED = "applied", "Applied to an invoice"
    REFUNDED = "refunded", "Refunded"
    EXPIRED = "expired", "Expired"


class WalletEntry(TenantModel):
    """One movement of a wallet. Never changes.

    `paid` is money of the customer's, `bonus` what was granted on top; both signed. The balances are those after it, and
    the database keeps them from falling below zero.
    """

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="entries")
    number = models.PositiveIntegerField(help_text="1, 2, 3 … in each wallet.")
    kind = models.CharField(max_length=20, choices=WalletEntryKind.choices)
    on = models.DateField()
    currency = CurrencyField()
    paid = AmountField(default=0)
    bonus = AmountField(default=0)
    paid_balance = AmountField()
    bonus_balance = AmountField()
    payment = models.ForeignKey(Payment, null=True, on_delete=models.PROTECT, related_name="wallet_entries")
    credit_note = models.ForeignKey(CreditNote, null=True, on_delete=models.PROTECT, related_name="wallet_entries")
    invoice = models.ForeignKey(Invoice, null=True, on_delete=models.PROTECT, related_name="wallet_entries")
    refund = models.ForeignKey(Refund, null=True, on_delete=models.PROTECT, related_name="wallet_entries")
    reason = models.CharField(max_length=200, blank=True)
    expires_on = models.DateField(
        null=True,
        help_text="The last day on which what came in with this entry can be used. Empty: it does not expire.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "wallet entries"
        ordering = ("wallet", "-number")
        indexes = [
            models.Index(fields=["expires_on"], condition=Q(expires_on__isnull=False), name="wallet_entry_expires")
        ]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "number"], name="wallet_entry_number"),
            models.CheckConstraint(
                condition=Q(paid_balance__gte=0, bonus_balance__gte=0), name="wallet_never_overdrawn"
            ),
            models.CheckConstraint(
                condition=(Q(number=1) & Q(paid_balance=F("paid"), bonus_balance=F("bonus"))) | Q(number__gt=1),
                name="wallet_starts_at_zero",
            ),
            models.CheckConstraint(condition=~Q(paid=0, bonus=0), name="wallet_entry_moves_something"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.on}"


class WalletDraw(TenantModel):
    """Which money left the wallet with an entry: part of what an earlier entry brought in, what expires first at the head,
    then the oldest. Never changes.

    `entry` took it (applied, refunded, credit note voided, expired), `source` brought it (topped up, credit note kept). Bonus
    has no source.
    """

    entry = models.ForeignKey(WalletEntry, on_delete=models.PROTECT, related_name="draws")
    source = models.ForeignKey(WalletEntry, on_delete=models.PROTECT, related_name="drawn")
    currency = CurrencyField()
    amount = AmountField()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["entry", "source"], name="wallet_draw_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="wallet_draw_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.source}"
