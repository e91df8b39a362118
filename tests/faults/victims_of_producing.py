"""Producers, in plain code, on an event loop and on the command line, that are to die."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import redis

import faults.app
from faults.app import Settings
from faults.stage import Stage, load
from taskora import Debounce, Task, Taskora, chord, group
from taskora.cli.main import main
from taskora.housekeeping.cards import card_of


def _parts(app: Taskora) -> "tuple[Task[Any, Any], ...]":
    return tuple(app.tasks[name] for name in ("quick", "gather", "square", "total"))


def dispatch(app: Taskora, settings: Settings) -> None:
    """Dispatch some of everything; what returned is promised."""
    ledger = settings.ledger
    quick, gather, square, total = _parts(app)
    for _ in range(2):
        for handle in quick.dispatch_many([load(key) for key in range(5)]):
            ledger.job(handle.id, "quick", "quick")
        for item in range(2):
            number = int.from_bytes(os.urandom(4), "big") + item
            gather.dispatch({"item": number})
            ledger.item(number)
        header: Any = chord([square.s(load(key)) for key in range(4)], total.s())
        ledger.flow(header.dispatch().workflow_id, "chord", 14)


def dispatch_async(app: Taskora, settings: Settings) -> None:
    """The same on an event loop."""

    async def run() -> None:
        ledger = settings.ledger
        quick, gather, square, total = _parts(app)
        for _ in range(2):
            for handle in await quick.dispatch_many([load(key) for key in range(5)]):
                ledger.job(handle.id, "quick", "quick")
            number = int.from_bytes(os.urandom(4), "big")
            await gather.dispatch({"item": number})
            ledger.item(number)
            header: Any = chord([square.s(load(key)) for key in range(4)], total.s())
            ledger.flow((await header.dispatch()).workflow_id, "chord", 14)

    asyncio.run(run())


def wide_flow(app: Taskora, settings: Settings) -> None:
    """Dispatch a workflow with more roots than one script starts."""
    _, _, square, _ = _parts(app)
    flow: Any = group([square.s(load(key)) for key in range(520)])
    handle = flow.dispatch()
    settings.ledger.flow(handle.workflow_id, "wide", [key**2 for key in range(520)])


def to_be_cancelled(stage: Stage) -> None:
    """A job and a workflow that wait."""
    _, _, square, _ = _parts(stage.app)
    job = stage.task("quick").dispatch(load(1), delay=0.3, job_id="named")
    stage.ledger.job(job.id, "quick", "cancelled", 0)
    flow: Any = group([square.s(load(key)) for key in range(120)])
    stage.raw.set("scene", flow.dispatch().workflow_id, ex=60)


def cancel(app: Taskora, settings: Settings) -> None:
    """Cancel both."""
    _flow_of(settings, app).cancel("enough")
    settings.ledger.cancel("named", app.tasks["quick"].handle("named").cancel("enough"))


def cancel_async(app: Taskora, settings: Settings) -> None:
    """The same on an event loop."""

    async def run() -> None:
        await _flow_of(settings, app).cancel_async("enough")
        settings.ledger.cancel("named", await app.tasks["quick"].handle("named").cancel_async("enough"))

    asyncio.run(run())


def _flow_of(settings: Settings, app: Taskora) -> Any:
    return app.workflow(_noted(settings))


def _noted(settings: Settings) -> str:
    """What was prepared for the scene."""
    client: Any = redis.Redis
    with client.from_url(settings.url, decode_responses=True, protocol=2) as raw:
        noted: str = raw.get("scene")
        return noted


def is_cancelled(stage: Stage) -> bool:
    """Once a workflow is cancelled, so are its jobs."""
    flow = stage.raw.get("scene")
    state, cascade = stage.raw.hmget(stage.keys.workflow(flow), "state", "cascade")
    return state in ("cancelled", "completed") and not (state == "cancelled" and cascade)


def replaced(stage: Stage) -> None:
    """A job in whose place another stands."""
    quick = stage.task("quick")
    first, second = (quick.dispatch(load(number), debounce=Debounce("key", 0.2)) for number in range(2))
    stage.raw.set("scene", first.id, ex=60)
    stage.ledger.job(second.id, "quick", "quick")


def follow(app: Taskora, settings: Settings) -> None:
    """Ask for the one that was replaced."""
    app.tasks["quick"].handle(_noted(settings)).state()


def named(stage: Stage) -> None:
    """A job that waits."""
    stage.app.tasks["quick"].dispatch(load(1), delay=0.3, job_id="named")


def published(stage: Stage) -> None:
    """The tasks, as workers tell of them."""
    cards = {name: card_of(task.options) for name, task in stage.app.tasks.items()}
    stage.run_calls(stage.app.adapter.house.publish_tasks(cards))


def failed(stage: Stage) -> None:
    """Jobs that were cancelled, as dead letters are."""
    published(stage)
    for name in ("letter", "old"):
        stage.task("quick").dispatch(load(1), delay=30, job_id=name).cancel("not now")


def gathered(stage: Stage) -> None:
    """Items that wait for others, and a job."""
    stage.promise("quick", load(1))
    for item in range(2):
        stage.task("gather").dispatch({"item": item})
        stage.ledger.item(item)


def control(app: Taskora, settings: Settings) -> None:
    """Pause a task, let it go on, and have what was gathered done at once."""
    inspector = app.inspect()
    inspector.pause("quick")
    inspector.resume("quick")
    inspector.flush_collect("gather", "all")


def resume(stage: Stage) -> None:
    """Nobody lets a paused task go on but who is asked to."""
    stage.app.inspect().resume("quick")


def repair(app: Taskora, settings: Settings) -> None:
    """Retry one, and remove the others."""
    app.dead_letters.retry("quick", "letter")
    settings.ledger.job("letter", "quick", "quick")
    app.inspect().clean("quick", "cancelled", datetime.now(UTC))


def change_schedules(app: Taskora, settings: Settings) -> None:
    """Pause a schedule, let it go on, and delete it."""
    app.schedules.pause("tick")
    app.schedules.resume("tick")
    app.schedules.remove("tick")


def command(*arguments: str) -> Callable[[Taskora, Settings], None]:
    """Run the command line."""

    def run(app: Taskora, settings: Settings) -> None:
        faults.app.__dict__["taskora"] = app
        os.environ["TASKORA_APP"] = "faults.app:taskora"
        main(arguments)

    return run
