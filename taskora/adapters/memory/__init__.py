"""Jobs in the process's own memory: for tests and for trying things out."""

from __future__ import annotations

from taskora.adapters.memory.adapter import MemoryAdapter
from taskora.adapters.memory.clock import Clock, ManualClock, SystemClock
from taskora.errors import ConfigError
from taskora.quoting import quoted

__all__ = ["Clock", "ManualClock", "MemoryAdapter", "SystemClock", "memory_adapter"]


def memory_adapter(clock: Clock | None = None, *, prefix: str = "") -> MemoryAdapter:
    """Make an adapter that keeps jobs in memory. What it keeps is private to it and ends with it.

    Args:
        clock: Tells the time, such as a ``ManualClock``. Defaults to the system's.
        prefix: As other adapters have it.

    Raises:
        ConfigError: The clock tells no time, or the prefix has characters that keys cannot carry.
    """
    if clock is not None and not callable(getattr(clock, "now_ms", None)):
        raise ConfigError(f"clock: expected one such as ManualClock(), got {quoted(clock)}")
    return MemoryAdapter(SystemClock() if clock is None else clock, prefix)
