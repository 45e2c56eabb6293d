"""Warn people about a connection: something is parked, the sign-in or a certificate is about to end, the backlog grows.

Looked at by the clock. Each sort of trouble is told once when it begins, by e-mail and webhook as the connection's policies
say, and forgotten when it is over.
"""

import ipaddress
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Count, Min, Q
from django.utils import timezone

from billing.periods import day_words
from integrations.models import Connection, ConnectionStatus, ConnectionWarning, OutboxItem, OutboxState
from integrations.upkeep import token_health

_SIGN_IN_SOON, _CERTIFICATE_SOON = timedelta(days=14), timedelta(days=60)
_BACKLOG = timedelta(minutes=30)
_TIMEOUT = (5.0, 10.0)


class CannotTell(ValueError):
    """The warning could not be handed over; it is tried again."""


def troubles(connection: Connection, *, now: datetime) -> dict[str, str]:
    """Give what is wrong, by sort, in words."""
    found: dict[str, str] = {}
    health = token_health(connection)
    if connection.status == ConnectionStatus.RECONNECT_NEEDED:
        found["reconnect"] = f"Nothing is sent until somebody signs in again. {connection.status_reason}"
    elif health.trouble:
        found["reconnect"] = health.trouble
    elif health.sign_in_until and health.sign_in_until < now + _SIGN_IN_SOON:
        found["sign_in_ends"] = f"The sign-in ends on {day_words(health.sign_in_until)} unless it is used before."
    if health.certificate_until and health.certificate_until < now + _CERTIFICATE_SOON:
        days = max(0, (health.certificate_until - now).days)
        found["certificate_ends"] = (
            f"The certificate ends on {day_words(health.certificate_until)}, in {days} days. Make a new one in the ERP, and "
            "enter it here before that day."
        )
    waiting = Q(state__in=(OutboxState.PENDING, OutboxState.IN_FLIGHT))
    counts = OutboxItem.objects.filter(connection=connection).aggregate(
        parked=Count("id", filter=Q(state=OutboxState.PARKED)),
        waiting=Count("id", filter=waiting),
        oldest=Min("created_at", filter=waiting),
    )
    if counts["parked"]:
        found["parked"] = f"Parked items: {counts['parked']:,}. A person has to decide about them."
    if counts["oldest"] and counts["oldest"] < now - _BACKLOG and connection.status == ConnectionStatus.CONNECTED:
        found["backlog"] = (
            f"{counts['waiting']:,} items wait, the oldest since {day_words(counts['oldest'])}, {counts['oldest']:%H:%M} UTC."
        )
    return found


def look(connection: Connection) -> int:
    """Note what began and what is over, and tell what nobody was told yet; give how much was told."""
    now = timezone.now()
    found = troubles(connection, now=now)
    ConnectionWarning.objects.filter(connection=connection).exclude(code__in=found).delete()
    told = 0
    for code, words in found.items():
        warning, _ = ConnectionWarning.objects.update_or_create(
            connection=connection,
            code=code,
            defaults={"words": words},
            create_defaults={"words": words, "since": now, "tenant_id": connection.tenant_id},
        )
        if warning.told_at is None and _tell(connection, warning):
            warning.told_at = now
            told += 1
        warning.save(update_fields=["told_at", "failed_words"])
    return told


def _tell(connection: Connection, warning: ConnectionWarning) -> bool:
    """Hand a warning over on every way that was asked for; True when one of them took it.

    A way that did not take it is noted. It is tried again only where nobody was told: else whoever was would be told again.
    """
    addresses = [each.strip() for each in connection.option("warn_to", "").split(",") if each.strip()]
    url = connection.option("warn_url", "")
    body = {"connection": connection.name, "code": warning.code, "words": warning.words}
    ways: list[Callable[[], object]] = []
    if addresses:
        subject = f"Counterfoil: {connection.name}"
        ways.append(lambda: send_mail(subject, warning.words, settings.DEFAULT_FROM_EMAIL, addresses))
    if url:
        ways.append(lambda: post(url, body))
    failed = []
    for way in ways:
        try:
            way()
        except (CannotTell, OSError) as error:
            failed.append(str(error))
    warning.failed_words = " ".join(failed)[:300]
    return len(failed) < len(ways)


def post(url: str, body: dict[str, Any]) -> None:
    """Post JSON to an address outside. Raises CannotTell, also for an address inside our own network."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise CannotTell("A webhook needs an address that begins with https://.")
    # Whoever answers under that name a moment later must show its certificate, so a name that then leads inside gets nothing.
    try:
        found = {each[4][0] for each in socket.getaddrinfo(parts.hostname, parts.port or 443)}
    except OSError as error:
        raise CannotTell(f"The webhook's host {parts.hostname} is not known.") from error
    if not all(ipaddress.ip_address(each).is_global for each in found):
        raise CannotTell(f"The webhook's host {parts.hostname} is not on the public internet.")
    try:
        answer = requests.post(url, json=body, timeout=_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        raise CannotTell(f"The webhook did not answer ({type(error).__name__}).") from error
    if answer.status_code >= 300:
        raise CannotTell(f"The webhook answered with HTTP {answer.status_code}.")
