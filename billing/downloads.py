"""What every file that is handed out keeps to, whatever stands in names and texts."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

# A spreadsheet takes a cell that begins like this for a formula, also when it comes from a customer's name.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def file_headers(name: str, *, opens: bool = False) -> dict[str, str]:
    """Say under which name a file is saved; `opens`: a browser shows it first."""
    return {"Content-Disposition": str(content_disposition_header(not opens, name))}


def kept_file(*, name: str, content_type: str, content: bytes) -> HttpResponse:
    """Hand out what somebody gave us: to be saved, never to be shown in our own pages or to run there."""
    response = HttpResponse(content, content_type=content_type, headers=file_headers(name))
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def harmless(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula: such a text gets an apostrophe in front."""
    return f"'{text}" if text.startswith(_FORMULA) else text
