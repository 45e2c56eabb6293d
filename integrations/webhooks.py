"""Where the ERPs' webhooks come in: verified over the raw body, answered at once, looked into by a worker.

The address names the connection whose key verifies. A vendor's app may tell of several companies in one call: those
of other connections count where they were entered with the same key.
"""

import hmac
from collections import defaultdict
from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_q.tasks import async_task

from billing.models import Tenant
from billing.tenancy import tenant_scope
from integrations.connectors import base
from integrations.models import Connection, ConnectionStatus
from integrations.vault import VaultError

_LARGEST = 1024 * 1024
_MOST = 500  # Changes one task is told of.


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
    # Some vendors' notices name no company.
    told = [
        (realm_id or connection.realm_id, change.kind, change.external_id, change.what)
        for realm_id, change in notices.changes
    ]
    for start in range(0, len(told), _MOST):
        part = told[start : start + _MOST]
        async_task("integrations.webhooks.hand_on", tenant_id, connection_id, part, group="sync")
    return HttpResponse(notices.answer, content_type="text/plain")


def hand_on(tenant_id: int, connection_id: int, told: Sequence[tuple[str, str, str, str]]) -> None:
    """Let each connection to one of the companies told of, under the key of this one, look into it. Run by a worker.

    `told`: company, kind, id in the ERP, and what happened.
    """
    with tenant_scope(tenant_id):
        asked = Connection.objects.defer("credentials").get(pk=connection_id)
        webhooks = base.get(asked.erp).webhooks
        assert webhooks is not None
        key = _key(asked, webhooks.key_field.name)
    if not key:  # It was taken away meanwhile; connections without one are not told of either.
        return
    by_company: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for realm_id, *change in told:
        by_company[realm_id].append(tuple(change))
    for each_tenant in Tenant.objects.values_list("id", flat=True):
        with tenant_scope(each_tenant):
            connected = Connection.objects.filter(erp=asked.erp, status=ConnectionStatus.CONNECTED)
            for each in connected.filter(realm_id__in=list(by_company)).defer("credentials"):
                if hmac.compare_digest(_key(each, webhooks.key_field.name).encode(), key.encode()):
                    async_task(
                        "integrations.tasks.notice", each_tenant, each.pk, by_company[each.realm_id], group="sync"
                    )


def _key(connection: Connection, field: str) -> str:
    """Give the key that was entered; an empty text where there is none or the vault cannot read it."""
    try:
        return str(connection.credentials.get(field, ""))
    except VaultError:
        return ""
