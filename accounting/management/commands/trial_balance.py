from decimal import Decimal
from typing import Any

from django.core.management.base import CommandError

from accounting.reports.trial_balance import trial_balance
from billing.management.base import TenantCommand, iso_date
from billing.models import BusinessEntity, Tenant
from billing.money import amount_text, format_amount


class Command(TenantCommand):
    help = "Print the trial balance at the end of a day, in base currency."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--at", type=iso_date, required=True, metavar="DATE", help="the last day included")
        parser.add_argument("--entity", metavar="CODE", help="the business entity; needed where there are several")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        entity = self._entity(options["entity"])
        balance = trial_balance(business_entity_id=entity.pk, at=options["at"])
        currency = entity.base_currency
        accounts = [
            {
                "code": account.code,
                "name": account.name,
                "role": account.role,
                "debit": amount_text(account.debit, currency),
                "credit": amount_text(account.credit, currency),
            }
            for account in balance.accounts
        ]
        return {
            "at": balance.at,
            "currency": currency,
            "debit": amount_text(balance.debit, currency),
            "credit": amount_text(balance.credit, currency),
            "accounts": accounts,
            "exit_code": 0 if balance.debit == balance.credit else 1,
        }

    def words(self, result: dict[str, Any]) -> str:
        rows = [
            f"{row['code']:<6} {row['name'][:34]:<34} {self._column(row['debit'], result)} {self._column(row['credit'], result)}"
            for row in result["accounts"]
        ]
        total = f"{'':<6} {'Total ' + result['currency']:<34} {self._column(result['debit'], result)} "
        return "\n".join([*rows, total + self._column(result["credit"], result)])

    def _column(self, text: str, result: dict[str, Any]) -> str:
        amount = Decimal(text)
        return f"{format_amount(amount, result['currency']) if amount else '':>18}"

    def _entity(self, code: str | None) -> BusinessEntity:
        entities = list(BusinessEntity.objects.filter(**({"code": code} if code else {})))
        if len(entities) != 1:
            known = ", ".join(BusinessEntity.objects.values_list("code", flat=True))
            raise CommandError(f"Name one business entity with --entity: {known}.")
        return entities[0]
