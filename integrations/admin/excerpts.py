"""Of a request that was made for many items, and of its answer, the part that is about one of them."""

import re
from typing import Any

from integrations.connectors import jsontext


def parts_of(request: str, response: str, reference: str) -> tuple[str, str]:
    """Give the parts of a request and its answer that are about a reference; whole texts where they cannot be told apart.

    In the request it is the element of a list that names the reference. The answer's is the one that names it too, else the
    one with the same number of its own in the batch, else the one in the same place of a list as long.
    """
    named = re.compile(rf"{re.escape(reference)}(?!\w)")  # Not another one that begins with it.
    ours, place, length = _find(request, lambda element, _: named.search(jsontext.dumps(element)))
    if ours is None:
        return request, response
    theirs, _, _ = _find(response, lambda element, _: named.search(jsontext.dumps(element)))
    if theirs is None and (number := ours.get("bId")) is not None:
        theirs, _, _ = _find(response, lambda element, _: element.get("bId") == number)
    if theirs is None:
        theirs, _, _ = _find(response, lambda _, at: at == (place, length))
    return _text(ours), response if theirs is None else _text(theirs)


def _find(text: str, fits: Any) -> tuple[dict[str, Any] | None, int, int]:
    """Give the outermost element of a list of several objects that fits, its place and the length of the list."""
    try:
        waiting = [jsontext.loads(text)]
    except ValueError:  # Cut, or no JSON.
        return None, 0, 0
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list) and len(value) > 1 and all(isinstance(each, dict) for each in value):
            for place, element in enumerate(value):
                if fits(element, (place, len(value))):
                    return element, place, len(value)
            waiting += value
        elif isinstance(value, list):
            waiting += value
    return None, 0, 0


def _text(element: dict[str, Any]) -> str:
    return jsontext.dumps(element)
