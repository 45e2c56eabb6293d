"""The exact body that an item would be sent with: nothing is sent and nothing is kept."""

from integrations import builders
from integrations.connectors.base import Connector, DeliveryError
from integrations.dating import in_open_books
from integrations.documents import Kind, as_sent
from integrations.mapping import connector_of
from integrations.models import OutboxItem


def body_of(item: OutboxItem, connector: Connector) -> str:
    """Build the body of one item from our books and the mapping as they are now. Raises DeliveryError."""
    kind = Kind(item.kind)
    built = builders.build(connection=item.connection, kind=kind, items=[item])[item.pk]
    if isinstance(built, DeliveryError):
        raise built
    return connector.encode(as_sent(kind), in_open_books(item.connection, kind, built, item.to_first_open_day))


def preview(item: OutboxItem) -> str:
    """Give the body for a person to look at, or in words why there is none."""
    try:
        return body_of(item, connector_of(item.connection))
    except DeliveryError as error:
        return f"It cannot be sent as it is. {error.words}"
