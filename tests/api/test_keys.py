"""Keys: made once, refused for every reason they can be refused for."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient

from billing.errors import NotFound
from billing.models import ApiKey, Tenant
from billing.services.api_keys import issue_key, revoke_key
from billing.tenancy import _current
from tests.api.caller import V1, Caller


def ask(**headers: str) -> tuple[int, str]:
    answer = APIClient().get(
        f"{V1}/customers", headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    return answer.status_code, answer.json().get("error", {}).get("code", "")


def test_either_header_opens(caller: Caller) -> None:
    assert ask(authorization=f"Bearer {caller.plain}") == (200, "")
    assert ask(x_api_key=caller.plain) == (200, "")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "Bearer cf_", "Bearer cf_000000000000_x", "Bearer é"]
)
def test_anything_else_is_refused(tenant: Tenant, header: str) -> None:
    status, code = ask(authorization=header)
    assert status == 401
    assert code in ("invalid_key", "not_authenticated")


def test_a_wrong_secret_is_refused_like_an_unknown_key(caller: Caller) -> None:
    assert ask(x_api_key=caller.plain[:-1] + ("A" if caller.plain[-1] != "A" else "B")) == (401, "invalid_key")
    assert "Bearer" in APIClient().get(f"{V1}/customers")["WWW-Authenticate"]


def test_an_expired_and_a_revoked_key_are_refused(caller: Caller, tenant: Tenant) -> None:
    late = issue_key(tenant_id=tenant.pk, name="late", expires_at=timezone.now() - timedelta(seconds=1))
    assert ask(x_api_key=late.plain) == (401, "expired_key")
    revoke_key(key_id=caller.key.pk, at=timezone.now())
    assert ask(x_api_key=caller.plain) == (401, "revoked_key")
    with pytest.raises(NotFound):
        revoke_key(key_id=0, at=timezone.now())


def test_a_reading_key_changes_nothing(reader: Caller) -> None:
    assert reader.get("/customers")["results"] == []
    refused = reader.post("/customers", {"external_id": "1", "name": "x"}, status=403)
    assert refused["error"]["code"] == "read_only_key"


def test_only_a_digest_is_kept_and_the_key_has_its_own_user(caller: Caller) -> None:
    key = ApiKey.objects.get(pk=caller.key.pk)
    assert caller.plain.split("_", 2)[1] == key.prefix
    assert len(caller.plain.split("_", 2)[2]) == 43  # 256 bits in base 64
    assert caller.plain not in str(key.__dict__)
    assert (key.user.username, key.user.has_usable_password(), key.user.is_staff) == (f"api-{key.prefix}", False, False)


def test_the_command_prints_the_key_once(tenant: Tenant) -> None:
    out = StringIO()
    call_command("create_api_key", "--tenant", "acme", "--name", "shop", "--read-only", "--json", stdout=out)
    made = json.loads(out.getvalue())
    assert ask(x_api_key=made["key"]) == (200, "")
    assert ApiKey.objects.get(prefix=made["prefix"]).may_write is False


def test_no_scope_is_left_behind(caller: Caller, stranger: Caller, tenant: Tenant) -> None:
    stranger.get("/customers")
    stranger.get("/nowhere", status=404)
    assert _current.get() == tenant.pk
