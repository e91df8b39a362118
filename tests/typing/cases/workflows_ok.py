"""Compositions that are right, and the results that checkers infer for them."""

from __future__ import annotations

from typing import Generic, Never, TypeVar, assert_type, overload

import networkx as nx

from taskora.config import TaskOptions
from taskora.protocols import WorkflowEngine
from taskora.workflows import (
    Bound,
    Signature,
    WorkflowHandle,
    bind,
    chain,
    chord,
    chunk_items,
    group,
    map_items,
    unbound,
)

T = TypeVar("T")
In = TypeVar("In")
Out = TypeVar("Out")


class Task(Generic[In, Out]):
    """A task as the rules for its types have it; a task without a parameter is ``Task[None, Out]``."""

    name: str = ""
    options: TaskOptions = TaskOptions()

    @property
    def engine(self) -> WorkflowEngine:
        raise NotImplementedError

    def encode(self, data: object, /) -> bytes:
        raise NotImplementedError

    def decode_result(self, raw: bytes, /) -> Out:
        raise NotImplementedError

    def accept(self, data: In) -> In:
        return data

    @overload
    def s(self: Task[None, Out], /) -> Bound[Out]: ...
    # mypy does not see that what takes more is the narrower signature.
    @overload
    def s(self: Task[list[T], Out], /) -> Signature[list[T] | tuple[T, ...], Out]: ...  # type: ignore[overload-overlap]
    @overload
    def s(self: Task[In, Out], /) -> Signature[In, Out]: ...
    @overload
    def s(self, data: In, /) -> Bound[Out]: ...
    def s(self, /, *data: object) -> Signature[Never, Out]:
        if data:
            return bind(self, data[0])
        return unbound(self)

    def map(self, items: list[In], /) -> WorkflowHandle[list[Out]]:
        return map_items(self, items).dispatch()

    def chunk(self, items: list[In], /, *, size: int) -> WorkflowHandle[list[Out]]:
        return chunk_items(self, items, size).dispatch()


fetch: Task[str, bytes] = Task()
size: Task[bytes, int] = Task()
label: Task[bytes, str] = Task()
double: Task[int, int] = Task()
total: Task[list[int], int] = Task()
pair: Task[tuple[int, str], str] = Task()
mixed: Task[list[int | str], str] = Task()
ping: Task[None, float] = Task()

# Steps
assert_type(fetch.s("u"), Bound[bytes])
assert_type(size.s(), Signature[bytes, int])
assert_type(ping.s(), Bound[float])

# Chains
assert_type(chain(fetch.s("u"), size.s(), double.s()), Bound[int])
assert_type(chain(size.s(), double.s()), Signature[bytes, int])
assert_type(chain(fetch.s("u"), chain(size.s(), double.s())), Bound[int])
assert_type(chain(fetch.s("u"), double.s(1), ping.s()), Bound[float])
steps: list[Signature[int, int]] = [double.s(1), double.s(), double.s()]
assert_type(chain(steps), Bound[int])
assert_type(chain([double.s(1), double.s(2)]), Bound[int])
assert_type(chain(fetch.s("u") | size.s(), [double.s(), double.s()]), Bound[int])
assert_type(chain(size.s(), [double.s() for _ in range(20)]), Signature[bytes, int])
assert_type(
    chain(
        fetch.s("u"),
        size.s(),
        double.s(),
        double.s(),
        double.s(),
        double.s(),
        double.s(),
        double.s(),
        double.s(),
        double.s(),
    ),
    Bound[int],
)

# Pipes
assert_type(fetch.s("u") | size.s() | double.s(), Bound[int])
assert_type(fetch.s("u").pipe(size.s()).pipe(double.s()), Bound[int])
assert_type(size.s() | double.s(), Signature[bytes, int])
assert_type(fetch.s("u") | (size.s() | double.s()), Bound[int])

# Groups
assert_type(group(size.s(b""), label.s(b"")), Bound[tuple[int, str]])
assert_type(group(size.s(), label.s()), Signature[bytes, tuple[int, str]])
assert_type(group(double.s(), double.s(3)), Signature[int, tuple[int, int]])
assert_type(group([double.s(1), double.s(2)]), Bound[list[int]])
assert_type(group([size.s(), size.s()]), Signature[bytes, list[int]])
assert_type(group(size.s(b"")), Bound[list[int]])
assert_type(group(size.s(b""), group(size.s(b""), label.s(b""))), Bound[tuple[int, tuple[int, str]]])
assert_type(chain(fetch.s("u"), group(size.s(), label.s()), pair.s()), Bound[str])
assert_type(fetch.s("u") | group(size.s(), label.s()) | pair.s(), Bound[str])

# A step that takes a list takes a group's tuple too: on the wire they are the same.
assert_type(fetch.s("u") | group(size.s(), size.s()) | total.s(), Bound[int])
assert_type(chain(fetch.s("u"), group(size.s(), size.s()), total.s()), Bound[int])
assert_type(chain(fetch.s("u"), group(size.s(), label.s()), mixed.s()), Bound[str])
assert_type(chain(fetch.s("u"), group([size.s(), size.s()]), total.s()), Bound[int])

# Chords
assert_type(chord([double.s(1), double.s(2)], total.s()), Bound[int])
assert_type(chord([size.s(), size.s()], total.s()), Signature[bytes, int])
assert_type(chord(group(size.s(b""), label.s(b"")), pair.s()), Bound[str])
assert_type(chord(group(size.s(), label.s()), pair.s()), Signature[bytes, str])
assert_type(chord([chain(fetch.s("u"), size.s()), fetch.s("v") | size.s()], total.s()) | double.s(), Bound[int])

# Dispatch
handle = (fetch.s("u") | size.s()).dispatch(ttl="5m", name="ingest")
assert_type(handle, WorkflowHandle[int])
assert_type(handle.result(timeout=3), int)
assert_type(handle.cancel("no longer needed"), bool)
assert_type(handle.graph(), "nx.DiGraph[int]")
assert_type(double.map([1, 2]).result(), list[int])
assert_type(double.chunk([1, 2], size=1).result(), list[int])
wider: WorkflowHandle[object] = handle


async def on_a_loop() -> None:
    stored = await (fetch.s("u") | group(size.s(), label.s())).dispatch()
    assert_type(stored, WorkflowHandle[tuple[int, str]])
    assert_type(await stored.result_async(), tuple[int, str])
    assert_type(await stored.cancel_async(), bool)
    assert_type(await stored.to_json_async(), str)
