"""QuickBooks' notices: signed over the raw body, in the new form (an array of CloudEvents) and the old one."""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from integrations.connectors.base import Change, Notices, SecretField, Webhooks
from integrations.connectors.jsontext import loads
from integrations.connectors.quickbooks.objects import KIND_OF, LISTS

_KINDS = {name.lower(): kind.value for table in (KIND_OF, LISTS) for name, kind in table.items()}


def verify(raw: bytes, headers: Mapping[str, str], key: str) -> bool:
    """Tell whether Intuit signed these bytes with the app's verifier token."""
    expected = base64.b64encode(hmac.new(key.encode(), raw, hashlib.sha256).digest())
    return bool(key) and hmac.compare_digest(expected, headers.get("intuit-signature", "").encode("latin-1", "replace"))


def read(raw: bytes) -> Notices:
    """Read the changes of a verified body, which may be about several companies. Raises ValueError for what is no JSON."""
    body = loads(raw.decode())
    found = _new(body) if isinstance(body, list) else _old(body if isinstance(body, dict) else {})
    return Notices([each for each in found if each[1].kind])


def _new(events: list[Any]) -> Iterator[tuple[str, Change]]:
    for event in events:
        parts = str(event.get("type", "")).lower().split(".")
        if len(parts) >= 3:
            yield (
                str(event.get("intuitaccountid", "")),
                _change(parts[1], str(event.get("intuitentityid", "")), parts[2], event.get("time")),
            )


def _old(body: dict[str, Any]) -> Iterator[tuple[str, Change]]:
    for event in body.get("eventNotifications") or ():
        for entity in (event.get("dataChangeEvent") or {}).get("entities") or ():
            name, operation = str(entity.get("name", "")).lower(), str(entity.get("operation", "")).lower()
            change = _change(name, str(entity.get("id", "")), operation, entity.get("lastUpdated"))
            yield str(event.get("realmId", "")), change


def _change(entity: str, number: str, operation: str, time: Any) -> Change:
    what: Literal["changed", "deleted"] = "deleted" if operation.startswith(("delete", "void")) else "changed"
    try:
        at = datetime.fromisoformat(str(time)) if time else None
    except ValueError:
        at = None
    return Change(_KINDS.get(entity, ""), number, what, at)


WEBHOOKS = Webhooks(
    key_field=SecretField(
        "webhook_key",
        "Webhook verifier token",
        help="Intuit's developer portal shows it when a webhook is added to the app.",
        is_optional=True,
    ),
    verify=verify,
    read=read,
)
