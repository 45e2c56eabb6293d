"""Import exchange rates: all that is given, or nothing; what is there already is left as it is.

A rate that differs from the one recorded for its day is refused, unless it is imported as a correction: then it holds for
what is posted from now on, and for revaluations run again. What was posted keeps the rate it was posted with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db import connection, transaction
from django.utils import timezone

from accounting.currency.rate_files import BadLine, GivenRate, read_table
from accounting.models import ExchangeRate, Quotation
from billing.bulk import insert_rows, reserve_ids
from billing.tenancy import current_tenant_id

_COLUMNS = (
    "id", "tenant_id", "source", "date", "bank_currency", "currency", "quotation", "rate", "number", "recorded_at",
)  # fmt: skip
_KNOWN = """
SELECT DISTINCT ON (date, currency) date, currency, quotation, rate, number FROM accounting_exchangerate
WHERE tenant_id = %s AND bank_currency = %s AND date BETWEEN %s AND %s ORDER BY date, currency, number DESC
"""


@dataclass(frozen=True, slots=True)
class Correction:
    """A rate that is recorded otherwise."""

    given: GivenRate
    recorded: Decimal
    number: int


@dataclass(slots=True)
class RateImport:
    """What importing a file would do, or did."""

    added: list[GivenRate] = field(default_factory=list)
    unchanged: int = 0
    corrections: list[Correction] = field(default_factory=list)
    rejected: list[BadLine] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def days(self) -> tuple[date, date] | None:
        """The first and the last day that get a rate."""
        days = [each.day for each in [*self.added, *(correction.given for correction in self.corrections)]]
        return (min(days), max(days)) if days else None


def preview_rates(
    content: bytes,
    *,
    today: date,
    bank_currency: str = "EUR",
    quotation: str = Quotation.FOREIGN_PER_BANK,
    correct: bool = False,
    since: date | None = None,
) -> RateImport:
    """Say what importing a file would do; nothing is changed. Raises UnreadableRates."""
    table = read_table(content, bank_currency=bank_currency, today=today)
    given = [each for each in table.rates if since is None or each.day >= since]
    result = _compared(given, bank_currency=bank_currency, quotation=quotation, correct=correct)
    result.unknown = table.unknown
    result.rejected = sorted([*table.bad, *result.rejected], key=lambda bad: bad.line)
    return result


def _compared(given: Sequence[GivenRate], *, bank_currency: str, quotation: str, correct: bool) -> RateImport:
    known = _known(given, bank_currency)
    result = RateImport()
    for each in given:
        recorded = known.get((each.day, each.currency))
        if recorded is None:
            result.added.append(each)
        elif recorded[:2] == (quotation, each.rate):
            result.unchanged += 1
        elif correct:
            result.corrections.append(Correction(each, recorded[1], recorded[2] + 1))
        else:
            result.rejected.append(BadLine(each.line, _differs(each, recorded)))
    return result


def import_rates(
    content: bytes,
    *,
    source: str,
    today: date,
    bank_currency: str = "EUR",
    quotation: str = Quotation.FOREIGN_PER_BANK,
    correct: bool = False,
    since: date | None = None,
) -> RateImport:
    """Import a file; nothing of it when a line is bad. `correct` records rates that changed. Raises UnreadableRates."""
    with transaction.atomic():
        _one_at_a_time()
        result = preview_rates(
            content, today=today, bank_currency=bank_currency, quotation=quotation, correct=correct, since=since
        )
        _write(result, source=source, bank_currency=bank_currency, quotation=quotation)
        return result


def record_rates(
    given: Sequence[GivenRate],
    *,
    source: str,
    bank_currency: str = "EUR",
    quotation: str = Quotation.FOREIGN_PER_BANK,
    correct: bool = False,
) -> RateImport:
    """Record rates that came one by one, at most one for a day and currency; none of them where one is rejected."""
    with transaction.atomic():
        _one_at_a_time()
        result = _compared(given, bank_currency=bank_currency, quotation=quotation, correct=correct)
        _write(result, source=source, bank_currency=bank_currency, quotation=quotation)
        return result


def _one_at_a_time() -> None:
    """Two imports at a time would take each other's rates for new ones."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('exchange rates'), %s)", [current_tenant_id()])


def _known(given: Sequence[GivenRate], bank_currency: str) -> dict[tuple[date, str], tuple[str, Decimal, int]]:
    days = [each.day for each in given]
    if not days:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [current_tenant_id(), bank_currency, min(days), max(days)])
        return {(day, currency): (way, rate, number) for day, currency, way, rate, number in cursor.fetchall()}


def _differs(given: GivenRate, recorded: tuple[str, Decimal, int]) -> str:
    way = "" if recorded[1] != given.rate else " the other way round"
    return (
        f"{given.currency} on {given.day} is recorded with {recorded[1].normalize():f}{way}, not "
        f"{given.rate.normalize():f}. If the bank has corrected it, import it as a correction."
    )


def _write(result: RateImport, *, source: str, bank_currency: str, quotation: str) -> None:
    if result.rejected:
        return
    rows = [(each, 1) for each in result.added]
    rows += [(each.given, each.number) for each in result.corrections]
    tenant_id, now = current_tenant_id(), timezone.now()
    insert_rows(
        ExchangeRate,
        _COLUMNS,
        [
            (row_id, tenant_id, source, each.day, bank_currency, each.currency, str(quotation), each.rate, number, now)
            for row_id, (each, number) in zip(reserve_ids(ExchangeRate, len(rows)), rows, strict=True)
        ],
    )
