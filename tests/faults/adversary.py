"""Does the faults of a plan, and undoes them."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from faults.circumstances import Window
from faults.ledger import clock
from faults.plan import FLEETS, Fault
from faults.proxy import Link, Proxy
from faults.services import FleetService, Service, alive
from support import Server

T = TypeVar("T")
Heal = Callable[[], None]


class Adversary:
    """Has the means to do harm.

    Args:
        server: What all are connected to.
        proxy: What the connections go through.
        services: Fleets and producers, by the names that a plan has for them.
        folder: Where orders lie.
    """

    def __init__(self, server: Server, proxy: Proxy, services: Mapping[str, Service], folder: Path) -> None:
        self._server = server
        self._proxy = proxy
        self._services = services
        self._folder = folder
        self._server_ails = False
        self._under_way: list[tuple[float, Fault, Heal, list[Window]]] = []
        self.windows: list[Window] = []
        self.done: list[tuple[Fault, int, int, str]] = []

    @property
    def nothing_under_way(self) -> bool:
        return not self._under_way

    def begin(self, fault: Fault) -> None:
        """Do a fault; what lasts is undone by `heal`."""
        begin_ns = time.monotonic_ns()
        told: list[str] = []
        whom: list[str] = []
        try:
            heal = self._do(fault, told, whom)
        except OSError as error:
            heal = None
            told.append(f"not possible: {error}")
        if heal is None:
            self.done.append((fault, begin_ns, time.monotonic_ns(), " ".join(told)))
            return
        windows = [Window(name, begin_ns, 0, fault.kind) for name in whom]
        self._under_way.append((time.monotonic() + fault.lasts_s, fault, heal, windows))
        self.done.append((fault, begin_ns, 0, " ".join(told)))

    def heal(self, all_of_it: bool = False) -> None:
        """Undo what is due, or everything."""
        for entry in list(self._under_way):
            due_s, fault, heal, windows = entry
            if not all_of_it and time.monotonic() < due_s:
                continue
            self._under_way.remove(entry)
            heal()
            now_ns = time.monotonic_ns()
            self.windows += [Window(each.whom, each.begin_ns, now_ns, each.why) for each in windows]
            self.done = [
                (f, begin_ns, now_ns if f is fault else end_ns, told) for f, begin_ns, end_ns, told in self.done
            ]
        if all_of_it:
            self._proxy.heal()

    def story(self) -> list[str]:
        """What was done, when."""
        return [
            f"{clock(begin_ns)} to {clock(end_ns)} {fault} {told}".rstrip()
            for fault, begin_ns, end_ns, told in self.done
        ]

    # -- one fault

    def _do(self, fault: Fault, told: list[str], whom: list[str]) -> Heal | None:
        where = fault.kind.rpartition("-")[2]
        if fault.target == "server":
            return self._to_server(fault, told, whom)
        if fault.target in self._proxy.links and where not in ("worker", "steward", "master", "fleet", "next"):
            if fault.target in FLEETS:
                whom += [fault.target] if fault.kind in ("black-hole", "isolate", "refuse") else []
            return self._to_link(fault, self._proxy.links[fault.target], told)
        service = self._services[fault.target]
        if isinstance(service, FleetService):
            return self._to_fleet(fault, service, told, whom)
        return self._to_program(fault, service, told)

    def _to_server(self, fault: Fault, told: list[str], whom: list[str]) -> Heal | None:
        if self._server_ails and fault.kind != "poison":
            told.append("left out: the server ails already")
            return None
        server = self._server
        match fault.kind:
            case "kill-server":
                server.kill()
                return self._ailing(whom, lambda: (server.start(), None)[1])
            case "term-server":
                server.stop()
                return self._ailing(whom, lambda: (server.start(), None)[1])
            case "stop-server":
                server.pause()
                return self._ailing(whom, server.resume)
            case "fill-memory":
                server.command("CONFIG", "SET", "maxmemory", "1mb")
                return self._ailing(whom, lambda: (server.command("CONFIG", "SET", "maxmemory", "0"), None)[1])
            case "kill-clients":
                told += [server.command("CLIENT", "KILL", "TYPE", kind).strip() for kind in ("normal", "pubsub")]
            case "flush-scripts":
                server.command("SCRIPT", "FLUSH")
            case _:
                (self._folder / "poison").touch()
        return None

    def _ailing(self, whom: list[str], cure: Heal) -> Heal:
        self._server_ails = True
        whom.append("all")

        def healed() -> None:
            cure()
            self._server_ails = False

        return healed

    def _to_link(self, fault: Fault, link: Link, told: list[str]) -> Heal | None:
        def one() -> str:
            connection = _picked(link.connections, fault.pick)
            if connection is None:
                return "no connection"
            if fault.kind == "cut-one":
                connection.cut()
            else:
                connection.half_close(fault.kind == "half-close-client")
            return ""

        def begin() -> str:
            match fault.kind:
                case "cut":
                    link.cut()
                case "delay":
                    link.latency_s = 0.02 + 0.2 * fault.pick
                case "slice":
                    link.slicing = True
                case "black-hole" | "isolate":
                    link.flowing.clear()
                case "refuse":
                    link.refusing = True
                    link.cut()
                case "lose-reply":
                    link.lose = 1 + int(fault.pick * 20)
                case _:
                    return one()
            return ""

        def end() -> None:
            match fault.kind:
                case "delay":
                    link.latency_s = 0.0
                case "slice":
                    link.slicing = False
                case "refuse":
                    link.refusing = False
                case _:
                    link.flowing.set()

        told.append(self._proxy.run(begin))
        return (lambda: self._proxy.run(end)) if fault.lasts_s else None

    def _to_fleet(self, fault: Fault, fleet: FleetService, told: list[str], whom: list[str]) -> Heal | None:
        match fault.kind:
            case "kill-master":
                told.append(_pid(fleet))
                fleet.send(signal.SIGKILL)
            case "term-master":
                told.append(_pid(fleet))
                fleet.send(signal.SIGTERM)
            case "roll-master":
                fleet.send(signal.SIGHUP)
            case "scale-master":
                fleet.send(signal.SIGTTIN)
                return lambda: fleet.send(signal.SIGTTOU)
            case "stop-master":
                return self._stopped([fleet.program.pid] if fleet.running else [], told)
            case "freeze-fleet":
                whom.append(fleet.name)
                return self._stopped(fleet.everybody(), told)
            case _:
                return self._to_child(fault, fleet, told, whom)
        return None

    def _to_child(self, fault: Fault, fleet: FleetService, told: list[str], whom: list[str]) -> Heal | None:
        pid = _picked(fleet.pids("steward" if fault.kind.endswith("steward") else "worker"), fault.pick)
        if pid is None:
            told.append("nobody there")
            return None
        match fault.kind:
            case "stop-worker" | "hang-worker" | "stop-steward":
                whom.append(str(pid))
                return self._stopped([pid], told)
            case "term-worker":
                os.kill(pid, signal.SIGTERM)
            case "kill-worker-and-next":
                (self._folder / "order").write_text(fault.order)
                os.kill(pid, signal.SIGKILL)
            case _:
                os.kill(pid, signal.SIGKILL)
        told.append(f"pid {pid}")
        return None

    def _to_program(self, fault: Fault, service: Service, told: list[str]) -> Heal | None:
        told.append(_pid(service))
        match fault.kind:
            case "kill-producer":
                service.send(signal.SIGKILL)
            case "term-producer":
                service.send(signal.SIGTERM)
            case _:
                return self._stopped([service.program.pid] if service.running else [], [])
        return None

    def _stopped(self, pids: Sequence[int], told: list[str]) -> Heal:
        told.append(f"pids {', '.join(map(str, pids))}")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

        def go_on() -> None:
            for pid in pids:
                if alive(pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)

        return go_on


def _pid(service: Service) -> str:
    return f"pid {service.program.pid}" if service.running else "not running"


def _picked(of: Sequence[T], pick: float) -> T | None:
    return of[int(pick * len(of))] if of else None
