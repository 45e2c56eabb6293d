"""The clock: which task runs how often. Made by an idempotent call, never typed."""

from django_q.models import Schedule

_TASKS = {
    "integrations.tasks.drain_all": (Schedule.MINUTES, 1),
    "integrations.tasks.poll": (Schedule.MINUTES, 10),
    "accounting.tasks.sum_up_all": (Schedule.MINUTES, 1),
    "accounting.tasks.post_scheduled_all": (Schedule.HOURLY, None),
    "integrations.tasks.warn": (Schedule.MINUTES, 5),
    "integrations.tasks.summarize": (Schedule.HOURLY, None),
    "integrations.tasks.prune": (Schedule.DAILY, None),
    "billing.tasks.forget_all": (Schedule.DAILY, None),
}


def ensure_schedules() -> None:
    """Create or correct the schedules; what is right is left alone."""
    for task, (kind, minutes) in _TASKS.items():
        Schedule.objects.update_or_create(
            name=task, defaults={"func": task, "schedule_type": kind, "minutes": minutes, "repeats": -1}
        )
