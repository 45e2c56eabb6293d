"""Whose books a connection sends: its own entity's, or those of all entities that have no connection of their own."""

from billing.models import BusinessEntity
from integrations.models import Connection, ConnectionStatus


def entity_ids(connection: Connection) -> list[int]:
    """Give the business entities that a connection serves, as `policy.targets` sends their facts; at most two queries.

    One whose own connection is switched off, or is still being set up, is served by the one for all.
    """
    if connection.business_entity_id is not None:
        return [connection.business_entity_id]
    others = Connection.objects.exclude(status=ConnectionStatus.DISABLED).exclude(business_entity=None)
    own = {each.business_entity_id for each in others.defer("credentials") if not each.option("setting_up", False)}
    return [pk for pk in BusinessEntity.objects.order_by("id").values_list("id", flat=True) if pk not in own]
