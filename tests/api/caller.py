"""A caller of the API: a client that sends a key, and the company it belongs to."""

from datetime import date
from typing import Any

from rest_framework.test import APIClient

from billing.models import Tenant
from billing.services.api_keys import issue_key
from billing.services.billing_run import run_billing
from billing.tenancy import tenant_scope

V1 = "/api/v1"


class Caller:
    """Sends requests with a key; answers of another status than expected fail the test with their body."""

    def __init__(self, tenant: Tenant, *, may_write: bool = True, may_reopen: bool = False) -> None:
        issued = issue_key(tenant_id=tenant.pk, name="test", may_write=may_write, may_reopen=may_reopen)
        self.key, self.plain = issued
        self.client = APIClient()
        self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.plain}")
        self.last: Any = None

    def __call__(self, method: str, path: str, data: Any = None, *, status: int = 200, **headers: str) -> Any:
        self.last = getattr(self.client, method)(
            f"{V1}{path}", data, headers={name.replace("_", "-"): value for name, value in headers.items()} or None
        )
        assert self.last.status_code == status, self.last.content
        return self.last.json() if self.last.content else None

    def get(self, path: str, data: Any = None, *, status: int = 200) -> Any:
        return self("get", path, data, status=status)

    def post(self, path: str, data: Any = None, *, status: int = 201, **headers: str) -> Any:
        return self("post", path, data, status=status, **headers)

    def patch(self, path: str, data: Any, *, status: int = 200, **headers: str) -> Any:
        return self("patch", path, data, status=status, **headers)

    def delete(self, path: str, *, status: int = 204) -> Any:
        return self("delete", path, status=status)


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def bill(caller: Caller) -> list[dict[str, Any]]:
    """Run billing through January 2026, and list the drafts."""
    with tenant_scope(caller.key.tenant_id):
        run_billing(through=date(2026, 1, 31))
    return caller.get("/invoices", {"status": "draft"})["results"]
