from django.apps import AppConfig


class BillingConfig(AppConfig):
    """What was sold, used, billed and paid. Knows nothing of ledgers or ERPs."""

    name = "billing"
    verbose_name = "Billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from billing import tenancy

        tenancy.connect()
