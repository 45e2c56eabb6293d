"""What every connector offers, the few errors it may raise, and the registry of connectors.

A connector knows one vendor's protocol and nothing of our models, retries or back-off: `delivery` alone decides those.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from integrations.documents import Document, Kind


class DeliveryError(Exception):
    """Something was not delivered. `words` are for a finance person: what is wrong and what to do."""

    code = "error"

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class TryLater(DeliveryError):
    """Certainly not done; the ERP asks to come back after `after` seconds."""

    code = "try_later"

    def __init__(self, words: str, *, after: float) -> None:
        super().__init__(words)
        self.after = after


class Rejected(DeliveryError):
    """Certainly not done, and trying again as it is will not help."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class NameTaken(Rejected):
    """The name is another record's in the ERP; a distinct name may be tried at once."""


class BadCredentials(DeliveryError):
    """The ERP no longer accepts this connection; a person has to connect again."""

    code = "bad_credentials"


class MissingMapping(DeliveryError):
    """One of our records has no counterpart in the ERP yet."""

    code = "missing_mapping"

    def __init__(self, kind: str, internal_id: int | None, words: str) -> None:
        super().__init__(words)
        self.kind = kind
        self.internal_id = internal_id


class UnknownOutcome(DeliveryError):
    """Nobody knows whether it was done: time-out, dropped connection, server error. Read back before sending again."""

    code = "unknown_outcome"


@dataclass(frozen=True)
class Parcel:
    """One document as it goes over the wire. Position and body never change under one request id."""

    reference: str
    position: int
    body: str


@dataclass(frozen=True)
class Delivered:
    """The ERP holds the document."""

    external_id: str
    sync_token: str = ""
    url: str = ""
    name: str = ""


Outcome = Delivered | DeliveryError


@dataclass(frozen=True)
class ErpRow:
    """A row of one of the ERP's lists: account, customer, product or tax code."""

    kind: str
    external_id: str
    name: str
    number: str = ""
    type: str = ""
    subtype: str = ""
    is_active: bool = True
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Company:
    """The ERP's company and the preferences that matter before posting."""

    name: str
    country: str
    home_currency: str
    multi_currency: bool
    books_closed_through: str
    own_numbers: bool

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Company":
        """Read what was stored on the connection; unknown preferences take the vendor's defaults."""
        return cls(
            name=data.get("name", ""),
            country=data.get("country", "US"),
            home_currency=data.get("home_currency", ""),
            multi_currency=bool(data.get("multi_currency", False)),
            books_closed_through=data.get("books_closed_through", ""),
            own_numbers=bool(data.get("own_numbers", True)),
        )


@dataclass(frozen=True)
class ErpPosting:
    """A debit (positive) or credit (negative) on one of the ERP's accounts."""

    account: str
    amount: Decimal


@dataclass(frozen=True)
class ErpDocument:
    """A document as the ERP holds it. `reference` is ours, empty when it was made in the ERP itself."""

    kind: str
    external_id: str
    reference: str
    number: str
    date: str
    currency: str = ""
    customer: str = ""
    total: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    account: str = ""
    postings: tuple[ErpPosting, ...] = ()
    linked: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True)
class Call:
    """One request to the ERP, for the log of attempts. Excerpts are redacted by the reader."""

    operation: str
    request_id: str
    status: int | None
    outcome: str
    seconds: float
    request: str
    response: str


class Access(Protocol):
    """Where a connector gets its token, and a fresh one when the ERP says that it expired."""

    def token(self) -> str:
        """Give the access token in force. Raises BadCredentials."""

    def refresh(self, *, stale: str) -> str:
        """Give a token other than the stale one. Raises BadCredentials, TryLater."""


@dataclass(frozen=True)
class Wiring:
    """What a connector is given to work with, apart from the documents."""

    base_url: str
    realm_id: str
    company: Company
    access: Access
    pace: Callable[[Sequence[str]], None]
    on_call: Callable[[Call], None]
    connect_timeout: float
    read_timeout: float


class Connector(Protocol):
    """One ERP's protocol."""

    def encode(self, kind: Kind, document: Document) -> str:
        """Give the exact body to send. Raises Rejected for what the ERP would refuse anyway."""

    def send(self, kind: Kind, request_id: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send parcels under one idempotency key; one outcome each, in order. Raises DeliveryError for all of them."""

    def find(self, kind: Kind, parcels: Sequence[Parcel]) -> dict[str, Outcome]:
        """Give, by reference, what the ERP already holds of these parcels. Raises DeliveryError."""

    def company(self) -> Company:
        """Read the company and its preferences."""

    def lists(self) -> Iterator[ErpRow]:
        """Read accounts, customers, products and tax codes."""

    def create_account(self, *, request_id: str, name: str, number: str, account_type: str, subtype: str) -> ErpRow:
        """Create an account, or give the one of that name and type that is there."""

    def create_customer(self, *, request_id: str, name: str, note: str) -> ErpRow:
        """Create a customer, or give the one of that name that is there."""

    def documents(self, kind: str, *, through: date) -> Iterator[ErpDocument]:
        """Read every document of a kind dated up to and including `through`, in pages."""


@dataclass(frozen=True)
class OAuthEndpoints:
    """Where a person signs in and where tokens are exchanged."""

    authorize: str
    token: str
    scope: str


@dataclass(frozen=True)
class ConnectorSpec:
    """A connector described by data, so that forms and commands need no knowledge of a vendor."""

    code: str
    label: str
    modes: tuple[str, ...]
    batch_size: Mapping[Kind, int]
    limits: Mapping[str, tuple[int, float, int]]  # name: (calls, per seconds, of which at once)
    oauth: OAuthEndpoints
    base_url: str
    secret_fields: tuple[str, ...]
    account_types: Mapping[str, tuple[str, str]]  # our role or category: (type, subtype) there
    allowed_types: Mapping[str, tuple[str, ...]]  # our category: types that suit it
    make: Callable[[Wiring], Connector]


_registry: dict[str, ConnectorSpec] = {}


def register(spec: ConnectorSpec) -> None:
    """Offer a connector. Registering the same code again replaces it."""
    _registry[spec.code] = spec


def get(code: str) -> ConnectorSpec:
    """Give a connector's description. Raises LookupError in words."""
    try:
        return _registry[code]
    except KeyError as error:
        known = ", ".join(sorted(_registry)) or "none"
        raise LookupError(f"There is no connector for '{code}'. Known: {known}.") from error


def choices() -> list[tuple[str, str]]:
    """List the connectors for a drop-down."""
    return [(spec.code, spec.label) for spec in _registry.values()]
