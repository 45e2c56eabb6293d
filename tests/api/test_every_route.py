"""Every route of the API's own document: another company's ids open none, and a reading key changes nothing by any."""

import re
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from tests.api import test_walls
from tests.api.caller import Caller

full = test_walls.full
_CHANGES = ("post", "put", "patch", "delete")
_ID = re.compile(r"\{\w+\}")


@pytest.fixture(scope="module")
def routes() -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path below the version, and the operation as the document describes it."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return [
        (method, path.partition("/v1")[2], operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]


def ask(caller: Caller, method: str, path: str, data: Any = None) -> Any:
    return getattr(caller.client, method)(f"/api/v1{path}", data)


def ids_of(full: Caller) -> dict[str, list[str]]:
    found = {}
    for resource in test_walls.LISTS:
        found[resource] = [str(each["id"]) for each in full.get(f"/{resource}")["results"]]
    return found


def test_a_strangers_id_opens_no_route(full: Caller, stranger: Caller, routes: Any) -> None:
    ids, tried = ids_of(full), 0
    for method, path, _ in routes:
        for pk in ids.get(path.split("/")[1], [])[:1] if "{" in path else ():
            place = _ID.sub(pk, path)
            answer = ask(stranger, method, place, {} if method in _CHANGES else None)
            tried += 1
            assert answer.status_code in (400, 404), (method, place, answer.status_code)
            if method in ("get", "delete"):
                assert answer.status_code == 404, (method, place)
    assert tried > 30


def test_a_strangers_id_in_a_filter_finds_nothing(full: Caller, stranger: Caller, routes: Any) -> None:
    ids, tried = ids_of(full), 0
    foreign = ids["invoices"]
    for method, path, operation in routes:
        if method != "get" or "{" in path:
            continue
        for parameter in operation.get("parameters", []):
            if parameter["in"] != "query" or parameter["schema"].get("type") != "integer":
                continue
            if parameter["name"] in ("page_size", "page"):
                continue
            for pk in ids.get(parameter["name"].replace("_", "-") + "s", foreign)[:1]:
                answer = ask(stranger, "get", path, {parameter["name"]: pk})
                tried += 1
                assert answer.status_code in (200, 400, 404), (path, parameter["name"], answer.status_code)
                if answer.status_code == 200 and "results" in answer.json():
                    assert answer.json()["results"] == [], (path, parameter["name"], pk)
    assert tried > 20


def test_a_reading_key_changes_nothing_by_any_route(full: Caller, reader: Caller, routes: Any) -> None:
    ids, tried = ids_of(full), 0
    for method, path, _ in routes:
        if method not in _CHANGES:
            continue
        pk = next(iter(ids.get(path.split("/")[1], [])), "1")
        place = _ID.sub(pk, path)
        assert ask(reader, method, place, {}).status_code == 403, (method, place)
        tried += 1
    assert tried > 50
