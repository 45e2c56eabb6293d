"""Which errors are answers to a person ("this cannot be done, because …") and not failures of the program.

A ValueError of the domain is one. The apps above billing add theirs, such as a role that has no account. So is what a guard of
the database says, and that another was quicker.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, transaction

_T = TypeVar("_T")
_types: list[type[Exception]] = [ValueError]


def add_refusal(error: type[Exception]) -> None:
    """Make an error's text something that people are shown."""
    if error not in _types:
        _types.append(error)


def refusals() -> tuple[type[Exception], ...]:
    """Give the errors to catch where a person waits for an answer."""
    return tuple(_types)


# What our triggers raise in words (integrity_constraint_violation, without the name of a constraint).
_IN_WORDS = "23000"
# A deadlock, a serialization failure, a lock that was not to be had: undone whole, and as good as never tried.
_LOST = frozenset({"40P01", "40001", "55P03"})
_UNIQUE_VIOLATION = "23505"
_races: set[str] = set()
_TRIES = 3
# Services look for an open month before they post: when the guard finds it closed, it was closed in between.
_CLOSED_MEANWHILE = "is not open; nothing can be posted into it"


def add_race(constraint: str) -> None:
    """Name a unique constraint that is broken only by two who make the same at the same moment, never by what was asked."""
    _races.add(constraint)


class LostRace(str):
    """Words for who was not quick enough: nothing was done, and trying again may work."""

    __slots__ = ()


def database_refusal(error: BaseException) -> str | None:
    """Give what people are told where the database refused something: a guard's own words, or that another was quicker.

    None for everything else, which is a failure of the program.
    """
    cause = error.__cause__ if isinstance(error, DatabaseError) else None
    if not isinstance(cause, psycopg.Error):
        return None
    words = str(cause.diag.message_primary)
    if cause.sqlstate in _LOST or (cause.sqlstate == _UNIQUE_VIOLATION and cause.diag.constraint_name in _races):
        return LostRace("Somebody changed the same at the same moment, so nothing of this was done. Try again.")
    if _CLOSED_MEANWHILE in words:
        return LostRace("The month was closed at the same moment, so nothing of this was done. Try again.")
    return words if cause.sqlstate == _IN_WORDS else None


# Connections that were not had or were lost, a server that is going down or comes up, no room for more (of connections, disk,
# memory). psycopg gives no state where no server said anything.
_AWAY = ("08", "53", "57P")


def database_is_away(error: BaseException | None) -> bool:
    """Tell whether the database is not there or has no room: nothing is wrong with what was asked.

    What was lost at the very end of a transaction may be done all the same; only asking again tells.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(_AWAY)


def again_if_lost(work: Callable[[], _T]) -> _T:
    """Do the work of one transaction, and where it lost a race, again: three times at most, then its error is raised.

    For the parts of a run, which read afresh what they find. `work` opens the transaction. Inside another's transaction it
    is done once: what was lost there is more than this work.
    """
    left = 1 if transaction.get_connection().in_atomic_block else _TRIES
    while True:
        left -= 1
        try:
            return work()
        except DatabaseError as error:
            if not left or not isinstance(database_refusal(error), LostRace):
                raise


def part_by_part(part: Callable[[int], tuple[int, int]]) -> int:
    """Do a run's parts one after the other, each `again_if_lost`; give how many rows they changed in all.

    A part takes the id of the row after which it begins; it gives how many rows it changed and the last id that it looked at,
    the same where there was none left.
    """
    done, after = 0, 0
    while True:
        count, last = again_if_lost(partial(part, after))
        if last == after:
            return done
        done, after = done + count, last
