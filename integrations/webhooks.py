"""Where the ERPs' webhooks come in: verified over the raw body, answered at once, looked into by a worker.

The address names the connection whose key verifies. A vendor's app may tell of several companies in one call: those
of other connections count where they were entered with the same key.
"""

import hmac
from collections import defaultdict

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_q.tasks import async_task

from billing.models import Tenant
from billing.tenancy import tenant_scope
from integrations.connectors import base
from integrations.connectors.base import Change
from integrations.models import Connection, ConnectionStatus
from integrations.vault import VaultError

_LARGEST = 1024 * 1024
_MOST = 500  # Changes a task looks into.


@csrf_exempt
@require_POST
def receive(request: HttpRequest, tenant_id: int, connection_id: int) -> HttpResponse:
    """Take a vendor's call: 200 when it is genuine, else what the vendor expects of a refusal."""
    raw = request.body if int(request.headers.get("Content-Length") or 0) <= _LARGEST else b""
    if not Tenant.objects.filter(pk=tenant_id).exists():
        return HttpResponse(status=404)
    with tenant_scope(tenant_id):
        wanted = Connection.objects.filter(pk=connection_id).exclude(status=ConnectionStatus.DISABLED)
        connection = wanted.defer("credentials").first()
        webhooks = base.get(connection.erp).webhooks if connection else None
        if connection is None or webhooks is None:
            return HttpResponse(status=404)
        key = _key(connection, webhooks.key_field.name)
    headers = {name.lower(): value for name, value in request.headers.items()}
    if not key or not raw or not webhooks.verify(raw, headers, key):
        return HttpResponse(status=webhooks.refused_status)
    try:
        notices = webhooks.read(raw)
    except ValueError:
        return HttpResponse(status=400)
    by_company: dict[str, list[Change]] = defaultdict(list)
    for realm_id, change in notices.changes:
        by_company[realm_id or connection.realm_id].append(change)  # Some vendors' notices name no company.
    if by_company:
        _hand_on(connection.erp, webhooks.key_field.name, key, by_company)
    return HttpResponse(notices.answer, content_type="text/plain")


def _hand_on(erp: str, field: str, key: str, by_company: dict[str, list[Change]]) -> None:
    for tenant_id in Tenant.objects.values_list("id", flat=True):
        with tenant_scope(tenant_id):
            connected = Connection.objects.filter(erp=erp, status=ConnectionStatus.CONNECTED)
            for each in connected.filter(realm_id__in=list(by_company)).defer("credentials"):
                if not hmac.compare_digest(_key(each, field).encode(), key.encode()):
                    continue
                pairs = [(change.kind, change.external_id, change.what) for change in by_company[each.realm_id]]
                for start in range(0, len(pairs), _MOST):
                    part = pairs[start : start + _MOST]
                    async_task("integrations.tasks.notice", tenant_id, each.pk, part, group="sync")


def _key(connection: Connection, field: str) -> str:
    """Give the key that was entered; an empty text where there is none or the vault cannot read it."""
    try:
        return str(connection.credentials.get(field, ""))
    except VaultError:
        return ""
