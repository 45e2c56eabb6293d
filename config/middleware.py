"""Put every page of the admin into the tenant that its person works in."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from billing.access import COMPANY_KEY, work_out_access
from billing.tenancy import Actor, tenant_scope

# These need no company: a person who belongs to none can still sign out.
_WITHOUT_COMPANY = ("admin:login", "admin:logout", "admin:password_change", "admin:password_change_done")


class AdminTenantMiddleware:
    """Work out the access of a signed-in person and hold the tenant's scope until the page is rendered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(reverse("admin:index")) or not request.user.is_authenticated:
            return self.get_response(request)
        access = work_out_access(request.user, request.session.get(COMPANY_KEY)) if request.user.is_staff else None
        if access is None:
            if not request.user.is_staff or request.path in {reverse(name) for name in _WITHOUT_COMPANY}:
                return self.get_response(request)
            return render(request, "admin/counterfoil/no_company.html", status=403)
        request.access = access  # type: ignore[attr-defined]
        with tenant_scope(access.tenant.pk, actor=Actor(request.user.pk, "admin")):
            return self.get_response(request)
