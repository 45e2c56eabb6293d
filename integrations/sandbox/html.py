"""Pages for a person: tables, links and amounts in one plain style that every vendor's books share."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape
from urllib.parse import quote

from integrations.sandbox.messages import Request, Response

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1d2733;background:#f5f7f8}
header{background:var(--colour);color:#fff;padding:.8rem 2rem;display:flex;flex-wrap:wrap;gap:0 1.2rem}header a{color:#fff}
main{max-width:70rem;margin:1.5rem auto;padding:0 2rem;overflow-x:auto}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;background:#fff}th,td{padding:.35rem .7rem;border-bottom:1px solid #e3e8ea;
text-align:left;vertical-align:top}th{background:#eef2f3;font-weight:600}.n{text-align:right;
font-variant-numeric:tabular-nums;white-space:nowrap}a{color:#1c5c8c}.quiet{color:#667}dl{display:grid;
grid-template-columns:max-content 1fr;gap:.2rem 1.5rem}dt{color:#667}dd{margin:0}tfoot td{font-weight:600}
"""

Cell = str | Decimal | int | None


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def link(path: str, words: str) -> Markup:
    """Link to a page of the sandbox."""
    return Markup(f'<a href="{quote(path)}">{escape(words)}</a>')


def text(value: Cell) -> str:
    """Write a cell: amounts with two decimals at least."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, Decimal):
        return f"{value:,.2f}" if value == round(value, 2) else f"{value:,f}"
    return "" if value is None else escape(str(value))


def table(
    names: Sequence[str], rows: Iterable[Sequence[Cell]], *, amounts: Sequence[int], foot: Sequence[Cell] = ()
) -> str:
    """Write a table; `amounts` are the columns set to the right."""

    def line(cells: Sequence[Cell], tag: str) -> str:
        marked = ((' class="n"' if at in amounts else "", text(cell)) for at, cell in enumerate(cells))
        return "<tr>" + "".join(f"<{tag}{mark}>{shown}</{tag}>" for mark, shown in marked) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    end = f"<tfoot>{line(foot, 'td')}</tfoot>" if foot else ""
    return f"<table><thead>{line(names, 'th')}</thead><tbody>{body}</tbody>{end}</table>"


def page_number(request: Request) -> int:
    """Give the number of the page asked for."""
    given = request.params.get("page", "1")
    return max(1, int(given)) if given.isdigit() and len(given) < 9 else 1


def pager(number: int, *, more: bool) -> str:
    """Link to the pages before and after."""
    links = [f'<a href="?page={number - 1}">Newer</a>'] if number > 1 else []
    links += [f'<a href="?page={number + 1}">More</a>'] if more else []
    return f"<p>{' · '.join(links)}</p>" if links else ""


def page(
    title: str, body: str, *, home: str, colour: str, menu: Iterable[tuple[str, str]], status: int = 200
) -> Response:
    """Give a whole page; `home` names the sandbox, `menu` holds addresses and names."""
    links = "".join(f'<a href="{path}">{escape(name)}</a>' for path, name in menu)
    return Response.html(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)} · sandbox</title>'
        f'<style>:root{{--colour:{colour}}}{STYLE}</style></head><body><header><a href="/"><b>{escape(home)}</b></a>'
        f"{links}</header><main><h1>{escape(title)}</h1>{body}</main></body></html>",
        status,
    )


def sign_in_page(title: str, body: str, *, colour: str) -> str:
    """A page of the vendor's sign-in: not one of its books, so it has a frame of its own."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>'
        "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem;color:#1d2733}"
        f"button{{font:inherit;padding:.5rem 1rem;border:1px solid {colour};border-radius:4px;background:{colour};color:#fff;"
        "cursor:pointer}button.plain{background:#fff;color:#1d2733;border-color:#aab}</style></head>"
        f"<body><h1>{title}</h1>{body}</body></html>"
    )
