"""What a report is asked for: parameters declared once, read the same from a page's form, an address and the API."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator

from accounting.models import Account, Category
from billing.fields import CURRENCY_CHOICES
from billing.models import BusinessEntity, Contract, Customer, Product
from billing.periods import day_words, first_of_month

_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
_MAX_ID = 2**63 - 1
_MOST_BUCKETS = 8


class Mistakes(ValueError):
    """Parameters that cannot be used: a text per parameter, for the person who gave them."""

    def __init__(self, texts: Mapping[str, list[str]]) -> None:
        self.texts = dict(texts)
        super().__init__("; ".join(f"{name}: {' '.join(found)}" for name, found in self.texts.items()))


@dataclass(frozen=True, slots=True)
class Asked:
    """The clean parameters of one report. A part that is not given is None."""

    entity: BusinessEntity
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    @property
    def base(self) -> str:
        """The currency of the entity's books."""
        return self.entity.base_currency

    @property
    def currency(self) -> str:
        """The currency of the figures: the books' unless another was asked for."""
        return self.values.get("currency") or self.base

    def also(self, **more: Any) -> dict[str, Any]:
        """Give the parameters of a further report about the same entity, as they stand in an address."""
        given = {"business_entity": self.entity.code, **more}
        return {name.rstrip("_"): value for name, value in given.items() if value not in (None, "")}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `make` builds its form field for the entity; `first` is what a page begins with."""

    name: str
    label: str
    make: Callable[[BusinessEntity | None], forms.Field]
    help: str
    first: Callable[[date], Any] = lambda today: ""
    required: bool = False
    hidden: bool = False
    format: str = "string"
    choices: tuple[str, ...] = ()


def read_entity(code: str | None) -> BusinessEntity:
    """Find the business entity by its code; without one, the company's only entity. Raises Mistakes."""
    entities = list(BusinessEntity.objects.order_by("pk"))
    if not code and len(entities) == 1:
        return entities[0]
    for entity in entities:
        if entity.code == code:
            return entity
    known = ", ".join(entity.code for entity in entities)
    words = "There is no such business entity." if code else "Say which business entity."
    raise Mistakes({"business_entity": [f"{words} Known: {known}."]})


class ReportForm(forms.Form):
    """The parameters of one report for one entity."""

    def __init__(
        self,
        parameters: tuple[Parameter, ...],
        entity: BusinessEntity | None,
        data: Mapping[str, Any] | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data=data, label_suffix="", **kwargs)
        for parameter in parameters:
            made = parameter.make(entity)
            made.label, made.required, made.help_text = parameter.label, parameter.required, parameter.help
            if parameter.hidden:
                made.widget = forms.HiddenInput()
            self.fields[parameter.name] = made

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("from"), cleaned.get("to")
        if since and until and since > until:
            self.add_error("to", f"The last day lies before the first, {day_words(since)}.")
        return cleaned


def read(parameters: tuple[Parameter, ...], data: Mapping[str, Any]) -> Asked:
    """Read parameters as they stand in an address. Raises Mistakes; one that does not exist is a mistake too."""
    known = {"business_entity", *(parameter.name for parameter in parameters)}
    if unknown := sorted(set(data) - known):
        names = ", ".join(sorted(known))
        raise Mistakes({name: [f"There is no such parameter. Known: {names}."] for name in unknown})
    entity = read_entity(data.get("business_entity"))
    form = ReportForm(parameters, entity, data)
    if not form.is_valid():
        raise Mistakes({name: [str(text) for text in texts] for name, texts in form.errors.items()})
    return Asked(entity, form.cleaned_data)


# The fields.


def _day(entity: BusinessEntity | None) -> forms.Field:
    return forms.DateField(
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        validators=[
            MinValueValidator(_FIRST_DAY, "Give a date from 1900-01-01 on."),
            MaxValueValidator(_LAST_DAY, "Give a date until 2999-12-31."),
        ],
    )


_WORDS = {"external_id": "customer id"}


def _said(names: Sequence[str]) -> list[str]:
    return [_WORDS.get(name, name) for name in names if "__" not in name]


class _NamedField(forms.CharField):
    """A record by what people know it by. Raises ValidationError in words where none or several answer."""

    def __init__(self, model: Any, *names: str) -> None:
        super().__init__(max_length=200, widget=forms.TextInput(attrs={"placeholder": " or ".join(_said(names))}))
        self._model, self._names = model, names

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        for name in self._names:
            found = list(self._model.objects.filter(**{name: text})[:2])
            if len(found) == 1:
                return found[0]
            if found:
                raise ValidationError(f"Several answer to “{text}”; give the {self._names[0].replace('_', ' ')}.")
        raise ValidationError(f"There is no {self._model._meta.verbose_name} “{text}”.")


def _id(entity: BusinessEntity | None) -> forms.Field:
    return forms.IntegerField(min_value=0, max_value=_MAX_ID)


class _BucketsField(forms.CharField):
    def clean(self, value: Any) -> Any:
        text = super().clean(value) or "30,60,90"
        try:
            days = [int(part) for part in text.split(",")]
        except ValueError:
            days = []
        if not days or days != sorted(set(days)) or days[0] < 1 or days[-1] > 3650 or len(days) > _MOST_BUCKETS:
            raise ValidationError("Give rising numbers of days, such as 30,60,90.")
        return tuple(days)


# The parameters that several reports share.

AT = Parameter(
    "at", "At the end of", _day, "The state at the end of this day.", first=lambda today: today, required=True, format="date"
)  # fmt: skip
FROM = Parameter(
    "from", "From", _day, "The first day.", first=lambda today: date(today.year, 1, 1), required=True, format="date"
)  # fmt: skip
TO = Parameter("to", "To", _day, "The last day.", first=lambda today: today, required=True, format="date")
MONTH_FROM = Parameter(
    "from", "From", _day, "The first day.", first=first_of_month, required=True, format="date"
)  # fmt: skip
COMPARE = Parameter(
    "compare", "Compared with", _day, "A second day to compare with; may be left out.",
    first=lambda today: date(today.year, 1, 1) - timedelta(days=1), format="date",
)  # fmt: skip
ACCOUNT = Parameter(
    "account", "Account",
    lambda entity: forms.ModelChoiceField(
        Account.objects.filter(business_entity=entity, is_group=False), to_field_name="code", empty_label="All",
        error_messages={"invalid_choice": "There is no such account in this chart of accounts."},
    ),
    "The account's code.",
)  # fmt: skip
CATEGORY = Parameter(
    "category", "Category", lambda entity: forms.ChoiceField(choices=[("", "All"), *Category.choices]),
    "Only accounts of this part of the chart.", hidden=True, choices=tuple(Category.values),
)  # fmt: skip
CUSTOMER = Parameter(
    "customer", "Customer", lambda entity: _NamedField(Customer, "external_id", "name", "name__iexact"),
    "The customer's external id, or the name.",
)  # fmt: skip
CONTRACT = Parameter("contract", "Contract", lambda entity: _NamedField(Contract, "number"), "The contract's number.")
PRODUCT = Parameter(
    "product", "Product",
    lambda entity: forms.ModelChoiceField(Product.objects.all(), to_field_name="code", empty_label="All"),
    "The product's code.",
)  # fmt: skip
CURRENCY = Parameter(
    "currency", "Currency",
    lambda entity: forms.ChoiceField(choices=[("", "Base currency"), *(CURRENCY_CHOICES or ())]),
    "Left out: everything, in the base currency of the books. Else only what is in this currency, in its own amounts.",
)  # fmt: skip
THEIR_CURRENCY = replace(
    CURRENCY,
    make=lambda entity: forms.ChoiceField(choices=[("", "The customer's"), *(CURRENCY_CHOICES or ())]),
    help="Left out: the currency that the customer is billed in.",
)
BUCKETS = Parameter(
    "buckets", "Days overdue", lambda entity: _BucketsField(max_length=60),
    "Where one bucket ends and the next begins, in days.", first=lambda today: "30,60,90",
)  # fmt: skip


def choice(name: str, label: str, choices: Mapping[str, str], help_text: str) -> Parameter:
    """Make a parameter with a fixed list of values; the first is meant where none is given."""
    first = next(iter(choices))
    return Parameter(
        name,
        label,
        lambda entity: forms.TypedChoiceField(choices=list(choices.items()), empty_value=first),
        help_text,
        first=lambda today: first,
        choices=tuple(choices),
    )


def record_id(name: str) -> Parameter:
    """Make a parameter that a drill-down fills: the id of a record."""
    label = name.removesuffix("_id").replace("_", " ").capitalize()
    return Parameter(
        name, label, _id, f"The id of one {label.lower()}; 0: the lines without any.", hidden=True, format="integer"
    )


def required(parameter: Parameter) -> Parameter:
    """Make the same parameter one that must be given."""
    return replace(parameter, required=True)
