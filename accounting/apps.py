from django.apps import AppConfig


class AccountingConfig(AppConfig):
    """From business events to books."""

    name = "accounting"
    verbose_name = "Accounting"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounting import receivers

        receivers.connect()
