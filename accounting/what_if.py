"""What a modification, or the start of a draft, would do before it is signed: billing and revenue by month. Nothing is kept.

It is carried out in a transaction that is always undone, so that the answer is what would truly happen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from django.db import transaction

from accounting.measures.modifications import large_change
from accounting.models import AccountingPolicy, ScheduleRevision
from accounting.reports.contract_revenue import ContractMonths, contract_months
from billing.errors import NotFound
from billing.models import Contract, ContractModification
from billing.services.contracts import start_contracts
from billing.services.modifications import Modification, describe, modify_contract

Read = TypeVar("Read")


class _Undone(Exception):
    """Takes the trial back."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The contract before and after; `kind` and `summary` name the modification, `warnings` what an accountant should see."""

    kind: str
    summary: str
    before: ContractMonths
    after: ContractMonths
    warnings: tuple[str, ...]

    @property
    def months(self) -> list[date]:
        return sorted({*self.before.months, *self.after.months})


def try_modification(*, contract_id: int, change: Modification) -> WhatIf:
    """Try a modification. Raises what `modify_contract` raises, and refusals of the accounting policy."""
    contract = Contract.objects.filter(pk=contract_id).first()
    if contract is None:
        raise NotFound(f"There is no contract with the id {contract_id}.")
    before = contract_months(contract)
    found: list[Any] = []
    try:
        with transaction.atomic():
            made = modify_contract(contract_id=contract_id, change=change)
            contract.refresh_from_db()
            found = [made.get_kind_display(), describe(made), contract_months(contract), _warnings(made)]
            raise _Undone
    except _Undone:
        pass
    kind, summary, after, warnings = found
    return WhatIf(kind, summary, before, after, warnings)


def try_start(*, contract_id: int, read: Callable[[Contract], Read]) -> Read:
    """Start a draft, give what `read` makes of the started contract, and undo it. Raises what `start_contracts` raises."""
    found: list[Read] = []
    try:
        with transaction.atomic():
            start_contracts([contract_id])
            found.append(read(Contract.objects.get(pk=contract_id)))
            raise _Undone
    except _Undone:
        pass
    return found[0]


def _warnings(made: ContractModification) -> tuple[str, ...]:
    policy = AccountingPolicy.objects.get()
    warnings = []
    for revision in ScheduleRevision.objects.filter(
        schedule__contract=made.contract_id, effective_on=made.effective_on
    ).select_related("schedule__product"):
        old, new = Decimal(revision.before["price"]), Decimal(revision.after["price"])
        if large_change(old, new - old, policy) and made.adjustment != "front_load":
            warnings.append(
                f"The price of “{revision.schedule.product}” changes by more than {policy.large_change_percent.normalize():f} %. "
                "Usual practice puts such a change into the first open period (front load)."
            )
    return tuple(warnings)
