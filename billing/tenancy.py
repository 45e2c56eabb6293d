"""Tenants are walls: a query without a tenant fails here, and row-level security in PostgreSQL stands behind it.

The current tenant is a context variable; the connection carries the same id as the setting `counterfoil.tenant`, which
the row-level policies read (`billing.walls`). A scope is left in the reverse order it was entered, so whether it lies
inside or around a transaction, commit and rollback both leave the connection with the right setting.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.sql.compiler import SQLCompiler

_current: ContextVar[int | None] = ContextVar("counterfoil_tenant", default=None)


class Actor(NamedTuple):
    """Who is at work, for the audit trail: a person (or an API key's service user), and by which way."""

    user_id: int | None = None
    via: str = ""


_NOBODY = Actor()
_acting: ContextVar[Actor] = ContextVar("counterfoil_actor", default=_NOBODY)
_T = TypeVar("_T", bound=models.Model)


class TenantRequired(RuntimeError):
    """A query or a service was used outside any tenant's scope."""


def current_tenant_id() -> int:
    """Give the id of the tenant in scope. Raises TenantRequired."""
    tenant_id = _current.get()
    if tenant_id is None:
        raise TenantRequired("No tenant is in scope; wrap the work in tenant_scope(tenant_id).")
    return tenant_id


def current_actor() -> Actor:
    """Say who is at work."""
    return _acting.get()


@contextmanager
def tenant_scope(tenant_id: int, *, actor: Actor | None = None) -> Iterator[None]:
    """Work as one tenant: queries see its rows, the database lets through nothing else.

    `actor` says who is at work; without one, whoever was before still is.
    """
    before = (_current.get(), _acting.get())
    now = (tenant_id, before[1] if actor is None else actor)
    tokens = _current.set(now[0]), _acting.set(now[1])
    if before != now:
        _tell_database(connection)
    try:
        yield
    finally:
        _current.reset(tokens[0])
        _acting.reset(tokens[1])
        # After an error inside a transaction the rollback restores the setting, and no statement is accepted before it.
        if before != now and not connection.needs_rollback and not _in_failed_transaction():
            _tell_database(connection)


def _in_failed_transaction() -> bool:
    raw = connection.connection
    return raw is not None and not raw.closed and raw.info.transaction_status.name == "INERROR"


def _tell_database(database: BaseDatabaseWrapper) -> None:
    actor = _acting.get()
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('counterfoil.tenant', %s, false), set_config('counterfoil.user', %s, false), "
            "set_config('counterfoil.via', %s, false)",
            [str(_current.get() or ""), str(actor.user_id or ""), actor.via],
        )


def _restore_after_reconnect(sender: Any, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    # A connection from a pool may still carry the tenant of whoever used it last.
    if connection.alias == "default":
        _tell_database(connection)


def connect() -> None:
    """Make every new database connection start in the scope that is current."""
    connection_created.connect(_restore_after_reconnect, dispatch_uid="counterfoil_tenancy")


class CurrentTenant(models.Expression):
    """The tenant in scope when the query runs, so that a queryset made at import never belongs to the wrong one."""

    output_field = models.BigIntegerField()

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        return "%s", (current_tenant_id(),)


class TenantManager(models.Manager[_T]):
    """A manager whose queries fail without a tenant and see only that tenant's rows."""

    def get_queryset(self) -> models.QuerySet[_T]:
        return super().get_queryset().filter(tenant_id=CurrentTenant())


class TenantModel(models.Model):
    """A row that belongs to one tenant. New rows take the tenant in scope; another's is refused."""

    tenant = models.ForeignKey("billing.Tenant", on_delete=models.PROTECT, db_index=False, editable=False)

    objects = TenantManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        current = current_tenant_id()
        if self.tenant_id is None:
            self.tenant_id = current
        elif self.tenant_id != current:
            raise TenantRequired(f"This {self._meta.verbose_name} belongs to another tenant than the one in scope.")
        super().save(*args, **kwargs)
