"""Who calls: a key of one tenant, in `Authorization: Bearer <key>` or `X-Api-Key`."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from billing.models import ApiKey
from billing.services.api_keys import KeyRefused, find_key

_SCHEME = "Bearer"


class ApiKeyAuthentication(BaseAuthentication):
    """Answer the key's service user, and the key itself as `request.auth`."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, ApiKey] | None:
        plain = _shown_key(request)
        if plain is None:
            return None
        try:
            key = find_key(plain, at=timezone.now())
        except KeyRefused as error:
            raise AuthenticationFailed(str(error), code=error.code) from error
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return f'{_SCHEME} realm="Counterfoil"'


def _shown_key(request: Request) -> str | None:
    header = request.headers.get("Authorization", "")
    if not header:
        return request.headers.get("X-Api-Key")
    scheme, _, key = header.partition(" ")
    if scheme.lower() != _SCHEME.lower() or not key.strip():
        raise AuthenticationFailed("Send the key as: Authorization: Bearer cf_…", code="invalid_key")
    return key.strip()


class HasKey(BasePermission):
    """Every request needs a key; a key that may only read changes nothing."""

    code = "read_only_key"
    message = "This API key may only read. Ask your administrator for one that may write."

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, ApiKey) and (request.method in SAFE_METHODS or request.auth.may_write)


class MayReopen(BasePermission):
    """Opening a closed month is for keys that were given it, as it is for administrators in the admin."""

    code = "may_not_reopen"
    message = "This API key may not reopen months. Ask your administrator for one that may, or reopen it in the admin."

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, ApiKey) and request.auth.may_reopen


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """Describe the key: in the Authorization header or in one of its own."""

    target_class = "billing.api.authentication.ApiKeyAuthentication"
    name = ["BearerKey", "ApiKeyHeader"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        made = "Made by `manage.py create_api_key`."
        return [
            {"type": "http", "scheme": "bearer", "description": f"`Authorization: Bearer cf_…`. {made}"},
            {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": made},
        ]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        return [{name: []} for name in self.name]  # Either, not both.
