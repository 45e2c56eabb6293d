"""The exact body that an item would be sent with, for a person to look at: nothing is sent and nothing is kept."""

from integrations import builders
from integrations.connectors.base import DeliveryError
from integrations.dating import in_open_books
from integrations.documents import Kind, as_sent
from integrations.mapping import connector_of
from integrations.models import OutboxItem


def preview(item: OutboxItem) -> str:
    """Give the body, or in words why there is none."""
    kind = Kind(item.kind)
    try:
        built = builders.build(connection=item.connection, kind=kind, items=[item])[item.pk]
        if isinstance(built, DeliveryError):
            raise built
        dated = in_open_books(item.connection, kind, built, item.to_first_open_day)
        return connector_of(item.connection).encode(as_sent(kind), dated)
    except DeliveryError as error:
        return f"It cannot be sent as it is. {error.words}"
