"""Who signs in, who is stopped at it, and what the browser is told about the pages."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from billing.models import Membership, Role, Tenant
from config.middleware import client_address

RIGHT, WRONG = "quiet-harbour-9", "quiet-harbour-8"


@pytest.fixture
def people(tenant: Tenant) -> None:
    for name in ("ann", "bob"):
        user = get_user_model().objects.create_user(username=name, password=RIGHT, is_staff=True)
        Membership.objects.create(tenant=tenant, user=user, role=Role.VIEWER)


def sign_in(name: str, password: str, *, address: str = "192.0.2.1") -> int:
    given = {"username": name, "password": password}
    return Client().post(reverse("admin:login"), given, REMOTE_ADDR=address).status_code


def test_who_guesses_is_stopped_where_they_are_and_only_for_a_while(people: None) -> None:
    guesses = [sign_in("ann", WRONG) for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert guesses == [200] * (settings.AXES_FAILURE_LIMIT - 1) + [429]
    stopped = Client().post(
        reverse("admin:login"), {"username": "ann", "password": RIGHT}, REMOTE_ADDR="192.0.2.1", HTTP_HOST="localhost"
    )
    assert stopped.status_code == 429 and "stopped for 15 minutes" in stopped.content.decode()
    assert sign_in("bob", RIGHT) == 302
    assert sign_in("ann", RIGHT, address="192.0.2.2") == 302
    assert timedelta(minutes=15) == settings.AXES_COOLOFF_TIME
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert sign_in("ann", RIGHT) == 302


def test_a_success_forgets_the_failures_before_it_and_no_password_is_kept(people: None) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        sign_in("ann", WRONG)
    kept = AccessAttempt.objects.get()
    assert WRONG not in " ".join(str(getattr(kept, field.attname)) for field in kept._meta.concrete_fields)
    assert sign_in("ann", RIGHT) == 302
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize(
    ("behind", "forwarded", "found"),
    [
        (True, "203.0.113.9, 198.51.100.7", "198.51.100.7"),  # What came before the proxy's own word may be invented.
        (True, "", "192.0.2.1"),
        (True, "garbage", "192.0.2.1"),
        (False, "198.51.100.7", "192.0.2.1"),
    ],
)
def test_the_address_is_the_proxys_word_or_the_socket(settings, behind: bool, forwarded: str, found: str) -> None:
    settings.BEHIND_PROXY = behind
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == found


def test_pages_say_what_a_browser_may_run(tenant: Tenant) -> None:
    for page in (reverse("admin:login"), "/nowhere", reverse("api:docs")):
        policy = Client().get(page)["Content-Security-Policy"]
        scripts = next(each for each in policy.split("; ") if each.startswith("script-src"))
        assert "unsafe-inline" not in scripts and "default-src 'self'" in policy
