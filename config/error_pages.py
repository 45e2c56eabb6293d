"""What is shown where a request failed: to people whether waiting helps, to developers (COUNTERFOIL_DEBUG) the way to the error.

That way is shown without a value from it. What a person typed into a form, what an ERP sent back in an address, and what stands
in variables may be a credential.
"""

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.debug import ExceptionReporter

from billing.refusals import database_is_away

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


def failed(request: HttpRequest) -> HttpResponse:
    """Answer where nothing else did; Django's `handler500`. Asks the database nothing: it may be what failed."""
    if database_is_away(sys.exc_info()[1]):
        page = loader.get_template("503.html").render()
        return HttpResponse(page, status=503, headers={"Retry-After": "5"})
    return HttpResponse(loader.get_template("500.html").render(), status=500)
