"""A few rates for tests, imported as a central bank would give them."""

from datetime import date

from accounting.currency.importing import import_rates

FAR = date(2031, 12, 31)


def rates(table: str, **how: object) -> None:
    """Import `Date,USD` rows written with spaces: `rates("Date USD\\n2026-03-01 1.10")`, quoted for one euro."""
    lines = [",".join(line.split()) for line in table.strip().splitlines()]
    result = import_rates("\n".join(lines).encode(), source="ECB", today=FAR, **how)  # type: ignore[arg-type]
    assert not result.rejected, result.rejected
