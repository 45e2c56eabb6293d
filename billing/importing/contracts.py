"""Import customers, products and contracts: each row is one customer with one contract of one item, started at once."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.text import slugify

from billing import pricing
from billing.bulk import insert_rows, reserve_ids
from billing.importing.column_map import ColumnMap
from billing.importing.rows import BadRow, ContractRow, UnreadableFile, read_rows
from billing.models import (
    BusinessEntity,
    Contract,
    ContractItem,
    ContractPhase,
    ContractStatus,
    Customer,
    PhaseKind,
    Product,
    ProductFamily,
    TaxRate,
)
from billing.services.contracts import measure_of, start_contracts
from billing.services.customers import entity_of
from billing.tenancy import current_tenant_id

_CHUNK = 1000
_content = attrgetter(*(each.name for each in fields(ContractRow) if each.name != "line"))
_MOST_TOLD = 1000
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class ImportResult:
    """What was imported. `unchanged` rows were imported before; with `rejected` rows nothing is, unless they are skipped."""

    customers: int = 0
    contracts: int = 0
    products: int = 0
    unchanged: int = 0
    rejected: list[BadRow] = field(default_factory=list)
    imported: bool = True


class _NothingImported(Exception):
    """Undoes the transaction of an import with bad rows."""


def import_contracts(
    *,
    path: Path,
    columns: ColumnMap,
    business_entity: str = "",
    skip_bad_rows: bool = False,
    on_progress: Progress | None = None,
) -> ImportResult:
    """Import a file in one transaction: all of it, or nothing when a row is bad (unless bad rows are to be skipped).

    `business_entity` is the code of the one whose customers they are; left out, the company's only one. A row whose contract was
    imported before with the same content is left as it is, so a file can be imported again; two imports at the same time come one
    after the other. Works in constant memory but for one key per row, which finds duplicates. Reading stops after a thousand bad
    rows, unless they are to be skipped: a quote gone wrong can make every line of a file a bad row. Raises NotFound, BillingError
    for the entity.
    """
    entity = entity_of(business_entity)
    try:
        with transaction.atomic():
            _wait_for_turn()
            importer = _Importer(entity, on_progress)
            rows = read_rows(path, columns, default_currency=importer.entity.base_currency)
            try:
                importer.take_all(rows, stop_at=None if skip_bad_rows else _MOST_TOLD)
            except UnreadableFile as error:
                importer.result.rejected.append(BadRow(1, str(error).removeprefix("Line 1: ")))
                raise _NothingImported from error
            if importer.result.rejected and not skip_bad_rows:
                raise _NothingImported
    except _NothingImported:
        return ImportResult(rejected=sorted(importer.result.rejected, key=lambda bad: bad.line), imported=False)
    importer.result.rejected.sort(key=lambda bad: bad.line)
    return importer.result


def _wait_for_turn() -> None:
    # Two people with one file: the second finds what the first has imported, instead of a customer that is there meanwhile.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('contract import'), %s)", [current_tenant_id()])


class _Importer:
    def __init__(self, entity: BusinessEntity, on_progress: Progress | None) -> None:
        self.entity = entity
        self.result = ImportResult()
        self._on_progress = on_progress
        self._products = {product.code: product for product in Product.objects.all()}
        self._families = {family.code: family for family in ProductFamily.objects.all()}
        self._tax_rates = {rate.code: rate.pk for rate in TaxRate.objects.filter(is_active=True)}
        self._seen: dict[tuple[str, str], int] = {}

    def take_all(self, rows: Iterator[ContractRow | BadRow], *, stop_at: int | None) -> None:
        done = 0
        while chunk := list(islice(rows, _CHUNK)):
            self._take(chunk)
            done += len(chunk)
            if self._on_progress:
                self._on_progress(done, done)
            if stop_at is not None and len(self.result.rejected) >= stop_at:
                last = max(bad.line for bad in self.result.rejected)
                self.result.rejected.append(BadRow(last + 1, "too many rows are bad; the file was not read further."))
                return

    def _take(self, chunk: Sequence[ContractRow | BadRow]) -> None:
        good: list[ContractRow] = []
        for row in chunk:
            problem = row if isinstance(row, BadRow) else self._problem(row)
            if problem:
                self.result.rejected.append(problem)
            elif isinstance(row, ContractRow):
                good.append(row)
        fresh, customers = self._without_known(good)
        # Once a row is bad the import will most likely be undone; the rest is checked, and written only as needed.
        self._write(fresh, customers)

    def _problem(self, row: ContractRow) -> BadRow | None:
        for what, key in (("customer", row.customer["external_id"]), ("contract", row.number)):
            first = self._seen.setdefault((what, key), row.line)
            if first != row.line:
                return BadRow(row.line, f"the {what} “{key}” is on line {first} already.")
        if row.tax_rate and row.tax_rate not in self._tax_rates:
            return BadRow(row.line, f"tax_rate: there is no active tax rate “{row.tax_rate}”; add it first.")
        if slugify(row.product["code"], allow_unicode=True) != row.product["code"].lower():
            return BadRow(row.line, f"product.code: “{row.product['code']}” may have letters, digits, - and _ only.")
        return None

    def _without_known(self, rows: Sequence[ContractRow]) -> tuple[list[ContractRow], dict[str, int]]:
        """Leave out rows imported before; reject those that differ from what is there."""
        contracts = dict(
            Contract.objects.filter(number__in=[row.number for row in rows]).values_list("number", "import_digest")
        )
        customers = {
            customer.external_id: customer
            for customer in Customer.objects.filter(external_id__in=[row.customer["external_id"] for row in rows]).only(
                "external_id", "name", "business_entity"
            )
        }
        fresh = []
        for row in rows:
            if row.number in contracts:
                if contracts[row.number] == _digest(row):
                    self.result.unchanged += 1
                else:
                    self._reject(row, f"contract {row.number} exists with other terms; change it by an amendment.")
                continue
            known = customers.get(row.customer["external_id"])
            if known and row.customer.get("name") and known.name != row.customer["name"]:
                self._reject(row, f"customer {known.external_id} exists with the name “{known.name}”.")
                continue
            if known and known.business_entity_id != self.entity.pk:
                self._reject(
                    row, f"customer {known.external_id} is another business entity's, not {self.entity.code}'s."
                )
                continue
            fresh.append(row)
        return fresh, {external_id: customer.pk for external_id, customer in customers.items()}

    def _reject(self, row: ContractRow, reason: str) -> None:
        self.result.rejected.append(BadRow(row.line, reason))

    def _write(self, rows: Sequence[ContractRow], customers: dict[str, int]) -> None:
        if not rows:
            return
        self._write_customers([row for row in rows if row.customer["external_id"] not in customers], customers)
        contract_ids = reserve_ids(Contract, len(rows))
        self._write_contracts(rows, contract_ids, customers)
        self._write_items(rows, contract_ids)
        start_contracts(contract_ids)
        self.result.contracts += len(rows)

    def _write_customers(self, rows: Sequence[ContractRow], customers: dict[str, int]) -> None:
        tenant_id, now = current_tenant_id(), timezone.now()
        values = []
        for row, customer_id in zip(rows, reserve_ids(Customer, len(rows)), strict=True):
            given = row.customer
            customers[given["external_id"]] = customer_id
            values.append(
                (
                    customer_id,
                    tenant_id,
                    self.entity.pk,
                    given["external_id"],
                    given.get("name") or given["external_id"],
                    given.get("email", ""),
                    row.currency,
                    given.get("address", ""),
                    given["country"],
                    given.get("tax_id", ""),
                    True,
                    now,
                )
            )
        insert_rows(
            Customer,
            (
                "id",
                "tenant_id",
                "business_entity_id",
                "external_id",
                "name",
                "email",
                "currency",
                "address",
                "country",
                "tax_id",
                "is_active",
                "created_at",
            ),
            values,
        )
        self.result.customers += len(values)

    def _write_contracts(self, rows: Sequence[ContractRow], ids: Sequence[int], customers: dict[str, int]) -> None:
        tenant_id, now = current_tenant_id(), timezone.now()
        insert_rows(
            Contract,
            (
                "id",
                "tenant_id",
                "business_entity_id",
                "customer_id",
                "number",
                "status",
                "currency",
                "start",
                "end",
                "term_months",
                "renewal",
                "payment_terms_days",
                "reference",
                "attributes",
                "import_digest",
                "terms_renewed",
                "created_at",
            ),
            [
                (
                    pk,
                    tenant_id,
                    self.entity.pk,
                    customers[row.customer["external_id"]],
                    row.number,
                    ContractStatus.DRAFT.value,
                    row.currency,
                    row.start,
                    row.end,
                    row.term_months,
                    row.renewal,
                    row.payment_terms_days,
                    row.reference,
                    _json(row.attributes),
                    _digest(row),
                    0,
                    now,
                )
                for row, pk in zip(rows, ids, strict=True)
            ],
        )

    def _write_items(self, rows: Sequence[ContractRow], contract_ids: Sequence[int]) -> None:
        tenant_id = current_tenant_id()
        phase_ids = reserve_ids(ContractPhase, len(rows))
        insert_rows(
            ContractPhase,
            ("id", "tenant_id", "contract_id", "name", "kind", "start", "end"),
            [
                (phase_id, tenant_id, contract_id, "Term", PhaseKind.ACTIVE.value, row.start, row.end)
                for row, phase_id, contract_id in zip(rows, phase_ids, contract_ids, strict=True)
            ],
        )
        insert_rows(
            ContractItem,
            (
                "id",
                "tenant_id",
                "contract_id",
                "phase_id",
                "product_id",
                "description",
                "pricing_model",
                "pricing",
                "is_metered",
                "quantity",
                "timing",
                "interval_months",
                "tax_rate_id",
                "recognition_method",
                "measure",
                "start",
                "end",
                "billed_until",
            ),
            [
                (
                    item_id,
                    tenant_id,
                    contract_id,
                    phase_id,
                    self._product(row).pk,
                    row.description,
                    row.pricing_model,
                    _json(_pricing(row)),
                    False,
                    row.quantity,
                    row.timing,
                    row.interval_months,
                    self._tax_rates.get(row.tax_rate),
                    row.recognition_method,
                    measure_of(self.entity, row.recognition_method),
                    row.start,
                    row.end,
                    row.start,
                )
                for row, item_id, phase_id, contract_id in zip(
                    rows, reserve_ids(ContractItem, len(rows)), phase_ids, contract_ids, strict=True
                )
            ],
        )

    def _product(self, row: ContractRow) -> Product:
        product = self._products.get(row.product["code"])
        if product is None:
            product = self._products[row.product["code"]] = Product.objects.create(
                tenant_id=current_tenant_id(),
                code=row.product["code"],
                name=row.product.get("name") or row.product["code"],
                family=self._family(row.product.get("family", "")),
                recognition_method=row.recognition_method,
            )
            self.result.products += 1
        return product

    def _family(self, code: str) -> ProductFamily | None:
        if code and code not in self._families:
            self._families[code] = ProductFamily.objects.create(tenant_id=current_tenant_id(), code=code, name=code)
        return self._families.get(code)


def _pricing(row: ContractRow) -> dict[str, Any]:
    name = "amount" if row.pricing_model == "flat_fee" else "unit_amount"
    return pricing.validate(row.pricing_model, {name: str(row.amount)})


def _digest(row: ContractRow) -> str:
    """Tell whether a row says the same as when it was imported; the line number is not part of that."""
    return hashlib.sha256(repr(_content(row)).encode()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def rejected_as_dicts(rejected: Iterable[BadRow]) -> list[dict[str, Any]]:
    return [{"line": bad.line, "reason": bad.reason} for bad in rejected]
