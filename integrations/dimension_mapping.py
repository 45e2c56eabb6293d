"""The ERP's dimensions as its lists name them, and which of their values stand for one of ours."""

from dataclasses import dataclass

from integrations.connectors.facts import DIMENSIONS
from integrations.models import Connection, DimensionMapping, DimensionOf, ErpRecord, RecordKind


@dataclass(frozen=True)
class Dimension:
    """One of the ERP's dimensions: a kind, or a tracking category (`group`), with the values to choose from."""

    kind: str
    group: str
    label: str
    options: tuple[tuple[str, str], ...]


def dimensions_of(connection: Connection) -> list[Dimension]:
    """List the dimensions that the ERP has active values for."""
    kinds = [kind.value for kind in DIMENSIONS]
    rows = ErpRecord.objects.filter(connection=connection, kind__in=kinds, is_active=True).order_by("name", "id")
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in rows:
        group = row.number if row.kind == RecordKind.TRACKING else ""
        found.setdefault((row.kind, group), []).append((row.external_id, row.name))
    ordered = sorted(found, key=lambda each: (kinds.index(each[0]), each[1]))
    return [
        Dimension(kind, group, group or RecordKind(kind).label, tuple(found[kind, group])) for kind, group in ordered
    ]


def choose(
    connection: Connection, *, ours: DimensionOf, internal_id: int, dimension: Dimension, external_id: str
) -> None:
    """Let lines about one of ours carry a value; an empty id takes it away. Raises ValueError for one that is gone."""
    mine = DimensionMapping.objects.filter(
        connection=connection, ours=ours, internal_id=internal_id, kind=dimension.kind, group=dimension.group
    )
    if not external_id:
        mine.delete()
        return
    name = dict(dimension.options).get(external_id)
    if name is None:
        raise ValueError(f"{dimension.label} has no such value any more. Import the ERP's lists, then choose again.")
    DimensionMapping.objects.update_or_create(
        connection=connection,
        ours=ours,
        internal_id=internal_id,
        kind=dimension.kind,
        group=dimension.group,
        defaults={"tenant_id": connection.tenant_id, "external_id": external_id, "external_name": name},
    )
