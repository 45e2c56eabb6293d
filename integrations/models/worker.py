"""Signs of life of the background workers. Not a tenant's: workers serve all of them."""

from django.db import models


class WorkerBeat(models.Model):
    """One cluster of workers: when it last did something, and how often its guard had to start it again."""

    cluster = models.CharField(max_length=100, unique=True)
    host = models.CharField(max_length=100)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    restarts = models.PositiveIntegerField(default=0)
    last_trouble = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "background worker"
        ordering = ("-beat_at",)

    def __str__(self) -> str:
        return self.cluster
