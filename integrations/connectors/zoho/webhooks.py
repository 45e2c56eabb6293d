"""Zoho Books' notices: calls that a person sets up as workflow actions, signed with a secret token of theirs.

The signature is an HMAC-SHA256 over the pairs of the address and of a form, sorted by name and put together without
anything between, and then the JSON body as it came. Our address has no pairs of its own. A notice names neither the
organisation nor what was done: the document is read to see.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from integrations.connectors.base import Change, Notices, RowKind, SecretField, Webhooks
from integrations.connectors.jsontext import loads
from integrations.documents import Kind

# What a module's default payload is named, and the id in it; the more telling ids first, for a payload without that name.
_KINDS = (
    ("payment", "payment_id", Kind.PAYMENT.value),
    ("customerpayment", "payment_id", Kind.PAYMENT.value),
    ("creditnote", "creditnote_id", Kind.CREDIT_NOTE.value),
    ("journal", "journal_id", Kind.JOURNAL_ENTRY.value),
    ("invoice", "invoice_id", Kind.INVOICE.value),
    ("contact", "contact_id", RowKind.CUSTOMER.value),
    ("item", "item_id", RowKind.PRODUCT.value),
)
_FORM = "application/x-www-form-urlencoded"
_FORM_FIELD = "JSONString"  # Where Zoho puts a payload into a form.


def verify(raw: bytes, headers: Mapping[str, str], key: str) -> bool:
    """Tell whether Zoho signed these bytes. How it writes the signature is not documented: as hex digits or base64."""
    signed = raw
    if headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        pairs = sorted(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
        signed = "".join(f"{name}{value}" for name, value in pairs).encode()
    digest = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    given = headers.get("x-zoho-webhook-signature", "").strip().encode("latin-1", "replace")
    in_hex = hmac.compare_digest(digest.hex().encode(), given.lower())
    return bool(key) and (in_hex or hmac.compare_digest(base64.b64encode(digest), given))


def read(raw: bytes) -> Notices:
    """Read which document a verified body speaks of. Raises ValueError for what is neither JSON nor a form with JSON."""
    text = raw.decode()
    if not text.lstrip().startswith(("{", "[")):
        text = dict(parse_qsl(text)).get(_FORM_FIELD, "")
    body = loads(text)
    if not isinstance(body, dict):
        raise ValueError("A notice is a JSON object.")
    change = _named(body) or _plain(body)
    return Notices([("", change)] if change else [])


def _named(body: Mapping[str, Any]) -> Change | None:
    for name, field, kind in _KINDS:
        record = body.get(name)
        if isinstance(record, dict) and record.get(field):
            return Change(kind=kind, external_id=str(record[field]), what="changed")
    return None


def _plain(body: Mapping[str, Any]) -> Change | None:
    for _, field, kind in _KINDS:
        if body.get(field):
            return Change(kind=kind, external_id=str(body[field]), what="changed")
    return None


WEBHOOKS = Webhooks(
    key_field=SecretField(
        "webhook_key",
        "Webhook secret token",
        help="Of 12 to 50 letters and digits: the one entered in Zoho Books under “I want to secure this webhook”.",
        is_optional=True,
    ),
    verify=verify,
    read=read,
    refused_status=401,
)
