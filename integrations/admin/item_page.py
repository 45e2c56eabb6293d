"""The page of one item: what it is about, what holds it up, what was tried, and where it is in the ERP."""

from django.urls import reverse
from django.utils.html import format_html

from billing.admin.document import Document
from billing.admin.shown import NONE, link, moment, status, to
from billing.admin.tables import Table, columns
from billing.models import Customer
from integrations import outbox, preview, vault
from integrations.admin.connection_verbs import mapping_url
from integrations.admin.excerpts import parts_of
from integrations.admin.shown import Subjects, indented, outbox_url, their_document
from integrations.connectors.errors import PeriodLocked
from integrations.documents import Kind, as_sent, reference_of
from integrations.models import DeliveryAttempt, ExportedDocument, ExternalReference, OutboxItem, OutboxState
from integrations.tokens import is_fed_by_files

_ATTEMPTS_SHOWN = 50
_BOOKS_CLOSED = PeriodLocked("").code
_FOLDED = (
    '<details><summary class="cf-link" style="cursor: pointer">{}</summary>'
    '<pre class="cf-code" style="min-width: 340px; max-width: 620px; overflow-wrap: anywhere; white-space: pre-wrap">{}'
    "</pre></details>"
)


def describe(item: OutboxItem, *, with_preview: bool = False) -> Document:
    """Say everything about one item, with the body it would be sent with if asked."""
    reference = ExternalReference.objects.filter(
        connection=item.connection_id, kind=item.kind, subject_id=item.subject_id
    ).first()
    name = reference_of(item.connection.reference_prefix, item.kind, item.subject_id)
    waits_for = outbox.waits_for(item) if item.state == OutboxState.PENDING else None
    customer = Customer.objects.filter(pk=item.group_key).first() if item.group_key else None
    return Document(
        title=f"{item.get_kind_display()} {name}",
        badge=status(item, "state"),
        lead=_lead(item),
        note=item.reason if item.state != OutboxState.DELIVERED else "",
        facts=[
            ("About", Subjects([(item.kind, item.subject_id)]).show(item.kind, item.subject_id)),
            ("Connection", link(item.connection)),
            _in_files(item, name) or ("In the ERP", their_document(reference, with_ours=False)),
            ("Our reference there", name),
            ("Customer", link(customer)),
            ("All of this customer", to(outbox_url(q=customer.external_id), "in the outbox") if customer else NONE),
            ("Waits for", link(waits_for)),
            ("Next try", moment(item.available_at) if item.state == OutboxState.PENDING else NONE),
            ("Attempts", item.attempts),
            ("Put here", moment(item.created_at)),
            ("Delivered", moment(item.delivered_at)),
            *([("To mend it", _mend(item))] if item.state == OutboxState.PARKED and item.reason_code else []),
        ],
        tables=[*([_preview(item)] if with_preview else []), _attempts(item, name)],
    )


def _lead(item: OutboxItem) -> str:
    if item.outcome_unknown and item.state != OutboxState.DELIVERED:
        return "Nobody knows whether the ERP has it: no answer came. It is looked for there before it is sent again."
    if item.state == OutboxState.PARKED and item.reason_code == "by_hand":
        return (
            "The ERP has no document for it. Do there what is said below, then skip it with what you did as the reason."
        )
    if item.state == OutboxState.DELIVERED and is_fed_by_files(item.connection):
        return f"It is ready for the import files since {moment(item.delivered_at)}. The ERP has it once they are imported there."
    return {
        OutboxState.PENDING: "It waits to be sent.",
        OutboxState.IN_FLIGHT: "A worker is sending it right now.",
        OutboxState.DELIVERED: f"The ERP has it since {moment(item.delivered_at)}.",
        OutboxState.PARKED: "It cannot be sent as it is. Mend what is said below, then send it again, or skip it with a reason.",
        OutboxState.SKIPPED: "It was decided not to send it.",
        OutboxState.APPROVAL: "It is sent when a person has approved it.",
    }[OutboxState(item.state)]


def _in_files(item: OutboxItem, reference: str) -> tuple[str, object] | None:
    """Say in which import files it is; None where the ERP is not fed by files, or it has not come that far."""
    if not is_fed_by_files(item.connection):
        return None
    rows = ExportedDocument.objects.filter(
        connection=item.connection_id, kind=as_sent(Kind(item.kind)), reference=reference
    )
    found = rows.select_related("file").defer("file__content").first()
    if found is None:
        return None
    if found.file is None:
        return "In import files", "in the next ones"
    words = f"{found.file}, imported on {moment(found.file.imported_at)}" if found.file.imported_at else str(found.file)
    return "In import files", to(reverse("admin:erp_files", args=[item.connection_id, found.file.pk]), words)


def _mend(item: OutboxItem) -> object:
    if item.reason_code == "missing_mapping":
        return to(mapping_url(item.connection), "Complete the mapping")
    if item.reason_code == "by_hand":
        return "Enter it in the ERP by hand, then skip it"
    if item.reason_code == "bad_credentials":
        return link(item.connection, "Connect again")
    if item.reason_code == _BOOKS_CLOSED:
        return "Open its books there and send it again, or send it with the first open day"
    return "Do what the ERP asks, then send it again"


def _preview(item: OutboxItem) -> Table:
    text = indented(vault.redact(preview.preview(item)))
    shown = format_html('<pre class="cf-code" style="overflow-wrap: anywhere; white-space: pre-wrap">{}</pre>', text)
    note = "Built just now from our books and the mapping. Nothing was sent."
    return Table("What would be sent", columns("Body"), [(shown,)], "", note=note)


def _attempts(item: OutboxItem, reference: str) -> Table:
    attempts = DeliveryAttempt.objects.filter(
        connection=item.connection_id, at__gte=item.created_at, item_ids__contains=[item.pk]
    )
    return Table(
        "Requests that concerned it",
        columns("When", "What", ">Items in it", "Answer", ">Seconds", "Sent", "Received"),
        [
            (
                moment(each.at),
                each.operation,
                len(each.item_ids),
                each.answer,
                f"{each.seconds:.2f}",
                *map(_folded, _parts(each, reference)),
            )
            for each in attempts.order_by("-at")[:_ATTEMPTS_SHOWN]
        ],
        "No request for it was made in the last 30 days.",
        note="What was sent and received for it, without tokens and secrets; of a request for many items, its own part. "
        "Kept for 30 days.",
    )


def _parts(attempt: DeliveryAttempt, reference: str) -> tuple[str, str]:
    if len(attempt.item_ids) < 2:
        return attempt.request, attempt.response
    return parts_of(attempt.request, attempt.response, reference)


def _folded(text: str) -> object:
    return format_html(_FOLDED, f"{len(text):,} characters", indented(text)) if text else NONE
