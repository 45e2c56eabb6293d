"""The form of a new version of a rule: drop-downs of what the event declares and of the roles that have an account."""

from typing import Any

from django import forms

from accounting.admin.defaults import roles
from accounting.admin.words import amount_name
from accounting.facts import FACTS
from accounting.models import AccountingRule, RuleVersion
from billing.admin.forms import DayField, StyledForm, dress

_SPARE_LINES = 3
_SPARE_CONDITIONS = 2
_EMPTY = ("", "–")
_SIDES = [_EMPTY, ("debit", "Debit"), ("credit", "Credit")]
_PER = [_EMPTY, ("document", "One line for the document"), ("line", "One line per line of the event")]
_OPERATORS = [_EMPTY, ("is", "is"), ("is_not", "is not"), ("in", "is one of"), ("not_in", "is none of")]


class VersionForm(StyledForm):
    """Lines and conditions as rows of drop-downs; a row that is left empty is no line."""

    effective_from = DayField(label="In force for events from")
    description = forms.CharField(max_length=200, help_text="Becomes the description of the entries.")

    def __init__(self, *args: Any, rule: AccountingRule, latest: RuleVersion | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rule = rule
        facts = FACTS[rule.event_kind]
        amounts = [_EMPTY, *((name, amount_name(name)) for name in facts.amounts)]
        fields = [_EMPTY, *{**facts.header_fields, **facts.line_fields}.items()]
        role_choices = [_EMPTY, *roles()]
        lines = list(latest.lines) if latest else []
        conditions = list(latest.conditions) if latest else []
        self.initial.setdefault("description", latest.description if latest else rule.name)
        self.line_rows = [
            self._row("line", place, {"side": _SIDES, "role": role_choices, "amount": amounts, "per": _PER}, line)
            for place, line in enumerate([*lines, *[{}] * _SPARE_LINES])
        ]
        self.condition_rows = [
            self._row("condition", place, {"field": fields, "operator": _OPERATORS, "value": None}, _as_text(condition))
            for place, condition in enumerate([*conditions, *[{}] * _SPARE_CONDITIONS])
        ]

    def _row(
        self, what: str, place: int, parts: dict[str, list[tuple[str, str]] | None], initial: dict[str, Any]
    ) -> dict[str, str]:
        names = {}
        for part, choices in parts.items():
            name = names[part] = f"{what}{place}_{part}"
            label = f"{part.capitalize()} of {what} {place + 1}"
            field: forms.Field = (
                forms.ChoiceField(choices=choices, required=False, label=label)
                if choices
                else forms.CharField(required=False, label=label, max_length=500)
            )
            field.widget.attrs["aria-label"] = label
            dress(field)
            self.fields[name] = field
            self.initial[name] = initial.get(part, "")
        return names

    def rows(self) -> list[tuple[str, list[list[forms.BoundField]]]]:
        """Give the rows of drop-downs for the template, under their headings."""
        return [
            ("Lines", [[self[name] for name in row.values()] for row in self.line_rows]),
            ("Conditions (empty: for every such event)", [[self[n] for n in r.values()] for r in self.condition_rows]),
        ]

    def plain_fields(self) -> list[forms.BoundField]:
        return [self["effective_from"], self["description"]]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["lines"] = [self._line(place, row) for place, row in enumerate(self.line_rows, 1) if self._filled(row)]
        cleaned["conditions"] = [self._condition(row) for row in self.condition_rows if self._filled(row)]
        return cleaned

    def _filled(self, row: dict[str, str]) -> bool:
        return any(self.cleaned_data.get(name) for name in row.values())

    def _line(self, place: int, row: dict[str, str]) -> dict[str, str]:
        line = {part: self.cleaned_data.get(name) or "" for part, name in row.items()}
        if not all(line.values()):
            missing = ", ".join(part for part, value in line.items() if not value)
            raise forms.ValidationError(f"Line {place} lacks: {missing}. Clear the line, or complete it.")
        return line

    def _condition(self, row: dict[str, str]) -> dict[str, Any]:
        field, operator, value = (self.cleaned_data.get(row[part]) or "" for part in ("field", "operator", "value"))
        if not (field and operator and value):
            raise forms.ValidationError("A condition needs a field, an operator and a value. Clear it, or complete it.")
        values = (
            [self._value(field, part.strip()) for part in value.split(",")] if operator in ("in", "not_in") else None
        )
        return {
            "field": field,
            "operator": operator,
            "value": values if values is not None else self._value(field, value),
        }

    def _value(self, field: str, text: str) -> str | int:
        if not field.endswith("_id"):
            return text
        if not text.isdecimal():
            raise forms.ValidationError(f"“{text}” is not an id; it is the number in the address of the record's page.")
        return int(text)


def _as_text(condition: dict[str, Any]) -> dict[str, Any]:
    value = condition.get("value", "")
    return {**condition, "value": ", ".join(str(each) for each in value) if isinstance(value, list) else value}
