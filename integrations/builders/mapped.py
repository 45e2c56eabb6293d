"""The connection's confirmed mapping, as far as a batch needs it, with the words for what is missing."""

from collections.abc import Iterable

from integrations.connectors import base
from integrations.connectors.base import DeliveryError, MissingMapping
from integrations.documents import Document
from integrations.models import Connection, ErpRecord, ExternalReference, Mapping, MappingKind, MappingStatus

Built = Document | DeliveryError

_ASK = {
    MappingKind.ACCOUNT: "The account {name} has no counterpart in the ERP. Map it, then send the item again.",
    MappingKind.CUSTOMER: "The customer {name} is not in the ERP. Map it or send it again, then send this item again.",
    MappingKind.PRODUCT: "The product {name} is not in the ERP. Map it or send it again, then send this item again.",
    MappingKind.TAX_CODE: "The tax rate {name} has no tax code of the ERP. Map it, then send the item again.",
    MappingKind.SUBSIDIARY: "The business entity {name} has no subsidiary of the ERP. Map it, then send the item again.",
    MappingKind.DEFAULT_CUSTOMER: "No ERP customer is chosen for receivable lines. Choose one in the mapping, then send "
    "the item again.",
    MappingKind.BAD_DEBT_PRODUCT: "A debt is written off in the ERP by a credit note for an item whose sales go to bad debts. "
    "Make such an item there, import its lists, choose it under the defaults of the mapping, then send the item again.",
    MappingKind.DISCOUNT_PRODUCT: "Wallet bonus that is used is a credit note in the ERP for an item whose sales go to "
    "discounts. Make such an item there, import its lists, choose it under the defaults of the mapping, then send the item "
    "again.",
    MappingKind.WITHHELD_PRODUCT: "Tax that a customer withheld and nobody gives back is a credit note in the ERP for an item "
    "whose sales go to your account for such tax. Make such an item there, import its lists, choose it under the defaults of "
    "the mapping, then send the item again.",
    MappingKind.DEPOSIT_ACCOUNT: "No ERP account is chosen for payments. Choose one in the mapping, then send the item "
    "again.",
}


class Mapped:
    """Confirmed mappings of a few kinds, read in one query."""

    def __init__(self, connection: Connection, ids: dict[MappingKind, Iterable[int] | None]) -> None:
        rows = Mapping.objects.filter(
            connection=connection, kind__in=list(ids), status=MappingStatus.CONFIRMED
        ).values_list("kind", "internal_id", "external_id")
        wanted = {each for some in ids.values() if some is not None for each in some}
        if wanted:
            entities = rows.filter(kind__in=(MappingKind.SUBSIDIARY, MappingKind.DEFAULT_CUSTOMER))
            rows = rows.filter(internal_id__in=wanted) | rows.filter(internal_id=None) | entities
        self._found = {(kind, internal): external for kind, internal, external in rows}
        self._has_subsidiaries = bool(connection.company.get("extra", {}).get("subsidiaries"))

    def get(self, kind: MappingKind, internal_id: int | None = None) -> str | None:
        """Give the ERP's id, or None."""
        return self._found.get((kind.value, internal_id))

    def subsidiary(self, entity_id: int) -> str:
        """Give the ERP's subsidiary of a business entity. Raises MissingMapping where the ERP has several and none is chosen."""
        found = self.get(MappingKind.SUBSIDIARY, entity_id)
        return found or (self.need(MappingKind.SUBSIDIARY, entity_id) if self._has_subsidiaries else "")

    def need(self, kind: MappingKind, internal_id: int | None = None, *, name: str = "") -> str:
        """Give the ERP's id. Raises MissingMapping in words."""
        external = self.get(kind, internal_id)
        if external is None:
            raise MissingMapping(kind.value, internal_id, _ASK[kind].format(name=name or internal_id))
        return external


def external_ids(connection: Connection, kind: str, subject_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Give id and sync token of our documents that the ERP holds."""
    rows = ExternalReference.objects.filter(connection=connection, kind=kind, subject_id__in=set(subject_ids))
    return {
        subject: (external, token)
        for subject, external, token in rows.values_list("subject_id", "external_id", "sync_token")
    }


def receivable_accounts(connection: Connection) -> set[str]:
    """Give the ERP's accounts whose lines must name a customer."""
    types = base.get(connection.erp).receivable_types
    rows = ErpRecord.objects.filter(connection=connection, kind="account", type__in=types)
    return set(rows.values_list("external_id", flat=True))
