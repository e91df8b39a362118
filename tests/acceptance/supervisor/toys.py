"""A supervisor with toy bodies, told what to do by files in a folder; run as a program by `toy_fleet`.

`events` gets a line per event. A worker obeys `boot` (once, when it begins) and then the files `do-SLOT`.
"""

import ctypes
import dataclasses
import gc
import json
import os
import random
import select
import signal
import sys
import threading
import time
from pathlib import Path

from taskora.supervisor import logs
from taskora.supervisor.backoff import BackoffPolicy
from taskora.supervisor.beats import State
from taskora.supervisor.config import SupervisorConfig
from taskora.supervisor.fork import ForkFromThreadsError
from taskora.supervisor.master import supervise
from taskora.supervisor.orphan import ControlPipe, arm_exit, end_siblings
from taskora.supervisor.seat import Seat
from taskora.supervisor.signals import leave_to_master, unblock_signals

FOLDER = Path(sys.argv[1])
OPTIONS = json.loads(sys.argv[2])
LOADED: list[str] = []


def note(event: str, **fields: object) -> None:
    line = json.dumps({"event": event, "t_ns": time.monotonic_ns(), "pid": os.getpid(), **fields})
    fd = os.open(FOLDER / "events", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, line.encode() + b"\n")
    os.close(fd)


def order(name: str) -> list[str]:
    try:
        return (FOLDER / name).read_text().split()
    except FileNotFoundError:
        return []


def take(name: str) -> list[str]:
    words = order(name)
    if words:
        (FOLDER / name).unlink()
    return words


class Toy:
    """A worker without jobs: it counts, waits, drains, and misbehaves when told."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.control = ControlPipe(seat)
        self.terms = 0
        self.job_until = 0.0
        self.deaf = False

    def run(self) -> int:
        leave_to_master()
        signal.signal(signal.SIGTERM, self._term)
        note(
            "born",
            slot=self.seat.slot,
            generation=self.seat.generation,
            role=self.seat.role,
            loaded=LOADED,
            frozen=gc.get_freeze_count(),
            luck=random.random(),
        )
        code = self._boot(order("boot"))
        if code is not None:
            return code
        unblock_signals()
        self.seat.beat.worker = f"toy:{os.getpid()}:{self.seat.nonce}"
        # Before the word of it, since the master acts on that at once.
        note("booted", generation=self.seat.generation)
        self.seat.ready()
        note("ready", slot=self.seat.slot, generation=self.seat.generation, cpus=sorted(os.sched_getaffinity(0)))
        while not self._finished():
            self.seat.beat.beat()
            select.select([self.control], [], [], 0.01)
            self._hear()
            self._obey(take(f"do-{self.seat.slot}"))
        note("drained", slot=self.seat.slot)
        return 0

    def _term(self, *_: object) -> None:
        self.terms = max(self.terms, 1)
        self.seat.beat.state = State.DRAINING

    def _boot(self, words: list[str]) -> int | None:
        match words:
            case ["exit", code]:
                return int(code)
            case ["kill"]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["never"]:
                while True:
                    signal.pause()
            case ["slow", seconds]:
                time.sleep(float(seconds))
            case _:
                pass
        return None

    def _hear(self) -> None:
        for message in self.control.read():
            if message.get("do") in ("drain", "interrupt"):
                self.terms = max(self.terms, 1 if message["do"] == "drain" else 2)
        if self.control.closed and not self.deaf:
            note("orphaned", slot=self.seat.slot)
            arm_exit(2.0)
            self.terms = max(self.terms, 1)

    def _obey(self, words: list[str]) -> None:
        beat = self.seat.beat
        match words:
            case ["job", seconds]:
                self.job_until = time.monotonic() + float(seconds)
                beat.active = 1
            case ["deaf-job", seconds]:
                self.deaf = True
                self.job_until = time.monotonic() + float(seconds)
                beat.active = 1
            case ["hang", seconds, declared]:
                beat.active = 1
                beat.hang_deadline_ns = time.monotonic_ns() + int(float(declared) * 1e9) if float(declared) else 0
                note("hangs", slot=self.seat.slot)
                # With the GIL held, as in a C extension; a sleep would end at the request for stacks.
                if float(seconds) >= 10:
                    sum(range(10**12))
                ctypes.PyDLL(None).usleep(int(float(seconds) * 1e6))
                beat.active = 0
                beat.hang_deadline_ns = 0
                note("hung-over", slot=self.seat.slot)
            case ["done", count]:
                beat.done = int(count)
            case ["eat", megabytes]:
                self.ballast = bytearray(int(megabytes) * 1_000_000)
                self.ballast[::4096] = b"x" * len(self.ballast[::4096])
            case ["wants-end"]:
                self.seat.ask_to_end("a thread that cannot be stopped")
            case ["exit", code]:
                os._exit(int(code))
            case ["segfault"]:
                ctypes.string_at(0)
            case ["leave-stranger"]:
                if os.fork() == 0:
                    if os.fork() == 0:
                        note("stranger")
                        os.execvp("sleep", ["sleep", "0.05"])
                    os._exit(0)
                os.wait()
            case _:
                pass
        if self.job_until and time.monotonic() >= self.job_until:
            self.job_until = 0.0
            beat.active, beat.done = 0, beat.done + 1

    def _finished(self) -> bool:
        if self.deaf and self.job_until:
            return False
        if self.terms >= 2 and self.job_until:
            note("gave-back", slot=self.seat.slot)
            self.seat.beat.active = 0
            return True
        return self.terms >= 1 and not self.job_until


def steward(seat: Seat) -> int:
    stopped = False
    leave_to_master(signal.SIGTERM)
    unblock_signals()
    control = ControlPipe(seat)
    seat.ready()
    note("steward-ready", generation=seat.generation)
    while not stopped:
        seat.beat.beat()
        select.select([control], [], [], 0.02)
        for message in control.read():
            if "do" in message:
                stopped = True
                continue
            alive = [beat.pid for beat in seat.beats.beats() if beat.worker == message.get("dead") and _runs(beat.pid)]
            note("told", alive=alive, **message)
            if "dead" in message and not order("no-ack"):
                seat.recovered(str(message["dead"]))
        match take("do-steward"):
            case ["scale", count]:
                seat.request(os.urandom(4).hex(), "scale", procs=int(count))
            case ["roll"]:
                seat.request(os.urandom(4).hex(), "recycle")
            case ["beats"]:
                fields = [dataclasses.asdict(beat) for beat in seat.beats.beats()]
                records = [(seat.beats.record(i).restarts, seat.beats.record(i).last_cause) for i in range(4)]
                note("beats", beats=fields, records=records, target=seat.beats.target)
            case _:
                pass
        if control.closed:
            ended = end_siblings(seat.beats, os.getpid(), 2.0)
            note("ended-siblings", killed=[one.pid for one in ended if one.killed], all=[one.pid for one in ended])
            break
    note("steward-ends")
    return 0


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def preload(config: SupervisorConfig) -> None:
    note("preload")
    match order("preload"):
        case ["fail"]:
            raise ImportError("no such module: toys")
        case ["thread"]:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        case [version]:
            LOADED.append(version)
        case _:
            LOADED.append("first")


def main() -> int:
    if OPTIONS.pop("thread_before", False):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    backoff = BackoffPolicy(**OPTIONS.pop("backoff", {}))
    config = SupervisorConfig(target="toys:app", backoff=backoff, **OPTIONS)
    logs.configure(config.log_format, "info")
    try:
        code = supervise(config, worker_main=lambda seat: Toy(seat).run(), steward_main=steward, preload=preload)
    except ForkFromThreadsError as error:
        print(error, file=sys.stderr)
        os._exit(70)
    note("master-ends", code=code, modules=sorted({name.split(".")[0] for name in sys.modules}))
    return code


if __name__ == "__main__":
    sys.exit(main())
