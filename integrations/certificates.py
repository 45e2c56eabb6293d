"""When a certificate that was entered ends, so that nobody learns it from a connection that stopped."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography import x509

from integrations.connectors.base import SignIn


def ends(way: SignIn, credentials: Mapping[str, Any]) -> datetime | None:
    """Give the last moment of the certificate among what was entered; None where there is none, or none that can be read."""
    moments = [_end(str(credentials.get(each.name) or "")) for each in way.fields if each.ends_with_certificate]
    return min((moment for moment in moments if moment), default=None)


def _end(text: str) -> datetime | None:
    try:
        return x509.load_pem_x509_certificate(text.strip().encode()).not_valid_after_utc
    except ValueError:
        return None
