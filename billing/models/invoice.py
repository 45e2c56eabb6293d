"""What is owed: invoices, their lines, their gapless numbers, and credit notes."""

from django.db import models
from django.db.models import F, Q
from djmoney.money import Money

from billing.fields import ZERO_IN_SQL, AmountField, CurrencyField, ListedField
from billing.models.contract import Contract, ContractItem
from billing.models.customer import Customer
from billing.models.product import Product, RecognitionMethod, TaxRate
from billing.models.tenant import BusinessEntity
from billing.tenancy import TenantModel


class SeriesKind(models.TextChoices):
    INVOICE = "invoice", "Invoices"
    CREDIT_NOTE = "credit_note", "Credit notes"


class NumberSeries(TenantModel):
    """The next number of one kind of document of one entity. Taken under a row lock, so there are no gaps."""

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, db_index=False)
    kind = models.CharField(max_length=20, choices=SeriesKind.choices)
    prefix = models.CharField(max_length=12)
    next_number = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        verbose_name_plural = "number series"
        constraints = [
            models.UniqueConstraint(fields=["business_entity", "kind"], name="one_series_per_kind"),
            models.UniqueConstraint(fields=["tenant", "prefix"], name="series_prefix"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…"


class InvoiceStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    FINALIZED = "finalized", "Finalized"
    PARTIALLY_PAID = "partially_paid", "Partially paid"
    PAID = "paid", "Paid"
    VOID = "void", "Void"
    WRITTEN_OFF = "written_off", "Written off"


OPEN_STATUSES = (InvoiceStatus.FINALIZED, InvoiceStatus.PARTIALLY_PAID)


class Invoice(TenantModel):
    """A bill. A draft may be rebuilt or deleted; from finalized on, only what is settled and the status change.

    The database refuses other changes (migration `0003_guards`). `settled` is what payments and credit notes have
    covered; the customer's name and address are copied on finalizing, as the law wants them printed.
    """

    business_entity = models.ForeignKey(
        BusinessEntity, on_delete=models.PROTECT, related_name="invoices", db_index=False
    )
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices")
    contract = models.ForeignKey(Contract, null=True, on_delete=models.PROTECT, related_name="invoices")
    number = models.CharField(max_length=21, null=True, editable=False)
    status = models.CharField(max_length=15, choices=InvoiceStatus.choices, default=InvoiceStatus.DRAFT)
    currency = CurrencyField()
    issued_on = models.DateField()
    due_on = models.DateField()
    net = AmountField()
    tax = AmountField()
    total = AmountField()
    settled = AmountField(default=0)
    bill_to = models.TextField(blank=True, editable=False)
    voided_on = models.DateField(null=True, editable=False)
    void_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finalized_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("-issued_on", "-id")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="invoice_number"),
            models.CheckConstraint(condition=Q(total=F("net") + F("tax")), name="invoice_total_adds_up"),
            models.CheckConstraint(
                condition=Q(settled__gte=ZERO_IN_SQL, settled__lte=F("total")), name="invoice_settled_within"
            ),
            models.CheckConstraint(
                condition=Q(status="draft", number=None) | (~Q(status="draft") & Q(number__isnull=False)),
                name="invoice_numbered_when_final",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "status", "due_on"], name="invoice_open"),
            models.Index(fields=["tenant", "issued_on"], name="invoice_issued"),
        ]

    def __str__(self) -> str:
        return self.number or f"Draft {self.pk}"

    @property
    def due(self) -> Money:
        """What is still owed, as Money."""
        return self.total - self.settled


class InvoiceLine(TenantModel):
    """One charge. `unit_amount` may have more digits than the currency; `net` and `tax` never have.

    The list price (quantity × unit amount) less `discount` is `net`, or `net` + `tax` where the tax is included in the price.
    """

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines", db_index=False)
    position = models.PositiveSmallIntegerField()
    contract_item = models.ForeignKey(ContractItem, null=True, on_delete=models.PROTECT, related_name="invoice_lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    description = models.CharField(max_length=300)
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    currency = CurrencyField()
    unit_amount = AmountField(max_digits=24, decimal_places=10)
    discount = AmountField(default=0)
    net = AmountField()
    tax_rate = models.ForeignKey(TaxRate, null=True, on_delete=models.PROTECT, related_name="+")
    tax_percent = models.DecimalField(max_digits=7, decimal_places=4, default=0)
    tax = AmountField()
    tax_included = models.BooleanField(default=False)
    recognition_method = ListedField(max_length=30)
    period_start = models.DateField(null=True)
    period_end = models.DateField(null=True, help_text="The first day no longer covered.")

    class Meta:
        ordering = ("invoice", "position")
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_position"),
            models.CheckConstraint(
                condition=Q(period_start=None, period_end=None) | Q(period_end__gt=F("period_start")),
                name="invoice_line_period",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant"],
                condition=Q(recognition_method=RecognitionMethod.AS_CONSUMED),
                name="line_sells_credits",
            )
        ]

    def __str__(self) -> str:
        return self.description


class CreditNote(TenantModel):
    """A finalized credit of part of an invoice. Never changes, but that it can be voided once.

    It settles what is still open of the invoice; what was paid already goes to the customer's wallet (`to_wallet`) or is
    owed back (`to_refund`).
    """

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="credit_notes")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="credit_notes")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credit_notes")
    number = models.CharField(max_length=21)
    currency = CurrencyField()
    issued_on = models.DateField()
    net = AmountField()
    tax = AmountField()
    total = AmountField()
    to_wallet = AmountField(default=0)
    to_refund = AmountField(default=0)
    reason = models.CharField(max_length=200)
    voided_on = models.DateField(null=True, editable=False)
    void_reason = models.CharField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-issued_on", "-id")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="credit_note_number"),
            models.CheckConstraint(condition=Q(total=F("net") + F("tax")), name="credit_note_total_adds_up"),
            models.CheckConstraint(condition=Q(total__gt=0), name="credit_note_credits_something"),
            models.CheckConstraint(
                condition=Q(to_wallet__gte=0, to_refund__gte=0, total__gte=F("to_wallet") + F("to_refund")),
                name="credit_note_kept_within",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def settled(self) -> Money:
        """What it settled of its invoice, as Money."""
        return self.total - self.to_wallet - self.to_refund


class CreditNoteLine(TenantModel):
    """The credited part of one invoice line."""

    credit_note = models.ForeignKey(CreditNote, on_delete=models.PROTECT, related_name="lines")
    invoice_line = models.ForeignKey(InvoiceLine, on_delete=models.PROTECT, related_name="credits")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    description = models.CharField(max_length=300)
    currency = CurrencyField()
    net = AmountField()
    tax = AmountField()
    tax_percent = models.DecimalField(max_digits=7, decimal_places=4, default=0)

    class Meta:
        ordering = ("credit_note", "id")

    def __str__(self) -> str:
        return self.description
