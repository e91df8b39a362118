"""What holds jobs back: concurrency keys, collect buffers, debounce, throttle and deduplication keys."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Final

from starlette.responses import Response

from taskora.amounts import counted
from taskora.board.reading import need_task
from taskora.board.screens import to_json
from taskora.board.view import Action, Outcome, Question, View
from taskora.board.visit import PAGE_SIZE, NotFoundError, Visit
from taskora.rules import FlowControl

_PEEKED: Final = 10
_COUNTED: Final = 1000
_LOOKED_THROUGH: Final = 1000
_TASKS: Final = 500


async def show(visit: Visit) -> Response:
    """Show the tasks that have keys in use, or the keys of one."""
    if visit.value("task"):
        return await _show_task(visit)
    tasks = sorted(await visit.inspector.tasks_async())[:_TASKS]
    found = await asyncio.gather(*(visit.inspector.flow_async(task, limit=1) for task in tasks))
    counts = [(task, asdict(flow.counts)) for task, flow in zip(tasks, found, strict=True)]
    rows = [(task, count) for task, count in counts if any(count.values())]
    return visit.page("flow.html", "Flow control", watch="time", task="", rows=rows)


async def _show_task(visit: Visit) -> Response:
    task, offset = await need_task(visit), visit.number("offset", 0)
    flow = await visit.inspector.flow_async(task, limit=PAGE_SIZE, offset=offset)
    peeked = await _key(visit, task, visit.value("peek"), flow) if visit.value("peek") else None
    items = [] if peeked is None else await visit.inspector.peek_collect_async(task, peeked, limit=_PEEKED)
    return visit.page(
        "flow.html",
        f"Flow control of {task}",
        watch="time",
        task=task,
        flow=flow,
        any_used=any(asdict(flow.counts).values()),
        offset=offset,
        size=PAGE_SIZE,
        more=max(asdict(flow.counts).values()) > offset + PAGE_SIZE,
        peeking=bool(visit.value("peek")),
        peeked=peeked,
        items=[to_json(visit.desk.shown.data(item, task))[:4096] for item in items],
    )


async def _key(visit: Visit, task: str, batch: str, known: FlowControl | None = None) -> str | None:
    """Return under which key a batch is collected, None when it is not any more.

    Addresses name the batch: a key may be made of what must not be shown.
    """
    for flow in (known, None):
        looked = flow or await visit.inspector.flow_async(task, limit=_LOOKED_THROUGH)
        for buffer in looked.buffers:
            if buffer.batch_id == batch:
                return buffer.key
    return None


async def _need_key(visit: Visit, task: str) -> str:
    key = await _key(visit, task, visit.need("batch"))
    if key is None:
        raise NotFoundError(f"{task} does not collect this batch any more.")
    return key


async def ask_flush(visit: Visit) -> Question:
    """Say how many items would become a batch."""
    task = await need_task(visit)
    key = await _need_key(visit, task)
    count = len(await visit.inspector.peek_collect_async(task, key, limit=_COUNTED))
    text = f"What {task} has collected under {visit.desk.shown.key(key)} becomes a batch now instead of later."
    many = f"{count:,}+ items" if count == _COUNTED else counted(count, "item", "items")
    return Question(f"Flush {many}", text, "Flush")


async def flush(visit: Visit) -> Outcome:
    """Have a buffer be a batch at once."""
    task = await need_task(visit)
    key = await _need_key(visit, task)
    count = await visit.inspector.flush_collect_async(task, key)
    done = f"{counted(count, 'item is', 'items are')} a batch now"
    target = {"task": task, "key": visit.desk.shown.key(key)}
    return Outcome(done if count else "Nothing was collected under this key", count, target=target)


VIEWS: Final = (View("flow", show),)
ACTIONS: Final = (Action("flow/flush", "flow.flush", ask_flush, flush),)
