"""What every connector offers, and the registry of connectors.

A connector knows one vendor's protocol and nothing of our models, retries or back-off: `delivery` alone decides those.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from integrations.connectors.errors import (
    BadCredentials,
    DeliveryError,
    InProgress,
    MissingMapping,
    NameTaken,
    PeriodLocked,
    Rejected,
    TryLater,
    UnknownOutcome,
)
from integrations.connectors.facts import (
    DIMENSIONS,
    Change,
    Company,
    CompanyChoice,
    ErpDocument,
    ErpPosting,
    ErpRow,
    Lock,
    Notices,
    RowKind,
)
from integrations.connectors.spec import (
    AccountWish,
    CompanyFrom,
    ConnectorSpec,
    Endpoints,
    SecretField,
    SignIn,
    SignInKind,
    TokenRequest,
    Use,
    Webhooks,
    basic_auth,
)
from integrations.documents import Document, Kind

__all__ = [
    "DIMENSIONS",
    "Access",
    "AccountWish",
    "Archive",
    "BadCredentials",
    "Call",
    "Change",
    "Company",
    "CompanyChoice",
    "CompanyFrom",
    "Connector",
    "ConnectorSpec",
    "Corrects",
    "Delivered",
    "DeliveryError",
    "Endpoints",
    "ErpDocument",
    "ErpPosting",
    "ErpRow",
    "InProgress",
    "Lock",
    "MissingMapping",
    "NameTaken",
    "Notices",
    "Outcome",
    "Parcel",
    "PeriodLocked",
    "Rejected",
    "RowKind",
    "SecretField",
    "SignIn",
    "SignInKind",
    "Sweeps",
    "TellsReceivables",
    "TokenRequest",
    "TryLater",
    "UnknownOutcome",
    "Use",
    "Webhooks",
    "Wiring",
    "basic_auth",
    "choices",
    "get",
    "register",
    "register_all",
]


@dataclass(frozen=True)
class Parcel:
    """One document as it goes over the wire. Position and body never change under one request id.

    `ticket` is what `InProgress` gave for it.
    """

    reference: str
    position: int
    body: str
    ticket: str = ""


@dataclass(frozen=True)
class Delivered:
    """The ERP holds the document."""

    external_id: str
    sync_token: str = ""
    url: str = ""
    name: str = ""


Outcome = Delivered | DeliveryError


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

    def secrets(self) -> Mapping[str, Any]:
        """Give what was entered and remembered, for signing requests (SignInKind.SIGNED). Never keep or log it."""


def _no_slot() -> AbstractContextManager[None]:
    return nullcontext()


def _no_page(reference: str) -> str:
    return ""


def _no_report(left: Mapping[str, int]) -> None:
    """Keep nothing."""


class Archive(Protocol):
    """Where documents are kept for an ERP that is fed by files."""

    def put(self, kind: Kind, bodies: Mapping[str, str]) -> None:
        """Keep documents by reference for the next file; one that is kept already stays."""

    def held(self, kind: Kind, references: Sequence[str]) -> set[str]:
        """Give those references that are kept already."""

    def rows(self) -> list[ErpRow]:
        """Give the lists as they were uploaded or made."""

    def reported(self, kind: Kind, *, through: date, since: date | None) -> Iterator[ErpDocument]:
        """Give what the ERP's own export said it holds."""


@dataclass(frozen=True)
class Wiring:
    """What a connector is given to work with, apart from the documents.

    `pace(names)` takes one slot of each limit named, and sleeps until they have come. `slot()` is held around one request
    (`with wiring.slot():`). `on_limits` is told what the vendor says is left, by the spec's names of limits.
    `currencies`: ISO code to the ERP's id of the currency, from its list. `sign_in`: the code of the way it signed in.
    `options`: the connection's settings. `our_page(reference)` gives the address at which a person sees one of our documents,
    empty where this installation does not know its own.
    """

    base_url: str
    realm_id: str
    company: Company
    access: Access
    pace: Callable[[Sequence[str]], None]
    on_call: Callable[[Call], None]
    connect_timeout: float
    read_timeout: float
    slot: Callable[[], AbstractContextManager[None]] = _no_slot
    on_limits: Callable[[Mapping[str, int]], None] = _no_report
    currencies: Mapping[str, str] = field(default_factory=dict)
    sign_in: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    archive: Archive | None = None
    our_page: Callable[[str], str] = _no_page


class Connector(Protocol):
    """One ERP's protocol. Opened for one batch or one read at a time; keeps nothing between processes."""

    def companies(self) -> list[CompanyChoice]:
        """List the companies this sign-in may be used for; asked when `realm_id` is empty yet."""

    def encode(self, kind: Kind, document: Document) -> str:
        """Give the exact body to send. Raises Rejected for what the ERP would refuse anyway."""

    def send(self, kind: Kind, request_id: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send parcels under one idempotency key; one outcome each, in order. Raises DeliveryError for all of them."""

    def find(self, kind: Kind, parcels: Sequence[Parcel]) -> dict[str, Outcome]:
        """Give, by reference, what the ERP already holds of these parcels. Raises DeliveryError."""

    def company(self) -> Company:
        """Read the company and its preferences: home currency, lock dates, time zone."""

    def lists(self, *, since: datetime | None = None) -> Iterator[ErpRow]:
        """Read the lists named in the spec, inactive rows too, every page.

        With `since`, at least what changed after that moment, inactive and merged rows included; a list whose changes the
        vendor cannot tell is read whole.
        """

    def create_account(self, *, request_id: str, name: str, number: str, account_type: str, subtype: str) -> ErpRow:
        """Create an account, or give the one of that name and type that is there."""

    def create_customer(self, *, request_id: str, name: str, note: str, subsidiary: str = "") -> ErpRow:
        """Create a customer, of one of the ERP's companies where it has several, or give the one of that name that is there."""

    def documents(self, kind: Kind, *, through: date, since: date | None = None) -> Iterator[ErpDocument]:
        """Read every document of a kind dated up to and including `through` (and from `since` on), in pages, by id."""

    def document(self, kind: Kind, external_id: str) -> ErpDocument | None:
        """Read one document as it is now; None when the ERP holds none of that id any more."""

    def changes(self, *, since: datetime) -> Iterator[Change]:
        """Give the documents that were changed, voided or deleted after a moment, as far as the vendor can tell."""


@runtime_checkable
class Sweeps(Protocol):
    """What a connector offers beside, whose vendor's changes do not tell of deletions (`ConnectorSpec.sweeps`)."""

    def gone(self, kind: Kind, by_day: Mapping[date, Sequence[str]]) -> set[str]:
        """Tell which of these documents, by the day they were sent with, a list no longer shows. Raises DeliveryError."""


@runtime_checkable
class TellsPaymentsOf(Protocol):
    """What a connector offers beside, whose vendor's changes tell of invoices, with their balance, but not of payments."""

    def payments_of(self, invoice_id: str) -> list[str]:
        """Give the ids of the payments that settle an invoice. Raises DeliveryError."""


@runtime_checkable
class Corrects(Protocol):
    """What a connector offers beside, whose vendor lets documents be changed (`ConnectorSpec.corrects`)."""

    def correct(self, kind: Kind, external_id: str, parcel: Parcel) -> Outcome:
        """Make a document of the ERP again what the parcel says, whatever was changed of it. Raises DeliveryError."""


@runtime_checkable
class TellsReceivables(Protocol):
    """What a connector offers beside, whose vendor tells its own ledger of receivables (else `ConnectorSpec.no_ledger`)."""

    def receivables(self, *, through: date) -> Mapping[str, Decimal]:
        """Give, by customer, what its ledger of receivables comes to at the end of a day, in its home currency."""


_registry: dict[str, ConnectorSpec] = {}


def register(spec: ConnectorSpec) -> None:
    """Offer a connector. Registering the same code again replaces it."""
    _registry[spec.code] = spec


def register_all() -> None:
    """Offer every connector: each package beside this module has a `register`."""
    package = importlib.import_module(__package__ or "integrations.connectors")
    for module in sorted(each.name for each in pkgutil.iter_modules(package.__path__) if each.ispkg):
        importlib.import_module(f"{package.__name__}.{module}").register()


def get(code: str) -> ConnectorSpec:
    """Give a connector's description. Raises LookupError in words."""
    try:
        return _registry[code]
    except KeyError as error:
        known = ", ".join(sorted(_registry)) or "none"
        raise LookupError(f"There is no connector for '{code}'. Known: {known}.") from error


def choices() -> list[tuple[str, str]]:
    """List the connectors for a drop-down."""
    return sorted(((spec.code, spec.label) for spec in _registry.values()), key=lambda each: each[1])
