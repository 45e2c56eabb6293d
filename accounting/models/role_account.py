"""Which accounts have ever stood for a role, so that a report about the past does not change with today's defaults."""

from django.db import models

from accounting.models.account import Account
from billing.tenancy import TenantModel


class RoleAccount(TenantModel):
    """An account that a default once named for a role. Kept by triggers; never taken back.

    A report about a role (what customers owe, what is deferred) adds up these accounts. The defaults may name others
    tomorrow: what was posted stays where it is, and the report of last year stays what it was.
    """

    role = models.CharField(max_length=60)
    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "role", "account"], name="role_account_once")]

    def __str__(self) -> str:
        return f"{self.role}: {self.account_id}"
