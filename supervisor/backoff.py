"""How long a slot waits before its next child, after one died."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffPolicy:
    """Exponential back-off: nothing the first time, then `base_s` doubled each time up to `cap_s`.

    Attributes:
        base_s: the second death's delay, seconds.
        cap_s: the longest delay, seconds, jitter included.
        jitter: each delay is multiplied by a factor in `1 - jitter .. 1 + jitter`: a fleet shall not return in step.
        reset_after_s: a child that was ready for so long ends the series, seconds.
    """

    base_s: float = 0.1
    cap_s: float = 30.0
    jitter: float = 0.2
    reset_after_s: float = 60.0


@dataclass(slots=True)
class Backoff:
    """The series of one slot."""

    policy: BackoffPolicy
    rng: random.Random = field(default_factory=random.Random)
    deaths: int = 0

    def died(self, *, ready_for_ns: int) -> int:
        """Count a death and return the delay until the next start, nanoseconds.

        Args:
            ready_for_ns: how long the dead child had been ready; 0 when it never was.
        """
        if ready_for_ns >= self.policy.reset_after_s * _NS:
            self.deaths = 0
        self.deaths += 1
        return self._delay_ns()

    def _delay_ns(self) -> int:
        if self.deaths <= 1:
            return 0
        # The exponent is bounded, or a slot that fails for days overflows a float.
        doubled_s = self.policy.base_s * 2.0 ** min(self.deaths - 2, 32)
        factor = self.rng.uniform(1 - self.policy.jitter, 1 + self.policy.jitter)
        return int(min(doubled_s * factor, self.policy.cap_s) * _NS)
