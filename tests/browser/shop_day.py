"""What a shop is like on a day like any other: a day of counts behind it, and work under way."""

import math
import random
import time
from typing import Any

from browser.shop import (
    add_up,
    charge_card,
    fetch_sales,
    index_products,
    publish_report,
    resize_image,
    send_email,
    send_newsletter,
    taskora,
)
from support import wait_until_async
from taskora import chord, group

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_KEPT_MS = 25 * _HOUR_MS
# Jobs a minute at the busiest time, the part of them that fails, and the bits of the microseconds that most take.
_BUSY = {
    "send-email": (90, 0.02, 17),
    "charge-card": (35, 0.05, 19),
    "resize-image": (20, 0.01, 21),
    "fetch-sales": (6, 0.0, 18),
    "sync-stock": (2, 0.0, 16),
}
_ROOT = "taskora:shop"


def write_yesterday(raw: Any) -> None:
    """Write the counters that workers leave in 24 hours."""
    chance = random.Random(7)
    now_ms = int(time.time() * 1000)
    pipe = raw.pipeline(transaction=False)
    for task, (most, failing, bits) in _BUSY.items():
        for minute_ms in range(now_ms // _MINUTE_MS * _MINUTE_MS - 24 * _HOUR_MS, now_ms - _MINUTE_MS, _MINUTE_MS):
            hours = minute_ms / _HOUR_MS
            day = 0.6 + 0.4 * math.sin((hours - 7) / 24 * 2 * math.pi)
            jobs = round(most * day * chance.uniform(0.75, 1.25))
            failed = round(jobs * failing * (6 if hours % 9 < 0.6 else 1))
            for kind, count in (("completed", jobs - failed), ("failed", failed)):
                if count:
                    pipe.set(f"{_ROOT}:{{{task}}}:metrics:{kind}:{minute_ms}", count, px=_KEPT_MS)
            for kind, size in (("waits", 12 + round(3 * day)), ("runs", bits)):
                _count(pipe, task, minute_ms, kind, size, jobs)
    pipe.execute()


def _count(pipe: Any, task: str, minute_ms: int, kind: str, size: int, jobs: int) -> None:
    hour_ms, quarter = minute_ms - minute_ms % _HOUR_MS, minute_ms % _HOUR_MS // (15 * _MINUTE_MS)
    for key in (f"{_ROOT}:{{{task}}}:durations:{hour_ms}", f"{_ROOT}:durations:{hour_ms}"):
        for longer, part in ((-1, 0.3), (0, 0.5), (1, 0.14), (2, 0.06)):
            pipe.hincrby(key, f"{quarter}:{kind}:{size + longer}", round(jobs * part))
        pipe.pexpire(key, _KEPT_MS)


async def open_shop() -> dict[str, str]:
    """Have everything happen that is to be seen; workers must run. Returns ids by what they are of."""
    chance = random.Random(7)
    await wait_until_async(_is_staffed, 60, "no worker came")
    for first in range(4000, 4060, 6):  # a few at a time, as nobody waits long in a shop like this
        mails = [{"user_id": chance.randrange(200), "subject": "Your order"} for _ in range(8)]
        await send_email.dispatch_many(mails)
        await charge_card.dispatch_many([{"order": order} for order in range(first, first + 6)])
        await wait_until_async(_is_done, 60, "the shop has too much to do")
    await resize_image.dispatch_many([{"image": f"shoe-{number}"} for number in range(12)])
    for row in range(9):
        await index_products.dispatch({"shelf": "shoes" if row % 3 else "hats", "sku": f"SKU-{row:04}"})
    regions = [fetch_sales.s({"region": region, "takes": 600 if region == 5 else 0.1}) for region in range(6)]
    report = chord(group(regions), add_up.s())
    running = await (report | publish_report.s()).dispatch(name="sales of the week")
    whole = chord(group([fetch_sales.s({"region": region}) for region in range(4)]), add_up.s())
    await (await whole.dispatch(name="sales of the day")).result_async("1m")
    await wait_until_async(_is_done, 120, "the shop has too much to do")
    shown = await resize_image.dispatch({"image": "boot-7", "takes": 120})
    for customer in ("ann", "ann", "ann", "bob"):
        await charge_card.dispatch(
            {"order": 5001, "customer": customer, "takes": 600}, concurrency_key=customer, concurrency_limit=1
        )
    await taskora.inspect().pause_async("send-newsletter")
    await send_newsletter.dispatch_many([{"issue": 52, "part": part} for part in range(400)])
    for number in range(14):
        await send_email.dispatch({"user_id": number, "subject": "Rate us"}, delay="2h")
    failed, retried = await taskora.inspect().failed_async("charge-card", limit=2)
    shelves = (await taskora.inspect().flow_async("index-products")).buffers
    shoes = next(shelf.batch_id for shelf in shelves if shelf.key == "shoes")
    return {
        "shoes": shoes,
        "active": shown.id,
        "failed": failed.id,
        "retried": retried.id,
        "running": running.workflow_id,
    }


async def _is_staffed() -> bool:
    workers = await taskora.inspect().workers_async()
    return sum(worker.role == "worker" for worker in workers) == 2


async def _is_done() -> bool:
    counts = await taskora.inspect().stats_async()
    return counts.waiting == 0 and counts.active <= 1
