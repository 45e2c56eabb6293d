"""Where the apps above billing add to its pages: accounting its entries, integrations where a document is in the ERP.

Imports run one way, so billing's pages cannot ask accounting; accounting and integrations register here instead, when
their admin modules are loaded.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.http import HttpRequest

from billing.admin.tables import Table

SectionMaker = Callable[[HttpRequest, models.Model], Sequence[Table]]


@dataclass(frozen=True, slots=True)
class Card:
    """One figure on the home page that may need attention. `tone` is calm, attention or good."""

    title: str
    value: object
    detail: object
    url: str
    tone: str = "calm"


ButtonMaker = Callable[[HttpRequest, Any], Sequence[dict[str, object]]]
CardMaker = Callable[[HttpRequest], Sequence[Card]]

_sections: dict[type[models.Model], list[SectionMaker]] = defaultdict(list)
_buttons: dict[type[models.Model], list[ButtonMaker]] = defaultdict(list)
_cards: list[tuple[int, CardMaker]] = []
_made_by_job: dict[str, tuple[str, Callable[[], str]]] = {}


def add_section(model: type[models.Model], maker: SectionMaker) -> None:
    """Add tables to the pages of a model's objects."""
    _sections[model].append(maker)


def sections_of(request: HttpRequest, subject: models.Model) -> list[Table]:
    """Give what the other apps have to say about an object."""
    return [table for maker in _sections[type(subject)] for table in maker(request, subject)]


def add_buttons(model: type[models.Model], maker: ButtonMaker) -> None:
    """Add buttons (label, url, danger) to the pages of a model's objects."""
    _buttons[model].append(maker)


def buttons_of(request: HttpRequest, subject: models.Model) -> list[dict[str, object]]:
    """Give what the other apps let a person do with an object."""
    return [button for maker in _buttons[type(subject)] for button in maker(request, subject)]


def add_cards(place: int, maker: CardMaker) -> None:
    """Add cards to the home page, in the order of `place`."""
    _cards.append((place, maker))


def cards(request: HttpRequest) -> list[Card]:
    """Give the home page's cards."""
    return [card for _, maker in sorted(_cards, key=lambda each: each[0]) for card in maker(request)]


def add_job_link(kind: str, label: str, url: Callable[[], str]) -> None:
    """Let the page of a finished job of this kind lead to what such jobs make."""
    _made_by_job[kind] = (label, url)


def made_by_job(kind: str) -> list[tuple[str, str]]:
    """Give the link (label, address) to what jobs of this kind make."""
    found = _made_by_job.get(kind)
    return [(found[0], found[1]())] if found else []
