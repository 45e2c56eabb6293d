"""Forms of the pages that are not a model's: the theme's look, dates with the browser's own picker, labelled amounts."""

from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import CHECKBOX_CLASSES, INPUT_CLASSES, SELECT_CLASSES, TEXTAREA_CLASSES

from billing.clock import today as today
from billing.clock import todays as todays

_CLASSES: tuple[tuple[type[forms.Widget], list[str]], ...] = (
    (forms.CheckboxInput, CHECKBOX_CLASSES),
    (forms.Select, SELECT_CLASSES),
    (forms.Textarea, TEXTAREA_CLASSES),
    (forms.ClearableFileInput, ["cf-file"]),
    (forms.widgets.Input, INPUT_CLASSES),
)


class StyledForm(forms.Form):
    """A form in the theme's look."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            dress(field)

    def add_field(self, name: str, field: forms.Field) -> None:
        """Add a field that depends on what the form is about."""
        dress(field)
        self.fields[name] = field


def dress(field: forms.Field) -> None:
    """Give a field the theme's classes."""
    for widget, classes in _CLASSES:
        if isinstance(field.widget, widget):
            field.widget.attrs.setdefault("class", " ".join(classes))
            return


LAST_DAY = "What is not used by the end of it expires. Empty: it does not expire."


class DayField(forms.DateField):
    """A day, with the browser's own picker."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **kwargs)


class AmountInput(forms.DecimalField):
    """An amount of money; its label names the currency."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 19)
        kwargs.setdefault("decimal_places", 4)
        kwargs.setdefault("min_value", Decimal(0))
        super().__init__(widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}), **kwargs)

    def to_python(self, value: Any) -> Any:
        # People paste amounts with thousands separators.
        return super().to_python(value.replace(",", "") if isinstance(value, str) else value)
