"""What a process does when it dies around a script: one scene for each place from which scripts are called."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from faults import victims_of_housekeeping as housekeeping
from faults import victims_of_producing as producing
from faults import victims_of_working as working
from faults.app import Settings
from faults.stage import Stage, scene_app
from taskora import Taskora


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One scene.

    Attributes:
        scripts: What is called in it, with the number of the call where it is not the first.
        act: What the victim does, with an application of its own.
        prepare: What the harness does before it.
        succeed: What the victim's successor does at once, before it works as any process does.
        done: Tells whether what the victim was about has been done by its successors.
        options: Of the victim's application.
    """

    scripts: tuple[str, ...]
    act: Callable[[Taskora, Settings], None]
    prepare: Callable[[Stage], None] = lambda stage: None
    succeed: Callable[[Stage], None] = lambda stage: None
    done: Callable[[Stage], bool] = lambda stage: True
    options: dict[str, Any] = field(default_factory=dict[str, Any])


def enact(scene: Scene, settings: Settings) -> None:
    """Act it out, in the victim."""
    scene.act(scene_app(settings, **scene.options), settings)


SCENES: dict[str, Scene] = {
    # a worker
    "worker: claims and settles": Scene(
        scripts=("handshake", "step", "step:2"), prepare=working.work, act=working.serve
    ),
    "worker: renews its locks": Scene(
        scripts=("extend",), prepare=working.long_work, act=working.serve, options={"lock_ttl_s": 1}
    ),
    "worker: promotes": Scene(scripts=("promote",), prepare=working.delayed_work, act=working.serve),
    "worker: reports": Scene(
        scripts=("write_progress", "write_logs"), prepare=working.reporting, act=working.serve
    ),
    "worker: is followed": Scene(scripts=("write_span",), prepare=working.work, act=working.serve_followed),
    "worker: dispatches": Scene(
        scripts=("enqueue", "enqueue_ruled"), prepare=working.passing_on, act=working.serve
    ),
    "worker: continues a workflow": Scene(
        scripts=("continue_workflow",), prepare=working.wide_flow, act=working.serve
    ),
    "worker: drains": Scene(scripts=("fence",), prepare=working.slow_work, act=working.drain),
    "worker: loses its connections": Scene(
        scripts=("reclaim",), prepare=working.slow_work, act=working.lose_connections
    ),
    "worker: finds a damaged marker": Scene(
        scripts=("mend_marker",), prepare=working.damaged_marker, act=working.serve
    ),
    # a producer in plain code, on an event loop, and on the command line
    "producer: dispatches": Scene(
        scripts=("handshake", "enqueue", "enqueue:2", "enqueue_ruled", "store_workflow", "start_workflow"),
        act=producing.dispatch,
    ),
    "producer: dispatches on a loop": Scene(
        scripts=("handshake", "enqueue", "enqueue_ruled", "store_workflow", "start_workflow"),
        act=producing.dispatch_async,
    ),
    "producer: owes a workflow its roots": Scene(
        scripts=("start_workflow", "continue_workflow"), act=producing.wide_flow
    ),
    "producer: cancels": Scene(
        scripts=("cancel", "stop_workflow", "continue_workflow"),
        prepare=producing.to_be_cancelled, act=producing.cancel, done=producing.is_cancelled,
    ),
    "producer: cancels on a loop": Scene(
        scripts=("cancel", "stop_workflow", "continue_workflow"),
        prepare=producing.to_be_cancelled, act=producing.cancel_async, done=producing.is_cancelled,
    ),
    "producer: follows": Scene(scripts=("follow",), prepare=producing.replaced, act=producing.follow),
    "producer: repairs": Scene(scripts=("requeue", "clean"), prepare=producing.failed, act=producing.repair),
    "producer: pauses, resumes and flushes": Scene(
        scripts=("pause", "pause:2", "flush"),
        prepare=producing.gathered, act=producing.control, succeed=producing.resume,
    ),
    "producer: changes schedules": Scene(
        scripts=("write_schedule", "remove_schedule"), prepare=housekeeping.scheduled, act=producing.change_schedules
    ),
    "command line: dispatches": Scene(
        scripts=("handshake", "enqueue"), prepare=producing.published,
        act=producing.command("dispatch", "quick", '{"key": 1, "takes": 0, "fails": 0}'),
    ),
    "command line: cancels": Scene(
        scripts=("cancel",), prepare=producing.named, act=producing.command("job", "named", "--cancel")
    ),
    "command line: retries": Scene(
        scripts=("requeue",), prepare=producing.failed, act=producing.command("dlq", "retry", "letter")
    ),
    "command line: pauses": Scene(
        scripts=("write_schedule",), prepare=housekeeping.scheduled,
        act=producing.command("schedules", "pause", "tick"),
    ),
    "command line: removes": Scene(
        scripts=("remove_schedule",), prepare=housekeeping.scheduled,
        act=producing.command("schedules", "remove", "tick"),
    ),
    # the leader and the steward
    "leader: is elected, and resigns": Scene(scripts=("lead", "resign"), act=housekeeping.rule_and_resign),
    "leader: fires a schedule": Scene(
        scripts=("due_schedules", "enqueue_occurrence", "enqueue_occurrence:2", "write_schedule"),
        prepare=housekeeping.overdue, act=housekeeping.rule, done=housekeeping.has_fired,
    ),
    "leader: sweeps": Scene(
        scripts=("sweep", "sweep:2"), prepare=housekeeping.vanished, act=housekeeping.rule,
        options={"stall_s": 0.1},
    ),
    "leader: trims": Scene(
        scripts=("trim", "trim_workflows", "trim_registry"), prepare=housekeeping.outdated, act=housekeeping.rule,
        done=housekeeping.is_trimmed, options={"kept_s": 0.001},
    ),
    "leader: mends a workflow": Scene(
        scripts=("broken_nodes", "mend_node"), prepare=housekeeping.broken, act=housekeeping.rule
    ),
    "leader: ends what is overdue": Scene(
        scripts=("stop_workflow", "continue_workflow"), prepare=housekeeping.overdue_flow, act=housekeeping.rule,
    ),
    "steward: recovers": Scene(
        scripts=("recover",), prepare=housekeeping.held, act=housekeeping.recover, succeed=housekeeping.recover_again
    ),
    "steward: watches over a silent worker": Scene(
        scripts=("fence", "extend_worker"), prepare=housekeeping.held, act=housekeeping.watch_silent,
        succeed=housekeeping.let_go_on,
    ),
    "steward: follows one that died": Scene(
        scripts=("resign",), prepare=housekeeping.led, act=housekeeping.follow, succeed=housekeeping.follow_again
    ),
}  # fmt: skip


@cache
def cases() -> list[tuple[str, str]]:
    """Each scene with each of its scripts."""
    return [(name, script) for name, scene in SCENES.items() for script in scene.scripts]
