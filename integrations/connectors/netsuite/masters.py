"""Accounts and the customer of receivable lines, created while the mapping is set up."""

from collections.abc import Sequence
from typing import Any

from integrations.connectors.base import ErpRow, NameTaken, RowKind
from integrations.connectors.jsontext import dumps
from integrations.connectors.lengths import cut
from integrations.connectors.netsuite import lists
from integrations.connectors.netsuite.client import RECORD, Answer, Client
from integrations.connectors.netsuite.payloads import CUSTOMER_NAME, MEMO
from integrations.connectors.netsuite.suiteql import Queries, quoted

_ACCOUNT_NAME = 60
JsonObject = dict[str, Any]


class Masters:
    """Creates list entries under an external id of the wish, so that a repeated wish finds what it made."""

    def __init__(self, client: Client, queries: Queries, subsidiary: str, fed: Sequence[str] = ()) -> None:
        self._client = client
        self._queries = queries
        self._subsidiary = subsidiary
        self._fed = list(dict.fromkeys([*([subsidiary] if subsidiary else []), *fed]))

    def account(self, *, request_id: str, name: str, number: str, account_type: str) -> ErpRow:
        """Create an account, or give the one of that name and type that is there."""
        reference, shown = f"cf-{request_id}", cut(name, _ACCOUNT_NAME)
        body: JsonObject = {"externalId": reference, "acctName": shown, "acctType": {"id": account_type}}
        if number:
            body["acctNumber"] = cut(number, _ACCOUNT_NAME)
        if self._fed:
            body |= {"subsidiary": {"items": [{"id": each} for each in self._fed]}, "includeChildren": True}
        answer = self._client.write("POST", f"{RECORD}/account", dumps(body), operation="account")
        made = answer.external_id
        if not answer.is_ok:
            held = self._client.held("account", reference) if answer.fault.is_taken else None
            if held is None:
                return self._account_named(shown, account_type, answer)
            made = str(held["id"])
        return ErpRow(RowKind.ACCOUNT, made, shown, number=number, type=account_type)

    def customer(self, *, request_id: str, name: str, note: str) -> ErpRow:
        """Create a customer, or give the one of that name that is there."""
        reference, shown = f"cf-{request_id}", cut(name, CUSTOMER_NAME)
        body: JsonObject = {"isPerson": False, "companyName": shown, "comments": cut(note, MEMO)}
        if self._subsidiary:
            body["subsidiary"] = {"id": self._subsidiary}
        answer = self._client.write("PUT", f"{RECORD}/customer/eid:{reference}", dumps(body), operation="customer")
        if answer.is_ok:
            held = None if answer.external_id.isdigit() else self._client.held("customer", reference)
            return ErpRow(RowKind.CUSTOMER, str(held["id"]) if held else answer.external_id, shown)
        error = answer.fault.as_error()
        if isinstance(error, NameTaken):
            for row in self._queries.all(f"SELECT id FROM customer WHERE companyname = {quoted(shown)} ORDER BY id"):
                return ErpRow(RowKind.CUSTOMER, str(row["id"]), shown)
        raise error

    def _account_named(self, name: str, account_type: str, answer: Answer) -> ErpRow:
        """Give the account of a name and type that is there. Raises what creating it was refused with."""
        if answer.fault.is_taken:
            for row in self._queries.table("account", "id, acctnumber, fullname, accttype, isinactive"):
                found = lists.account(row)
                if found.name.casefold() == name.casefold() and found.type == account_type:
                    return found
        raise answer.fault.as_error()
