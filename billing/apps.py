import gc

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """What was sold, used, billed and paid. Knows nothing of ledgers or ERPs."""

    name = "billing"
    verbose_name = "Billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from billing import tenancy

        tenancy.connect()
        # A batch makes hundreds of thousands of objects that all live on. Python's cyclic collector, by default called every
        # 700, took more than half of the time of a post; it still comes round, and finds the same.
        gc.set_threshold(100_000, 20, 20)
