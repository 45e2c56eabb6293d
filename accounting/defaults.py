"""Account role → account: the default-account hierarchy, resolved for a whole batch at once.

Most specific first: contract item, product, product family, customer, business entity and currency, business entity,
whole company. The last step always answers, because the starter chart fills every role.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from accounting.engine import Dimensions
from accounting.models import Account, DefaultAccount, Level
from billing.models import BusinessEntity

# Levels with as many rows as there are customers or items are read for a batch's own ids only.
_READ_PER_BATCH = {Level.CONTRACT_ITEM: "contract_item_id", Level.CUSTOMER: "customer_id"}
_TARGET_COLUMN = {
    Level.CONTRACT_ITEM: "contract_item_id",
    Level.PRODUCT: "product_id",
    Level.PRODUCT_FAMILY: "product_family_id",
    Level.CUSTOMER: "customer_id",
}


class RoleWithoutAccount(RuntimeError):
    """The hierarchy names no usable account for a role; the text says which default to set."""


@dataclass(slots=True)
class Hierarchy:
    """One tenant's defaults and charts, as of one stamp. `codes` maps (role, level, target) to an account code."""

    codes: dict[tuple[str, str, object], str]
    accounts: dict[tuple[int, str], int]
    per_batch_levels: frozenset[str]
    entity_names: dict[int, str]
    _found: dict[tuple[object, ...], tuple[int, str]] = field(default_factory=dict)

    def for_batch(self, dimensions: Iterable[Dimensions]) -> "Hierarchy":
        """Add the defaults of the batch's own contract items and customers: one query per level that has any."""
        if not self.per_batch_levels:
            return self
        dimensions = list(dimensions)
        codes = dict(self.codes)
        for level in self.per_batch_levels:
            column = _READ_PER_BATCH[Level(level)]
            ids = {getattr(each, column) for each in dimensions} - {None}
            rows = DefaultAccount.objects.filter(level=level, **{f"{column}__in": ids})
            for role, target, code in rows.values_list("role", column, "account_code"):
                codes[(role, level, target)] = code
        return Hierarchy(codes, self.accounts, self.per_batch_levels, self.entity_names)

    def resolve(self, *, role: str, business_entity_id: int, currency: str, dimensions: Dimensions) -> tuple[int, str]:
        """Find the account of a role, and the step that answered. Raises RoleWithoutAccount."""
        specific = bool(self.per_batch_levels)
        memo = (
            role,
            business_entity_id,
            currency,
            dimensions.product_id,
            dimensions.product_family_id,
            dimensions.contract_item_id if specific else None,
            dimensions.customer_id if specific else None,
        )
        found = self._found.get(memo)
        if found is None:
            found = self._found[memo] = self._search(role, business_entity_id, currency, dimensions)
        return found

    def steps(
        self, *, role: str, business_entity_id: int, currency: str, dimensions: Dimensions
    ) -> list[tuple[str, str | None]]:
        """Give every step in order with the account code it names, for the page that explains a choice."""
        targets = [(level, getattr(dimensions, column)) for level, column in _TARGET_COLUMN.items()]
        order: list[tuple[str, object]] = [
            *targets,
            (Level.ENTITY_CURRENCY, (business_entity_id, currency)),
            (Level.ENTITY, business_entity_id),
            (Level.TENANT, None),
        ]
        return [
            (
                str(level),
                None if target is None and level != Level.TENANT else self.codes.get((role, level, target)),
            )
            for level, target in order
        ]

    def _search(self, role: str, entity_id: int, currency: str, dimensions: Dimensions) -> tuple[int, str]:
        steps = self.steps(role=role, business_entity_id=entity_id, currency=currency, dimensions=dimensions)
        for level, code in steps:
            if code is not None:
                account_id = self.accounts.get((entity_id, code))
                if account_id is None:
                    raise RoleWithoutAccount(
                        f"The default for “{role}” is account {code}, which {self.entity_names.get(entity_id, 'the entity')} "
                        "does not have or has deactivated. Add the account to its chart, or change the default."
                    )
                return account_id, level
        raise RoleWithoutAccount(f"No default account is set for “{role}”. Set one under Accounting, Default accounts.")


def load_hierarchy() -> Hierarchy:
    """Read the tenant's defaults and charts: four queries, whatever their size."""
    codes: dict[tuple[str, str, object], str] = {}
    for row in DefaultAccount.objects.exclude(level__in=_READ_PER_BATCH):
        if row.level == Level.ENTITY_CURRENCY:
            target: object = (row.business_entity_id, row.currency)
        elif row.level == Level.ENTITY:
            target = row.business_entity_id
        else:
            target = getattr(row, _TARGET_COLUMN[Level(row.level)]) if row.level != Level.TENANT else None
        codes[(row.role, row.level, target)] = row.account_code
    per_batch = DefaultAccount.objects.filter(level__in=_READ_PER_BATCH).order_by().values_list("level", flat=True)
    accounts = Account.objects.filter(is_group=False, is_active=True)
    return Hierarchy(
        codes=codes,
        accounts={(entity, code): pk for pk, entity, code in accounts.values_list("id", "business_entity_id", "code")},
        per_batch_levels=frozenset(per_batch.distinct()),
        entity_names=dict(BusinessEntity.objects.values_list("id", "name")),
    )
