"""Mirrored entries: the exact reversal of what an earlier event posted."""

from collections import defaultdict
from collections.abc import Sequence

from accounting.engine import Dimensions, Draft, DraftLine, RuleBook
from accounting.models import AS_POSTED, JournalEntry, JournalLine
from billing.events import Event


def draft_reversals(events: Sequence[Event], rules: RuleBook) -> list[Draft]:
    """Draft the mirror image of the entries that each event's rule says it reverses: same accounts, sides exchanged."""
    wanted: dict[tuple[str, str], tuple[Event, int, str]] = {}
    for event in events:
        for rule in rules.in_force(event.kind, event.occurred_on)[:1]:
            if rule.reverses:
                wanted[(rule.reverses, event.key)] = (event, rule.version_id, rule.description)
    if not wanted:
        return []
    originals = JournalEntry.objects.filter(
        event__kind__in={kind for kind, _ in wanted},
        event__key__in={key for _, key in wanted},
        reverses=None,
        reversed_by=None,
    ).order_by(*AS_POSTED)
    found = list(originals.values_list("id", "event__kind", "event__key"))
    lines = mirrored_lines([entry_id for entry_id, _, _ in found])
    drafts = []
    for entry_id, kind, key in found:
        if (kind, key) in wanted:
            event, version_id, description = wanted[(kind, key)]
            drafts.append(Draft(event, version_id, f"{description}: reversal", lines[entry_id], entry_id))
    return drafts


def mirrored_lines(entry_ids: Sequence[int]) -> dict[int, list[DraftLine]]:
    """Give the lines of entries with their sides exchanged. One query."""
    lines: dict[int, list[DraftLine]] = defaultdict(list)
    for line in JournalLine.objects.filter(entry__in=entry_ids).order_by("position"):
        lines[line.entry_id].append(_mirror(line))
    return lines


def _mirror(line: JournalLine) -> DraftLine:
    return DraftLine(
        role=line.role,
        debit=line.credit,
        credit=line.debit,
        dimensions=Dimensions(
            customer_id=line.customer_id,
            contract_id=line.contract_id,
            contract_item_id=line.contract_item_id,
            product_id=line.product_id,
            invoice_id=line.invoice_id,
            credit_note_id=line.credit_note_id,
            payment_id=line.payment_id,
            tax_rate_id=line.tax_rate_id,
            refund_id=line.refund_id,
            obligation_id=line.obligation_id,
        ),
        account_id=line.account_id,
        resolved_by=line.resolved_by,
        base_debit=line.base_credit,
        base_credit=line.base_debit,
    )
