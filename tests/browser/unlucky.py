"""Tasks that do not succeed at once."""

import os
import signal
from pathlib import Path

from taskora import Context, Retry, Taskora

taskora = Taskora(os.environ["UNLUCKY_URL"], prefix="unlucky")


@taskora.task("flaky", retry=Retry(attempts=3, backoff=lambda attempt: 0.01))
async def flaky(data: None, ctx: Context) -> str:
    if ctx.attempt < 3:
        raise ConnectionError(f"<img src=x onerror=alert(1)> refused attempt {ctx.attempt}, password=hunter2")
    return "at last"


@taskora.task("deadly")
def deadly(mark: str) -> str:
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"
