"""Pages by cursor: stable while rows are added, and as fast on the last page as on the first."""

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

_NEWEST_FIRST = "-id"
_ORDERINGS = (_NEWEST_FIRST, "id")
_MAX_ID_DIGITS = 18


class Pages(CursorPagination):
    """`next` and `previous` are addresses; `page_size` up to 500; `ordering` by id, newest first unless `id` is asked."""

    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"
    page_size_query_description = "How many results a page has, 1 to 500."
    cursor_query_description = "Where the page starts; taken from `next` or `previous`."
    ordering = _NEWEST_FIRST
    query_params = frozenset({"cursor", "page_size", "ordering"})

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
        return (ordering,)

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        if cursor and cursor.position is not None:
            position = str(cursor.position)
            if not (position.isascii() and position.isdigit() and len(position) <= _MAX_ID_DIGITS):
                raise ValidationError({"cursor": ["Take the cursor from `next` or `previous`, unchanged."]})
        return cursor

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            *super().get_schema_operation_parameters(view),
            {
                "name": "ordering",
                "in": "query",
                "required": False,
                "description": "By id: oldest first (`id`) or newest first (`-id`).",
                "schema": {"type": "string", "enum": list(_ORDERINGS), "default": _NEWEST_FIRST},
            },
        ]
