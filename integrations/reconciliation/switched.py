"""What the books and the ERP have from before the mode was switched: sent in the other form, so of no concern to this one."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from integrations.connectors.base import ErpDocument
from integrations.documents import Kind, reference_of
from integrations.models import Connection, OutboxItem
from integrations.policy import SWITCHED_AT


class Switch:
    """The last switch of a connection's mode; of one that never was switched everything concerns."""

    def __init__(self, connection: Connection) -> None:
        kept = connection.option(SWITCHED_AT, None)
        self._moment = datetime.fromisoformat(kept) if kept else None
        self._connection = connection

    def since(self, kind: Kind, rows: QuerySet[Any], *, recorded: str, or_in: Exists | None = None) -> QuerySet[Any]:
        """Leave out what was recorded before the switch and is not to be sent as this kind, by itself or `or_in` a sum."""
        if self._moment is None:
            return rows
        items = OutboxItem.objects.filter(connection=self._connection, kind=kind, subject_id=OuterRef("pk"))
        concerned = Q(**{f"{recorded}__gte": self._moment}) | Exists(items)
        return rows.filter(concerned | or_in if or_in else concerned)

    def concerned(self, kind: Kind, recorded: Callable[[], Mapping[int, datetime]], ids: Iterable[int]) -> set[int]:
        """Give those of these documents that `since` would leave in; `recorded` tells when, and is asked after a switch only."""
        if self._moment is None:
            return set(ids)
        items = OutboxItem.objects.filter(connection=self._connection, kind=kind, subject_id__in=list(ids))
        late = {pk for pk, at in recorded().items() if at >= self._moment}
        return late | set(items.values_list("subject_id", flat=True))

    def sent_before(self, document: ErpDocument) -> bool:
        """Tell whether a document of the ERP was sent from here before the switch, in the form of that time."""
        return self._moment is not None and document.reference in self._sent

    @cached_property
    def _sent(self) -> set[str]:
        items = OutboxItem.objects.filter(connection=self._connection, delivered_at__lt=self._moment)
        prefix = self._connection.reference_prefix
        return {reference_of(prefix, kind, pk) for kind, pk in items.values_list("kind", "subject_id").iterator()}
