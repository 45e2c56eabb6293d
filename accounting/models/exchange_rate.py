"""Exchange rates as a central bank gave them, and what foreign balances are carried at."""

from django.db import models
from django.db.models import Q

from billing.fields import CurrencyField
from billing.models import BusinessEntity
from billing.periods import day_words
from billing.tenancy import TenantModel


class Quotation(models.TextChoices):
    """How a bank writes its rates."""

    FOREIGN_PER_BANK = "foreign_per_bank", "Foreign units for one unit of the bank's currency"
    BANK_PER_FOREIGN = "bank_per_foreign", "Units of the bank's currency for one foreign unit"


class ExchangeRate(TenantModel):
    """The rate of one currency on one day, digits and direction as the bank gave them. Never changes.

    A correction is a further row with the next `number`: it holds for what is posted from then on, while what was posted
    before keeps its rate and its proof.
    """

    source = models.CharField(max_length=20, help_text="Who published it, such as ECB.")
    date = models.DateField()
    bank_currency = CurrencyField(help_text="The currency that the bank compares the others with.")
    currency = CurrencyField()
    quotation = models.CharField(max_length=20, choices=Quotation.choices)
    rate = models.DecimalField(max_digits=24, decimal_places=10)
    number = models.PositiveSmallIntegerField(default=1, help_text="1; a correction has the next one.")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-date", "bank_currency", "currency", "-number")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "date", "bank_currency", "currency", "number"], name="rate_of_a_day_once"
            ),
            models.CheckConstraint(condition=Q(rate__gt=0), name="rate_is_positive"),
            models.CheckConstraint(condition=~Q(currency=models.F("bank_currency")), name="rate_of_two_currencies"),
        ]

    def __str__(self) -> str:
        one, other = self.bank_currency, self.currency
        if self.quotation == Quotation.BANK_PER_FOREIGN:
            one, other = other, one
        return f"1 {one} = {self.rate.normalize():f} {other} on {day_words(self.date)}"


class CarryingAmount(TenantModel):
    """What is open of one foreign balance, and the base amount it stands at in the books. Debits are positive.

    `subject` names what is settled as one: an invoice, a payment, a credit note, a customer's wallet, a contract item.
    `layer` keeps what came at different rates apart where each keeps its own (deferred revenue: the invoice's id).
    Written by `accounting.currency.carrying` in the transaction of the entries; `check_ledger` adds it up again from the
    lines. Only foreign balances have rows.
    """

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="+", db_index=False)
    role = models.CharField(max_length=60)
    currency = CurrencyField()
    subject = models.CharField(max_length=60)
    layer = models.BigIntegerField(default=0)
    amount = models.DecimalField(max_digits=24, decimal_places=4)
    base = models.DecimalField(max_digits=24, decimal_places=4)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "business_entity", "role", "currency", "subject", "layer"], name="carried_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.subject}: {self.amount} {self.currency}"
