from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """From books to the ERP: what is sent, how it is delivered, and whether both sides agree."""

    name = "integrations"
    verbose_name = "Integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from billing.refusals import add_refusal
        from integrations import receivers
        from integrations.connectors import base

        add_refusal(base.DeliveryError)  # Where a person asks the ERP, its words are the answer.
        base.register_all()
        receivers.connect()
