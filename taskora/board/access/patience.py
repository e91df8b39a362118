"""What makes guessing passwords slow, without locking anybody out."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

_FIRST_S: Final = 0.5
_LONGEST_S: Final = 10.0
_FORGOTTEN_S: Final = 15 * 60
_REMEMBERED: Final = 1_024
_AT_ONCE: Final = 128
_AT_ONCE_FROM_ONE: Final = 16
_MOST_NAME: Final = 200


class Failures:
    """Counts failed attempts; those of a quarter of an hour ago, and the longest unseen of many, are forgotten.

    Args:
        most: How many names it remembers.
        now: Monotonic seconds.
    """

    def __init__(self, most: int = _REMEMBERED, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, name: str) -> int:
        """Count a failure and return how many there were."""
        now_s = self._now()
        count, at_s = self._seen.pop(name, (0, now_s))
        count = 1 if now_s - at_s > _FORGOTTEN_S else count + 1
        self._seen[name] = (count, now_s)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return count

    def forget(self, name: str) -> None:
        """Begin anew."""
        self._seen.pop(name, None)


class Patience:
    """Says how long the answer to a failed attempt is kept back: the longer, the more failed before.

    Attempts of one address and attempts on one name are counted apart. A right password is never kept waiting, and
    signing in clears the name alone: otherwise whoever has an account could guess for others at full speed.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._addresses = Failures(now=now)
        self._names = Failures(now=now)

    def failed(self, address: str, name: str) -> float:
        """Count a failure and return the seconds to wait."""
        count = max(self._addresses.add(neighbours(address)), self._names.add(_key(name)))
        return min(_FIRST_S * 2.0 ** min(count - 1, 10), _LONGEST_S)

    def succeeded(self, name: str) -> None:
        """Forget the failures of a name."""
        self._names.forget(_key(name))


class Places:
    """Attempts under way: as many as there are places, and no more than a few of one address.

    Args:
        most: Places in all.
        most_from_one: Of one address.
    """

    def __init__(self, most: int = _AT_ONCE, most_from_one: int = _AT_ONCE_FROM_ONE) -> None:
        self._most = most
        self._most_from_one = most_from_one
        self._taken: Counter[str] = Counter()

    @contextmanager
    def take(self, address: str) -> Generator[bool]:
        """Hold a place meanwhile, and say whether there was one."""
        key = neighbours(address)
        if self._taken.total() >= self._most or self._taken[key] >= self._most_from_one:
            yield False
            return
        self._taken[key] += 1
        try:
            yield True
        finally:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]


def neighbours(address: str) -> str:
    """Return what stands for an address: whoever has one of IPv6 commonly has 2**64 of them."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:_MOST_NAME]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))


def _key(name: str) -> str:
    return name.casefold()[:_MOST_NAME]
