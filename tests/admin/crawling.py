"""Follow the links of the admin as a person would, one page of each shape."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import parse_qs, urljoin, urlsplit

from django.apps import apps
from django.test import Client
from django.urls import Resolver404, resolve

_LEFT_ALONE = ("/static/", "/admin/logout/", "/admin/jsi18n/")
_ONLY_THE_ORDER = {"o"}  # Each list can be sorted by each column; a page of each is enough without.
_FILTERS_AT_ONCE = 2  # Any two filters of a list together; all their combinations are two to the power of their number.


# An HTML parser takes as long for a page as the database does.
_LINK = re.compile(r"""<a(?=\s)(?:[^>"']|"[^"]*"|'[^']*')*?\shref=(?:"([^"]*)"|'([^']*)')""")


def links_of(page: str, base: str) -> list[str]:
    """Give the addresses within the site that a page links to, in their order."""
    found = [urljoin(base, unescape(one or other)).partition("#")[0] for one, other in _LINK.findall(page)]
    return [each for each in dict.fromkeys(found) if each.startswith("/") and not each.startswith(_LEFT_ALONE)]


# A script that stands in the page itself, or in an attribute; the theme's attributes begin with x- or @.
_IN_THE_PAGE = re.compile(r"<script(?![^>]*\ssrc=)(?![^>]*application/json)[^>]*>|<[a-z][^<>]*\son[a-z]+=[^>]*>")


@dataclass(slots=True)
class Crawl:
    """What a walk met: how many pages, what is wrong with a link (and on which page it stands), and objects linked to."""

    forbidden: str
    pages: int = 0
    wrong: list[str] = field(default_factory=list)
    objects: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def missing(self) -> list[str]:
        """Give the objects that a link promises and that the company in scope does not have."""
        gone = []
        for label, wanted in self.objects.items():
            there = set(apps.get_model(label)._default_manager.filter(pk__in=wanted).values_list("pk", flat=True))
            gone += [f"{label} {pk}" for pk in sorted(wanted - there)]
        return gone


def crawl(client: Client, *, forbidden: str, with_parameters: bool, start: str = "/admin/") -> Crawl:
    """Open pages breadth first from `start`, one of every shape: the same view with the same kinds of parameters.

    Without parameters one page of every view is opened, which takes a third of the time. Every link on them is looked at
    all the same: it must lead to a view, and to an object that is there. No page may say the forbidden word.
    """
    met, seen, shapes = Crawl(forbidden), {start}, set[object]()
    waiting = [(start, "")]
    while waiting:
        address, page = waiting.pop(0)
        shape = _shape(address, met)
        if shape is None:
            met.wrong.append(f"{address} leads nowhere, on {page}")
            continue
        if shape in shapes or (not with_parameters and "?" in address) or _combines_much(address):
            continue
        shapes.add(shape)
        for further in _open(client, address, page, met):
            if further not in seen:
                seen.add(further)
                waiting.append((further, address))
    return met


def _shape(address: str, met: Crawl) -> object:
    parts = urlsplit(address)
    try:
        match = resolve(parts.path)
    except Resolver404:
        return None
    name = str(match.url_name)
    if name.endswith("_change") and str(match.kwargs.get("object_id", "")).isdecimal():
        app, model, _ = name.split("_")
        met.objects[f"{app}.{model}"].add(int(match.kwargs["object_id"]))
    known = {key: value for key, value in match.kwargs.items() if key in ("code", "form")}
    return name, tuple(known.items()), frozenset(parse_qs(parts.query)) - _ONLY_THE_ORDER


def _combines_much(address: str) -> bool:
    parts = urlsplit(address)
    filters = parse_qs(parts.query).keys() - _ONLY_THE_ORDER
    return len(filters) > _FILTERS_AT_ONCE and str(resolve(parts.path).url_name).endswith("_changelist")


def _open(client: Client, address: str, page: str, met: Crawl) -> list[str]:
    answer = client.get(address, follow=True)
    if answer.status_code != 200:
        met.wrong.append(f"{answer.status_code} at {address}, linked from {page}")
        return []
    if not answer["Content-Type"].startswith("text/html"):
        b"".join(answer)  # A file is closed by whoever reads it to the end.
        return []
    text = answer.content.decode()
    met.pages += 1
    if found := _IN_THE_PAGE.search(text):
        met.wrong.append(f"{found[0]} on {address} would not be run, by the content security policy")
    if met.forbidden in text:
        met.wrong.append(f"“{met.forbidden}” stands on {address}")
    here = answer.redirect_chain[-1][0] if answer.redirect_chain else address
    return links_of(text, here)
