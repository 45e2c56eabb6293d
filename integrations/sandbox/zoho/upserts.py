"""Update or create by a custom field that refuses duplicates, as the headers ask."""

from collections.abc import Callable, Mapping

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho.errors import gone, invalid, missing
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.store import MODULES

KEY, VALUE, UPSERT = "x-unique-identifier-key", "x-unique-identifier-value", "x-upsert"

Save = Callable[[Json | None], Json]


def run(org: Organization, path: str, headers: Mapping[str, str], save: Save) -> tuple[Json, bool]:
    """Save the record that the headers name, or a new one; tells whether it is new. Raises ZohoError."""
    key, value = headers.get(KEY, ""), headers.get(VALUE, "")
    if not key:
        raise missing("X-Unique-Identifier-Key")
    if not value:
        raise missing("X-Unique-Identifier-Value")
    field = org.custom_field(path)
    if field is None or field["api_name"] != key:
        raise invalid("X-Unique-Identifier-Key")
    upsert = headers.get(UPSERT, "false").lower()
    if upsert not in ("true", "false"):
        raise invalid("X-Upsert")
    found = org.books.having(path, key, value)
    if found:
        return save(found[0]), False
    if upsert == "false":
        raise gone(MODULES[path].label)
    record = save(None)
    if org.preferences["StoresUpsertKey"]:
        org.books.change(path, record, {"custom_fields": [{**field, "value": value}]})
    return record, True


def set_fields(org: Organization, path: str, record_id: str, body: object) -> None:
    """Set the custom fields of a record that is there. Raises ZohoError."""
    record = org.books.need(path, record_id)
    field = org.custom_field(path)
    if field is None or not isinstance(body, list):
        raise invalid("custom_fields")
    for each in body:
        if not isinstance(each, dict) or each.get("customfield_id") != field["customfield_id"]:
            raise invalid("customfield_id")
        if not isinstance(each.get("value"), str):
            raise invalid("value")
    fields = org.fields_of(path, {"custom_fields": body}, record)
    org.books.change(path, record, {"custom_fields": fields})
