"""Put a connector together with what it needs of a connection: addresses, tokens, pace and the log of calls."""

from collections.abc import Callable

from integrations.connectors import base
from integrations.connectors.base import Call, Company, Connector, Wiring
from integrations.models import Connection
from integrations.throttle import Throttle, unthrottled
from integrations.tokens import ConnectionAccess


def open_connector(connection: Connection, *, on_call: Callable[[Call], None]) -> Connector:
    """Give the connector of a connection, ready to use. Raises LookupError for an unknown ERP."""
    spec = base.get(connection.erp)
    pace = (
        Throttle(tenant_id=connection.tenant_id, connection_id=connection.pk, limits=spec.limits)
        if connection.throttled
        else unthrottled
    )
    return spec.make(
        Wiring(
            base_url=connection.base_url or spec.base_url,
            realm_id=connection.realm_id,
            company=Company.from_json(connection.company),
            access=ConnectionAccess(connection.pk),
            pace=pace,
            on_call=on_call,
            connect_timeout=5.0,
            # The vendor gives up after 120 s, so a longer silence is a lost connection.
            read_timeout=float(connection.option("read_timeout", 125.0)),
        )
    )
