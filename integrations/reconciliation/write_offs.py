"""Write-offs among the ERP's credit notes: ours to bad debts, compared by their amount."""

from datetime import date
from decimal import Decimal

from billing.models import WriteOff
from integrations.connectors.base import Connector, ErpDocument
from integrations.documents import Kind, reference_of
from integrations.models import Connection
from integrations.reconciliation.findings import CHANGED, Findings, subject_of


class WriteOffs:
    """Our write-offs of a time; `take` them out of what the ERP holds, then say what is missing there."""

    def __init__(self, connection: Connection, findings: Findings, *, through: date, since: date | None) -> None:
        self._connection, self._findings = connection, findings
        rows = WriteOff.objects.filter(written_off_on__lte=through)
        rows = rows.filter(written_off_on__gte=since) if since else rows
        if connection.business_entity_id:
            rows = rows.filter(business_entity_id=connection.business_entity_id)
        self.ours: dict[int, tuple[int, str, Decimal]] = {
            pk: (customer, currency, Decimal(amount))  # type: ignore[arg-type]  # values_list() gives Decimals
            for pk, customer, currency, amount in rows.values_list("id", "customer_id", "currency", "amount")
        }
        self._seen: set[int] = set()

    def take(self, document: ErpDocument) -> bool:
        """Tell whether a credit note of the ERP is one of ours, and note where its total differs."""
        subject = subject_of(self._connection, Kind.WRITE_OFF, document)
        if subject is None or subject not in self.ours:
            return False
        self._seen.add(subject)
        self._findings.compared += 1
        amount = self.ours[subject][2]
        if amount != document.total:
            self._findings.add(
                Kind.WRITE_OFF.value, self._name(subject), CHANGED, ours=amount, theirs=document.total,
                external_id=document.external_id, detail="The total differs.",
            )  # fmt: skip
        return True

    def say_missing(self, connector: Connector) -> None:
        """Note those that the ERP does not hold."""
        missing = [(pk, self._name(pk), row[2]) for pk, row in self.ours.items() if pk not in self._seen]
        self._findings.compared += len(missing)
        if missing:
            self._findings.missing(Kind.WRITE_OFF, missing, connector=connector)

    def _name(self, subject: int) -> str:
        return reference_of(self._connection.reference_prefix, Kind.WRITE_OFF, subject)
