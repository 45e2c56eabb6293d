"""A version of a rule in words, for lists and pages."""

from accounting.admin.words import amount_name, condition_in_words, line_in_words, role_name
from accounting.models import RuleVersion
from billing.admin.events import event_label
from billing.admin.shown import day
from billing.admin.tables import Table, columns
from billing.periods import ALWAYS


def since(version: RuleVersion) -> str:
    """Say from when a version holds; the standard rules have always held."""
    return "always" if version.effective_from <= ALWAYS else f"from {day(version.effective_from)}"


def says(version: RuleVersion) -> str:
    """Say a version in a sentence."""
    parts = [
        f"{line['side'].capitalize()} {role_name(line['role'])} ({amount_name(line['amount'])})"
        for line in version.lines
    ]
    if version.reverses:
        parts.insert(0, f"Mirror the entries of “{event_label(version.reverses).lower()}”")
    return "; ".join(parts) or "Nothing is posted"


def lines_table(version: RuleVersion) -> Table:
    """Show what a version says, line by line, and for which events."""
    conditions = [condition_in_words(version.rule.event_kind, each) for each in version.conditions]
    notes = [
        f"Only where {' and '.join(conditions)}" if conditions else "",
        f"First, the entries of “{event_label(version.reverses).lower()}” are mirrored" if version.reverses else "",
    ]
    return Table(
        f"What version {version.number} says",
        columns("Line"),
        [(line_in_words(line),) for line in version.lines],
        "Nothing is posted, on purpose." if not version.reverses else "No lines of its own.",
        note=". ".join(note for note in notes if note),
    )
