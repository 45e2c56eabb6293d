"""Failures on demand: which calls fail, and how."""

import random
from dataclasses import dataclass, field
from typing import Any

from integrations.sandbox.messages import ControlError, Json

UNPROCESSED = ("500", "503", "429", "html_error", "drop")
AFTER_COMMIT = ("drop_after_commit", "timeout_after_commit")
KNOWN = UNPROCESSED + AFTER_COMMIT
SILENT = ("drop", *AFTER_COMMIT)
_OPTIONS = ("rate", "kinds", "faults", "seed", "only", "times", "hold_seconds", "include_oauth")


@dataclass
class FaultPlan:
    """The rate of each kind, and where it applies. `times` counts down and ends the plan at zero."""

    rates: dict[str, float] = field(default_factory=dict)
    seed: int | None = None
    only: str | None = None
    times: int | None = None
    hold_seconds: float = 3.0
    include_oauth: bool = False

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 — repeatable, not secret

    def pick(self, *, group: str, line: str) -> str | None:
        """Draw the fault that befalls a call, or None. `line` is method and target."""
        if not self.rates or self.times == 0:
            return None
        if group != "api" and not (group == "oauth" and self.include_oauth):
            return None
        if self.only and self.only.lower() not in line.lower():
            return None
        drawn = self._random.random()
        for kind, rate in self.rates.items():
            drawn -= rate
            if drawn < 0:
                if self.times is not None:
                    self.times -= 1
                return kind
        return None

    def describe(self) -> Json:
        """Give the plan as JSON."""
        return {
            "rates": self.rates,
            "kinds": list(self.rates),
            "seed": self.seed,
            "only": self.only,
            "times": self.times,
            "hold_seconds": self.hold_seconds,
            "include_oauth": self.include_oauth,
            "known_kinds": list(KNOWN),
        }


def read_plan(body: Json) -> FaultPlan:
    """Read a plan from a control request. Raises ControlError."""
    unknown = sorted(set(body) - set(_OPTIONS))
    if unknown:
        raise ControlError(f"Unknown option {', '.join(unknown)}. Known: {', '.join(_OPTIONS)}.")
    only = body.get("only")
    if only is not None and not isinstance(only, str):
        raise ControlError("only must be a text that is looked for in the method and path.")
    return FaultPlan(
        rates=_rates(body),
        seed=_whole(body, "seed"),
        only=only or None,
        times=_whole(body, "times"),
        hold_seconds=_number(body.get("hold_seconds", 3), "hold_seconds", highest=3600),
        include_oauth=bool(body.get("include_oauth", False)),
    )


def _rates(body: Json) -> dict[str, float]:
    given = body.get("faults")
    if given is None:
        kinds = body.get("kinds", list(KNOWN))
        if not isinstance(kinds, list):
            raise ControlError("kinds must be a list.")
        rate = _number(body.get("rate", 1), "rate", highest=1)
        given = {str(kind): rate / len(kinds) for kind in kinds}
    if not isinstance(given, dict):
        raise ControlError('faults must be an object such as {"500": 0.1}.')
    unknown = sorted(set(given) - set(KNOWN))
    if unknown:
        raise ControlError(f"Unknown kind {', '.join(unknown)}. Known: {', '.join(KNOWN)}.")
    rates = {kind: _number(rate, kind, highest=1) for kind, rate in given.items()}
    if sum(rates.values()) > 1.000001:
        raise ControlError("The rates add up to more than 1.")
    return {kind: rate for kind, rate in rates.items() if rate > 0}


def _number(value: Any, name: str, *, highest: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number <= highest:
        raise ControlError(f"{name} must be a number from 0 to {highest:g}.")
    return number


def _whole(body: Json, name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ControlError(f"{name} must be a whole number, 0 or more.")
    return value
