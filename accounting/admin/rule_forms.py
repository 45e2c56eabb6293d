"""The form of a draft of a rule: drop-downs of what the event declares and of the roles that have an account."""

from collections.abc import Sequence
from typing import Any

from django import forms

from accounting.admin.condition_fields import read_values, shown_values, value_field
from accounting.admin.roles import roles
from accounting.admin.words import amount_meaning, amount_name
from accounting.facts import FACTS
from accounting.models import AccountingRule, RuleVersion
from billing.admin.forms import DayField, StyledForm, dress

_SPARE_LINES = 3
_EMPTY = ("", "–")
_SIDES = [_EMPTY, ("debit", "Debit"), ("credit", "Credit")]
_PER = [_EMPTY, ("document", "One for all"), ("line", "One for each line")]
_OPERATORS = [("", "any"), ("in", "is one of"), ("not_in", "is none of")]
# Offered where a rule has such a condition already; people know contracts, not the numbers of their items.
_RARE = ("contract_item_id",)
_AS_LIST = {"is": "in", "is_not": "not_in"}


class VersionForm(StyledForm):
    """Lines as rows of drop-downs, a row that is left empty is no line; one row for each field that a condition may test."""

    effective_from = DayField(label="Holds for events from")
    priority = forms.IntegerField(
        min_value=1, max_value=32_000, help_text="Where several rules match an event, the lowest number wins."
    )
    description = forms.CharField(max_length=200, help_text="Becomes the description of the entries.")

    def __init__(self, *args: Any, rule: AccountingRule, latest: RuleVersion | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rule = rule
        self.initial.setdefault("description", latest.description if latest else rule.name)
        self.initial.setdefault("priority", latest.priority if latest else 100)
        facts = FACTS[rule.event_kind]
        self._labels = {**facts.header_fields, **facts.line_fields}
        parts = {
            "side": _SIDES,
            "role": [_EMPTY, *roles()],
            "amount": [_EMPTY, *((name, amount_name(name)) for name in facts.amounts)],
            "per": _PER,
        }
        lines = list(latest.lines) if latest else []
        self.line_rows = [
            self._line_row(place, parts, line) for place, line in enumerate([*lines, *[{}] * _SPARE_LINES])
        ]
        self.condition_rows = self._condition_rows(latest.conditions if latest else [])

    def _line_row(self, place: int, parts: dict[str, list[tuple[str, str]]], initial: dict[str, Any]) -> dict[str, str]:
        names = {}
        for part, choices in parts.items():
            name = names[part] = f"line{place}_{part}"
            label = f"{part.capitalize()} of line {place + 1}"
            self._add(name, forms.ChoiceField(choices=choices, required=False, label=label), initial.get(part, ""))
        return names

    def _condition_rows(self, conditions: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
        """One row for each condition that is there, and one for each field that has none. Gives (field, operator, value)."""
        there = [(each["field"], each) for each in conditions]
        rows = []
        for place, (field, condition) in enumerate(
            [*there, *((name, {}) for name in self._labels if name not in dict(there) and name not in _RARE)]
        ):
            operator, value, label = f"condition{place}_operator", f"condition{place}_value", self._labels[field]
            now = condition.get("operator", "")
            self._add(
                operator, forms.ChoiceField(choices=_OPERATORS, required=False, label=label), _AS_LIST.get(now, now)
            )
            values = condition.get("value", [])
            kind = value_field(field, f"{label}: values")
            self._add(value, kind, shown_values(field, kind, values if isinstance(values, list) else [values]))
            rows.append((field, operator, value))
        return rows

    def _add(self, name: str, field: forms.Field, initial: Any) -> None:
        field.widget.attrs["aria-label"] = str(field.label)
        dress(field)
        self.fields[name] = field
        self.initial[name] = initial

    def rows(self) -> list[list[forms.BoundField]]:
        """Give the rows of lines for the template."""
        return [[self[name] for name in row.values()] for row in self.line_rows]

    def conditions(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        """Give the rows of conditions for the template: label, operator, values."""
        return [(self._labels[field], self[operator], self[value]) for field, operator, value in self.condition_rows]

    def amounts(self) -> list[tuple[str, str]]:
        """Explain the amounts that this event has."""
        return [
            (amount_name(name), amount_meaning(name, atoms))
            for name, atoms in FACTS[self.rule.event_kind].amounts.items()
        ]

    def plain_fields(self) -> list[forms.BoundField]:
        return [self["effective_from"], self["description"], self["priority"]]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        lines = [self._line(place, row) for place, row in enumerate(self.line_rows, 1) if self._filled(row)]
        conditions = [found for row in self.condition_rows if (found := self._condition(*row)) is not None]
        if self.errors:
            return cleaned
        return {
            "effective_from": cleaned["effective_from"],
            "priority": cleaned["priority"],
            "description": cleaned["description"],
            "lines": lines,
            "conditions": conditions,
        }

    def _filled(self, row: dict[str, str]) -> bool:
        return any(self.cleaned_data.get(name) for name in row.values())

    def _line(self, place: int, row: dict[str, str]) -> dict[str, str]:
        line = {part: self.cleaned_data.get(name) or "" for part, name in row.items()}
        if not all(line.values()):
            missing = ", ".join(part for part, value in line.items() if not value)
            raise forms.ValidationError(f"Line {place} lacks: {missing}. Clear the line, or complete it.")
        return line

    def _condition(self, field: str, operator: str, value: str) -> dict[str, Any] | None:
        label, chosen = self._labels[field], self.cleaned_data.get(operator)
        values = read_values(field, label, self.cleaned_data.get(value))
        if not chosen and not values:
            return None
        if not (chosen and values):
            missing = "whether it is one of these or none of them" if values else "the values"
            raise forms.ValidationError(f"The condition on “{label}” lacks {missing}. Choose “any” to have none.")
        return {"field": field, "operator": chosen, "value": values}
