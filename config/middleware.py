"""Put every page of the admin into the tenant that its person works in."""

from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from billing.access import COMPANY_KEY, work_out_access
from billing.refusals import database_refusal
from billing.tenancy import Actor, tenant_scope

# These need no company: a person who belongs to none can still sign out.
_WITHOUT_COMPANY = ("admin:login", "admin:logout", "admin:password_change", "admin:password_change_done", "new_company")


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Send our policy with every page that has none of its own. Django 6 has this built in; 5.2 has not."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        return response

    return respond


def client_address(request: HttpRequest) -> str:
    """Give the address a request came from; behind a proxy the last one named is the proxy's own word, the others are hearsay."""
    here = str(request.META.get("REMOTE_ADDR") or "")
    names = str(request.META.get("HTTP_X_FORWARDED_FOR", "")) if settings.BEHIND_PROXY else ""
    for each in (names.rpartition(",")[2].strip(), here):
        with suppress(ValueError):
            return str(ip_address(each))
    return ""


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
            if request.user.is_superuser:  # Who may enter every company, and there is none yet.
                return redirect("new_company")
            return render(request, "admin/counterfoil/no_company.html", status=403)
        request.access = access  # type: ignore[attr-defined]
        with tenant_scope(access.tenant.pk, actor=Actor(request.user.pk, "admin")):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Tell a person what the database refused, or that another was quicker, on the page that they came from."""
        refusal = database_refusal(error)
        if refusal is None or not hasattr(request, "access") or request.method != "POST":
            return None
        messages.error(request, refusal)
        came_from = request.headers.get("Referer", "")
        is_ours = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure())
        return redirect(came_from if is_ours else "admin:index")
