"""The rows of the mapping page: each of ours with its counterpart, those without one first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Case, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When

from accounting.models import Account
from billing.models import BusinessEntity, Customer, Product, TaxRate
from integrations.connectors import base
from integrations.connectors.base import Company
from integrations.counterparts import Counterparts
from integrations.models import Connection, ErpRecord, Mapping, MappingKind, MappingOrigin, MappingStatus, SyncMode
from integrations.readiness import has_subsidiaries, needs_default_customer, our_accounts
from integrations.serving import entity_ids

PAGE = 50
_INLINE = 150  # More to choose from than this is searched on a page of its own.
_REFUSED_SHOWN = 2
_SAYING_NOTHING = {"and", "of", "the", "other", "services"}
DEFAULTS = "defaults"
_DEFAULT_NOTES = {
    MappingKind.DEFAULT_CUSTOMER: "The ERP wants a customer on each line on receivables. One stands for all of ours there; "
    "who owes what is kept here. “Create what is missing” makes one.",
    MappingKind.DEFAULT_PRODUCT: "Left empty, a product without a counterpart is created in the ERP with its first invoice.",
    MappingKind.BAD_DEBT_PRODUCT: "Needed for the first write-off: an item of the ERP whose sales go to bad debts.",
    MappingKind.DISCOUNT_PRODUCT: "Needed for the first bonus that is used: an item of the ERP whose sales go to discounts.",
    MappingKind.DEPOSIT_ACCOUNT: "Where the money of payments stands in the ERP: the bank, or what your bank feed empties.",
}
_MAY_BE_LEFT_OUT = (MappingKind.DEFAULT_PRODUCT, MappingKind.BAD_DEBT_PRODUCT, MappingKind.DISCOUNT_PRODUCT)

_MODELS: dict[MappingKind, type[Any]] = {
    MappingKind.ACCOUNT: Account,
    MappingKind.CUSTOMER: Customer,
    MappingKind.PRODUCT: Product,
    MappingKind.TAX_CODE: TaxRate,
    MappingKind.SUBSIDIARY: BusinessEntity,
}
_SEARCHED = {
    MappingKind.ACCOUNT: ("code__istartswith", "name__icontains"),
    MappingKind.CUSTOMER: ("external_id__iexact", "name__icontains"),
    MappingKind.PRODUCT: ("code__istartswith", "name__icontains"),
    MappingKind.TAX_CODE: ("code__istartswith", "name__icontains"),
    MappingKind.SUBSIDIARY: ("code__istartswith", "name__icontains"),
}
_LATER = "Needed when the first such thing happens; it may stay open until then."
_ORDER = {MappingKind.ACCOUNT: ("business_entity_id", "code")}
_NOTES = {
    MappingKind.ACCOUNT: "Every account needs a counterpart before its lines can be sent.",
    MappingKind.CUSTOMER: "A customer without a counterpart is created in the ERP with its first invoice.",
    MappingKind.PRODUCT: "A product without a counterpart is created in the ERP with its first invoice.",
    MappingKind.TAX_CODE: "Every tax rate needs a tax code of the ERP.",
    MappingKind.SUBSIDIARY: "Every business entity needs a subsidiary of the ERP, where the ERP keeps several.",
    DEFAULTS: "What stands for everything that has no counterpart of its own.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One of ours (`key` is its id, or the kind of a default), what stands for it, and what may."""

    key: str
    kind: MappingKind
    name: str
    detail: str
    mapping: Mapping | None
    options: Sequence[ErpRecord] | None  # None: too many, to be searched
    note: str = ""  # What the vendor wants to be known about such an account.
    refused: Sequence[tuple[ErpRecord, str]] = ()  # What one might expect to stand here, and why it may not.

    @property
    def is_account(self) -> bool:
        """Tell whether an account is chosen: of these the vendor allows only some."""
        return self.kind in (MappingKind.ACCOUNT, MappingKind.DEPOSIT_ACCOUNT)

    @property
    def unlisted(self) -> str:
        """Name what it is mapped to where that is none of what it may be mapped to, such as an inactive account."""
        if self.mapping is None or any(each.external_id == self.mapping.external_id for each in self.options or ()):
            return ""
        name = self.mapping.external_name or self.mapping.external_id
        # What was created with a delivery is in no list until the lists are read again.
        return name if self.mapping.origin == MappingOrigin.CREATED else f"{name}: not suitable, or gone there"


def kinds_of(connection: Connection) -> list[tuple[str, str]]:
    """List what can be mapped for what the connection sends, for tabs."""
    kinds = [(MappingKind.ACCOUNT.value, "Accounts")]
    if connection.sync_mode == SyncMode.DOCUMENTS or connection.option("ar_customer", "one") == "each":
        kinds.append((MappingKind.CUSTOMER.value, "Customers"))
    if connection.sync_mode == SyncMode.DOCUMENTS:
        kinds += [(MappingKind.PRODUCT.value, "Products"), (MappingKind.TAX_CODE.value, "Tax rates")]
    if has_subsidiaries(connection):
        kinds.append((MappingKind.SUBSIDIARY.value, "Business entities"))
    return [*kinds, (DEFAULTS, "Defaults")] if default_kinds(connection) else kinds


def note_of(connection: Connection, kind: str) -> str:
    """Say what a kind's mapping is for."""
    if kind == MappingKind.TAX_CODE and not _needs_tax_codes(connection):
        return "This company's documents name no tax codes; nothing has to be mapped."
    return _NOTES[MappingKind(kind) if kind != DEFAULTS else DEFAULTS]


def default_kinds(connection: Connection) -> list[MappingKind]:
    """Give the defaults that what the connection sends needs."""
    if connection.sync_mode == SyncMode.JOURNAL_ENTRIES:
        return [MappingKind.DEFAULT_CUSTOMER] if needs_default_customer(connection) else []
    kinds = [MappingKind.DEFAULT_PRODUCT, *([MappingKind.DEPOSIT_ACCOUNT] if connection.send_payments else [])]
    by_item = [MappingKind.BAD_DEBT_PRODUCT, MappingKind.DISCOUNT_PRODUCT]
    return [*kinds, *(by_item if base.get(connection.erp).line_product else [])]


def ours(connection: Connection, kind: MappingKind, internal_id: int) -> Any:
    """Find one of ours, or None."""
    return _rows(connection, kind).filter(pk=internal_id).first()


def _rows(connection: Connection, kind: MappingKind) -> QuerySet[Any]:
    rows = _MODELS[kind].objects.all()
    if kind == MappingKind.ACCOUNT:
        rows = rows.filter(pk__in=[account.pk for account in our_accounts(connection, all_possible=True)])
    if kind == MappingKind.SUBSIDIARY:
        rows = rows.filter(pk__in=entity_ids(connection))
    if kind == MappingKind.CUSTOMER:
        rows = rows.filter(business_entity_id__in=entity_ids(connection))
    return rows


def page_of(
    connection: Connection, kind: MappingKind, *, search: str, show: str, page: str
) -> tuple[Page[Any], list[Row]]:
    """Give a page of ours with their counterparts. `show` is "", unmapped, suggested or confirmed."""
    mapped = Mapping.objects.filter(connection=connection, kind=kind, internal_id=OuterRef("pk"))
    rows = _rows(connection, kind).annotate(mapping_status=Subquery(mapped.values("status")[:1]))
    if search:
        wanted = Q()
        for lookup in _SEARCHED[kind]:
            wanted |= Q(**{lookup: search})
        rows = rows.filter(wanted)
    if show == "unmapped":
        rows = rows.filter(mapping_status=None)
    elif show:
        rows = rows.filter(mapping_status=show)
    first = Case(
        When(mapping_status=None, then=Value(0)),
        When(mapping_status=MappingStatus.SUGGESTED, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    found = Paginator(rows.order_by(first, *_ORDER.get(kind, ("name", "id"))), PAGE).get_page(page)
    objects = list(found.object_list)
    mappings = Mapping.objects.filter(connection=connection, kind=kind, internal_id__in=[each.pk for each in objects])
    by_id = {each.internal_id: each for each in mappings}
    records = Counterparts(connection, kind, limit=2000 if kind == MappingKind.ACCOUNT else _INLINE)
    needed = {each.pk for each in our_accounts(connection)} if kind == MappingKind.ACCOUNT else set()
    return found, [_row(kind, each, by_id.get(each.pk), records, is_needed=each.pk in needed) for each in objects]


def _row(kind: MappingKind, each: Any, mapping: Mapping | None, records: Counterparts, *, is_needed: bool) -> Row:
    account = each if kind == MappingKind.ACCOUNT else None
    allowed = None if records.too_many else records.allowed(account)
    options = None if allowed is None or len(allowed) > _INLINE else allowed
    detail = each.get_category_display() if account else getattr(each, "external_id", "") or getattr(each, "code", "")
    if kind == MappingKind.TAX_CODE:
        detail = f"{detail}, {each.percent.normalize():f} %"
    if account is None:
        return Row(str(each.pk), kind, str(each), detail, mapping, options)
    later = "" if is_needed or mapping else _LATER
    note = f"{later} {records.spec.role_notes.get(account.role, '')}".strip()
    expected = [(record, words) for record, words in records.refused(account) if _is_like(account, record)]
    return Row(str(each.pk), kind, str(each), detail, mapping, options, note, expected[:_REFUSED_SHOWN])


def _is_like(account: Account, record: ErpRecord) -> bool:
    """Tell a record of the ERP that a person would look for: of our number or name, or their own kind of that role."""
    words = _words(account.name) & _words(record.name)
    of_role = {"cash": ("bank", "BANK"), "accounts_receivable.customers": ("receivable", "DEBTORS")}.get(account.role)
    known = f"{record.type} {record.name} {record.data.get('system_account', '')}"
    return record.number == account.code or len(words) > 1 or bool(of_role and any(each in known for each in of_role))


def _words(name: str) -> set[str]:
    return set(name.lower().replace("-", " ").split()) - _SAYING_NOTHING


def default_rows(connection: Connection) -> list[Row]:
    """Give the rows of the defaults."""
    kinds = default_kinds(connection)
    found = {
        each.kind: each for each in Mapping.objects.filter(connection=connection, kind__in=kinds, internal_id=None)
    }
    rows = []
    for kind in kinds:
        records = Counterparts(connection, kind, limit=2000 if kind == MappingKind.DEPOSIT_ACCOUNT else _INLINE)
        options = None if records.too_many else records.allowed()
        rows.append(Row(kind.value, kind, kind.label, "", found.get(kind), options, _DEFAULT_NOTES[kind]))
    return rows


def _needs_tax_codes(connection: Connection) -> bool:
    return base.get(connection.erp).needs_tax_code(Company.from_json(connection.company))


def open_counts(connection: Connection) -> dict[str, int]:
    """Count by tab what is needed and has no confirmed counterpart yet; what may be left out is not counted."""
    confirmed = Mapping.objects.filter(connection=connection, status=MappingStatus.CONFIRMED)
    needed = []
    if connection.sync_mode == SyncMode.DOCUMENTS and _needs_tax_codes(connection):
        needed.append(MappingKind.TAX_CODE)
    if has_subsidiaries(connection):
        needed.append(MappingKind.SUBSIDIARY)
    found = {
        kind.value: _rows(connection, kind).exclude(pk__in=confirmed.filter(kind=kind).values("internal_id")).count()
        for kind in needed
    }
    mapped = set(confirmed.filter(kind=MappingKind.ACCOUNT).values_list("internal_id", flat=True))
    found[MappingKind.ACCOUNT.value] = sum(each.pk not in mapped for each in our_accounts(connection))
    done = set(confirmed.filter(internal_id=None).values_list("kind", flat=True))
    wanted = [kind for kind in default_kinds(connection) if kind not in _MAY_BE_LEFT_OUT]
    return {**found, DEFAULTS: sum(kind not in done for kind in wanted)}
