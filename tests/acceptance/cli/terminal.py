"""Running the installed command, as somebody at a terminal does."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx

TASKORA = str(Path(sys.executable).with_name("taskora"))
SUPERVISE = str(Path(sys.executable).with_name("taskora-supervise"))

APP = """
import time
from taskora import Context, Retry, Taskora, chain, group

taskora = Taskora()

@taskora.task("double", concurrency=4)
async def double(n: int) -> int:
    return n * 2

@taskora.task("greet", index=("name",))
async def greet(person: dict[str, str]) -> str:
    return f"hello {person['name']}"

@taskora.task("total")
def total(ns: list[int]) -> int:
    return sum(ns)

@taskora.task("boom")
def boom(n: int) -> int:
    raise ValueError(f"cannot\\ndo {n}")

@taskora.task("slow", concurrency=4)
def slow(n: int, ctx: Context) -> int:
    for at in range(n):
        ctx.progress({"done": at + 1, "total": n})
        time.sleep(0.05)
    ctx.log.info("counted", n=n)
    return n

taskora.schedule("hourly", task=double, every="1h", data=21)
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON value that it must be."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Shell:
    """A folder and an environment in which commands run."""

    folder: Path
    environment: dict[str, str]

    def run(self, *words: str, timeout: float = 30.0, stdin: str = "") -> Done:
        """Runs ``taskora WORDS`` and returns what it left."""
        done = subprocess.run(
            [TASKORA, *words], cwd=self.folder, env=self.merged(), input=stdin, capture_output=True, text=True,
            timeout=timeout, check=False,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str) -> Done:
        """Runs it and requires that it says it went well."""
        done = self.run(*words)
        assert done.code == 0, done
        return done

    def merged(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TASKORA_") or "TEST" in name}
        return {**clean, **self.environment}


def read_graph(text: str) -> Any:
    """Reads a workflow's graph as networkx does."""
    return nx.node_link_graph(json.loads(text), edges="edges")  # pyright: ignore[reportUnknownMemberType] - its stub names no result
