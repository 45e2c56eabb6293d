"""The background workers' heartbeat: a card on the home page, and a list."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from billing.admin.hooks import Card, add_cards
from billing.admin.shown import badge, list_url, moment
from integrations.models import WorkerBeat
from integrations.workers import STALE


def _cards(request: HttpRequest) -> list[Card]:
    newest = WorkerBeat.objects.order_by("-beat_at").first()
    alive = WorkerBeat.objects.filter(beat_at__gt=timezone.now() - STALE).count()
    page = list_url(WorkerBeat)
    if alive:
        seen = moment(newest.beat_at if newest else None)
        return [Card("Background work", f"{alive} running", f"Last sign of life {seen}.", page, "good")]
    words = "Nothing is sent or imported until workers run: ask the operator to start manage.py work."
    last = f"\nLast sign of life {moment(newest.beat_at)}." if newest else ""
    return [Card("Background work", "No worker runs", words + last, page, "bad")]


@admin.register(WorkerBeat)
class WorkerBeatAdmin(ModelAdmin):
    """Every cluster of workers that was alive in the last days."""

    list_display = ("cluster", "alive", "beat", "started", "restarts", "last_trouble")
    list_display_links = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    @display(description="State")
    def alive(self, worker: WorkerBeat) -> object:
        is_alive = worker.beat_at > timezone.now() - STALE
        return badge("active", "Works") if is_alive else badge("failed", "No sign of life")

    @display(description="Last sign of life", ordering="beat_at")
    def beat(self, worker: WorkerBeat) -> str:
        return moment(worker.beat_at)

    @display(description="Started", ordering="started_at")
    def started(self, worker: WorkerBeat) -> str:
        return moment(worker.started_at)


add_cards(40, _cards)
