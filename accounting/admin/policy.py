"""The accounting policy: the company's choices among accepted treatments, and what blocks the closing of a month."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounting.models import AccountingPolicy, RevenueDate
from accounting.policies import change_policy, close_choices
from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.tables import Table, columns
from billing.models import Adjustment, BusinessEntity, Proration, Role

_CHECK, _PRORATION = "check_", "proration_"
_BLOCKS, _WARNS = "blocks", "warns"
_STRAIGHT = {True: "Straight to revenue", False: "Through deferred revenue"}


class PolicyForm(VerbForm):
    credit_adjustment = forms.ChoiceField(
        label="A credit note changes the revenue that is left",
        choices=Adjustment.choices,
        help_text="Usually evenly over what is left of the service period. Revenue of closed months never changes.",
    )
    large_change_percent = forms.DecimalField(
        label="A change of price is large above, in percent",
        min_value=0,
        max_value=100,
        decimal_places=2,
        help_text="Usually 5. Of the price of a performance obligation. A large change is pointed out before it is signed.",
    )
    large_change_must_front_load = forms.BooleanField(
        label="Refuse a large change that is not front loaded",
        required=False,
        help_text="Usually not: a warning is enough. Front loaded, the difference falls into the first open month.",
    )
    bad_debt_tax_relief = forms.BooleanField(
        label="The sales tax of written-off invoices is claimed back",
        required=False,
        help_text="Usually so, where your tax law knows bad-debt relief. Otherwise the tax stays owed and is part of the loss. "
        "What is written off already stays as it was posted.",
    )

    revenue_date = forms.ChoiceField(
        label="Revenue earned over time is dated",
        choices=RevenueDate.choices,
        help_text="Usually the month's last day, also where a service ends in the middle of the month. What a run through an "
        "earlier day posts is dated that day. What is earned at once keeps its own day.",
    )

    straight_to_revenue = forms.BooleanField(
        label="What is earned on the day it is billed goes straight to revenue",
        required=False,
        help_text="Usually so. Otherwise it passes through deferred revenue on that day. Obligations of a contract always do, so "
        "that each of them shows what was billed of it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        policy: AccountingPolicy = self.subject
        for name in (
            "credit_adjustment",
            "large_change_percent",
            "large_change_must_front_load",
            "bad_debt_tax_relief",
            "revenue_date",
            "straight_to_revenue",
        ):
            self.initial[name] = getattr(policy, name)
        self.initial["large_change_percent"] = f"{policy.large_change_percent.normalize():f}"
        entities = list(BusinessEntity.objects.all())
        for entity in entities:
            self.add_proration(entity, of=f", {entity.name}" if len(entities) > 1 else "")
        for check, does_block in close_choices(policy):
            if not check.is_fixed:
                self.add_choice(check.code, check.label, usual=check.is_blocking, chosen=does_block)

    def add_proration(self, entity: BusinessEntity, *, of: str) -> None:
        """Ask what part of a billing period costs in what an entity agrees."""
        field = forms.ChoiceField(
            label=f"Part of a billing period is priced{of}",
            choices=Proration.choices,
            help_text="Usually as its revenue is earned, so that a contract that is ended or changed gives back what is not "
            "earned yet. It holds for what is agreed from now on.",
            initial=entity.proration,
        )
        self.add_field(f"{_PRORATION}{entity.code}", field)

    def add_choice(self, code: str, label: str, *, usual: bool, chosen: bool) -> None:
        """Ask for one close check whether it blocks."""
        field = forms.ChoiceField(
            label=label,
            choices=[
                (_BLOCKS, "Blocks closing"),
                (_WARNS, "Only a warning"),
            ],
            help_text=f"Usually {'it blocks' if usual else 'only a warning'}.",
            initial=_BLOCKS if chosen else _WARNS,
        )
        self.add_field(f"{_CHECK}{code}", field)

    @property
    def plain_fields(self) -> list[forms.BoundField]:
        """The treatments."""
        return [field for field in self.visible_fields() if not field.name.startswith(_CHECK)]

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The close checks."""
        return [(
            "Before a month is closed: what blocks, and what is shown and kept as a warning",
            [field for field in self.visible_fields() if field.name.startswith(_CHECK)],
        )]  # fmt: skip

    def chosen(self, prefix: str) -> dict[str, Any]:
        """Give what was chosen in the fields that begin like that, by the rest of their names."""
        given = self.cleaned_data.items()
        return {name.removeprefix(prefix): value for name, value in given if name.startswith(prefix)}

    def blocks(self) -> dict[str, bool]:
        """Give what was chosen: whether each check blocks, by its code."""
        return {code: value == _BLOCKS for code, value in self.chosen(_CHECK).items()}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        return {
            **{name: value for name, value in cleaned.items() if not name.startswith((_CHECK, _PRORATION))},
            "blocks": self.blocks(),
            "proration": self.chosen(_PRORATION),
        }


def _change(request: HttpRequest, policy: AccountingPolicy, given: dict[str, Any]) -> str:
    change_policy(**given)
    return "The policy is changed; it holds for what is posted and closed from now on."


@admin.register(AccountingPolicy)
class AccountingPolicyAdmin(DocumentAdmin):
    list_display = ("__str__", "contract_start", "bad_debt_tax_relief")
    verbs = (
        Verb(
            "choose",
            "Change the policy",
            _change,
            explain=lambda policy: (
                "The choices hold for what is posted and closed from now on; what is posted stays. Who changed what is kept "
                "in the history. Ask your auditor before you change a treatment in the middle of a year."
            ),
            role=Role.ACCOUNTANT,
            form=PolicyForm,
        ),
    )
    empty_hint = "The policy is chosen when the company's books are set up."

    def document(self, request: HttpRequest, subject: AccountingPolicy) -> Document:
        return Document(
            title="Accounting policy",
            lead="The treatment of contract starts was chosen when the books were set up; entries depend on it, so it stays.",
            facts=[
                ("When a contract starts", subject.get_contract_start_display()),
                ("Sales tax of bad debt", "Claimed back" if subject.bad_debt_tax_relief else "Lost with the debt"),
                ("A credit changes the revenue that is left", subject.get_credit_adjustment_display()),
                ("Earned on the day it is billed", _STRAIGHT[subject.straight_to_revenue]),
                ("Revenue earned over time is dated", subject.get_revenue_date_display()),
                ("A change of price is large above", f"{subject.large_change_percent.normalize():f} %"),
                (
                    "A large change must be front loaded",
                    "Yes" if subject.large_change_must_front_load else "No, a warning",
                ),
                *(
                    (f"Part of a billing period, {entity.name}", entity.get_proration_display())
                    for entity in BusinessEntity.objects.all()
                ),
            ],
            tables=[_close_checks(subject)],
        )


def _close_checks(policy: AccountingPolicy) -> Table:
    words = {True: "The month cannot be closed", False: "A warning"}
    return Table(
        "What must hold before a month is closed",
        columns("Check", "Where it does not hold", "Usual"),
        [
            (check.label, words[does_block], "Always" if check.is_fixed else words[check.is_blocking])
            for check, does_block in close_choices(policy)
        ],
        "Nothing is checked.",
    )
