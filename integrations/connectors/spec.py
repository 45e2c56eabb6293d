"""A connector described by data, so that forms, commands and the sign-in need no knowledge of a vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from integrations.connectors.facts import Company, ErpRow, Notices, RowKind
from integrations.documents import Kind

if TYPE_CHECKING:
    from integrations.connectors.base import Connector, Wiring


class SignInKind(StrEnum):
    """How a connection gets to call."""

    CODE = "code"  # A person signs in at the vendor and comes back with a code (OAuth 2).
    CLIENT = (
        "client"  # What was entered is exchanged for an access token, again and again (OAuth 2 client credentials).
    )
    SIGNED = "signed"  # Every request is signed with what was entered (OAuth 1); there is no token to get.
    NONE = "none"  # Nothing is called.


class CompanyFrom(StrEnum):
    """How it is known which of the vendor's companies a connection belongs to."""

    CALLBACK = "callback"  # A parameter of the sign-in's callback, named by `SignIn.company_name`.
    CHOICE = "choice"  # `Connector.companies()` after the sign-in; asked of a person where there are several.
    FIELD = "field"  # One of the fields entered, named by `SignIn.company_name`.


@dataclass(frozen=True)
class SecretField:
    """Something a person enters before signing in. It is kept encrypted; `is_secret` is never shown again.

    `is_long` is a key or certificate in PEM, which may be given as a file or pasted. `ends_with_certificate`: it holds an
    X.509 certificate whose last day the connection page counts down to.
    """

    name: str
    label: str
    help: str = ""
    is_secret: bool = True
    is_long: bool = False
    is_optional: bool = False
    ends_with_certificate: bool = False
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Endpoints:
    """The vendor's addresses for one connection. `api` is scheme and host; connectors add their own paths.

    A stand-in server serves the paths of `authorize`, `token` and `revoke` on its own host. `connections`: where Xero lists
    what a sign-in opened; empty: on the host of `api`.
    """

    api: str
    authorize: str = ""
    token: str = ""
    revoke: str = ""
    connections: str = ""


@dataclass(frozen=True)
class TokenRequest:
    """What is posted to the token address, as a form or `as_json`. `basic`: HTTP Basic with these two, else none."""

    form: Mapping[str, str]
    basic: tuple[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    as_json: bool = False


Secrets = Mapping[str, Any]


def basic_auth(secrets: Secrets, form: Mapping[str, str], token_url: str) -> TokenRequest:
    """Authenticate the app by HTTP Basic, as most vendors want it."""
    return TokenRequest(form, basic=(str(secrets.get("client_id", "")), str(secrets.get("client_secret", ""))))


def nothing_more(callback: Mapping[str, str], answer: Mapping[str, Any]) -> Mapping[str, str]:
    """Remember nothing beyond the tokens."""
    return {}


def never_busy(status: int, answer: Mapping[str, Any]) -> float:
    """Take every refusal of the token address for one of the credentials."""
    return 0.0


@dataclass(frozen=True)
class SignIn:
    """One way of signing in that a vendor offers.

    `endpoints` gives the addresses from what was entered and remembered (an account id, a data centre); it is also asked
    before anything was entered. `scope` and `extra` go into the authorize address, `pkce` adds a challenge (S256).
    `token_request` completes the form (grant_type code or refresh_token; for CLIENT an empty one) and authenticates it,
    e.g. with a signed assertion. `remember(callback, answer)` gives what else to keep, encrypted, with the tokens: it is
    asked with the callback's parameters before the exchange and with both after it; check every address you keep against
    the vendor's known hosts, for the callback comes from a browser. `refresh_days` is how long an unused sign-in lasts.
    `busy(status, answer)` gives the seconds to wait where the token address only says that it was asked too often, else 0.
    `revocation(secrets)` is what ends the sign-in at `Endpoints.revoke`; `leaves`: the connector ends it with its method `leave`.
    `by_hand` says where a person ends it, where an application cannot.
    """

    code: str
    kind: SignInKind
    label: str
    fields: tuple[SecretField, ...]
    endpoints: Callable[[Secrets], Endpoints]
    scope: str = ""
    pkce: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)
    company_from: CompanyFrom = CompanyFrom.CHOICE
    company_name: str = ""
    token_request: Callable[[Secrets, Mapping[str, str], str], TokenRequest] = basic_auth
    remember: Callable[[Mapping[str, str], Mapping[str, Any]], Mapping[str, str]] = nothing_more
    refresh_days: float = 100.0
    busy: Callable[[int, Mapping[str, Any]], float] = never_busy
    revocation: Callable[[Secrets], TokenRequest] | None = None
    leaves: bool = False
    note: str = ""
    by_hand: str = ""


class Use(StrEnum):
    """What one of the ERP's accounts is to be used for."""

    JOURNAL = "journal"  # Lines of journal entries.
    SALE = "sale"  # Sales of products, on invoices and items.
    DEPOSIT = "deposit"  # Where payments go to and refunds come from.


@dataclass(frozen=True)
class AccountWish:
    """Which of our accounts seeks a counterpart, and for what."""

    use: Use
    role: str = ""
    category: str = ""


@dataclass(frozen=True)
class Webhooks:
    """A vendor's notices. `verify` sees the raw body, the headers (lower-case names) and the key that was entered."""

    key_field: SecretField
    verify: Callable[[bytes, Mapping[str, str], str], bool]
    read: Callable[[bytes], Notices]
    refused_status: int = 401


def _any_account(account: ErpRow, wish: AccountWish) -> str:
    return ""


def _always(company: Company) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class ConnectorSpec:
    """One vendor. What is not in `batch_size` is never sent to it.

    `limits`: name to (calls, per seconds, of which at once); a slow burst wastes the limit: its "at once" is at most 4 %.
    `concurrency`: requests at once that `Wiring.slot` lets through per connection, over all processes; 0 is no limit.
    `account_types`: our role, else category: (type, subtype) of an account created there. `allowed_types`: our role, else
    category: the types that suit it; `refuse` says in words why an account may not be used although its type suits, or
    gives an empty text. `role_notes`: our role: what the mapping page explains beside it.
    `receivable_types`: account types whose journal lines must name a customer. `needs_tax_code`: lines with tax name one.
    `line_account`: sales lines carry the account of the sale; `line_product`: they must name an item.
    `tells_links`: payments that were read say which invoices they settle; `tells_credits`: credit notes do.
    `decimals`: as many as it keeps of an amount, whatever the currency; None: as many as the currency has.
    `withholds`: its payments carry the tax that a customer withheld; elsewhere that is a second payment.
    `drafts`: the modes in which what is sent can be left as a draft there.
    `one_by_one`: the documents of a batch are requests of their own, so that a part of it may be taken up again alone.
    `sweeps`: kinds whose deletions `Connector.changes` does not tell; then the connector offers `base.Sweeps`.
    `corrects`: kinds of which the ERP lets a document be made again what ours is; then the connector offers `base.Corrects`.
    `no_ledger`: why the vendor's own ledger of receivables cannot be asked for, in words; empty: see `base.TellsReceivables`.
    `lists`: what `Connector.lists` reads. `reads`: the kinds that `Connector.documents` can read.
    """

    code: str
    label: str
    modes: tuple[str, ...]
    sign_ins: tuple[SignIn, ...]
    batch_size: Mapping[Kind, int]
    limits: Mapping[str, tuple[int, float, int]]
    account_types: Mapping[str, tuple[str, str]]
    allowed_types: Mapping[str, tuple[str, ...]]
    make: Callable[[Wiring], Connector]
    concurrency: int = 0
    refuse: Callable[[ErpRow, AccountWish], str] = _any_account
    role_notes: Mapping[str, str] = field(default_factory=dict)
    receivable_types: tuple[str, ...] = ()
    deposit_subtypes: tuple[str, ...] = ()  # Those suggested first for payments.
    journals_in_base: bool = False
    decimals: int | None = None
    needs_tax_code: Callable[[Company], bool] = _always
    line_account: bool = False
    line_product: bool = True
    lists: tuple[RowKind, ...] = (RowKind.ACCOUNT, RowKind.CUSTOMER, RowKind.PRODUCT, RowKind.TAX_CODE)
    reads: tuple[Kind, ...] = (Kind.JOURNAL_ENTRY, Kind.INVOICE, Kind.CREDIT_NOTE, Kind.PAYMENT)
    withholds: bool = False
    one_by_one: bool = False
    sweeps: tuple[Kind, ...] = ()
    corrects: tuple[Kind, ...] = ()
    no_ledger: str = ""
    webhooks: Webhooks | None = None
    drafts: tuple[str, ...] = ()
    tells_links: bool = True
    tells_credits: bool = False

    def sign_in(self, code: str = "") -> SignIn:
        """Give a way of signing in by its code; an empty or unknown code gives the first."""
        return next((each for each in self.sign_ins if each.code == code), self.sign_ins[0])

    def types_for(self, wish: AccountWish) -> tuple[str, ...]:
        """Give the account types that suit a wish."""
        if wish.use is Use.DEPOSIT:
            return self.allowed_types["cash"]
        return self.allowed_types.get(wish.role) or self.allowed_types[wish.category]

    def why_not(self, account: ErpRow, wish: AccountWish) -> str:
        """Say in words why an account may not be used for a wish; an empty text where it may."""
        types = self.types_for(wish)
        if account.type not in types:
            return f"It is of the type {account.type or 'unknown'}; this needs {' or '.join(types)}."
        return self.refuse(account, wish)
