"""Manual entries: written in a grid, submitted, approved by a second person; their attachments."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from accounting.admin.manual_due import post_due_page
from accounting.admin.manual_forms import AttachForm, DetachForm, ManualEntryForm, SendBackForm, StopForm
from accounting.attachments import attach, detach
from accounting.manual_entries import (
    approve,
    delete_draft,
    is_own,
    next_repetition,
    save_draft,
    send_back,
    stop_repeating,
    submit,
)
from accounting.models import Attachment, JournalEntry, ManualEntry, ManualEntryStatus
from billing.access import may
from billing.admin.document import Document, DocumentAdmin, Verb
from billing.admin.form_page import form_page
from billing.admin.shown import NONE, change_url, day, figure, link, list_url, moment, money, status, to
from billing.admin.tables import Table, columns
from billing.downloads import kept_file
from billing.models import Role

_APPROVE = "Approve and post"


def _submit(request: HttpRequest, subject: ManualEntry, given: dict[str, Any]) -> str:
    submit(entry_id=subject.pk, by=request.user, at=timezone.now())
    return f"{subject} waits for somebody else to approve it."


def _approve(request: HttpRequest, subject: ManualEntry, given: dict[str, Any]) -> str:
    approve(entry_id=subject.pk, by=request.user, at=timezone.now())
    return f"{subject} is approved and posted."


def _send_back(request: HttpRequest, subject: ManualEntry, given: dict[str, Any]) -> str:
    send_back(entry_id=subject.pk, reason=given["reason"])
    return f"{subject} is a draft again."


def _stop(request: HttpRequest, subject: ManualEntry, given: dict[str, Any]) -> str:
    stop_repeating(entry_id=subject.pk, after=given["after"])
    return f"{subject} is posted for the last time by {day(given['after'])}."


def _attach(request: HttpRequest, subject: ManualEntry, given: dict[str, Any]) -> str:
    sent = given["document"]
    kept = attach(entry_id=subject.pk, name=sent.name, content=sent.read(), by=request.user)
    return f"“{kept.name}” is attached."


def _detach(request: HttpRequest, subject: ManualEntry, given: dict[str, Any]) -> str:
    return f"“{detach(entry_id=subject.pk, attachment_id=given['document'].pk)}” is removed."


def _delete(request: HttpRequest, subject: ManualEntry, given: dict[str, Any]) -> str:
    delete_draft(entry_id=subject.pk)
    return "The draft is deleted."


def _is(wanted: ManualEntryStatus) -> Any:
    return lambda subject: subject.status == wanted


@admin.register(ManualEntry)
class ManualEntryAdmin(DocumentAdmin):
    add_role = Role.FINANCE
    list_display = ("__str__", "date", "description", "status_shown", "repeats", "created_by", "approved_by")
    list_filter = ("status", "repeat", ("date", RangeDateFilter))
    list_select_related = ("created_by", "approved_by")
    search_fields = ("description", "note")
    empty_hint = (
        "What no invoice, payment or schedule posts is written here, and posted once a second person approves it."
    )
    verbs = (
        Verb(
            "submit", "Submit for approval", _submit, role=Role.FINANCE, allowed=_is(ManualEntryStatus.DRAFT),
            explain=lambda subject: "It can no longer be edited. An accountant who neither wrote, changed nor submitted it "
            "approves it, or sends it back.",
        ),
        Verb(
            "approve", _APPROVE, _approve, role=Role.ACCOUNTANT, allowed=_is(ManualEntryStatus.SUBMITTED),
            tables=lambda subject: [_lines(subject), _attachments(subject)],
            explain=lambda subject: f"It is posted on {day(subject.date)} as it stands. What is posted can only be reversed."
            + (" The approval holds for every repetition too." if subject.repeat else ""),
        ),
        Verb(
            "send-back", "Send back", _send_back, role=Role.ACCOUNTANT, form=SendBackForm,
            allowed=_is(ManualEntryStatus.SUBMITTED),
            explain=lambda subject: "It becomes a draft again, to be changed and submitted anew.",
        ),
        Verb(
            "attach", "Attach a document", _attach, role=Role.FINANCE, form=AttachForm,
            explain=lambda subject: "It is kept with the entry; once the entry is submitted it stays for ever.",
        ),
        Verb(
            "detach", "Remove a document", _detach, role=Role.FINANCE, form=DetachForm,
            allowed=lambda subject: subject.status == ManualEntryStatus.DRAFT and subject.attachments.exists(),
            explain=lambda subject: "For one attached by mistake. Once the entry is submitted, its documents stay.",
        ),
        Verb(
            "stop", "Stop repeating", _stop, role=Role.ACCOUNTANT, form=StopForm,
            allowed=lambda subject: subject.status == ManualEntryStatus.POSTED and subject.repeat > 0,
            explain=lambda subject: "It is not posted again after that day. What is posted stays.",
        ),
        Verb(
            "delete-draft", "Delete draft", _delete, role=Role.FINANCE, danger=True, back_to_list=True,
            allowed=_is(ManualEntryStatus.DRAFT), explain=lambda subject: "Nothing was posted for it.",
        ),
    )  # fmt: skip

    @display(description="Status", ordering="status")
    def status_shown(self, subject: ManualEntry) -> str:
        return status(subject)

    @display(description="Posted", ordering="repeat")
    def repeats(self, subject: ManualEntry) -> str:
        return "Repetition" if subject.series_id else subject.get_repeat_display()

    def list_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        return [("Post what is due", reverse("admin:post_scheduled"))] if may(request, Role.ACCOUNTANT) else []

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("post-what-is-due/", wrap(post_due_page), name="post_scheduled"),
            path("<int:entry_id>/write/", wrap(self.write), name="accounting_manualentry_write"),
            path("attachments/<int:attachment_id>/", wrap(self.download), name="accounting_attachment_download"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        return self._form(request, None)

    def write(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        """Write a draft anew."""
        return self._form(request, self.find(request, str(entry_id)))

    def _form(self, request: HttpRequest, entry: ManualEntry | None) -> HttpResponse:
        if not may(request, Role.FINANCE):
            raise PermissionDenied
        names = ("business_entity", "date", "currency", "description", "note", "reverse_on", "repeat", "repeat_until")

        def save(given: dict[str, Any]) -> tuple[str, str]:
            written = entry or ManualEntry()
            for name in names:
                setattr(written, name, given[name])
            saved = save_draft(entry=written, lines=given["lines"], by=request.user)
            return f"{saved} is saved as a draft. Nothing is posted yet.", change_url(ManualEntry, saved.pk)

        return form_page(
            request,
            title=f"Edit {entry}" if entry else "New manual entry",
            submit="Save draft",
            cancel_url=change_url(ManualEntry, entry.pk) if entry else list_url(ManualEntry),
            do=save,
            form=ManualEntryForm(
                request.POST if request.method == "POST" else None,
                entry=entry,
                initial={name: getattr(entry, name) for name in names} if entry else {},
            ),
            explanation="Debits and credits must be equal. Accounts that invoices, payments and schedules keep are not "
            "offered: correct the document instead. It is posted once a second person has approved it.",
            warning=f"Sent back: {entry.returned_reason}" if entry and entry.returned_reason else "",
            subject=entry,
            opts=self.opts,
            template="admin/counterfoil/manual_entry.html",
        )

    def buttons(self, request: HttpRequest, subject: Any) -> list[dict[str, object]]:
        found = super().buttons(request, subject)
        if is_own(subject, request.user):
            found = [button for button in found if button["label"] != _APPROVE]
        if subject.status == ManualEntryStatus.DRAFT and may(request, Role.FINANCE):
            url = reverse("admin:accounting_manualentry_write", args=[subject.pk])
            found.append({"label": "Edit", "url": url, "danger": False})
        return found

    def download(self, request: HttpRequest, attachment_id: int) -> HttpResponse:
        """Hand out a document to be saved, never to be shown in our own pages."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = Attachment.objects.filter(pk=attachment_id).first()
        if found is None:
            raise Http404
        return kept_file(name=found.name, content_type=found.content_type, content=bytes(found.content))

    def document(self, request: HttpRequest, subject: ManualEntry) -> Document:
        posted = JournalEntry.objects.filter(event__kind="manual_entry_approved", event__key=str(subject.pk)).first()
        reversal = JournalEntry.objects.filter(reverses=posted).first() if posted else None
        total = sum(line.debit for line in subject.lines.all())
        return Document(
            title=f"{subject}: {subject.description}",
            badge=status(subject),
            lead=subject.note,
            note=_note(request, subject),
            headline=[("Date", day(subject.date)), ("Amount", money(total, subject.currency))],
            facts=[
                ("Books of", subject.business_entity),
                ("Journal entry", link(posted) if posted else "Not posted"),
                ("Written by", subject.created_by or NONE),
                ("Submitted by", _who(subject.submitted_by, subject.submitted_at)),
                ("Approved by", _who(subject.approved_by, subject.approved_at)),
                ("Reversed by", link(reversal)) if reversal else ("Reverses by itself", _reversal(subject)),
                ("Posted", _how_often(subject)),
                *([("Repetition of", link(subject.series))] if subject.series_id else []),
            ],
            tables=[_lines(subject), _attachments(subject), *([_occurrences(subject)] if subject.repeat else [])],
        )  # fmt: skip


def _note(request: HttpRequest, subject: ManualEntry) -> str:
    if subject.status == ManualEntryStatus.SUBMITTED and is_own(subject, request.user):
        return "You wrote or submitted this entry: another accountant approves it, or sends it back."
    return f"Sent back: {subject.returned_reason}" if subject.returned_reason else ""


def _who(user: Any, at: Any) -> str:
    return f"{user}, {moment(at)}" if user and at else NONE


def _how_often(subject: ManualEntry) -> str:
    until = f", until {day(subject.repeat_until)}" if subject.repeat_until else ""
    following = next_repetition(subject) if subject.status == ManualEntryStatus.POSTED else None
    then = f"; next on {day(following)}" if following else ""
    return f"{subject.get_repeat_display()}{until}{then}"


def _reversal(subject: ManualEntry) -> str:
    return f"on {day(subject.reverse_on)}" if subject.reverse_on else "no"


def _lines(subject: ManualEntry) -> Table:
    lines = list(subject.lines.select_related("account", "customer", "contract", "product").order_by("position"))
    totals = (
        "Total",
        figure(sum(line.debit for line in lines), subject.currency),
        figure(sum(line.credit for line in lines), subject.currency),
        "",
    )
    return Table(
        "Lines",
        columns("Account", f">Debit {subject.currency}", f">Credit {subject.currency}", "About"),
        [
            (
                link(line.account),
                figure(line.debit, subject.currency),
                figure(line.credit, subject.currency),
                ", ".join(str(each) for each in (line.customer, line.contract, line.product) if each),
            )
            for line in lines
        ],
        "No lines.",
        totals=totals,
    )


def _attachments(subject: ManualEntry) -> Table:
    found = subject.attachments.defer("content").select_related("uploaded_by")
    return Table(
        "Attachments",
        columns("Document", ">Size", "Attached", "By", "SHA-256"),
        [
            (
                to(reverse("admin:accounting_attachment_download", args=[each.pk]), each.name),
                f"{-(-each.size // 1024):,} kB",
                moment(each.uploaded_at),
                each.uploaded_by or NONE,
                f"{each.sha256[:12]}…",
            )
            for each in found
        ],
        "Nothing is attached.",
    )


def _occurrences(subject: ManualEntry) -> Table:
    return Table(
        "Posted again",
        columns("Date", "Entry"),
        [(day(each.date), link(each)) for each in subject.occurrences.order_by("date")],
        "Not yet; the clock posts what is due every hour.",
    )
