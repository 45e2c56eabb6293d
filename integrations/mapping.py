"""Ours to theirs: import the ERP's lists, suggest counterparts, confirm them, create what is missing."""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from difflib import SequenceMatcher

from django.db import transaction
from django.utils import timezone

from accounting.models import Account
from billing.models import BusinessEntity, Customer, Product, TaxRate
from integrations.connectors import base
from integrations.connectors.base import Call, Connector, ConnectorSpec, ErpRow
from integrations.counterparts import why_not
from integrations.models import (
    Connection,
    ErpRecord,
    Mapping,
    MappingKind,
    MappingOrigin,
    MappingStatus,
    RecordKind,
    SyncMode,
)
from integrations.readiness import (
    default_customers,
    has_subsidiaries,
    needs_default_customer,
    our_accounts,
    our_entities,
)
from integrations.wiring import open_connector

_ALIKE = 0.82
_NUMBER = re.compile(r"\d+(\.\d+)?")
_OVERLAP = timedelta(minutes=5)  # Clocks differ, and a change may become visible after its own time.
_NAMESPACE = uuid.UUID("7f1f0b0e-7a53-4a0a-9a53-2f2b6d0c4e11")
# What ERPs and accountants call the accounts of some roles.
_ALSO_CALLED = {
    "cash": ("checking", "current account", "bank", "bank account", "business bank account", "cash at bank"),
    "payment_gateway_fees": ("payment processing fees", "merchant fees", "merchant account fees", "bank fees"),
    "rounding": ("rounding differences",),
    "bad_debt_expense": ("bad debts", "bad debt"),
    "customer_wallet": ("customer prepayments", "customer deposits", "prepayments from customers"),
    "accounts_receivable.payment_gateways": ("payment processor clearing", "payment gateway clearing"),
    "sales_tax": ("sales tax payable", "tax payable", "vat"),
    "disputes": ("chargebacks",),
}
_SUBLEDGER = "Counterfoil sub-ledger"
_DEPOSITS = "Payments received"
Suggestions = list[tuple[int | None, ErpRecord]]


def _ignore(call: Call) -> None:
    """Reading lists is not a delivery and is not logged as one."""


def connector_of(connection: Connection) -> Connector:
    """Open the connection for reading lists and creating master data."""
    return open_connector(connection, on_call=_ignore)


def import_lists(connection: Connection, connector: Connector | None = None) -> int:
    """Read the company and its lists and keep them; give how many rows. What is gone there is marked inactive here."""
    connector = connector or connector_of(connection)
    company, now = connector.company(), timezone.now()
    rows = list(connector.lists())
    with transaction.atomic():
        connection.company, connection.company_read_at, connection.lists_read_at = asdict(company), now, now
        connection.realm_name = company.name
        connection.save(update_fields=["company", "company_read_at", "lists_read_at", "realm_name", "updated_at"])
        ErpRecord.objects.filter(connection=connection).update(is_active=False)
        _keep(connection, rows)
    return len(rows)


def refresh_lists(connection: Connection, connector: Connector | None = None) -> int:
    """Read what changed in the lists since they were last read; give how many rows. Reads all where that never was."""
    if connection.lists_read_at is None:
        return import_lists(connection, connector)
    now = timezone.now()
    rows = list((connector or connector_of(connection)).lists(since=connection.lists_read_at - _OVERLAP))
    with transaction.atomic():
        _keep(connection, rows)
        connection.lists_read_at = now
        connection.save(update_fields=["lists_read_at", "updated_at"])
    return len(rows)


def _keep(connection: Connection, rows: Iterable[ErpRow]) -> None:
    ErpRecord.objects.bulk_create(
        (
            ErpRecord(
                tenant_id=connection.tenant_id,
                connection=connection,
                kind=row.kind,
                external_id=row.external_id,
                name=row.name[:500],
                number=row.number[:100],
                type=row.type,
                subtype=row.subtype,
                is_active=row.is_active,
                data=dict(row.data),
            )
            for row in rows
        ),
        update_conflicts=True,
        unique_fields=["connection", "kind", "external_id"],
        update_fields=["name", "number", "type", "subtype", "is_active", "data"],
        batch_size=1000,
    )


def suggest(connection: Connection) -> int:
    """Suggest a counterpart for every record of ours that has none; give how many. Confirmed mappings stay."""
    spec = base.get(connection.erp)
    records = ErpRecord.objects.filter(connection=connection, is_active=True)
    accounts = list(records.filter(kind=RecordKind.ACCOUNT))
    found: dict[MappingKind, Suggestions] = {MappingKind.ACCOUNT: _accounts(connection, spec, accounts)}
    if has_subsidiaries(connection):
        found[MappingKind.SUBSIDIARY] = _subsidiaries(connection, list(records.filter(kind=RecordKind.SUBSIDIARY)))
    if connection.sync_mode == SyncMode.DOCUMENTS:
        found[MappingKind.PRODUCT] = _by_name(Product.objects.all(), list(records.filter(kind=RecordKind.PRODUCT)))
        found[MappingKind.CUSTOMER] = _by_name(Customer.objects.all(), list(records.filter(kind=RecordKind.CUSTOMER)))
        found[MappingKind.TAX_CODE] = _tax_codes(list(records.filter(kind=RecordKind.TAX_CODE)))
        found[MappingKind.DEPOSIT_ACCOUNT] = [(None, record) for record in _deposit_accounts(connection, accounts)[:1]]
    mapped = set(Mapping.objects.filter(connection=connection).values_list("kind", "internal_id"))
    fresh = [
        Mapping(
            tenant_id=connection.tenant_id,
            connection=connection,
            kind=kind,
            internal_id=internal_id,
            external_id=record.external_id,
            external_name=record.name,
        )
        for kind, suggestions in found.items()
        for internal_id, record in suggestions
        if (kind.value, internal_id) not in mapped
    ]
    Mapping.objects.bulk_create(fresh, batch_size=1000)
    return len(fresh)


def confirm(connection: Connection, mapping_ids: Sequence[int] | None = None) -> int:
    """Confirm suggested mappings, all or those named; give how many."""
    rows = Mapping.objects.filter(connection=connection, status=MappingStatus.SUGGESTED)
    if mapping_ids is not None:
        rows = rows.filter(id__in=mapping_ids)
    return rows.update(status=MappingStatus.CONFIRMED)


def choose(connection: Connection, *, kind: MappingKind, internal_id: int | None, record: ErpRecord) -> Mapping:
    """Map by hand, at once confirmed."""
    mapping, _ = Mapping.objects.update_or_create(
        connection=connection,
        kind=kind,
        internal_id=internal_id,
        defaults={
            "tenant_id": connection.tenant_id,
            "external_id": record.external_id,
            "external_name": record.name,
            "status": MappingStatus.CONFIRMED,
            "origin": MappingOrigin.MANUAL,
        },
    )
    return mapping


def create_missing(connection: Connection, *, progress: Callable[[int, int], None] | None = None) -> int:
    """Create in the ERP what has no counterpart: accounts, and the customer of receivable lines; give how many.

    `progress` is told how many of the accounts are made: a vendor's limits may let them take half a minute.
    """
    connector = connector_of(connection)
    spec = base.get(connection.erp)
    mapped = set(
        Mapping.objects.filter(connection=connection, kind=MappingKind.ACCOUNT).values_list("internal_id", flat=True)
    )
    theirs = list(ErpRecord.objects.filter(connection=connection, kind=RecordKind.ACCOUNT))
    numbers = {record.number for record in theirs}
    types_by_name = {_plain(record.name): record.type for record in theirs}
    created = 0
    missing = [account for account in our_accounts(connection) if account.pk not in mapped]
    for account in missing:
        kind, subtype = spec.account_types.get(account.role) or spec.account_types[account.category]
        # Names and numbers are unique there; what another account has is left to it.
        is_free = types_by_name.get(_plain(account.name), kind) == kind
        row = connector.create_account(
            request_id=_request_id(connection, f"account {account.pk}"),
            name=account.name if is_free else f"{account.name} ({account.code})",
            number="" if account.code in numbers else account.code,
            account_type=kind,
            subtype=subtype,
        )
        _created(connection, MappingKind.ACCOUNT, account.pk, row)
        created += 1
        if progress:
            progress(created, len(missing))
    if connection.sync_mode == SyncMode.DOCUMENTS and connection.send_payments:
        created += _create_deposit_account(connection, connector, theirs)
    if needs_default_customer(connection):
        created += _create_default_customers(connection, connector)
    if created:  # What the company tells of its accounts is older than they are.
        connection.company, connection.company_read_at = asdict(connector.company()), timezone.now()
        connection.save(update_fields=["company", "company_read_at", "updated_at"])
    return created


def _create_deposit_account(connection: Connection, connector: Connector, theirs: Sequence[ErpRecord]) -> int:
    """Create the account that payments go to, where the ERP has none that may take them."""
    mapped = Mapping.objects.filter(connection=connection, kind=MappingKind.DEPOSIT_ACCOUNT).exists()
    if mapped or _deposit_accounts(connection, theirs):
        return 0
    kind, subtype = base.get(connection.erp).account_types["cash"]
    row = connector.create_account(
        request_id=_request_id(connection, "deposit account"),
        name=_DEPOSITS,
        number="",
        account_type=kind,
        subtype=subtype,
    )
    _created(connection, MappingKind.DEPOSIT_ACCOUNT, None, row)
    return 1


def _create_default_customers(connection: Connection, connector: Connector) -> int:
    rows = Mapping.objects.filter(connection=connection, kind=MappingKind.DEFAULT_CUSTOMER)
    there = set(rows.values_list("internal_id", flat=True))
    missing = [each for each in default_customers(connection) if each.entity_id not in there]
    for wish in missing:
        row = connector.create_customer(
            request_id=_request_id(connection, f"default customer {wish.entity_id or ''}".rstrip()),
            name=f"{_SUBLEDGER} {wish.name}".rstrip(),
            note="Receivables are kept by customer in Counterfoil; here they are one balance.",
            subsidiary=wish.subsidiary,
        )
        _created(connection, MappingKind.DEFAULT_CUSTOMER, wish.entity_id, row)
    return len(missing)


def _created(connection: Connection, kind: MappingKind, internal_id: int | None, row: ErpRow) -> None:
    with transaction.atomic():
        _keep(connection, [row])
        Mapping.objects.create(
            connection=connection,
            kind=kind,
            internal_id=internal_id,
            external_id=row.external_id,
            external_name=row.name,
            status=MappingStatus.CONFIRMED,
            origin=MappingOrigin.CREATED,
        )


def _request_id(connection: Connection, what: str) -> str:
    """The same wish has the same id, so asking again after a lost answer creates nothing twice."""
    return str(uuid.uuid5(_NAMESPACE, f"{connection.reference_prefix} {connection.pk} {what}"))


def _accounts(connection: Connection, spec: ConnectorSpec, records: Sequence[ErpRecord]) -> Suggestions:
    """Match accounts by number, then name, then likeness, among the types that suit; no record is taken twice."""
    taken = set(
        Mapping.objects.filter(connection=connection, kind=MappingKind.ACCOUNT).values_list("external_id", flat=True)
    )
    open_accounts = our_accounts(connection, all_possible=True)
    chosen: Suggestions = []
    tests: tuple[Callable[[Account, ErpRecord], bool], ...] = (
        lambda ours, theirs: bool(theirs.number) and theirs.number == ours.code and _likeness(ours, theirs) > 0.5,
        lambda ours, theirs: _plain(ours.name) == _plain(theirs.name),
        lambda ours, theirs: _likeness(ours, theirs) >= _ALIKE,
        lambda ours, theirs: _plain(theirs.name) in _ALSO_CALLED.get(ours.role, ()),
        lambda ours, theirs: theirs.type in spec.receivable_types,  # A company usually has just one.
    )
    for fits in tests:
        for account in list(open_accounts):
            match = next(
                (
                    each
                    for each in records
                    if each.external_id not in taken
                    and fits(account, each)
                    and not why_not(connection, MappingKind.ACCOUNT, each, account)
                ),
                None,
            )
            if match:
                chosen.append((account.pk, match))
                taken.add(match.external_id)
                open_accounts.remove(account)
    return chosen


def _likeness(ours: Account, theirs: ErpRecord) -> float:
    return SequenceMatcher(None, _plain(ours.name), _plain(theirs.name)).ratio()


def _deposit_accounts(connection: Connection, records: Sequence[ErpRecord]) -> list[ErpRecord]:
    """Give what payments may go to: the vendor's usual kind first, then banks."""
    spec = base.get(connection.erp)
    suitable = [each for each in records if not why_not(connection, MappingKind.DEPOSIT_ACCOUNT, each)]
    banks = spec.account_types["cash"][0]
    return sorted(suitable, key=lambda each: (each.subtype not in spec.deposit_subtypes, each.type != banks))


def _by_name(ours: Iterable[BusinessEntity | Customer | Product | TaxRate], theirs: Sequence[ErpRecord]) -> Suggestions:
    """Match by exactly the same name, and only where it is the only one: two of a name are for a person."""
    names: dict[str, list[ErpRecord]] = {}
    for record in theirs:
        names.setdefault(_plain(record.name), []).append(record)
    return [(each.pk, names[_plain(each.name)][0]) for each in ours if len(names.get(_plain(each.name), ())) == 1]


def _tax_codes(theirs: Sequence[ErpRecord]) -> Suggestions:
    """Match by name, then by the only one with that percentage."""
    rates = list(TaxRate.objects.order_by("id"))
    named = _by_name(rates, theirs)
    known = {pk for pk, _ in named}
    by_percent: dict[Decimal, list[ErpRecord]] = {}
    for record in theirs:
        if _NUMBER.fullmatch(rate := str(record.data.get("rate", "")).rstrip(" %")):
            by_percent.setdefault(Decimal(rate), []).append(record)
    alike = [(each.pk, by_percent.get(each.percent, ())) for each in rates if each.pk not in known]
    return [*named, *((pk, some[0]) for pk, some in alike if len(some) == 1)]


def _subsidiaries(connection: Connection, theirs: Sequence[ErpRecord]) -> Suggestions:
    """Match by name, then by the only one with the currency of the books; one entity and one subsidiary belong together."""
    ours = our_entities(connection)
    if len(ours) == 1 and len(theirs) == 1:
        # Not the one that keeps its books in another currency: a person decides.
        fits = str(theirs[0].data.get("currency") or ours[0].base_currency) == ours[0].base_currency
        return [(ours[0].pk, theirs[0])] if fits else []
    named = _by_name(ours, theirs)
    known, taken = {pk for pk, _ in named}, {record.pk for _, record in named}
    rest = [each for each in ours if each.pk not in known]
    free = [record for record in theirs if record.pk not in taken]
    wanted = Counter(each.base_currency for each in rest)
    offered = Counter(str(record.data.get("currency", "")) for record in free)
    by_currency = {str(record.data.get("currency", "")): record for record in free}
    alone = [each for each in rest if wanted[each.base_currency] == offered[each.base_currency] == 1]
    return [*named, *((each.pk, by_currency[each.base_currency]) for each in alone)]


def _plain(name: str) -> str:
    """Give the last part of a full name, without case and punctuation."""
    return re.sub(r"[^a-z0-9]+", " ", name.rpartition(":")[2].lower()).strip()
