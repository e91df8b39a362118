"""Sending many jobs in calls that the server tells from their own repetitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from taskora.connection.request import Arg, Operation, Producer, ScriptCall, Steps
from taskora.lua import load

PER_CALL = 500  # jobs of one script run: some 3 ms of the server's time
_NUMBERS_PER_CALL = 1_000_000  # one for each chunk of an operation
T = TypeVar("T")
R = TypeVar("R")


def in_numbered_calls(
    items: Sequence[T],
    call: Callable[[str, int, Sequence[T]], ScriptCall],
    read: Callable[[bytes, int], list[R]],
) -> Operation[list[R]]:
    """Describe sending items in order, some hundred in a call.

    Args:
        items: What is sent.
        call: Makes the call of a producer's name, a number and a chunk.
        read: Reads a reply for so many items.
    """
    chunks = [items[first : first + PER_CALL] for first in range(0, len(items), PER_CALL)]
    answered: dict[Producer, list[R]] = {}

    def steps(producer: Producer) -> Steps[list[R]]:
        # A repetition goes on with the chunk whose answer was lost: the server keeps the last answer only.
        done = answered.setdefault(producer, [])
        for at in range(len(done) // PER_CALL, len(chunks)):
            (reply,) = yield [call(producer.name, producer.number * _NUMBERS_PER_CALL + at, chunks[at])]
            done += read(reply, len(chunks[at]))
        return answered.pop(producer)

    return steps


def numbered(script: str, producer: Producer, base: str, args: Sequence[Arg]) -> ScriptCall:
    """Make the only call of an operation, which the server tells from its repetition."""
    return ScriptCall(load(script), (base,), (producer.name, producer.number * _NUMBERS_PER_CALL, *args))
