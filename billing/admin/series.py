"""Number series: looked at only. Numbers are given out without gaps."""

from django.contrib import admin
from unfold.decorators import display

from billing.admin.base import TenantAdmin
from billing.models import NumberSeries


@admin.register(NumberSeries)
class NumberSeriesAdmin(TenantAdmin):
    change_role = None
    add_role = None
    list_display = ("kind", "business_entity", "next_shown")
    list_select_related = ("business_entity",)
    fields = ("business_entity", "kind", "prefix", "next_number")
    empty_hint = "A business entity gets its series when it is created."

    @display(description="Next number")
    def next_shown(self, series: NumberSeries) -> str:
        return f"{series.prefix}{series.next_number:06d}"
