"""Files and functions stay small enough to be read in one go."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

APPS = ("billing", "accounting", "integrations", "config")
LONGEST_FILE, LONGEST_FUNCTION = 400, 70
EXEMPT = {
    "accounting/posting.py:post": "one pass over a batch: rows are built side by side, which costs half of two passes",
}


def _sources() -> Iterator[tuple[str, str]]:
    for app in APPS:
        for path in Path(settings.BASE_DIR, app).rglob("*.py"):
            if "migrations" not in path.parts:
                yield str(path.relative_to(settings.BASE_DIR)), path.read_text()


def test_no_file_is_too_long():
    assert [name for name, source in _sources() if source.count("\n") > LONGEST_FILE] == []


def test_no_function_is_too_long():
    long = {
        f"{name}:{node.name}"
        for name, source in _sources()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    }
    assert long == set(EXEMPT)
