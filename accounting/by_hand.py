"""Drafts that no rule makes: what persons wrote and approved, and what they reversed. The same for a replay of the events."""

from collections.abc import Callable, Sequence
from typing import cast

from accounting.books import books
from accounting.currency.conversion import has_bank_account
from accounting.currency.roles import CASH
from accounting.engine import Dimensions, Draft, DraftLine
from accounting.events import EntryReversed, ManualEntryApproved
from accounting.mirroring import mirrored_lines
from accounting.models import BY_PERSON, JournalEntry, Level
from billing.events import Event

ROLE = "by_hand"


class AlreadyReversed(ValueError):
    """An entry can be reversed once."""


def _approved(events: Sequence[Event]) -> list[Draft]:
    drafts = []
    for event in cast(Sequence[ManualEntryApproved], events):
        bank = _bank_account(event)
        lines = []
        for line in event.lines:
            # What a person moves on a bank account in its own currency is carried with the rest of it.
            is_bank = line.account_id == bank
            about = Dimensions(customer_id=line.customer_id, contract_id=line.contract_id, product_id=line.product_id)
            lines.append(
                DraftLine(
                    CASH if is_bank else ROLE,
                    line.debit,
                    line.credit,
                    about,
                    account_id=line.account_id,
                    resolved_by=Level.ENTITY_CURRENCY if is_bank else BY_PERSON,
                )
            )
        drafts.append(Draft(event, None, event.description, lines))
    return drafts


def _bank_account(event: Event) -> int | None:
    current = books()
    is_foreign = event.currency != current.base_currency[event.business_entity_id]
    if not is_foreign or not has_bank_account(event, current):
        return None
    account_id, _ = current.hierarchy.for_batch([Dimensions()]).resolve(
        role=CASH,
        business_entity_id=event.business_entity_id,
        currency=event.currency,
        dimensions=Dimensions(),
    )
    return account_id


def _reversed(events: Sequence[Event]) -> list[Draft]:
    wanted = {(each.reversed_event_id, each.reversed_part): each for each in cast(Sequence[EntryReversed], events)}
    originals = JournalEntry.objects.filter(event__in={event_id for event_id, _ in wanted}, reversed_by=None)
    found = {
        (event_id, part): pk
        for pk, event_id, part in originals.values_list("pk", "event_id", "part")
        if (event_id, part) in wanted
    }
    if len(found) < len(wanted):
        raise AlreadyReversed("An entry that is to be reversed was reversed before, or does not exist.")
    lines = mirrored_lines(list(found.values()))
    return [Draft(event, None, event.description, lines[found[place]], found[place]) for place, event in wanted.items()]


BY_HAND: dict[str, Callable[[Sequence[Event]], list[Draft]]] = {
    ManualEntryApproved.kind: _approved,
    EntryReversed.kind: _reversed,
}
