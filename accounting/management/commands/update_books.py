from typing import Any

from accounting.models import AccountingPolicy
from accounting.setup import set_up_books
from billing.management.base import TenantCommand
from billing.models import BusinessEntity, Tenant
from billing.tenancy import tenant_scope


class Command(TenantCommand):
    help = "After an upgrade: add the standard rules, accounts and defaults that are new, for one tenant or all. Again: nothing."
    tenant_required = False

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        updated = 0
        for each in [tenant] if tenant else Tenant.objects.order_by("pk"):
            with tenant_scope(each.pk):
                policy = AccountingPolicy.objects.first()
                if policy is None:
                    continue
                for entity in BusinessEntity.objects.filter(accounts__isnull=False).distinct():
                    set_up_books(business_entity=entity, contract_start=policy.contract_start)
                updated += 1
        return {"ok": True, "companies": updated}

    def words(self, result: dict[str, Any]) -> str:
        """Say it for people."""
        return f"The books of {result['companies']} companies have all standard rules, accounts and defaults."
