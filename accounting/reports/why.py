"""Why this entry: for every line the event, the rule version and the step of the hierarchy that made it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounting.currency.roles import GAIN, LOSS, ROUNDING
from accounting.models import BY_PERSON, JournalEntry, JournalLine, Level, RuleVersion
from billing.models import BusinessEvent
from billing.publishing import event_kinds

# Lines that posting adds by itself where an entry is in a foreign currency.
_SETTLED = "exchange difference: what was settled was carried at another rate than the day's"
_DIFFERENCES = {GAIN: _SETTLED, LOSS: _SETTLED, ROUNDING: "what rounding to the base currency left"}
_DOCUMENTS = ("invoice_id", "credit_note_id", "payment_id", "contract_id", "customer_id")


@dataclass(frozen=True, slots=True)
class LineReason:
    """One line and where it comes from, in words."""

    line: JournalLine
    rule_says: str
    account_chosen_by: str


@dataclass(frozen=True, slots=True)
class EntryReason:
    """One entry with the fact, the rule and the reasons of its lines. `documents` are ids by name, of what it is about."""

    entry: JournalEntry
    event: BusinessEvent
    event_label: str
    rule: RuleVersion | None
    documents: dict[str, int]
    lines: list[LineReason]
    debit: Decimal
    credit: Decimal
    base_currency: str
    base_debit: Decimal
    base_credit: Decimal

    @property
    def is_foreign(self) -> bool:
        return self.entry.currency != self.base_currency


def explain_entry(entry_id: int) -> EntryReason:
    """Explain an entry. Raises JournalEntry.DoesNotExist. Four queries, however many lines."""
    entry = JournalEntry.objects.select_related("event", "rule_version__rule", "business_entity").get(pk=entry_id)
    lines = list(entry.lines.select_related("account__business_entity").order_by("position"))
    payload = entry.event.payload
    return EntryReason(
        entry=entry,
        event=entry.event,
        event_label=event_kinds()[entry.event.kind].label,
        rule=entry.rule_version,
        documents={name: payload[name] for name in _DOCUMENTS if payload.get(name)},
        lines=[LineReason(line, _rule_says(entry, line), _chosen_by(line)) for line in lines],
        debit=sum((line.debit for line in lines), Decimal(0)),
        credit=sum((line.credit for line in lines), Decimal(0)),
        base_currency=entry.business_entity.base_currency,
        base_debit=sum((line.base_debit for line in lines), Decimal(0)),
        base_credit=sum((line.base_credit for line in lines), Decimal(0)),
    )


def _rule_says(entry: JournalEntry, line: JournalLine) -> str:
    if entry.reverses_id:
        return f"mirror of the same line of {JournalEntry(pk=entry.reverses_id).number}"
    if entry.rule_version is None:
        return f"{'debit' if line.base_debit else 'credit'}, as written by hand"
    # A negative amount stands on the other side than the rule names.
    if not line.debit and not line.credit and line.role in _DIFFERENCES:
        return _DIFFERENCES[line.role]
    side = "debit" if line.debit or line.base_debit else "credit"
    for data in sorted(entry.rule_version.lines, key=lambda data: data["side"] != side):
        if data["role"] == line.role:
            return _in_words(data, flipped=data["side"] != side)
    return "by the rule"


def _in_words(data: dict[str, Any], *, flipped: bool) -> str:
    turned = " (negative, so on the other side)" if flipped else ""
    return f"{data['side']} {data['role']} with “{data['amount'].replace('_', ' ')}”, per {data['per']}{turned}"


def _chosen_by(line: JournalLine) -> str:
    if line.resolved_by == BY_PERSON:
        return "chosen by whoever wrote the entry"
    return f"default of “{line.role}”: {Level(line.resolved_by).label.lower()}"
