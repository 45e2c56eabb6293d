"""Which errors are answers to a person ("this cannot be done, because …") and not failures of the program.

A ValueError of the domain is one. The apps above billing add theirs, such as a role that has no account.
"""

_types: list[type[Exception]] = [ValueError]


def add_refusal(error: type[Exception]) -> None:
    """Make an error's text something that people are shown."""
    if error not in _types:
        _types.append(error)


def refusals() -> tuple[type[Exception], ...]:
    """Give the errors to catch where a person waits for an answer."""
    return tuple(_types)
