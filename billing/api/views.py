"""What every view of the API is made of: a tenant in scope, one transaction a write, records in and out."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import mixins, status
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from billing.api.idempotency import run_once
from billing.models import ApiKey
from billing.tenancy import Actor, TenantModel, tenant_scope


class TenantView(APIView):
    """Work as the key's tenant from authentication until the answer is rendered."""

    _scope: ExitStack

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with ExitStack() as self._scope:
            response = super().dispatch(request, *args, **kwargs)
            return response.render() if isinstance(response, Response) else response

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        if isinstance(request.auth, ApiKey):
            actor = Actor(request.user.pk, "API")
            self._scope.enter_context(tenant_scope(request.auth.tenant_id, actor=actor))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = str(request.method).lower()
        if request.method not in SAFE_METHODS and hasattr(self, method):
            # Here and not on each handler, so that no write can be forgotten.
            setattr(self, method, partial(_once, getattr(self, method)))


def _once(handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Response:
    return run_once(request, lambda: handler(request, *args, **kwargs))


class Records(TenantView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet):
    """List and retrieve the records of one model."""

    model: type[TenantModel]
    detail_serializer_class: type[BaseSerializer[Any]] | None = None
    oldest_first: tuple[str, ...] = ("id",)  # The columns of a list's order; the last tells any two rows apart.
    lookup_value_regex = "[0-9]{1,18}"

    def rows(self) -> QuerySet[Any]:
        """Give the rows of a list, with what its serializer reads."""
        return self.model.objects.all()

    def detail_rows(self) -> QuerySet[Any]:
        """Give the rows of a single record, with what its serializer reads."""
        return self.rows()

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):  # The document is made without a tenant.
            return self.model._base_manager.none()
        return self.rows() if self.action == "list" else self.detail_rows()

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        if self.action != "list" and self.detail_serializer_class:
            return self.detail_serializer_class
        return super().get_serializer_class()

    def received(self, serializer_class: type[BaseSerializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        """Read the body. Raises ValidationError with a text per field."""
        serializer = serializer_class(data=self.request.data, partial=partial, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def shown(self, record_id: int, *, created: bool = False) -> Response:
        """Answer a record as it now is."""
        serializer = self.get_serializer(self.detail_rows().get(pk=record_id))
        return Response(serializer.data, status=status.HTTP_201_CREATED if created else status.HTTP_200_OK)

    def record_id(self) -> int:
        """Give the id in the address. Whether there is such a record, the service says."""
        return int(self.kwargs["pk"])
