"""What a call is, and the answers that all modules give alike: lists, single records, and changes to them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho import fields, lists, upserts
from integrations.sandbox.zoho.errors import invalid, missing
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.store import MODULES


@dataclass(frozen=True)
class Asked:
    """One call: the organisation, what the address holds, and what was sent."""

    org: Organization
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    parts: tuple[str, ...] = ()

    def flag(self, name: str) -> bool:
        """Read a parameter that is true or false. Raises ZohoError."""
        value = self.params.get(name, "false")
        if value not in ("true", "false"):
            raise invalid(name)
        return value == "true"

    def ids(self, name: str, most: int = lists.LARGEST_PAGE) -> list[str]:
        """Read a parameter of ids. Raises ZohoError, also for more than are taken at once."""
        found = [each for each in self.params.get(name, "").split(",") if each]
        if not found:
            raise missing(name)
        if len(found) > most:
            raise invalid(name)
        return found


@dataclass(frozen=True)
class Route:
    """A method and address; `kind` is how the call is counted, `takes` the query parameters it knows (None: any list's)."""

    method: str
    pattern: re.Pattern[str]
    scope: str
    kind: str
    run: Callable[[Asked], tuple[int, Json]]
    takes: tuple[str, ...] | None = field(default=())


ROUTES: list[Route] = []
_VERBS = {"GET": "READ", "POST": "CREATE", "PUT": "UPDATE", "DELETE": "DELETE"}
SCOPES = {
    "chartofaccounts": "accountants",
    "journals": "accountants",
    "invoices": "invoices",
    "creditnotes": "creditnotes",
    "customerpayments": "customerpayments",
    "contacts": "contacts",
    "items": "settings",
    "expenses": "expenses",
    "banktransactions": "banking",
}

Answer = tuple[int, Json]
Run = Callable[[Asked], Answer]
Save = Callable[[Asked, Json, "Json | None"], Json]


def route(
    method: str,
    address: str,
    module: str,
    kind: str,
    run: Run,
    takes: tuple[str, ...] | None = (),
) -> None:
    """Serve an address; `{id}` in it stands for an id, the method decides which of the module's scopes it needs."""
    pattern = re.compile("^" + address.replace("{id}", r"(\d+)") + "$")
    ROUTES.append(Route(method, pattern, f"ZohoBooks.{module}.{_VERBS[method]}", kind, run, takes))


def said(words: str, **more: Any) -> Json:
    """Give a body that says that all is well."""
    return {"code": 0, "message": words, **more}


def listing(path: str) -> Run:
    """Answer with a page of a list."""
    return lambda asked: (200, said("success", **lists.answer(asked.org, path, asked.params)))


def reading(path: str) -> Run:
    """Answer with one record."""
    module = MODULES[path]

    def run(asked: Asked) -> Answer:
        record = asked.org.books.need(path, asked.parts[0])
        # The contract shows an account's fields beside code and message.
        return 200, said("success", **(record if path == "chartofaccounts" else {module.single: record}))

    return run


def creating(path: str, shape: str, save: Save) -> Run:
    """Answer by making a record of what was sent."""
    module = MODULES[path]

    def run(asked: Asked) -> Answer:
        record = save(asked, fields.check(shape, asked.body), None)
        return 201, said(f"The {module.label.lower()} has been created.", **{module.single: record})

    return run


def updating(path: str, shape: str, save: Save) -> Run:
    """Answer by changing a record to what was sent."""
    module = MODULES[path]

    def run(asked: Asked) -> Answer:
        record = asked.org.books.need(path, asked.parts[0])
        record = save(asked, fields.check(shape, asked.body), record)
        return 200, said(f"The {module.label.lower()} has been updated.", **{module.single: record})

    return run


def upserting(path: str, shape: str, save: Save) -> Run:
    """Answer by changing the record that the headers name, or by making it."""
    module = MODULES[path]

    def run(asked: Asked) -> Answer:
        clean = fields.check(shape, asked.body)
        record, is_new = upserts.run(asked.org, path, asked.headers, lambda old: save(asked, clean, old))
        words = f"The {module.label.lower()} has been {'created' if is_new else 'updated'}."
        return (201 if is_new else 200), said(words, **{module.single: record})

    return run


def deleting(path: str, delete: Callable[[Organization, Json], None]) -> Run:
    """Answer by deleting a record."""

    def run(asked: Asked) -> Answer:
        delete(asked.org, asked.org.books.need(path, asked.parts[0]))
        return 200, said(f"The {MODULES[path].label.lower()} has been deleted.")

    return run


def doing(words: str, do: Callable[[Asked], object], status: int = 200) -> Run:
    """Answer by doing something that has no record to show."""

    def run(asked: Asked) -> Answer:
        do(asked)
        return status, said(words)

    return run
