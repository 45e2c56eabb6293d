"""What a person may do, in the company they are working in."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from billing.models import Membership, Role, Tenant

COMPANY_KEY = "counterfoil_tenant"  # Of the session: the id of the company that its person works in.
_RANK = {Role.VIEWER: 0, Role.FINANCE: 1, Role.ACCOUNTANT: 2, Role.ADMIN: 3}


@dataclass(frozen=True, slots=True)
class Access:
    """The company a request works in, the person's role there, and the companies they may change to."""

    tenant: Tenant
    role: str
    companies: tuple[Tenant, ...]

    def may(self, role: str) -> bool:
        """Tell whether the person has this role or one above it."""
        return _RANK[Role(self.role)] >= _RANK[Role(role)]


def access_of(request: HttpRequest) -> Access | None:
    """Give the access that the middleware worked out, or None where nobody is signed in or belongs to a company."""
    return getattr(request, "access", None)


def may(request: HttpRequest, role: str) -> bool:
    """Tell whether the person has this role, or one above it, in the company they work in."""
    access = access_of(request)
    return access is not None and access.may(role)


def work_out_access(user: Any, wanted_tenant_id: int | None) -> Access | None:
    """Find the company to work in: the one wanted where the person may enter it, else their first.

    Superusers may enter every company, as administrators. One query.
    """
    if user.is_superuser:
        companies = tuple(Tenant.objects.all())
        roles: dict[int, str] = {tenant.pk: Role.ADMIN for tenant in companies}
    else:
        memberships = list(Membership.objects.filter(user=user).select_related("tenant").order_by("tenant__name", "pk"))
        companies = tuple(membership.tenant for membership in memberships)
        roles = {membership.tenant_id: membership.role for membership in memberships}
    if not companies:
        return None
    tenant = next((each for each in companies if each.pk == wanted_tenant_id), companies[0])
    return Access(tenant, roles[tenant.pk], companies)
