"""Read-only pages: what a document says, as facts and tables, and the verbs that a person may do with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from billing.access import may
from billing.admin.base import TenantAdmin, history_url
from billing.admin.form_page import form_page
from billing.admin.forms import StyledForm
from billing.admin.hooks import buttons_of, sections_of
from billing.admin.tables import Table
from billing.audit import recorded_tables
from billing.models import Role


@dataclass(frozen=True, slots=True)
class Document:
    """The page of one object: a headline, facts in a grid, tables below."""

    title: str
    facts: Sequence[tuple[str, object]] = ()
    badge: object = ""
    headline: Sequence[tuple[str, object]] = ()
    lead: object = ""
    note: str = ""
    tables: Sequence[Table] = ()
    waits_for: str = ""  # The address that tells how far a job is; the page shows itself anew when that is over.


class VerbForm(StyledForm):
    """A form that knows what it is about."""

    def __init__(self, *args: Any, subject: Any, **kwargs: Any) -> None:
        self.subject = subject
        super().__init__(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class Verb:
    """Something a person does with one object, after confirming it.

    `explain` says what will happen; `do` carries it out and answers in words; a ValueError of it is shown and nothing has
    changed. `form` may ask for more; it is built with `subject=`, the object; `tables` show what to know before.
    """

    path: str
    label: str
    do: Callable[[HttpRequest, Any, dict[str, Any]], str]
    explain: Callable[[Any], str]
    role: str = Role.FINANCE
    form: type[VerbForm] | None = None
    allowed: Callable[[Any], bool] = field(default=lambda subject: True)
    danger: bool = False
    back_to_list: bool = False
    submit: str = ""  # Of the button that confirms; empty: the label.
    tables: Callable[[Any], Sequence[Table]] = field(default=lambda subject: ())


class DocumentAdmin(TenantAdmin):
    """Pages of rows that are never edited: `document` shows one, `verbs` say what can be done with it."""

    change_role: str | None = None
    add_role: str | None = None
    verbs: tuple[Verb, ...] = ()

    def document(self, request: HttpRequest, subject: Any) -> Document:
        """Describe one object."""
        raise NotImplementedError

    def find(self, request: HttpRequest, object_id: str) -> Any:
        """Load one object of the tenant, with all its page needs. Raises Http404."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        subject = self.get_object(request, object_id)
        if subject is None:
            raise Http404(f"There is no such {self.opts.verbose_name} in this company.")
        return subject

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        return self.show(request, self.find(request, object_id))

    def show(self, request: HttpRequest, subject: Any) -> HttpResponse:
        """Render the page of one object."""
        document = self.document(request, subject)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": subject,
            "title": document.title,
            "document": document,
            "tables": [*document.tables, *sections_of(request, subject)],
            "buttons": [*self.buttons(request, subject), *buttons_of(request, subject), *self._history(subject)],
        }
        return TemplateResponse(request, "admin/counterfoil/document.html", context)

    def buttons(self, request: HttpRequest, subject: Any) -> list[dict[str, object]]:
        """Give the verbs that this person may do with the object now."""
        return [
            {"label": verb.label, "url": self.verb_url(verb, subject), "danger": verb.danger}
            for verb in self.verbs
            if may(request, verb.role) and verb.allowed(subject)
        ]

    def _history(self, subject: Any) -> list[dict[str, object]]:
        if self.opts.db_table not in recorded_tables():
            return []
        return [{"label": "History", "url": history_url(self.model, subject.pk), "plain": True}]

    def verb_url(self, verb: Verb, subject: models.Model) -> str:
        return reverse(f"admin:{self._verb_name(verb)}", args=[subject.pk])

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(
                f"<path:object_id>/{verb.path}/",
                self.admin_site.admin_view(self._confirmation(verb)),
                name=self._verb_name(verb),
            )
            for verb in self.verbs
        ]
        return [*ours, *super().get_urls()]

    def _verb_name(self, verb: Verb) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{verb.path.replace('-', '_')}"

    def _confirmation(self, verb: Verb) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            if not may(request, verb.role):
                raise PermissionDenied
            subject = self.find(request, object_id)
            if not verb.allowed(subject):
                messages.error(request, f"“{verb.label}” is not possible for {subject} in its present state.")
                return HttpResponseRedirect(self._page_of(subject))
            posted = request.POST if request.method == "POST" else None

            def carry_out(given: dict[str, Any]) -> tuple[str, str]:
                words = verb.do(request, subject, given)
                changelist = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
                return words, changelist if verb.back_to_list else self._page_of(subject)

            return form_page(
                request,
                title=f"{verb.label}: {subject}",
                submit=verb.submit or verb.label,
                cancel_url=self._page_of(subject),
                do=carry_out,
                form=verb.form(posted, request.FILES or None, subject=subject) if verb.form else None,
                explanation=verb.explain(subject),
                danger=verb.danger,
                tables=verb.tables(subject),
                subject=subject,
                opts=self.opts,
            )

        return view

    def _page_of(self, subject: models.Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[subject.pk])


class EditableDocumentAdmin(DocumentAdmin):
    """Pages to look at, with a button that opens the form as long as the object may be edited."""

    change_role = Role.FINANCE
    add_role = Role.FINANCE

    def editable(self, request: HttpRequest, subject: Any) -> bool:
        """Tell whether this person may edit this object now."""
        return self.has_change_permission(request, subject)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        subject = self.find(request, object_id)
        if self.editable(request, subject) and (request.method == "POST" or "edit" in request.GET):
            return super(DocumentAdmin, self).change_view(request, object_id, form_url, extra_context)
        return self.show(request, subject)

    def buttons(self, request: HttpRequest, subject: Any) -> list[dict[str, object]]:
        edit = {"label": "Edit", "url": f"{self._page_of(subject)}?edit=1", "danger": False}
        return [*super().buttons(request, subject), *([edit] if self.editable(request, subject) else [])]

    def response_post_save_change(self, request: HttpRequest, obj: models.Model) -> HttpResponse:
        return HttpResponseRedirect(self._page_of(obj))

    def response_post_save_add(self, request: HttpRequest, obj: models.Model) -> HttpResponse:
        return HttpResponseRedirect(self._page_of(obj))
