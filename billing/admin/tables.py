"""Tables on pages, as data: one template draws them all."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading; numbers stand to the right."""

    label: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells that are ready to show. `empty` says what an empty table means and what to do about it; `chart` draws the
    same figures above them (`billing.admin.charts`)."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[object]]
    empty: str
    totals: Sequence[object] = ()
    note: object = ""
    chart: object = ""

    @property
    def body(self) -> list[list[tuple[object, bool]]]:
        """The rows, each cell with whether it stands to the right."""
        return [self._placed(row) for row in self.rows]

    @property
    def foot(self) -> list[tuple[object, bool]]:
        return self._placed(self.totals) if self.totals else []

    def _placed(self, cells: Sequence[object]) -> list[tuple[object, bool]]:
        return [(cell, column.numeric) for cell, column in zip(cells, self.columns, strict=True)]


def columns(*labels: str) -> list[Column]:
    """Make columns; a label that begins with ">" is a number's."""
    return [Column(label.lstrip(">"), numeric=label.startswith(">")) for label in labels]
