"""Typed reading of environment variables. Every error names the variable and says what to set."""

import os

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    """Read a variable as text without surrounding blanks; unset and empty are the same."""
    return os.environ.get(name, "").strip() or default


def required(name: str, why: str) -> str:
    """Read a variable that must be set. Raises ImproperlyConfigured with the reason `why`."""
    value = text(name)
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {why}")
    return value


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Read a comma-separated list, leaving out empty parts."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or list(default)


def flag(name: str, *, default: bool) -> bool:
    """Read a yes or no. Raises ImproperlyConfigured for anything else."""
    if name not in os.environ:
        return default
    value = text(name).lower()
    if value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}; set it to 1 (yes) or 0 (no).")
    return value in _TRUE


def integer(name: str, *, default: int, minimum: int = 0) -> int:
    """Read a whole number of at least `minimum`. Raises ImproperlyConfigured for anything else."""
    value = text(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or int(value) < minimum:
        raise ImproperlyConfigured(f"{name} is {value!r}; set it to a whole number of at least {minimum}.")
    return int(value)


def choice(name: str, options: tuple[str, ...]) -> str:
    """Read one of a few words, the first being the default. Raises ImproperlyConfigured for anything else."""
    value = text(name, options[0])
    if value not in options:
        raise ImproperlyConfigured(f"{name} is {value!r}; set it to one of: {', '.join(options)}.")
    return value
