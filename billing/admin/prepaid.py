"""Prepaid credits: what was used and what expired; and invoices outside contracts, by which they are sold."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.forms import AmountInput, DayField, today
from billing.admin.shown import day, link, money, quantity
from billing.errors import BillingError
from billing.models import CreditUse, Customer, Product, RecognitionMethod, TaxRate
from billing.money import format_money
from billing.services.one_off import NewLine, draft_invoice
from billing.services.prepaid import consume_credits

_LINES = 3


class ConsumeForm(VerbForm):
    product = forms.ModelChoiceField(queryset=Product._base_manager.none())
    units = forms.DecimalField(label="Credits used", max_digits=20, decimal_places=6, min_value=Decimal(0))
    on = DayField(label="On")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        products = Product.objects.filter(recognition_method=RecognitionMethod.AS_CONSUMED)
        self.fields["product"].queryset = products  # type: ignore[attr-defined]
        self.initial["on"] = today(self.subject.business_entity)


class OneOffForm(VerbForm):
    """An invoice of a few lines; a line without a product is left out."""

    issued_on = DayField(label="Dated")
    payment_terms_days = forms.IntegerField(label="Payment terms in days", min_value=0, initial=30)
    discount = AmountInput(label="Discount on the whole invoice", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        currency = self.subject.currency
        self.initial["issued_on"] = today(self.subject.business_entity)
        for place in range(1, _LINES + 1):
            offered: dict[str, forms.Field] = {
                "product": forms.ModelChoiceField(Product.objects.filter(is_active=True), label="Product"),
                "description": forms.CharField(label="Description", max_length=300),
                "quantity": forms.DecimalField(label="Quantity", max_digits=20, decimal_places=6, initial=1),
                "unit_amount": AmountInput(label=f"Unit price in {currency}", max_digits=24, decimal_places=10),
                "discount": AmountInput(label=f"Discount in {currency}"),
                "tax_rate": forms.ModelChoiceField(TaxRate.objects.filter(is_active=True), label="Tax rate"),
                "tax_included": forms.BooleanField(label="The price includes the tax"),
                "period_start": DayField(label="Service from"),
                "period_end": DayField(label="Service until, first day no longer covered"),
            }
            for name, field in offered.items():
                field.required = False
                self.add_field(f"line{place}_{name}", field)

    @property
    def plain_fields(self) -> list[forms.BoundField]:
        """The fields of the whole invoice."""
        return [field for field in self.visible_fields() if not field.name.startswith("line")]

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields of each line."""
        named = [(f"Line {place}", f"line{place}_") for place in range(1, _LINES + 1)]
        return [
            (title, [field for field in self.visible_fields() if field.name.startswith(start)])
            for title, start in named
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["lines"] = [
            NewLine(
                **{
                    name: cleaned[f"line{place}_{name}"]
                    for name in ("product", "description", "tax_rate", "tax_included", "period_start", "period_end")
                },
                quantity=cleaned.get(f"line{place}_quantity") or Decimal(1),
                unit_amount=cleaned.get(f"line{place}_unit_amount") or Decimal(0),
                discount=cleaned.get(f"line{place}_discount") or Decimal(0),
            )
            for place in range(1, _LINES + 1)
            if cleaned.get(f"line{place}_product")
        ]
        return cleaned


def _consume(request: HttpRequest, customer: Customer, given: dict[str, Any]) -> str:
    uses = consume_credits(
        customer_id=customer.pk, product_id=given["product"].pk, units=given["units"], on=given["on"]
    )
    earned = sum((use.amount.amount for use in uses), Decimal(0))
    return f"{quantity(given['units'])} credits are used; {format_money(earned, uses[0].currency)} of their price is earned."


def _draft(request: HttpRequest, customer: Customer, given: dict[str, Any]) -> str:
    if not given["lines"]:
        raise BillingError("Give at least one line a product and a price.")
    invoice = draft_invoice(
        customer_id=customer.pk,
        issued_on=given["issued_on"],
        lines=given["lines"],
        payment_terms_days=given["payment_terms_days"],
        discount=given["discount"] or Decimal(0),
    )
    return f"{invoice} over {format_money(invoice.total.amount, invoice.currency)} is drafted; finalize it on its page."


CUSTOMER_VERBS = (
    Verb(
        "one-off-invoice",
        "One-off invoice",
        _draft,
        explain=lambda customer: "An invoice outside any contract. It is a draft until it is finalized.",
        form=OneOffForm,
    ),
    Verb(
        "use-credits",
        "Use credits",
        _consume,
        explain=lambda customer: "Prepaid credits that the customer used; those that expire first are taken first.",
        form=ConsumeForm,
        allowed=lambda customer: customer.invoices.filter(
            lines__recognition_method=RecognitionMethod.AS_CONSUMED
        ).exists(),
    ),
)


@admin.register(CreditUse)
class CreditUseAdmin(DocumentAdmin):
    list_display = ("__str__", "customer_shown", "invoice_shown", "units_shown", "amount_earned")
    list_filter = ("kind", ("on", RangeDateFilter))
    search_fields = ("=key", "invoice_line__invoice__number", "invoice_line__invoice__customer__name")
    search_help_text = "Key, invoice or customer"
    empty_hint = (
        "Credits are sold by a one-off invoice or a contract, and used from the customer's page or through the API."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CreditUse]:
        return super().get_queryset(request).select_related("invoice_line__invoice__customer", "invoice_line__product")

    @display(description="Customer")
    def customer_shown(self, use: CreditUse) -> str:
        return link(use.invoice_line.invoice.customer)

    @display(description="Sold by")
    def invoice_shown(self, use: CreditUse) -> str:
        return link(use.invoice_line.invoice)

    @display(description="Credits", ordering="units")
    def units_shown(self, use: CreditUse) -> str:
        return quantity(use.units)

    @display(description="Of their price", ordering="amount")
    def amount_earned(self, use: CreditUse) -> str:
        return money(use.amount)

    def document(self, request: HttpRequest, subject: CreditUse) -> Document:
        line = subject.invoice_line
        return Document(
            title=f"Prepaid credits: {subject.get_kind_display().lower()}",
            headline=[("Credits", quantity(subject.units)), ("Of their price", money(subject.amount))],
            facts=[
                ("Customer", link(line.invoice.customer)),
                ("Sold by", link(line.invoice)),
                ("Product", link(line.product)),
                ("On", day(subject.on)),
                ("Key", subject.key or "–"),
            ],
        )
