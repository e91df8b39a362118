"""The zygotes of a fleet with `--preload`: the present one, the one that is to follow, those that leave."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterator
from typing import Final

from .backoff import Backoff
from .exitcodes import ExitCode
from .nursery import Ends, Order, Upbringing
from .process import Exit
from .retirement import NS
from .zygote import Zygote, become_subreaper

_log: Final = logging.getLogger(__name__)
_KILL_AFTER_NS: Final = 2 * NS


class Incubator:
    """A nursery whose children are forked by the present zygote."""

    def __init__(
        self, upbringing: Upbringing, *, on_birth: Callable[[Zygote], None], on_end: Callable[[Zygote], None]
    ) -> None:
        self.present: Zygote | None = None
        self.next: Zygote | None = None
        self.next_failed: bool = False
        self.boot_code: ExitCode | None = None
        self._former: Zygote | None = None
        self._leaving: dict[Zygote, int] = {}
        self._upbringing = upbringing
        self._backoff = Backoff(upbringing.config.backoff)
        self._restart_at_ns = 0
        self._on_birth = on_birth
        self._on_end = on_end

    def begin(self) -> None:
        """Make this process the parent of what the zygotes fork.

        Raises:
            OSError: the kernel refuses.
        """
        become_subreaper()

    @property
    def open(self) -> bool:
        """The present zygote has the app and answers."""
        return self.present is not None and self.present.open

    def bear(self, order: Order, ends: Ends) -> int:
        """Let the present zygote fork."""
        if self.present is None:
            raise OSError("there is no zygote at the moment")
        return self.present.bear(order, ends)

    def zygotes(self) -> list[Zygote]:
        """All that have not been reaped."""
        kept = (self.present, self.next, self._former)
        return [*(one for one in kept if one is not None), *self._leaving]

    def tend(self, generation: int) -> None:
        """Keep one zygote there, and end those that are late, deaf or dismissed."""
        now_ns = time.monotonic_ns()
        if self.present is None and now_ns >= self._restart_at_ns:
            self.present = self._start(generation)
        for zygote in self.zygotes():
            late_ns = zygote.started_ns + int(self._upbringing.config.boot_timeout_s * NS)
            if zygote.failed_birth or (not zygote.ready and now_ns >= late_ns):
                zygote.process.send(signal.SIGUSR1)
                zygote.kill()
            stacks_ns = zygote.stacks.due_ns()
            if stacks_ns is not None and now_ns >= stacks_ns:
                zygote.stacks.emit()
        for zygote, kill_at_ns in self._leaving.items():
            if now_ns >= kill_at_ns:
                zygote.kill()

    def prepare(self, generation: int) -> None:
        """Start the zygote that is to follow the present one."""
        self.next_failed = False
        if self.next is not None:
            self._dismiss(self.next)
        self.next = self._start(generation)
        self.next_failed = self.next is None

    def switch(self) -> None:
        """Let the next zygote bear the children from now on; the former one is kept until `settle`."""
        self._former, self.present, self.next = self.present, self.next, None

    def settle(self, *, keep_new: bool) -> None:
        """End a roll: dismiss the former zygote, or take it back and dismiss the new one."""
        former, self._former = self._former, None
        if former is None:
            return
        if keep_new:
            self._dismiss(former)
            return
        if self.present is not None:
            self._dismiss(self.present)
        self.present = former

    def dismiss_all(self) -> None:
        """The fleet stops and no child is needed any more."""
        for zygote in (self.present, self.next, self._former):
            if zygote is not None:
                self._dismiss(zygote)
        self.present = self.next = self._former = None
        self._restart_at_ns = time.monotonic_ns() + 3_600 * NS

    def bury(self, zygote: Zygote, end: Exit) -> None:
        """A zygote has been reaped."""
        asked = zygote in self._leaving
        self._leaving.pop(zygote, None)
        _log.log(
            logging.INFO if asked else logging.ERROR,
            "zygote (pid %d, generation %d) ended: %s",
            zygote.process.pid,
            zygote.generation,
            end.cause,
            extra={"action": "zygote.end", "pid": zygote.process.pid, "generation": zygote.generation},
        )
        if zygote is self.next:
            self.next = None
            self.next_failed = True
        elif zygote is self._former:
            self._former = None
        elif zygote is self.present:
            self._lose_present(zygote, end)
        self._on_end(zygote)
        zygote.close()

    def _lose_present(self, zygote: Zygote, end: Exit) -> None:
        self.present = None
        if not zygote.ready:
            app = end.code == ExitCode.APP_LOAD_FAILED
            self.boot_code = ExitCode.APP_LOAD_FAILED if app else ExitCode.BOOT_FAILED
        age_ns = time.monotonic_ns() - zygote.started_ns if zygote.ready else 0
        self._restart_at_ns = time.monotonic_ns() + self._backoff.died(ready_for_ns=age_ns)

    def _start(self, generation: int) -> Zygote | None:
        try:
            zygote = Zygote.start(self._upbringing, generation)
        except OSError as error:
            delay_ns = self._backoff.died(ready_for_ns=0)
            self._restart_at_ns = time.monotonic_ns() + delay_ns
            _log.error("the zygote could not be started: %s", error, extra={"action": "zygote.refused"})
            return None
        self._on_birth(zygote)
        return zygote

    def _dismiss(self, zygote: Zygote) -> None:
        zygote.retire()
        self._leaving[zygote] = time.monotonic_ns() + _KILL_AFTER_NS

    def due_ns(self) -> Iterator[int]:
        """When `tend` has something to do, CLOCK_MONOTONIC."""
        if self.present is None:
            yield self._restart_at_ns
        yield from self._leaving.values()
        stacks = (one.stacks.due_ns() for one in self.zygotes())
        yield from (due_ns for due_ns in stacks if due_ns is not None)
        boot_ns = int(self._upbringing.config.boot_timeout_s * NS)
        yield from (one.started_ns + boot_ns for one in self.zygotes() if not one.ready)
