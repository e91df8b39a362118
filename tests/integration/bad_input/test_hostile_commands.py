"""Whatever is typed, and whatever somebody stored under our keys, a command that reads ends with an exit code.

There is no traceback, nothing that a terminal would obey, and nothing is written.
"""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.damage.kinds import KINDS, Kind, put_garbage, put_other_type
from support import Server
from taskora import Taskora
from taskora.cli.exits import ExitCode
from taskora.cli.main import main

EXAMPLES = int(os.environ.get("TASKORA_EXAMPLES", "60"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ENDS = {code.value for code in ExitCode if code is not ExitCode.APP_LOAD_FAILED}
TASK, JOB, FLOW, SCHEDULE = "plus", "named", "flow", "often"
# What begins with a dash is an option to the command line, wherever it stands.
TEXTS = (
    "", " ", "-", "--", "-1", "0", "*", "?", "[a", "{x}", "{", "a:b", "a/b", "../x", "a" * 5000, "\x1b[31m",
    "\x1b]0;x\x07", "a\nb", "a\x00b", "\ud800", "\udcff", "é", "\u202eabc", "9" * 400, "1e999", "nan", "None", "%s%n",
    "{0}", "wait", "1795544727026-0", "18446744073709551616-0", "-1-1", "eyJhIjoxfQ==", "' or 1=1", "a=b", "=", "$.a[",
    "a.b.c=1",
)  # fmt: skip
texts = st.one_of(st.sampled_from((TASK, JOB, FLOW, SCHEDULE)), st.sampled_from(TEXTS), st.text(max_size=30))
states = st.sampled_from(("failed", "completed", "waiting", "cancelled", "running"))


def typed(*parts: "str | st.SearchStrategy[str]") -> st.SearchStrategy[list[str]]:
    """A command line with these parts."""
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map(list)


SHAPES = (
    typed("inspect"), typed("inspect", texts), typed("inspect", TASK, "--state", states),
    typed("inspect", texts, "--state", states, "--offset", texts),
    typed("inspect", texts, "--where", texts), typed("inspect", TASK, "--where", texts, "--cursor", texts),
    typed("job", texts), typed("job", texts, "--task", texts), typed("job", JOB, "--task", texts),
    typed("wait", texts, "--timeout", "20ms"), typed("wait", texts, "--task", texts, "--timeout", "20ms"),
    typed("graph", texts), typed("graph", FLOW, "--format", st.sampled_from(("json", "mermaid", "dot"))),
    typed("dlq", "list"), typed("dlq", "list", texts), typed("dlq", "groups", texts), typed("dlq", "groups"),
    typed("workflows"), typed("workflows", "--state", states), typed("workers"),
    typed("schedules", "list"), typed("audit"), typed("audit", "--before", texts), typed("pause"), typed("doctor"),
    typed("top", "--rounds", "1", "--interval", "10ms"), typed(texts), typed(texts, texts),
)  # fmt: skip
lines = st.tuples(st.one_of(SHAPES), st.booleans()).map(lambda drawn: [*drawn[0], *(["--json"] if drawn[1] else [])])
damages = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.booleans()), max_size=3)


@dataclass
class Counter:
    """A server on which somebody works at a command line."""

    url: str
    capsys: pytest.CaptureFixture[str]
    raw: Any
    prefix: str = ""

    def stock(self) -> None:
        """Put some of everything there, under a prefix of its own."""
        self.prefix = f"t{uuid.uuid4().hex[:10]}"
        app = Taskora(self.url, prefix=self.prefix)

        @app.task(TASK)
        async def plus(n: int) -> int:
            return n + 1

        (plus.s(1) | plus.s()).dispatch(name=FLOW)
        plus.dispatch(1, job_id=JOB)
        plus.dispatch(2, delay=60).cancel("no need")
        app.adapter.house.publish_tasks({TASK: b"{}"}).run()
        app.close()

    def damage(self, kind: Kind, other_type: bool) -> None:
        """Put something else into the keys of a kind."""
        root = f"taskora:{self.prefix}"
        bases = {"T": f"{root}:{{{TASK}}}", "R": root, "B": f"{root}:{{batch}}", "S": f"{root}:{{sought}}"}
        head, _, tail = kind.pattern.partition(":")
        keys: list[bytes] = list(self.raw.scan_iter(match=f"{bases[head]}:{tail}", count=1000))
        if not any(sign in tail for sign in "*?"):
            keys.append(f"{bases[head]}:{tail}".encode())
        for key in keys:
            (put_other_type if other_type else put_garbage)(self.raw, key, kind.type)

    def stored(self) -> dict[bytes, object]:
        """Everything under the prefix; in a dump, a table's fields change places while it grows."""
        keys: list[bytes] = sorted(self.raw.scan_iter(match=f"taskora:{self.prefix}*", count=1000))
        ways = {b"hash": self.raw.hgetall, b"set": self.raw.smembers}
        return {key: ways.get(self.raw.type(key), self.raw.dump)(key) for key in keys}

    def type(self, arguments: list[str]) -> None:
        """Run a command, which must end well or say in what it did not."""
        where = ["--url", self.url, "--prefix", self.prefix]
        at = next((at for at, part in enumerate(arguments) if part.startswith("-")), len(arguments))
        with pytest.raises(SystemExit) as ended:
            main([*arguments[:at], *where, *arguments[at:]])
        said = self.capsys.readouterr()
        assert cast("int", ended.value.code) in ENDS, said.err
        assert "Traceback" not in said.out + said.err
        assert not {char for char in said.out + said.err if ord(char) < 32} - {"\n", "\t"}, "a terminal would obey this"


@pytest.fixture
def counter(server: Server, url: str, capsys: pytest.CaptureFixture[str]) -> Iterator[Counter]:
    raw: Any = redis.Redis.from_url(url, protocol=2)  # pyright: ignore[reportUnknownMemberType]
    try:
        yield Counter(url, capsys, raw)
    finally:
        raw.close()


@fuzzed
@given(line=lines)
def test_whatever_is_typed_ends_with_an_exit_code_and_writes_nothing(counter: Counter, line: list[str]) -> None:
    if not counter.prefix:
        counter.stock()
    before = counter.stored()
    counter.type(line)
    assert counter.stored() == before


@fuzzed
@given(lines=st.lists(lines, min_size=3, max_size=6), damaged=damages)
def test_whatever_is_stored_a_command_ends_with_an_exit_code_and_writes_nothing(
    counter: Counter, lines: list[list[str]], damaged: list[tuple[str, bool]]
) -> None:
    counter.stock()
    for name, other_type in damaged:
        counter.damage(KINDS[name], other_type)
    before = counter.stored()
    for line in lines:
        counter.type(line)
    assert counter.stored() == before
