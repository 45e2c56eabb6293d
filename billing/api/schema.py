"""What the OpenAPI document says beside the resources: the errors and the Idempotency-Key."""

from typing import Any

from billing.api.idempotency import HEADER, REPLAY_HEADER

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
}
_OF_READS = ("400", "401", "404", "500")
_IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any text of your own, such as a UUID, 1 to 200 characters. The same request sent again with the same "
    f"key is not carried out again; it gets the first answer, marked `{REPLAY_HEADER}: true`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
}


def document_errors_and_keys(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the error answers to every operation and the Idempotency-Key to every write; a postprocessing hook."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = _ERROR
    components.setdefault("parameters", {})["IdempotencyKey"] = _IDEMPOTENCY_KEY
    components["responses"] = {
        name: {
            "description": text,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for name, text in _RESPONSES.values()
    }
    for path in result["paths"].values():
        for method, operation in path.items():
            _document(method, operation)
    return result


def _document(method: str, operation: dict[str, Any]) -> None:
    writes = method in ("post", "put", "patch", "delete")
    if writes:
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})
    for code in _RESPONSES if writes else _OF_READS:
        operation["responses"].setdefault(code, {"$ref": f"#/components/responses/{_RESPONSES[code][0]}"})
