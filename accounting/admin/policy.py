"""The accounting policy: the company's choices among accepted treatments."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounting.models import AccountingPolicy
from billing.admin.document import Document, DocumentAdmin, Verb
from billing.models import Role


def _change_tax_relief(request: HttpRequest, policy: AccountingPolicy, given: dict[str, Any]) -> str:
    policy.bad_debt_tax_relief = not policy.bad_debt_tax_relief
    policy.save(update_fields=["bad_debt_tax_relief"])
    return "The policy is changed."


@admin.register(AccountingPolicy)
class AccountingPolicyAdmin(DocumentAdmin):
    list_display = ("__str__", "contract_start", "bad_debt_tax_relief")
    verbs = (
        Verb(
            "change-tax-relief",
            "Change tax of bad debt",
            _change_tax_relief,
            explain=lambda policy: (
                "From now on the sales tax of written-off invoices "
                + ("stays owed to the state, and is lost." if policy.bad_debt_tax_relief else "is claimed back.")
                + " What is written off already, and its recoveries, stay as they were posted."
            ),
            role=Role.ACCOUNTANT,
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
                ("A change of price is large above", f"{subject.large_change_percent.normalize():f} %"),
                (
                    "A large change must be front loaded",
                    "Yes" if subject.large_change_must_front_load else "No, a warning",
                ),
            ],
        )
