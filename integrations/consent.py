"""Agree at a stand-in server's consent page as a person would in a browser."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

_TIMEOUT = (5.0, 30.0)
_MOST_PAGES = 5
CALLBACK = "http://localhost/integrations/callback/"


class SetupError(ValueError):
    """The connection cannot be made as asked; nothing was changed."""


def consent(address: str) -> dict[str, str]:
    """Follow the pages and fill in their forms; give what the callback would be called with. Raises SetupError."""
    answer = ask("GET", address)
    for _ in range(_MOST_PAGES):
        onward = answer.headers.get("Location", "")
        query = parse_qs(urlsplit(onward).query)
        if "code" in query or "error" in query:
            break
        if onward:
            address = urljoin(address, onward)
            answer = ask("GET", address)
            continue
        page = _Form()
        page.feed(answer.text)
        address = urljoin(address, page.action)
        sent: dict[str, Any] = {"params" if page.method == "GET" else "data": page.fields}
        answer = ask(page.method, address, **sent)
    if "code" not in query:
        said = " ".join(query.get("error", []) + query.get("error_description", []))
        raise SetupError(f"The server did not let us sign in{f': {said}' if said else ''}.")
    return {name: values[0] for name, values in query.items()}


def ask(method: str, url: str, *, hint: str = "", **options: Any) -> requests.Response:
    """Ask a stand-in server. Raises SetupError where none answers, or one refuses."""
    try:
        response = requests.request(method, url, timeout=_TIMEOUT, allow_redirects=False, **options)
    except requests.RequestException as error:
        raise SetupError(f"No server answers at {urlsplit(url).netloc}. {hint}".strip()) from error
    if response.status_code >= 400:
        raise SetupError(f"{url.partition('?')[0]} answered with HTTP {response.status_code}. {hint}".strip())
    return response


class _Form(HTMLParser):
    """The first form of a page: its address, its method and its fields as they are filled in."""

    def __init__(self) -> None:
        super().__init__()
        self.action, self.method, self._forms = "", "POST", 0
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self._forms += 1
            if self._forms == 1:
                self.action, self.method = values.get("action") or "", (values.get("method") or "GET").upper()
        if tag in ("input", "button") and values.get("name") and self._forms <= 1:
            # Of several buttons the first is pressed: it is the one that agrees.
            self.fields.setdefault(str(values["name"]), values.get("value") or "")
