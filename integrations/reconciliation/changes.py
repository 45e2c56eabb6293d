"""Why a document differs that both sides have: changed in the ERP, or by something of ours that has not come there yet."""

from collections.abc import Sequence
from decimal import Decimal

from django.db.models import Q

from billing.models import PaymentAllocation, WalletDraw
from integrations.connectors.base import ErpDocument
from integrations.documents import Kind, reference_of
from integrations.models import Connection, OutboxItem, OutboxState
from integrations.reconciliation.findings import APPROVAL, CHANGED, ROUNDING, Findings, subject_of

_CENTS = Decimal("0.05")  # Taxes worked out line by line or on the whole differ by that much.
_VOIDS = {
    Kind.INVOICE: Kind.INVOICE_VOID,
    Kind.CREDIT_NOTE: Kind.CREDIT_NOTE_VOID,
    Kind.PAYMENT: Kind.PAYMENT_VOID,
}
_WAITS = {OutboxState.PARKED: "parked", OutboxState.SKIPPED: "skipped", OutboxState.APPROVAL: APPROVAL}


class Changes:
    """What was put into the outbox to change documents that the ERP holds."""

    def __init__(self, connection: Connection, findings: Findings) -> None:
        self._connection, self._findings = connection, findings

    def cause_of(self, kind: Kind, theirs: ErpDocument, *, by: Decimal) -> str:
        """Say why a document differs from ours. `by` is how far the totals are apart."""
        is_rounding = 0 < by <= _CENTS
        subject = subject_of(self._connection, kind, theirs)
        if subject is None:
            return ROUNDING if is_rounding else CHANGED
        changes = OutboxItem.objects.filter(_of(kind, subject), connection=self._connection)
        state = changes.exclude(state=OutboxState.DELIVERED).values_list("state", flat=True).first()
        if state is not None:
            return _WAITS.get(OutboxState(state), "not sent yet")
        if carried := self._carried(kind, list(changes) if self._findings.carried.by_files else []):
            return carried
        return ROUNDING if is_rounding else CHANGED

    def _carried(self, kind: Kind, changes: Sequence[OutboxItem]) -> str:
        """Say where a change is on its way into an ERP that is fed by files."""
        for item in changes:
            reference = reference_of(self._connection.reference_prefix, item.kind, item.subject_id)
            if found := self._findings.carried.causes(Kind(item.kind), [reference], told_by=kind):
                return found[reference]
        return ""


def _of(kind: Kind, subject: int) -> Q:
    """Find what changes a document: its void, and what it came to settle later."""
    changes = Q(kind=_VOIDS[kind].value, subject_id=subject)
    if kind is Kind.PAYMENT:
        parts = PaymentAllocation.objects.filter(payment_id=subject).values_list("id", flat=True)
        changes |= Q(kind=Kind.PAYMENT_UPDATE.value, subject_id__in=list(parts))
        draws = WalletDraw.objects.filter(source__payment=subject).values_list("id", flat=True)
        changes |= Q(kind=Kind.WALLET_PAYMENT.value, subject_id__in=list(draws))
    if kind is Kind.CREDIT_NOTE:
        changes |= Q(kind=Kind.CREDIT_ALLOCATION.value, subject_id=subject)
        draws = WalletDraw.objects.filter(source__credit_note=subject).values_list("id", flat=True)
        changes |= Q(kind=Kind.WALLET_CREDIT.value, subject_id__in=list(draws))
    return changes
