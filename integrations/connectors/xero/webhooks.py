"""Xero's notices: signed over the raw body, and only about invoices, contacts, credit notes and money on account."""

import base64
import hashlib
import hmac
from collections.abc import Mapping

from integrations.connectors.base import Change, Notices, RowKind, SecretField, Webhooks
from integrations.connectors.jsontext import loads
from integrations.connectors.xero.objects import moment
from integrations.documents import Kind

_KINDS = {
    "INVOICE": Kind.INVOICE.value,
    "CREDITNOTE": Kind.CREDIT_NOTE.value,
    "CONTACT": RowKind.CUSTOMER.value,
    "OVERPAYMENT": Kind.PAYMENT.value,
    "PREPAYMENT": Kind.PAYMENT.value,
}


def verify(raw: bytes, headers: Mapping[str, str], key: str) -> bool:
    """Tell whether Xero signed these bytes; its test on registration sends wrong signatures on purpose."""
    expected = base64.b64encode(hmac.new(key.encode(), raw, hashlib.sha256).digest())
    return bool(key) and hmac.compare_digest(expected, headers.get("x-xero-signature", "").encode("latin-1", "replace"))


def read(raw: bytes) -> Notices:
    """Read the changes that a verified body tells of. Raises ValueError for what is no JSON."""
    body = loads(raw.decode())
    events = body.get("events") if isinstance(body, dict) else None
    changes: list[tuple[str, Change]] = []
    for event in events or ():
        kind = _KINDS.get(str(event.get("eventCategory", "")).upper())
        is_purchase = str((event.get("data") or {}).get("Type", "")).upper().startswith(("ACCPAY", "AP", "SPEND"))
        if kind is None or is_purchase:
            continue
        status = str((event.get("data") or {}).get("Status", "")).upper()
        what = Change(
            kind=kind,
            external_id=str(event.get("resourceId", "")),
            what="deleted" if status in ("VOIDED", "DELETED") else "changed",
            at=moment(event.get("eventDateUtc")),
        )
        changes.append((str(event.get("tenantId", "")), what))
    return Notices(changes)


WEBHOOKS = Webhooks(
    key_field=SecretField(
        "webhook_key",
        "Webhook key",
        help="Xero's developer portal shows it when a webhook is added to the app.",
        is_optional=True,
    ),
    verify=verify,
    read=read,
    refused_status=401,
)
