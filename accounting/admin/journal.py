"""Journal entries: the list, and for each the page that says why it is there."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from accounting.admin.manual_forms import ReverseForm
from accounting.admin.reports import ledger_url, report_urls
from accounting.admin.words import line_in_words, role_name
from accounting.models import (
    Account,
    AccountingPeriod,
    EntryKind,
    JournalEntry,
    JournalLine,
    ManualEntry,
    PerformanceObligation,
    RecognitionSchedule,
    RuleVersion,
)
from accounting.reports.related import with_totals
from accounting.reports.why import EntryReason, explain_entry
from accounting.reversing import reverse_entry
from billing.admin.document import Document, DocumentAdmin, Verb
from billing.admin.events import KindFilter as EventKindFilter
from billing.admin.events import event_label
from billing.admin.references import LABELS, References, add_reference
from billing.admin.shown import NONE, badge, change_url, day, figure, link, moment, money, to
from billing.admin.tables import Table, columns
from billing.models import Customer, Invoice, Role

_ABOUT = (
    "customer_id", "invoice_id", "credit_note_id", "payment_id", "refund_id", "contract_item_id", "product_id",
    "obligation_id", "tax_rate_id",
)  # fmt: skip
_MOST_MATCHES = 500


def _obligations(ids: set[int]) -> dict[int, object]:
    names = dict(PerformanceObligation.objects.filter(pk__in=ids).values_list("pk", "name"))
    held = RecognitionSchedule.objects.filter(obligation_id__in=ids).values_list("obligation_id", "pk")
    return {pk: to(change_url(RecognitionSchedule, schedule), names[pk]) for pk, schedule in held if pk in names}


add_reference("obligation_id", _obligations)


class KindFilter(EventKindFilter):
    title = "what happened"

    def queryset(self, request: HttpRequest, queryset: QuerySet[JournalEntry]) -> QuerySet[JournalEntry]:
        return queryset.filter(event__kind=self.value()) if self.value() else queryset


class PeriodFilter(admin.SimpleListFilter):
    title = "period"
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        periods = AccountingPeriod.objects.select_related("business_entity").order_by("-start")[:60]
        return [(str(each.pk), f"{each} ({each.business_entity})") for each in periods]

    def queryset(self, request: HttpRequest, queryset: QuerySet[JournalEntry]) -> QuerySet[JournalEntry]:
        value = self.value()
        period = AccountingPeriod.objects.filter(pk=value).first() if value and value.isdecimal() else None
        if period is None:
            return queryset
        return queryset.filter(business_entity=period.business_entity_id, date__gte=period.start, date__lt=period.end)


class AccountFilter(admin.SimpleListFilter):
    title = "account"
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        accounts = Account.objects.filter(is_group=False).order_by("code")
        return [(str(account.pk), str(account)) for account in accounts]

    def queryset(self, request: HttpRequest, queryset: QuerySet[JournalEntry]) -> QuerySet[JournalEntry]:
        value = self.value()
        if not value or not value.isdecimal():
            return queryset
        return queryset.filter(pk__in=JournalLine.objects.filter(account=int(value)).values("entry"))


def _reverse(request: HttpRequest, subject: JournalEntry, given: dict[str, Any]) -> str:
    reverse_entry(entry_id=subject.pk, on=given["on"], reason=given["reason"])
    return f"{subject} is reversed on {day(given['on'])}."


@admin.register(JournalEntry)
class JournalEntryAdmin(DocumentAdmin):
    verbs = (
        Verb(
            "reverse", "Reverse", _reverse, role=Role.ACCOUNTANT, form=ReverseForm, danger=True,
            explain=lambda entry: "The mirror image of the entry is posted: same accounts, sides exchanged. The document behind "
            "it stays as it is: void or credit a wrong invoice instead, which reverses by itself. Reversed by hand, control "
            "accounts no longer agree with the documents, and the close check list says so.",
            allowed=lambda entry: entry.reverses_id is None and not entry.reversed_by.exists(),
        ),
    )  # fmt: skip
    list_display = ("number_shown", "date", "what_happened", "about", "customer_shown", "amount_posted")
    list_filter = (KindFilter, PeriodFilter, AccountFilter, "kind", ("date", RangeDateFilter))
    list_select_related = ("event", "business_entity")
    search_fields = ("description",)
    search_help_text = "JE- number, invoice number or customer"
    empty_hint = (
        "Entries are posted by themselves when invoices are finalized, payments come in and revenue is recognized."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalEntry]:
        customer = (
            JournalLine.objects.filter(entry=OuterRef(OuterRef("pk")), customer_id__isnull=False)
            .order_by("position")
            .values("customer_id")[:1]
        )
        named = Customer.objects.filter(pk=Subquery(customer)).values("name")
        return with_totals(super().get_queryset(request)).annotate(customer_name=Subquery(named))

    def get_urls(self) -> list[URLPattern]:
        return [*report_urls(), *super().get_urls()]

    def list_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        return [("Reports", reverse("admin:reports"))]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[JournalEntry], search_term: str
    ) -> tuple[QuerySet[JournalEntry], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        number = term.upper().removeprefix("JE-")
        if number.isdecimal() and len(number) < 19:
            return queryset.filter(pk=int(number)), False
        invoices = list(Invoice.objects.filter(number__istartswith=term).values_list("pk", flat=True)[:_MOST_MATCHES])
        if invoices:
            lines = JournalLine.objects.filter(invoice_id__in=invoices)
            by_fact = Q(event__kind__startswith="invoice_", event__key__in=[str(pk) for pk in invoices])
            return queryset.filter(Q(pk__in=lines.values("entry")) | by_fact), False
        customers = Customer.objects.filter(Q(name__icontains=term) | Q(external_id__iexact=term))
        ids = list(customers.values_list("pk", flat=True)[:_MOST_MATCHES])
        return queryset.filter(pk__in=JournalLine.objects.filter(customer_id__in=ids).values("entry")), False

    @display(description="Number", ordering="id")
    def number_shown(self, entry: JournalEntry) -> str:
        return entry.number

    @display(description="What happened", ordering="event__kind")
    def what_happened(self, entry: JournalEntry) -> str:
        return event_label(entry.event.kind)

    @display(description="Document")
    def about(self, entry: JournalEntry) -> object:
        if entry.kind == EntryKind.REVERSAL:
            return badge(entry.kind, "Reversal")
        payload = entry.event.payload
        numbers = (payload.get(name) for name in ("invoice_number", "credit_note_number", "contract_number"))
        return next((number for number in numbers if number), NONE)

    @display(description="Customer")
    def customer_shown(self, entry: Any) -> str:
        return entry.customer_name or NONE

    @display(description="Amount")
    def amount_posted(self, entry: Any) -> str:
        return money(entry.total_debit or 0, entry.business_entity.base_currency)

    def document(self, request: HttpRequest, subject: JournalEntry) -> Document:
        return why(explain_entry(subject.pk))


def _origin(reason: EntryReason) -> tuple[str, object]:
    rule = reason.rule
    if rule:
        return "Posted by rule", to(change_url(type(rule), rule.pk), f"{rule.rule.name}, version {rule.number}")
    if manual := reason.event.payload.get("manual_entry_id"):
        approver = reason.event.payload["approved_by"]
        return "Written by hand", to(change_url(ManualEntry, manual), f"Manual entry {manual}, approved by {approver}")
    return "Reversed by hand", reason.event.payload.get("reason", NONE)


def _lead(reason: EntryReason) -> str:
    happened = f"This entry is there because of a business event of {day(reason.event.occurred_on)}: "
    if reason.rule is None:
        return f"{happened}{reason.event_label.lower()}. Persons wrote and approved it; no rule was asked."
    return (
        f"{happened}{reason.event_label.lower()}. The rule “{reason.rule.rule.name}”, version {reason.rule.number}, says what "
        "to debit and credit; the default accounts say on which account each part belongs."
    )


def why(reason: EntryReason) -> Document:
    """Put an entry's reasons into words and tables."""
    entry, event = reason.entry, reason.event
    about = [{name: getattr(each.line, name) for name in _ABOUT} for each in reason.lines]
    references = References([reason.documents, *about])
    period = AccountingPeriod.objects.filter(
        business_entity=entry.business_entity_id, start__lte=entry.date, end__gt=entry.date
    ).first()
    reversed_by = JournalEntry.objects.filter(reverses=entry.pk).first()
    facts: list[tuple[str, object]] = [
        ("What happened", to(change_url(type(event), event.pk), reason.event_label)),
        ("On", day(event.occurred_on)),
        _origin(reason),
        ("Period", link(period) if period else NONE),
        ("Books of", entry.business_entity),
        ("Posted", moment(entry.posted_at)),
        *((LABELS[name], references.show(name, pk)) for name, pk in reason.documents.items()),
    ]
    if entry.reverses_id:
        facts.append(("Reverses", link(JournalEntry(pk=entry.reverses_id))))
    if reversed_by:
        facts.append(("Reversed by", link(reversed_by)))
    return Document(
        title=f"{entry.number}: {entry.description}",
        badge=badge(entry.kind, entry.get_kind_display()),
        lead=_lead(reason),
        headline=[
            ("Date", day(entry.date)),
            *([("Amount", money(reason.debit, entry.currency))] if reason.is_foreign and reason.debit else []),
            ("Debit", money(reason.base_debit, reason.base_currency)),
            ("Credit", money(reason.base_credit, reason.base_currency)),
        ],
        facts=facts,
        tables=[_lines(reason, about, references), *([_rule(reason.rule)] if reason.rule else [])],
    )


def _lines(reason: EntryReason, about: list[dict[str, Any]], references: References) -> Table:
    currency, base = reason.entry.currency, reason.base_currency
    in_both = reason.is_foreign
    rows = []
    for each, ids in zip(reason.lines, about, strict=True):
        links = [
            to_line(LABELS[name], references.show(name, value)) for name, value in ids.items() if value is not None
        ]
        rows.append(
            (
                to(ledger_url(each.line.account, until=reason.entry.date), each.line.account),
                *([figure(each.line.debit, currency), figure(each.line.credit, currency)] if in_both else []),
                figure(each.line.base_debit, base),
                figure(each.line.base_credit, base),
                _for_people(each.rule_says, each.line.role),
                _for_people(each.account_chosen_by, each.line.role),
                join(links),
            )
        )
    return Table(
        "Lines",
        columns(
            "Account",
            *([f">Debit {currency}", f">Credit {currency}"] if in_both else []),
            f">Debit {base}",
            f">Credit {base}",
            "The rule says",
            "The account comes from",
            "About",
        ),
        rows,
        "No lines.",
        totals=(
            "Total",
            *([figure(reason.debit, currency), figure(reason.credit, currency)] if in_both else []),
            figure(reason.base_debit, base),
            figure(reason.base_credit, base),
            "",
            "",
            "",
        ),
    )


def _for_people(words: str, role: str) -> str:
    words = words.replace(role, role_name(role))
    return words[:1].upper() + words[1:]


def to_line(label: str, value: object) -> object:
    return format_html('<div><span class="cf-muted">{}</span> {}</div>', label, value)


def join(parts: list[object]) -> object:
    return format_html_join("", "{}", ((part,) for part in parts))


def _rule(rule: RuleVersion) -> Table:
    return Table(
        f"The rule: {rule.rule.name}, version {rule.number}",
        columns("It says"),
        [(line_in_words(line),) for line in rule.lines],
        "This rule mirrors the entries of an earlier event; it has no lines of its own.",
        note=f"First, the entries of “{event_label(rule.reverses).lower()}” are mirrored." if rule.reverses else "",
    )
