"""The form of a manual entry: its head, and a grid of lines."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from accounting.manual_entries import CONTROL_ROLES, NewLine
from accounting.models import Account, ManualEntry, Repeat
from billing.admin.document import VerbForm
from billing.admin.forms import AmountInput, DayField, StyledForm, dress
from billing.fields import CURRENCY_CHOICES
from billing.models import BusinessEntity, Contract, Customer, Product

ROWS, MOST_ROWS = 6, 200
PARTS = ("account", "debit", "credit", "customer", "contract", "product")


class ManualEntryForm(StyledForm):
    """Write an entry. A line left empty is no line; what refuses an entry is said by `accounting.manual_entries`."""

    business_entity: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None, label="Books of")
    date = DayField()
    currency = forms.ChoiceField(
        choices=[("", "Base currency of the books"), *(CURRENCY_CHOICES or ())], required=False,
        help_text="Another one is posted at the exchange rate of its date.",
    )  # fmt: skip
    description = forms.CharField(max_length=150, help_text="Becomes the description of the journal entry.")
    note = forms.CharField(
        label="Why", required=False, widget=forms.Textarea(attrs={"rows": 2}), max_length=2000,
        help_text="For whoever approves it, and for the auditor.",
    )  # fmt: skip
    reverse_on = DayField(
        label="Reverse by itself on", required=False, help_text="An accrual: usually the first day of the next month."
    )
    repeat = forms.TypedChoiceField(label="Post it", choices=Repeat.choices, coerce=int, initial=Repeat.NEVER)
    repeat_until = DayField(label="Last time by", required=False, help_text="Empty: until somebody stops it.")

    def __init__(self, *args: Any, entry: ManualEntry | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entities = self.fields["business_entity"]
        entities.queryset = BusinessEntity.objects.all()  # type: ignore[attr-defined]
        if entry is None and BusinessEntity.objects.count() == 1:
            self.initial.setdefault("business_entity", BusinessEntity.objects.get())
        accounts = _accounts()
        products = [("", "Product"), *((each.pk, str(each)) for each in Product.objects.order_by("name"))]
        written = list(entry.lines.select_related("customer", "contract").order_by("position")) if entry else []
        self.rows = [
            self._row(number, accounts, products, written[number] if number < len(written) else None)
            for number in range(self._count(len(written)))
        ]

    def _count(self, written: int) -> int:
        if self.is_bound:
            numbers = [name[4:].partition("_")[0] for name in self.data if name.startswith("line") and "_" in name]
            written = max((int(each) for each in numbers if each.isdecimal() and len(each) < 4), default=0) + 1
        return min(max(written, ROWS), MOST_ROWS)

    def _row(self, number: int, accounts: list[Any], products: list[Any], line: Any) -> dict[str, str]:
        fields: dict[str, forms.Field] = {
            "account": forms.ChoiceField(choices=accounts, required=False),
            "debit": AmountInput(required=False),
            "credit": AmountInput(required=False),
            "customer": forms.CharField(required=False, max_length=100),
            "contract": forms.CharField(required=False, max_length=100),
            "product": forms.ChoiceField(choices=products, required=False),
        }
        names = {}
        for part, field in fields.items():
            name = names[part] = f"line{number}_{part}"
            field.widget.attrs["aria-label"] = f"{part.capitalize()} of line {number + 1}"
            dress(field)
            self.fields[name] = field
            self.initial[name] = _shown(line, part) if line else ""
        return names

    def lines(self) -> list[list[forms.BoundField]]:
        """Give the grid for the template."""
        return [[self[name] for name in row.values()] for row in self.rows]

    def plain_fields(self) -> list[forms.BoundField]:
        """Give the head for the template."""
        grid = {name for row in self.rows for name in row.values()}
        return [self[name] for name in self.fields if name not in grid]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        filled = [row for row in self.rows if any(cleaned.get(name) for name in row.values())]
        cleaned["lines"] = [self._line(place, row, cleaned) for place, row in enumerate(filled, start=1)]
        return cleaned

    def _line(self, place: int, row: Mapping[str, str], cleaned: Mapping[str, Any]) -> NewLine:
        given = {part: cleaned.get(name) for part, name in row.items()}
        if not given["account"]:
            raise forms.ValidationError(f"Line {place} has no account. Choose one, or clear the line.")
        return NewLine(
            account=Account.objects.get(pk=given["account"]),
            debit=given["debit"] or Decimal(0),
            credit=given["credit"] or Decimal(0),
            customer_id=_find(Customer, "external_id", given["customer"], f"Line {place}: there is no customer"),
            contract_id=_find(Contract, "number", given["contract"], f"Line {place}: there is no contract"),
            product_id=int(given["product"]) if given["product"] else None,
        )


def _accounts() -> list[tuple[Any, str]]:
    open_to_hands = (
        Account.objects.filter(is_group=False, is_active=True)
        .exclude(role__in=CONTROL_ROLES)
        .select_related("business_entity")
    )
    several = BusinessEntity.objects.count() > 1
    return [
        ("", "Account"),
        *((each.pk, f"{each.business_entity.code}: {each}" if several else str(each)) for each in open_to_hands),
    ]


def _find(model: Any, field: str, value: str | None, refusal: str) -> int | None:
    if not value:
        return None
    found = model.objects.filter(**{field: value.strip()}).values_list("pk", flat=True).first()
    if found is None:
        raise forms.ValidationError(f"{refusal} “{value}”.")
    return found


def _shown(line: Any, part: str) -> Any:
    if part in ("debit", "credit"):
        return f"{getattr(line, part).normalize():f}" if getattr(line, part) else ""
    if part == "customer":
        return line.customer.external_id if line.customer else ""
    if part == "contract":
        return line.contract.number if line.contract else ""
    return getattr(line, f"{part}_id") or ""


class SendBackForm(VerbForm):
    reason = forms.CharField(max_length=200, label="What is to be changed")


class StopForm(VerbForm):
    after = DayField(label="Last day it may be posted on")


class AttachForm(VerbForm):
    document = forms.FileField(help_text="PDF, PNG, JPEG, Excel, Word, CSV or text; up to 10 MB.")


class DetachForm(VerbForm):
    document: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None, empty_label=None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["document"].queryset = self.subject.attachments.defer("content")  # type: ignore[attr-defined]


class ReverseForm(VerbForm):
    on = DayField(label="Date of the reversal")
    reason = forms.CharField(max_length=200, help_text="It stays on record; an auditor will read it.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["on"] = self.subject.date
