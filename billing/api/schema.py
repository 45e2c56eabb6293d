"""What the OpenAPI document says beside the resources: how to begin, summaries, examples, errors, the Idempotency-Key."""

import re
from collections.abc import Mapping
from typing import Any

from billing.api.errors import CODES
from billing.api.examples import EXAMPLES
from billing.api.idempotency import HEADER, REPLAY_HEADER

_OVERVIEW = """\
From signed contracts to closed books.

**A contract's life**, in the order of the calls:

1. `POST /customers`, `POST /products`, and where there is a list price `POST /prices`
2. `POST /contracts` drafts it, with its items; `POST /contracts/{id}/start` lets it be billed
3. `POST /usage` for items with `is_metered`: the item's `id` stands in the contract, under `phases` and `items`
4. `POST /jobs/run-billing` drafts what is due; `GET /jobs/{id}` says when it is done; `GET /invoices?status=draft` lists the
   drafts, `POST /invoices/{id}/finalize` gives one its number and enters it in the books; `GET /invoices/{id}/pdf` prints it
5. `POST /payments` with `allocations`, `POST /credit-notes` for what was wrong
6. `POST /jobs/recognize-revenue` posts what is earned; `GET /journal-entries?invoice={id}` shows what the books say, with its
   lines at `GET /journal-entries/{id}`; `GET /reports/trial-balance?at=…` and the other reports add it up
7. At a month's end also `POST /jobs/net-contracts` and, with rates from `POST /exchange-rates`, `POST /jobs/revalue-balances`;
   then `POST /periods/validate-close` and `POST /periods/{id}/close`

**Key.** `Authorization: Bearer cf_…` or `X-Api-Key: cf_…`, made by `manage.py create_api_key`. It belongs to one company.

**Money** is an amount, as text, with its currency: `{"amount": "49.50", "currency": "USD"}`; where all of an answer is in one
currency it stands once, and amounts are text alone. Quantities and percents are text as well. **Days** are `YYYY-MM-DD`; an
`end` is the first day no longer covered.

**Writes** are done as a whole or not at all, and once for each `Idempotency-Key`. **Lists** come in pages: follow `next`.

**Errors** have one shape, `{"error": {"code", "message", "fields"}}`. `message` is for people, `code` for programs; each
operation lists the codes of its answers. A closing slash may be left out.
"""

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "Stable, for programs.", "examples": ["wrong_state"]},
                "message": {"type": "string", "description": "What is wrong and what to do, for people."},
                "fields": {
                    "type": "object",
                    "description": "The mistakes by field, such as `items.0.quantity`.",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
}
_RESPONSES = {
    "400": ("BadRequest", "The request has mistakes; `fields` names them."),
    "401": ("NoKey", "The API key is missing, unknown, expired or revoked."),
    "403": ("Forbidden", "The API key may only read."),
    "404": ("NotFound", "There is no such record in your company."),
    "409": ("Conflict", "The record is not in a state that allows this, or exists already."),
    "413": ("TooLarge", "The request is too large."),
    "415": ("NotJson", "The request is not JSON."),
    "422": ("Unprocessable", "The request cannot be meant, or its Idempotency-Key was used for another request."),
    "500": ("ServerError", "Something went wrong on our side; nothing was changed."),
    "503": ("Unavailable", "The database does not answer. Try again, a write under the same Idempotency-Key."),
}
_NAMES = {"usage": "records of usage", "write-offs": "write-offs"}
_ONE = {"records of usage": "record of usage"}
_VERBS = {"list": "List", "retrieve": "Get", "create": "Create", "partial_update": "Change", "destroy": "Delete"}
_OF_READS = ("400", "401", "404", "500", "503")
_DONE = {"200": "What is asked for, as it is now.", "201": "What was made.", "204": "It is deleted."}
_FORM = "The format of the file."
_ID = "The record's, as lists and answers tell it."
_IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any text of your own, such as a UUID, 1 to 200 characters. The same request sent again with the same "
    f"key is not carried out again; it gets the first answer, marked `{REPLAY_HEADER}: true`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
}


def document_errors_and_keys(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Say how to begin, and complete every operation: summary, example, error answers, Idempotency-Key; a postprocessing
    hook.
    """
    result["info"]["description"] = _OVERVIEW
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = _ERROR
    components.setdefault("parameters", {})["IdempotencyKey"] = _IDEMPOTENCY_KEY
    components["responses"] = {
        name: {
            "description": f"{text}\n\n{_listed(CODES[int(status)])}",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, (name, text) in _RESPONSES.items()
    }
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            _document(method, operation)
            operation["summary"] = _summary(path, operation)
            _add_example(operation)
    return result


def _document(method: str, operation: dict[str, Any]) -> None:
    writes = method in ("post", "put", "patch", "delete")
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            told = _FORM if parameter["name"] == "form" else _ID
            parameter["description"] = parameter.get("description") or told
    for status, response in operation["responses"].items():
        response["description"] = response.get("description") or _DONE.get(status, "Done.")
    if writes:
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})
    for code in _RESPONSES if writes else _OF_READS:
        operation["responses"].setdefault(code, {"$ref": f"#/components/responses/{_RESPONSES[code][0]}"})


def _listed(codes: Mapping[str, str]) -> str:
    return "\n".join(f"* `{code}`: {meaning}" for code, meaning in codes.items())


def _summary(path: str, operation: dict[str, Any]) -> str:
    """Name an operation in a few words: a report by its name, what has a text of its own by its first sentence."""
    first, *rest = [part for part in path.removeprefix("/api/v1/").split("/") if part]
    if first == "reports":
        name = rest[0].removesuffix(".{form}").replace("-", " ")
        return f"Report: {name}" + (", as a file" if ".{form}" in rest[0] else "")
    verb = next((each for each in _VERBS if operation["operationId"].endswith(f"_{each}")), "")
    if rest not in ([], ["{id}"]) or not verb or not first.endswith(("s", "usage")):
        return str(re.split(r"(?<=\w)[.:;] ", operation.get("description", "").replace("\n", " "))[0]).rstrip(".")
    many = _NAMES.get(first, first.replace("-", " "))
    if verb == "list":
        return f"List {many}"
    one = _ONE.get(many) or _one(many)
    return f"{_VERBS[verb]} {'an' if one[0] in 'aeio' else 'a'} {one}"


def _one(many: str) -> str:
    return many[:-3] + "y" if many.endswith("ies") else many.removesuffix("s")


def _add_example(operation: dict[str, Any]) -> None:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body and (example := EXAMPLES.get(operation["operationId"])):
        body["example"] = example
