"""A document that the ERP refuses because it has it: it may be ours, of an earlier try."""

from collections.abc import Sequence

from integrations.connectors.base import Connector, DeliveryError, NameTaken, Outcome, Parcel, Rejected, UnknownOutcome
from integrations.documents import Kind

DUPLICATE = "duplicate_number"  # The code of a document that is refused for its number.


def adopt_ours(
    connector: Connector, kind: Kind, parcels: Sequence[Parcel], outcomes: Sequence[Outcome]
) -> list[Outcome]:
    """Look up what was refused for a name or number that is taken: if it is ours, it was delivered before."""
    judged = list(outcomes)
    taken = [
        index
        for index, outcome in enumerate(judged)
        if isinstance(outcome, NameTaken) or (isinstance(outcome, Rejected) and outcome.code == DUPLICATE)
    ]
    if not taken:
        return judged
    try:
        found = connector.find(kind, [parcels[index] for index in taken])
    except DeliveryError as error:
        for index in taken:
            judged[index] = UnknownOutcome(error.words)
        return judged
    for index in taken:
        judged[index] = found.get(parcels[index].reference, judged[index])
    return judged
