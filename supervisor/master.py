"""The master: one thread that waits, dispatches, reaps, checks and adjusts. It knows processes, not jobs."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from . import status
from .beats import Beats
from .children import Child
from .compliance import Compliance
from .config import SupervisorConfig
from .exitcodes import MEANINGS, ExitCode
from .exposition import Exposition
from .fleet import Fleet
from .health import PERIOD_S, Health
from .incubator import Incubator
from .listening import Listening
from .notices import Notices
from .notify import Notifier
from .nursery import ForkNursery, Upbringing
from .probes import Probes
from .process import reap_strangers
from .recycling import Recycling
from .responder import responders
from .retirement import NS
from .rolling import Progress, Roll
from .seat import Bodies, ChildMain, Preload
from .signals import SignalInbox, hold_signals
from .sources import SourceWatch
from .stopping import Stop
from .tallies import Tallies

_log: Final = logging.getLogger(__name__)
_ROOM_TO_GROW: Final = 64
_STATUS_NS: Final = NS
_QUIT_WAIT_NS: Final = 2 * NS


def supervise(
    config: SupervisorConfig, *, worker_main: ChildMain, steward_main: ChildMain, preload: Preload | None = None
) -> int:
    """Run a fleet until a signal ends it; called in a process's only thread, which it takes over.

    Args:
        config: the settings.
        worker_main: the body of a worker child.
        steward_main: the body of the steward.
        preload: imports the app in the zygote, for `--preload`.

    Returns:
        The exit code, see `taskora.supervisor.exitcodes`.

    Raises:
        ConfigError: it cannot listen at a port that it was given.
        ForkFromThreadsError: this process has more than one thread.
        OSError: with `--preload`, where the kernel does not let this process adopt its grandchildren.
    """
    return Master(config, Bodies(worker=worker_main, steward=steward_main, preload=preload)).run()


class Master:
    """The loop and what it owns."""

    def __init__(self, config: SupervisorConfig, bodies: Bodies) -> None:
        slots = max(_ROOM_TO_GROW, 2 * config.procs)
        self._config = config
        self._beats = Beats(slots=slots, cells=2 * slots + 8)
        self._inbox = SignalInbox()
        self._listening = Listening()
        self._notices = Notices()
        tallies = None if config.metrics_port is None else Tallies(2 * slots + 8)
        upbringing = Upbringing(bodies, self._beats, config, tallies)
        self._incubator: Incubator | None = None
        if config.preload and bodies.preload is not None:
            self._incubator = Incubator(
                upbringing, on_birth=self._listening.add_zygote, on_end=self._listening.drop_zygote
            )
        self._fleet = Fleet(
            config,
            self._beats,
            self._incubator or ForkNursery(upbringing),
            self._notices,
            on_birth=lambda child: self._listening.add_child(child, self._hear),
            on_end=self._listening.drop_child,
        )
        self._health = Health(self._fleet)
        self._responders = responders(
            config, self._listening, Probes(self._fleet, self._health).pages(),
            {} if tallies is None else Exposition(self._fleet, tallies, time.time()).pages(),
        )  # fmt: skip
        self._recycling = Recycling(self._fleet)
        self._compliance = Compliance(
            self._fleet, allowed=config.remote_control, roll=self._want_roll, stop=self._begin_stop
        )
        self._sources = SourceWatch(Path.cwd()) if config.reload else None
        self._notifier = Notifier(None, None)
        self._stop: Stop | None = None
        self._roll: Roll | None = None
        self._roll_wanted = False
        self._latest_generation = 1
        self._kept_generation = 1
        self._announced = ""
        self._status_at_ns = 0
        self._watchdog_at_ns = 0
        self._said_ready = False
        self._quit = False

    def run(self) -> int:
        """Start the fleet and keep it until its end.

        Raises:
            ConfigError: It cannot listen at a port that it was given.
        """
        for responder in self._responders:
            responder.open()
        self._inbox.open()
        self._listening.add(self._inbox, lambda: True)
        self._notifier = Notifier.from_environ(os.environ)
        self._beats.master_pid = os.getpid()
        self._beats.boot = int.from_bytes(os.urandom(8))
        if self._incubator is not None:
            self._incubator.begin()
        _log.info(
            "supervising %d worker(s) of %s", self._config.procs, self._config.target, extra={"action": "master.start"}
        )
        while True:
            self._dispatch()
            if self._quit:
                return self._kill_all()
            self._reap()
            self._check()
            code = self._adjust()
            if code is not None:
                return self._end(code)
            self._listening.wait_until(min(self._due_ns()))

    # -- wait

    def _due_ns(self) -> Iterator[int]:
        now_ns = time.monotonic_ns()
        yield now_ns + int(PERIOD_S * NS)
        yield from self._fleet.due_ns()
        # A deadline that has passed without effect must not spin the loop; whoever acts on one moves it on.
        yield from (due_ns for due_ns in self._health.due_ns() if due_ns > now_ns)
        if self._incubator is not None:
            yield from self._incubator.due_ns()
        if self._stop is not None:
            yield from self._stop.due_ns()
        if self._sources is not None:
            yield self._sources.due_ns()
        for responder in self._responders:
            yield from responder.due_ns()
        if self._notifier.watchdog_ns is not None:
            yield self._watchdog_at_ns

    # -- dispatch

    def _dispatch(self) -> None:
        for number in self._inbox.take():
            match number:
                case signal.SIGTERM | signal.SIGINT:
                    self._begin_stop(signal.Signals(number).name)
                case signal.SIGQUIT:
                    self._quit = True
                case signal.SIGHUP:
                    self._want_roll("SIGHUP")
                case signal.SIGTTIN:
                    self._fleet.scale(len(self._fleet.posts) + 1)
                case signal.SIGTTOU:
                    self._fleet.scale(len(self._fleet.posts) - 1)
                case signal.SIGUSR1:
                    self._show()
                case _:
                    # CHLD only wakes the loop; WINCH and USR2 mean nothing here.
                    pass

    def _begin_stop(self, why: str, code: ExitCode = ExitCode.DONE) -> None:
        if self._stop is not None:
            _log.info("%s again: running jobs go back now", why, extra={"action": "stop.hurry"})
            self._stop.hurry()
            return
        _log.info("%s: draining, %s", why, status.line(self._fleet), extra={"action": "stop"})
        self._notifier.stopping()
        self._roll, self._roll_wanted = None, False
        self._stop = Stop(self._fleet, code)

    def _show(self) -> None:
        _log.info("status: %s\n%s", status.line(self._fleet), status.table(self._fleet), extra={"action": "status"})
        for child in self._fleet.children():
            child.process.send(signal.SIGUSR1)
        for zygote in self._incubator.zygotes() if self._incubator is not None else ():
            zygote.process.send(signal.SIGUSR1)

    def _hear(self, child: Child) -> None:
        for message in child.report.read():
            worker = message.get("recovered")
            if isinstance(worker, str):
                self._notices.recovered(worker)
            elif "request" in message and child.order.role == "steward":
                self._compliance.hear(message)
            elif "wants_end" in message:
                _log.warning("%s asks to end: %s", child.name, message["wants_end"], extra=child.origin)
        # Readiness and the wish to end are words of the table; the message only woke the loop.

    # -- reap

    def _reap(self) -> None:
        for child in self._fleet.children():
            end = child.process.reap()
            if end is not None:
                # Its last words are still in the pipe: an acknowledgement may be among them.
                self._hear(child)
                self._fleet.bury(child, end)
        zygotes = self._incubator.zygotes() if self._incubator is not None else []
        for zygote in zygotes:
            end = zygote.process.reap()
            if end is not None and self._incubator is not None:
                self._incubator.bury(zygote, end)
        known = {child.process.pid for child in self._fleet.children()}
        reap_strangers(frozenset(known | {zygote.process.pid for zygote in zygotes}))

    # -- check

    def _check(self) -> None:
        self._health.check()
        self._recycling.check()
        for responder in self._responders:
            responder.tend()
        now_ns = time.monotonic_ns()
        config = self._config
        for child in self._fleet.children():
            child.proceed(now_ns, config.interrupt_grace_s, config.evidence_s)
            child.control.flush()
            stacks_ns = child.stacks.due_ns()
            if stacks_ns is not None and now_ns >= stacks_ns:
                child.stacks.emit()
        if self._notifier.watchdog_ns is not None and now_ns >= self._watchdog_at_ns:
            self._watchdog_at_ns = now_ns + self._notifier.watchdog_ns
            self._notifier.watchdog()

    # -- adjust

    def _adjust(self) -> ExitCode | None:
        if self._stop is None:
            self._give_up_unready()
        if self._stop is None and self._sources is not None and self._sources.changed():
            self._want_roll("changed files")
        if self._incubator is not None:
            self._incubator.tend(self._fleet.generation)
        if self._stop is None:
            self._advance_roll()
        self._fleet.fill()
        self._announce()
        return self._stop.step() if self._stop is not None else None

    def _give_up_unready(self) -> None:
        """A fleet in which nothing ever became ready stops, saying why once."""
        code = self._boot_failure()
        if code is not None:
            _log.critical(
                "no worker of %s became ready: %s; exit code %d",
                self._config.target,
                MEANINGS[code],
                code,
                extra={"action": "master.boot_failed"},
            )
            self._begin_stop("boot failure", code)

    def _boot_failure(self) -> ExitCode | None:
        if self._fleet.ever_ready:
            return None
        if self._incubator is not None and self._incubator.boot_code is not None:
            return self._incubator.boot_code
        posts = list(self._fleet.posts.values())
        if not all(post.failed_boots for post in posts):
            return None
        codes = {post.boot_code for post in posts}
        return codes.pop() if len(codes) == 1 else ExitCode.BOOT_FAILED

    def _want_roll(self, why: str) -> None:
        if self._stop is not None:
            return
        _log.info("rolling restart, asked for by %s", why, extra={"action": "roll.wanted"})
        self._roll_wanted = True

    def _advance_roll(self) -> None:
        if self._roll is None:
            self._begin_roll()
            return
        progress = self._roll.step()
        if progress is Progress.RUNNING:
            return
        self._roll = None
        done = progress is Progress.DONE
        if self._incubator is not None:
            self._incubator.settle(keep_new=done)
            if not done:
                self._fleet.generation = self._kept_generation
        _log.info("rolling restart %s", progress.value, extra={"action": f"roll.{progress.value}"})
        self._notifier.ready(status.line(self._fleet))

    def _begin_roll(self) -> None:
        if self._incubator is not None:
            if self._incubator.next_failed:
                self._incubator.next_failed = False
                _log.error(
                    "rolling restart stopped: the app did not load; the fleet stays as it is",
                    extra={"action": "roll.failed"},
                )
                self._notifier.ready(status.line(self._fleet))
            if self._roll_wanted:
                self._roll_wanted = False
                self._latest_generation += 1
                self._notifier.reloading()
                self._incubator.prepare(self._latest_generation)
            if self._incubator.next is None or not self._incubator.next.open:
                return
            self._incubator.switch()
        elif self._roll_wanted:
            self._roll_wanted = False
            self._latest_generation += 1
            self._notifier.reloading()
        else:
            return
        self._kept_generation = self._fleet.generation
        self._fleet.generation = self._latest_generation
        self._roll = Roll(self._fleet)
        self._advance_roll()

    def _announce(self) -> None:
        now_ns = time.monotonic_ns()
        # A slot that failed once does not hold up the service; it is retried like any.
        booted = all(post.is_ready or post.failed_boots for post in self._fleet.posts.values())
        if not self._said_ready and self._fleet.ever_ready and booted:
            self._said_ready = True
            self._notifier.ready(status.line(self._fleet))
        if now_ns >= self._status_at_ns:
            self._status_at_ns = now_ns + _STATUS_NS
            text = status.line(self._fleet)
            if text != self._announced:
                self._announced = text
                self._notifier.status(text)

    # -- the end

    def _kill_all(self) -> int:
        _log.warning("SIGQUIT: everything is killed", extra={"action": "quit"})
        for child in self._fleet.children():
            child.beat.doomed = True
            child.process.kill()
        return self._end(ExitCode.QUIT, kill_zygotes=True)

    def _end(self, code: ExitCode, *, kill_zygotes: bool = False) -> int:
        until_ns = time.monotonic_ns() + _QUIT_WAIT_NS
        for responder in self._responders:
            responder.close()
        if self._incubator is not None:
            self._incubator.dismiss_all()
            for zygote in self._incubator.zygotes() if kill_zygotes else ():
                zygote.kill()
        self._fleet.stopping = True
        while (self._fleet.children() or self._zygotes_left()) and time.monotonic_ns() < until_ns:
            self._listening.wait_until(time.monotonic_ns() + NS // 20)
            self._inbox.take()
            self._reap()
        for zygote in self._incubator.zygotes() if self._incubator is not None else ():
            zygote.kill()
        hold_signals()
        _log.info(
            "supervisor ends with %d (%s)", code, MEANINGS[code], extra={"action": "master.end", "code": int(code)}
        )
        return int(code)

    def _zygotes_left(self) -> bool:
        return self._incubator is not None and bool(self._incubator.zygotes())
