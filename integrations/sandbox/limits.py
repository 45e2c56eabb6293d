"""The vendor's published rate limits: measured always, enforced when asked. Windows slide: the strictest reading."""

import time
from collections import deque
from collections.abc import Mapping

from integrations.sandbox.messages import Json


class Limits:
    """Calls per window of seconds, and calls at once.

    `windows` gives for each limit its length in seconds and how many calls it allows; a window named `batch_...`
    counts batch calls only, one named `only_<window>_...` only the calls of that `Call.window`.
    """

    def __init__(self, *, enforced: bool, windows: Mapping[str, tuple[float, int]], concurrent: int) -> None:
        self._enforced = enforced
        self._windows = dict(windows)
        self._allowed = {name: allowed for name, (_, allowed) in windows.items()} | {"concurrent": concurrent}
        self.clear()

    def clear(self) -> None:
        """Forget what was measured."""
        self._seen: dict[str, deque[float]] = {name: deque() for name in self._windows}
        self._running = 0
        self.peaks = dict.fromkeys(self._allowed, 0)
        self.exceeded = dict.fromkeys(self._allowed, 0)
        self.counted = dict.fromkeys(self._windows, 0)
        self._busy, self._since = 0.0, time.monotonic()

    def enter(self, *, is_batch: bool, window: str = "") -> str:
        """Count a call that begins; give the limit for which it must be refused, else "". Every call that enters must leave."""
        now = self._pass_time()
        self._running += 1
        counts = {"concurrent": self._running}
        for name, (length, _) in self._windows.items():
            if name.startswith("batch_") and not is_batch:
                continue
            if name.startswith("only_") and not (window and name.startswith(f"only_{window}_")):
                continue
            seen = self._seen[name]
            while seen and seen[0] <= now - length:
                seen.popleft()
            counts[name] = len(seen) + 1
        over = [name for name, count in counts.items() if count > self._allowed[name]]
        for name, count in counts.items():
            self.peaks[name] = max(self.peaks[name], count)
        for name in over:
            self.exceeded[name] += 1
        if over and self._enforced:
            return over[0]
        for name in counts.keys() - {"concurrent"}:
            self._seen[name].append(now)
            self.counted[name] += 1
        return ""

    def left(self) -> dict[str, int]:
        """Give how many calls each window still allows."""
        now = time.monotonic()
        return {
            name: max(0, allowed - sum(1 for each in self._seen[name] if each > now - length))
            for name, (length, allowed) in self._windows.items()
        }

    def leave(self) -> None:
        """Count a call that ends."""
        self._pass_time()
        self._running = max(0, self._running - 1)

    def describe(self) -> Json:
        """Give limits, peaks, how often they were exceeded, what each let through, and the seconds that calls took together."""
        mode = "real" if self._enforced else "off"
        self._pass_time()
        measured = {"peaks": self.peaks, "exceeded": self.exceeded, "counted": self.counted, "busy_seconds": self._busy}
        return {"mode": mode, **self._allowed, **measured}

    def _pass_time(self) -> float:
        now = time.monotonic()
        self._busy += self._running * (now - self._since)
        self._since = now
        return now
