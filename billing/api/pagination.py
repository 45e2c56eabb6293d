"""Pages by cursor: stable while rows are added, and as fast on the last page as on the first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

_NEWEST_FIRST = "-id"
_ORDERINGS = (_NEWEST_FIRST, "id")
_MAX_ID_DIGITS = 18
_BETWEEN = ","


class Pages(CursorPagination):
    """`next` and `previous` are addresses; `page_size` up to 500; newest first unless `ordering=id` is asked.

    The order is that of the view's `oldest_first`: the id, with the moment before it where ids alone tell no order. A cursor
    names the row it starts behind by all of these, so that any number of rows of one moment have their place.
    """

    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"
    page_size_query_description = "How many results a page has, 1 to 500."
    cursor_query_description = "Where the page starts; taken from `next` or `previous`."
    ordering: Any = _NEWEST_FIRST
    query_params = frozenset({"cursor", "page_size", "ordering"})

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.page_size = self.get_page_size(request)
        self.base_url = request.build_absolute_uri()
        self.ordering = self.get_ordering(request, queryset, view)
        self.cursor = self.decode_cursor(request)
        position = None if self.cursor is None or self.cursor.position is None else str(self.cursor.position)
        turned = self.cursor is not None and self.cursor.reverse
        newest_first = self.ordering[0].startswith("-") != turned
        names = [name.removeprefix("-") for name in self.ordering]
        rows = queryset.order_by(*(f"-{name}" if newest_first else name for name in names))
        if position is not None:
            rows = rows.filter(_behind(names, _values(position, len(names)), "lt" if newest_first else "gt"))
        found = list(rows[: self.page_size + 1])
        page = found[: self.page_size]
        beyond: str | None = self._get_position_from_instance(found[-1], self.ordering) if found[len(page) :] else None
        self.page = page[::-1] if turned else page
        before, behind = (beyond, position) if turned else (position, beyond)
        self.has_previous, self.previous_position = before is not None, before
        self.has_next, self.next_position = behind is not None, behind
        return self.page

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get("page_size")
        if text is None:
            return self.page_size
        if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= self.max_page_size):
            raise ValidationError({"page_size": [f"Give a whole number from 1 to {self.max_page_size}."]})
        return int(text)

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        ordering = request.query_params.get("ordering", _NEWEST_FIRST)
        if ordering not in _ORDERINGS:
            raise ValidationError({"ordering": [f"Choose one of: {', '.join(_ORDERINGS)}."]})
        columns = getattr(view, "oldest_first", ("id",))
        return tuple(f"-{name}" for name in columns) if ordering == _NEWEST_FIRST else tuple(columns)

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        if cursor and cursor.position is not None and not _values(str(cursor.position), len(self.ordering)):
            raise ValidationError({"cursor": ["Take the cursor from `next` or `previous`, unchanged."]})
        return cursor

    def _get_position_from_instance(self, instance: Any, ordering: Any) -> str:
        found = (getattr(instance, name.removeprefix("-")) for name in ordering)
        return _BETWEEN.join(each.isoformat() if isinstance(each, datetime) else str(each) for each in found)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        by = "In the order of posting" if len(getattr(view, "oldest_first", ("id",))) > 1 else "By id"
        return [
            *super().get_schema_operation_parameters(view),
            {
                "name": "ordering",
                "in": "query",
                "required": False,
                "description": f"{by}: oldest first (`id`) or newest first (`-id`).",
                "schema": {"type": "string", "enum": list(_ORDERINGS), "default": _NEWEST_FIRST},
            },
        ]


def _values(position: str, count: int) -> list[Any]:
    """Read a row's place: moments, and its id last; nothing where that is not what is written there."""
    *moments, pk = position.split(_BETWEEN)
    if len(moments) + 1 != count or not (pk.isascii() and pk.isdigit() and len(pk) <= _MAX_ID_DIGITS):
        return []
    try:
        read = [datetime.fromisoformat(each) for each in moments]
    except ValueError:
        return []
    return [*read, int(pk)] if all(each.tzinfo for each in read) else []


def _behind(names: Sequence[str], values: Sequence[Any], which: str) -> Q:
    """Write (a, b) < (x, y) so that an index over both columns is entered at x."""
    name, value = names[0], values[0]
    if len(names) == 1:
        return Q(**{f"{name}__{which}": value})
    rest = _behind(names[1:], values[1:], which)
    return Q(**{f"{name}__{which}e": value}) & (Q(**{f"{name}__{which}": value}) | rest)
