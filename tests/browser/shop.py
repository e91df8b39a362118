"""The application of a shop, for pictures of a board: its processes run it as everybody's do."""

import asyncio
import os
import random
from typing import Any

from taskora import Collect, Context, Retry, Taskora

taskora = Taskora(os.environ["SHOP_URL"], prefix="shop")
ONCE = Retry(attempts=1)
Payload = dict[str, Any]


class CardDeclinedError(Exception):
    """The bank said no."""


def _name_sender(data: Payload) -> Payload:
    return {"sender": "orders", **data}


@taskora.task("send-email", version=2, migrate=[_name_sender], index=("user_id",), retry=ONCE, concurrency=4)
async def send_email(data: Payload, ctx: Context) -> Payload:
    ctx.log.info("connected", host="mail.example.com")
    await asyncio.sleep(random.uniform(0.02, 0.2))
    if data["user_id"] % 9 == 0:
        raise ConnectionError(f"mail.example.com refused mailbox {data['user_id']}")
    ctx.log.info("accepted", size=len(str(data)) * 90)
    return {"message": f"<{data['user_id']}.1024@example.com>"}


@taskora.task("charge-card", retry=ONCE, concurrency=4)
async def charge_card(data: Payload, ctx: Context) -> Payload:
    ctx.progress(20)
    await asyncio.sleep(data.get("takes", 0.05))
    if data["order"] % 7 == 0:
        raise CardDeclinedError(f"order {data['order']}: insufficient funds")
    return {"order": data["order"], "paid": True}


@taskora.task("resize-image", retry=ONCE, concurrency=2)
async def resize_image(data: Payload, ctx: Context) -> Payload:
    widths = [320, 640, 1280, 1920, 2560]
    for number, width in enumerate(widths):
        ctx.log.info("wrote", file=f"{data['image']}-{width}.webp", width=width)
        ctx.progress(100 * (number + 1) / len(widths))
        await asyncio.sleep(data.get("takes", 0.01))
    return {"widths": widths}


@taskora.task("fetch-sales", retry=ONCE, concurrency=2)
async def fetch_sales(data: Payload) -> int:
    await asyncio.sleep(data.get("takes", 0.05))
    return 1000 + int(data["region"]) * 37


@taskora.task("add-up", retry=ONCE)
async def add_up(parts: list[int]) -> int:
    return sum(parts)


@taskora.task("publish-report", retry=ONCE)
async def publish_report(total: int) -> str:
    return f"report of {total} sales"


@taskora.task("send-newsletter")
async def send_newsletter(data: Payload) -> None: ...


@taskora.task("index-products", collect=Collect(key=lambda row: row["shelf"], delay="30m"))
async def index_products(rows: list[Payload]) -> int:
    return len(rows)


@taskora.task("sync-stock")
async def sync_stock(data: Payload) -> None: ...


taskora.schedule("nightly-report", task=publish_report, cron="15 3 * * *", timezone="Europe/Berlin", data=4211)
taskora.schedule("stock", task=sync_stock, every="5m", data={"warehouse": "north"})
