"""Which of the ERP's records may stand for one of ours."""

from accounting.models import Account
from integrations.connectors import base
from integrations.connectors.base import AccountWish, ErpRow, Use
from integrations.models import Connection, ErpRecord, MappingKind, RecordKind, SyncMode

_RECORDS = {
    MappingKind.ACCOUNT: RecordKind.ACCOUNT,
    MappingKind.CUSTOMER: RecordKind.CUSTOMER,
    MappingKind.PRODUCT: RecordKind.PRODUCT,
    MappingKind.TAX_CODE: RecordKind.TAX_CODE,
    MappingKind.SUBSIDIARY: RecordKind.SUBSIDIARY,
    MappingKind.DEFAULT_CUSTOMER: RecordKind.CUSTOMER,
    MappingKind.DEFAULT_PRODUCT: RecordKind.PRODUCT,
    MappingKind.BAD_DEBT_PRODUCT: RecordKind.PRODUCT,
    MappingKind.DISCOUNT_PRODUCT: RecordKind.PRODUCT,
    MappingKind.WITHHELD_PRODUCT: RecordKind.PRODUCT,
    MappingKind.DEPOSIT_ACCOUNT: RecordKind.ACCOUNT,
}
TAX_COMES_BACK = "tds_receivable"  # The role of tax that customers withheld and the state gives back.


class NotAllowed(ValueError):
    """The chosen record of the ERP cannot be used there."""


class Counterparts:
    """The active records of a connection that can be mapped for a kind, read once, `limit` at most."""

    def __init__(self, connection: Connection, kind: MappingKind, *, limit: int, search: str = "") -> None:
        self._connection, self._kind = connection, kind
        self.spec = base.get(connection.erp)
        records = ErpRecord.objects.filter(connection=connection, kind=_RECORDS[kind], is_active=True)
        if search:
            records = records.filter(name__icontains=search) | records.filter(number__istartswith=search)
        found = list(records.order_by("number", "name", "id")[: limit + 1])
        self.too_many = len(found) > limit
        self._records = found[:limit]

    def refused(self, ours: Account | None = None) -> list[tuple[ErpRecord, str]]:
        """Give the records that may not be used, each with the reason in words."""
        judged = [(each, why_not(self._connection, self._kind, each, ours)) for each in self._records]
        return [(each, words) for each, words in judged if words]

    def allowed(self, ours: Account | None = None) -> list[ErpRecord]:
        """Give the records whose type suits."""
        return [each for each in self._records if not why_not(self._connection, self._kind, each, ours)]


def row_of(record: ErpRecord) -> ErpRow:
    """Give a stored record as the connector gave it."""
    return ErpRow(
        kind=record.kind,
        external_id=record.external_id,
        name=record.name,
        number=record.number,
        type=record.type,
        subtype=record.subtype,
        is_active=record.is_active,
        data=record.data,
    )


def wish_of(connection: Connection, kind: MappingKind, ours: Account | None) -> AccountWish | None:
    """Say what an account is wanted for; None for what is no account."""
    if kind == MappingKind.DEPOSIT_ACCOUNT:
        return AccountWish(Use.DEPOSIT, "cash", "assets")
    if kind == MappingKind.ACCOUNT and ours is not None:
        if connection.sync_mode == SyncMode.DOCUMENTS and ours.role == TAX_COMES_BACK:  # A payment goes there.
            return AccountWish(Use.DEPOSIT, ours.role, ours.category)
        use = Use.JOURNAL if connection.sync_mode == SyncMode.JOURNAL_ENTRIES else Use.SALE
        return AccountWish(use, ours.role, ours.category)
    return None


def why_not(connection: Connection, kind: MappingKind, record: ErpRecord, ours: Account | None = None) -> str:
    """Say in words why a record may not be used there; an empty text where it may."""
    wish = wish_of(connection, kind, ours)
    return base.get(connection.erp).why_not(row_of(record), wish) if wish else ""


def find_allowed(connection: Connection, kind: MappingKind, *, ours: Account | None, external_id: str) -> ErpRecord:
    """Give a record by the ERP's id. Raises NotAllowed in words for one that does not suit."""
    wanted = ErpRecord.objects.filter(connection=connection, kind=_RECORDS[kind], external_id=external_id).first()
    if wanted is None or not wanted.is_active:
        raise NotAllowed("The ERP has no such record any more. Import its lists, then choose again.")
    reason = why_not(connection, kind, wanted, ours)
    if reason:
        raise NotAllowed(f"{wanted} cannot be used for {ours or 'payments'}. {reason}")
    return wanted
