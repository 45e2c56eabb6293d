"""A stand-in server's books and faults, in words for tests."""

import json
from decimal import Decimal
from typing import Any

import requests


class Books:
    """What the sandbox holds, and how it is told to misbehave."""

    def __init__(self, url: str) -> None:
        self._url = url

    def objects(self, entity: str) -> list[dict[str, Any]]:
        state = requests.get(f"{self._url}/_sandbox/state?objects=1", timeout=10)
        return state.json(parse_float=Decimal)["objects"].get(entity, [])

    def count(self, entity: str) -> int:
        return int(self.state()["counts"].get(entity, 0))

    def state(self, query: str = "") -> dict[str, Any]:
        return requests.get(f"{self._url}/_sandbox/state{query}", timeout=10).json()

    def fail(self, **how: Any) -> None:
        self._post("faults", {"hold_seconds": 2, "seed": 7, **how})

    def heal(self) -> None:
        self._post("faults", {"rate": 0})

    def prefer(self, **preferences: Any) -> None:
        self._post("preferences", preferences)

    def expire_tokens(self, *, refresh: bool = False) -> None:
        self._post("expire_tokens", {"refresh": refresh})

    def edit(self, entity: str, external_id: str, **changes: Any) -> None:
        self._post("edit", {"entity": entity, "id": external_id, "changes": changes})

    def delete(self, entity: str, external_id: str) -> None:
        self._post("edit", {"entity": entity, "id": external_id, "delete": True})

    def _post(self, path: str, body: dict[str, Any]) -> None:
        answer = requests.post(f"{self._url}/_sandbox/{path}", data=json.dumps(body, default=float), timeout=10)
        assert answer.status_code == 200, answer.text
