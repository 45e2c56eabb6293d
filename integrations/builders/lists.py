"""Customers and products as documents."""

from collections.abc import Sequence

from accounting.models import Account, DefaultAccount, Level
from billing.models import Customer, Product
from integrations.builders.mapped import Built, Mapped
from integrations.connectors.base import MissingMapping
from integrations.documents import CustomerDocument, Kind, ProductDocument, reference_of
from integrations.models import Connection, MappingKind, OutboxItem
from integrations.serving import entity_ids

NAME_TAKEN = "name_taken"
_REVENUE = "revenue"


def customers(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build customers. When the ERP has the name for another record, ours gets its external id behind it."""
    found = Customer.objects.in_bulk([item.subject_id for item in items])
    subsidiaries = Mapped(connection, {MappingKind.SUBSIDIARY: None})
    built: dict[int, Built] = {}
    for item in items:
        customer = found[item.subject_id]
        built[item.pk] = CustomerDocument(
            reference=reference_of(connection.reference_prefix, Kind.CUSTOMER, customer.pk),
            name=customer.name or customer.external_id,
            email=customer.email,
            currency=customer.currency,
            suffix=customer.external_id if item.reason_code == NAME_TAKEN else "",
            number=customer.external_id,
            subsidiary=subsidiaries.get(MappingKind.SUBSIDIARY, customer.business_entity_id) or "",
        )
    return built


def products(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build products; their sales go to the ERP's account of the product's revenue account."""
    found = Product.objects.in_bulk([item.subject_id for item in items])
    accounts = revenue_accounts(connection, list(found.values()))
    mapped = Mapped(
        connection, {MappingKind.ACCOUNT: {each.pk for each in accounts.values()}, MappingKind.SUBSIDIARY: None}
    )
    built: dict[int, Built] = {}
    for item in items:
        product, account = found[item.subject_id], accounts.get(item.subject_id)
        income = mapped.get(MappingKind.ACCOUNT, account.pk) if account else None
        if income is None:
            built[item.pk] = MissingMapping(
                "account",
                account.pk if account else None,
                f"The revenue account {account or ''} of product {product.name} has no counterpart in the ERP. Map it, "
                "then send the item again.",
            )
            continue
        built[item.pk] = ProductDocument(
            reference=reference_of(connection.reference_prefix, Kind.PRODUCT, product.pk),
            name=product.name,
            description=product.description or product.name,
            income_account=income,
            suffix=product.code if item.reason_code == NAME_TAKEN else "",
            code=product.code,
            subsidiary=mapped.get(MappingKind.SUBSIDIARY, connection.business_entity_id) or "",
        )
    return built


def revenue_accounts(connection: Connection, found: Sequence[Product]) -> dict[int, Account]:
    """Resolve the role `revenue` by the steps that can speak of a product: product, family, entity, tenant."""
    defaults = DefaultAccount.objects.filter(role=_REVENUE, currency="", contract_item=None, customer=None)
    by_target: dict[tuple[str, int | None], str] = {}
    entity_id = connection.business_entity_id
    for each in defaults:
        target = {
            Level.PRODUCT: each.product_id,
            Level.PRODUCT_FAMILY: each.product_family_id,
            Level.ENTITY: each.business_entity_id,
        }.get(Level(each.level))
        by_target[each.level, target] = each.account_code
    accounts = Account.objects.filter(code__in=set(by_target.values())).order_by("business_entity_id")
    accounts = accounts.filter(business_entity_id__in=entity_ids(connection))
    by_code = {account.code: account for account in reversed(accounts)}
    resolved: dict[int, Account] = {}
    for product in found:
        steps = (
            (Level.PRODUCT.value, product.pk),
            (Level.PRODUCT_FAMILY.value, product.family_id),
            (Level.ENTITY.value, entity_id),
            (Level.TENANT.value, None),
        )
        code = next((by_target[step] for step in steps if step in by_target), None)
        if code in by_code:
            resolved[product.pk] = by_code[code]
    return resolved
