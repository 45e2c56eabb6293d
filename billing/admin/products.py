"""What is sold: products with their list prices, product families, tax rates."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from billing.admin.base import TenantAdmin, TenantInline
from billing.admin.pricing_words import PricedForm, in_words
from billing.admin.shown import badge
from billing.models import Price, Product, ProductFamily, TaxRate


class PriceForm(PricedForm):
    class Meta:
        model = Price
        fields = ("name", "currency", "pricing_model", "standalone_price", "is_active")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("pricing_model"):
            self.instance.pricing = self.read_price(cleaned["pricing_model"]) or {}
        return cleaned


class PriceInline(TenantInline):
    model = Price
    form = PriceForm
    fields = ("name", "currency", "pricing_model", "price_text", "standalone_price", "is_active")
    verbose_name_plural = "list prices"
    hide_title = False


def activity(is_active: bool) -> str:
    return badge("active" if is_active else "ended", "Active" if is_active else "Inactive")


@admin.register(Product)
class ProductAdmin(TenantAdmin):
    list_display = ("code", "name", "family", "recognized", "prices_shown", "active_shown")
    list_display_links = ("code", "name")
    list_filter = ("is_active", "recognition_method")
    list_select_related = ("family",)
    search_fields = ("code", "name")
    search_help_text = "Code or name"
    autocomplete_fields = ("family",)
    inlines = (PriceInline,)
    empty_hint = "Add the products you sell, each with its list prices; or import contracts, which brings its products."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).prefetch_related("prices")

    @display(description="Revenue is recognized", ordering="recognition_method")
    def recognized(self, product: Product) -> str:
        return str(product.get_recognition_method_display())

    @display(description="List prices")
    def prices_shown(self, product: Product) -> str:
        return " · ".join(
            in_words(price.pricing_model, price.pricing, price.currency)
            for price in product.prices.all()
            if price.is_active
        )

    @display(description="Status", ordering="is_active")
    def active_shown(self, product: Product) -> str:
        return activity(product.is_active)


@admin.register(ProductFamily)
class ProductFamilyAdmin(TenantAdmin):
    list_display = ("code", "name")
    list_display_links = ("code", "name")
    search_fields = ("code", "name")
    empty_hint = "Families group products that share default accounts and reports. You need none to begin."


@admin.register(TaxRate)
class TaxRateAdmin(TenantAdmin):
    list_display = ("code", "name", "percent_shown", "jurisdiction", "active_shown")
    list_display_links = ("code", "name")
    search_fields = ("code", "name")
    empty_hint = "Add the rates of sales tax or VAT that your invoices carry. Without one, nothing is taxed."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # A rate on invoices stays what it was; another percentage is another rate.
        return ("percent",) if obj else ()

    @display(description="Rate", ordering="percent")
    def percent_shown(self, rate: TaxRate) -> str:
        return f"{rate.percent.normalize():f} %"

    @display(description="Status", ordering="is_active")
    def active_shown(self, rate: TaxRate) -> str:
        return activity(rate.is_active)
