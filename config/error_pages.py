"""The page that tells a developer where a request failed (COUNTERFOIL_DEBUG): the way there, and no value from it.

What a person typed into a form, what an ERP sent back in an address, and what stands in variables on the way may be a credential.
"""

from typing import Any

from django.views.debug import ExceptionReporter

_HIDDEN = "(not shown)"
_ADDRESSES = ("QUERY_STRING", "HTTP_REFERER", "REQUEST_URI")


class ValuelessReporter(ExceptionReporter):
    """Names what was sent and where the program stood, without the values."""

    def get_traceback_data(self) -> dict[str, Any]:
        """Give what the page shows."""
        data: dict[str, Any] = super().get_traceback_data()
        for frame in data["frames"]:
            frame["vars"] = []
        for items in ("filtered_POST_items", "request_GET_items"):
            data[items] = [(name, _HIDDEN) for name, _ in data.get(items, ())]
        data["request_meta"] |= {name: _HIDDEN for name in _ADDRESSES if name in data["request_meta"]}
        data["request_insecure_uri"] = data.get("request_insecure_uri", "").partition("?")[0]
        return data
