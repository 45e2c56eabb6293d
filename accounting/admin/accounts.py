"""The chart of accounts, as a tree."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import display

from accounting.admin.reports import ledger_url
from accounting.admin.words import role_name
from accounting.balances import account_balance
from accounting.models import Account, DefaultAccount, JournalEntry, JournalLine, Level, entry_number
from billing.admin.document import Document, EditableDocumentAdmin
from billing.admin.forms import today
from billing.admin.products import activity
from billing.admin.shown import NONE, change_url, day, figure, link, money, to
from billing.admin.tables import Table, columns
from billing.models import Role

_FEW = 10


@admin.register(Account)
class AccountAdmin(EditableDocumentAdmin):
    change_role = Role.ACCOUNTANT
    add_role = Role.ACCOUNTANT
    list_display = ("tree", "category", "normal_balance", "role_shown", "active_shown")
    list_filter = ("category", "is_active")
    list_select_related = ("parent__parent__parent", "business_entity")
    list_per_page = 200
    ordering = ("business_entity", "code")
    search_fields = ("code", "name")
    search_help_text = "Code or name"
    autocomplete_fields = ("parent",)
    fields = (
        ("business_entity", "parent"),
        ("code", "name"),
        ("category", "normal_balance"),
        ("is_group", "is_active"),
        "description",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # Lines may stand on it; what they mean must not change under them.
        return ("business_entity", "code", "category", "normal_balance", "is_group") if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return super().get_queryset(request).select_related("parent", "business_entity")

    @display(description="Account", ordering="code")
    def tree(self, account: Account) -> str:
        depth, above = 0, account.parent
        while above is not None and depth < 3:
            depth, above = depth + 1, above.parent
        group = " cf-group" if account.is_group else ""
        return format_html('<span class="cf-indent-{}{}">{}</span>', depth, group, account)

    @display(description="Made for", ordering="role")
    def role_shown(self, account: Account) -> str:
        return role_name(account.role) if account.role else NONE

    @display(description="Status", ordering="is_active")
    def active_shown(self, account: Account) -> str:
        return activity(account.is_active)

    def document(self, request: HttpRequest, subject: Account) -> Document:
        facts: list[tuple[str, object]] = [
            ("Books of", subject.business_entity),
            ("Category", subject.get_category_display()),
            ("Normal balance", subject.get_normal_balance_display()),
            ("Part of", link(subject.parent)),
            ("Description", subject.description or NONE),
        ]
        if subject.is_group:
            return Document(
                title=str(subject), badge=activity(subject.is_active), facts=facts, tables=[_children(subject)]
            )
        now = today(subject.business_entity)
        currency = subject.business_entity.base_currency
        balance = account_balance(business_entity_id=subject.business_entity_id, account_id=subject.pk, at=now)
        side = "debit" if balance > 0 else "credit" if balance < 0 else ""
        return Document(
            title=str(subject),
            badge=activity(subject.is_active),
            headline=[(f"Balance today {side}".strip(), money(abs(balance), currency))],
            facts=[*facts, ("All lines", to(ledger_url(subject, until=now), "General ledger of this account"))],
            tables=[_default_for(subject), _latest(subject, currency)],
        )


def _children(account: Account) -> Table:
    return Table(
        "Accounts of this group",
        columns("Account", "Status"),
        [(link(child), activity(child.is_active)) for child in account.children.order_by("code")],
        "No account belongs to this group yet.",
    )


def _default_for(account: Account) -> Table:
    defaults = DefaultAccount.objects.filter(account_code=account.code)
    return Table(
        "Default account for",
        columns("Role", "At the level"),
        [(to(change_url(DefaultAccount, each.pk), role_name(each.role)), Level(each.level).label) for each in defaults],
        "No role points at this account; nothing new is posted to it.",
    )


def _latest(account: Account, currency: str) -> Table:
    now = today(account.business_entity)
    lines = JournalLine.objects.filter(account=account, date__range=(now.replace(day=1), now))
    in_order = lines.order_by("date", "entry__posted_at", "entry_id", "position")
    first, count = in_order.select_related("entry")[:_FEW], lines.count()
    return Table(
        "Lines of this month",
        columns("Date", "Entry", "Description", ">Debit", ">Credit"),
        [
            (
                day(line.date),
                to(change_url(JournalEntry, line.entry_id), entry_number(line.entry_id)),
                line.entry.description,
                figure(line.base_debit, currency),
                figure(line.base_credit, currency),
            )
            for line in first
        ],
        "No lines this month.",
        note=f"The first {_FEW} of {count:,}." if count > _FEW else "",
    )
