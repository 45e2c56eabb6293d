"""How a measurement is shown: the ratio, what was promised, and the figures behind it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One ratio. `wanted` is `>=` or `<=` the limit."""

    work: str
    ratio: float
    wanted: str
    limit: float
    detail: str

    @property
    def met(self) -> bool:
        return self.ratio >= self.limit if self.wanted == ">=" else self.ratio <= self.limit

    def __str__(self) -> str:
        verdict = "met   " if self.met else "MISSED"
        return f"{verdict} {self.ratio:8.2f}  (wanted {self.wanted} {self.limit:g})  {self.work}  [{self.detail}]"
