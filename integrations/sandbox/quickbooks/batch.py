"""Batches: items run one after the other, each with its own answer; none sees what an earlier one made."""

from typing import Any

from integrations.sandbox.jsontext import Rendered, dumps
from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks import entities, fields, query
from integrations.sandbox.quickbooks.company import Company
from integrations.sandbox.quickbooks.faults import VendorFault, missing, unsupported
from integrations.sandbox.quickbooks.requestids import (
    LONGEST_BATCH_ITEM,
    LONGEST_WITH_BATCH,
    Answer,
    RequestIds,
    check_form,
)

_MOST_ITEMS = 30
_OPERATIONS = ("create", "update", "delete")


def run(company: Company, body: Any, requestid: str | None, requestids: RequestIds) -> Json:
    """Give a BatchItemResponse for each item. Raises VendorFault for the batch as a whole."""
    items = _items(body)
    if requestid is not None:
        check_form(requestid, longest=LONGEST_WITH_BATCH)
        for item in items:
            check_form(item["bId"], longest=LONGEST_BATCH_ITEM)
    answers: list[Rendered] = []
    company.books.show_all()
    try:
        for item in items:
            answers.append(_item(company, item, requestid, requestids))
            company.books.hide_new()
    finally:
        company.books.show_all()
    return {"BatchItemResponse": answers}


def _items(body: Any) -> list[Json]:
    items = body.get("BatchItemRequest") if isinstance(body, dict) else None
    if not isinstance(items, list) or not items:
        raise missing("BatchItemRequest")
    if len(items) > _MOST_ITEMS:
        raise VendorFault("1040", f"The batch has {len(items)} items; at most {_MOST_ITEMS} are allowed")
    seen: set[str] = set()
    for item in items:
        name = item.get("bId") if isinstance(item, dict) else None
        if not isinstance(name, str) or not name:
            raise missing("bId")
        if name in seen:
            raise VendorFault("2010", f"bId {name} is used twice in the batch", "bId")
        seen.add(name)
    return items


def _item(company: Company, item: Json, requestid: str | None, requestids: RequestIds) -> Rendered:
    def work() -> Answer:
        try:
            return 200, dumps(_do(company, item))
        except VendorFault as fault:
            return fault.status, dumps({"Fault": fault.body()})

    try:
        if requestid is None or "Query" in item:
            answer = work()
        else:
            answer = requestids.once(f"{requestid} {item['bId']}", dumps(item).encode(), work)
    except VendorFault as fault:
        answer = fault.status, dumps({"Fault": fault.body()})
    text = answer[1]
    return Rendered(f'{text[:-1]},"bId":{dumps(item["bId"])}}}')


def _do(company: Company, item: Json) -> Json:
    if "Query" in item:
        if "operation" in item:
            raise unsupported("operation")
        return {"QueryResponse": query.run(company, str(item["Query"]))}
    names = [key for key in item if key not in ("bId", "operation", "optionsData")]
    if len(names) != 1 or not fields.is_writable(names[0]):
        raise unsupported(names[0] if names else "BatchItemRequest")
    operation = item.get("operation")
    if operation not in _OPERATIONS:
        raise unsupported("operation")
    if "optionsData" in item:  # A void is an update that says so, of whatever kind.
        if (item["optionsData"], operation) != ("void", "update"):
            raise unsupported("optionsData")
        operation = "void" if names[0] == "Invoice" else "void via update"
    return {names[0]: entities.write(company, names[0], operation, item[names[0]])}
