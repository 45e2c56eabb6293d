"""Which of the ERP's records may stand for one of ours."""

from collections.abc import Sequence

from accounting.models import Account
from integrations.connectors import base
from integrations.models import Connection, ErpRecord, MappingKind, RecordKind

_RECORDS = {
    MappingKind.ACCOUNT: RecordKind.ACCOUNT,
    MappingKind.CUSTOMER: RecordKind.CUSTOMER,
    MappingKind.PRODUCT: RecordKind.PRODUCT,
    MappingKind.TAX_CODE: RecordKind.TAX_CODE,
    MappingKind.DEFAULT_CUSTOMER: RecordKind.CUSTOMER,
    MappingKind.DEFAULT_PRODUCT: RecordKind.PRODUCT,
    MappingKind.DEPOSIT_ACCOUNT: RecordKind.ACCOUNT,
}


class NotAllowed(ValueError):
    """The chosen record of the ERP cannot be used there."""


class Counterparts:
    """The active records of a connection that can be mapped for a kind, read once, `limit` at most."""

    def __init__(self, connection: Connection, kind: MappingKind, *, limit: int, search: str = "") -> None:
        self._connection, self._kind = connection, kind
        records = ErpRecord.objects.filter(connection=connection, kind=_RECORDS[kind], is_active=True)
        if search:
            records = records.filter(name__icontains=search) | records.filter(number__istartswith=search)
        found = list(records.order_by("number", "name", "id")[: limit + 1])
        self.too_many = len(found) > limit
        self._records = found[:limit]

    def allowed(self, ours: Account | None = None) -> list[ErpRecord]:
        """Give the records whose type suits."""
        types = suitable_types(self._connection, self._kind, ours)
        return self._records if types is None else [each for each in self._records if each.type in types]


def suitable_types(connection: Connection, kind: MappingKind, ours: Account | None = None) -> Sequence[str] | None:
    """Give the ERP's types that suit our account's role, else its category; None where any record will do."""
    types = base.get(connection.erp).allowed_types
    if kind == MappingKind.DEPOSIT_ACCOUNT:
        return types["cash"]
    if kind == MappingKind.ACCOUNT and ours is not None:
        return types.get(ours.role) or types[ours.category]
    return None


def find_allowed(connection: Connection, kind: MappingKind, *, ours: Account | None, external_id: str) -> ErpRecord:
    """Give a record by the ERP's id. Raises NotAllowed in words for one that does not suit."""
    wanted = ErpRecord.objects.filter(connection=connection, kind=_RECORDS[kind], external_id=external_id).first()
    if wanted is None or not wanted.is_active:
        raise NotAllowed("The ERP has no such record any more. Import its lists, then choose again.")
    types = suitable_types(connection, kind, ours)
    if types is not None and wanted.type not in types:
        raise NotAllowed(
            f"{wanted} is of the type {wanted.type}; {ours or 'payments'} needs one of these: {', '.join(types)}."
        )
    return wanted
