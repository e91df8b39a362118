"""Workflows whose nodes lie in other slots of a cluster.

The script that ends a node's job writes down, in the task's slot, what the workflow is to be told. Whoever sees that
tells it, in the workflow's slot, where the script notes which jobs are to be stored or cancelled. Those are then
written in the slots of their tasks, and what was done is taken off the notes. Each of these scripts may run twice, and
whatever is cut off between two of them is found in the notes and continued.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from taskora.connection.request import Arg, Command, ScriptCall, Steps
from taskora.keys import Keys
from taskora.lua import load

_FLAVOR = "cluster"
_PER_NODE = 8  # values of a node whose job is to be stored


def settle_debts(keys: Keys, task: str, workflow_id: str) -> Steps[None]:
    """Tell a workflow what is noted for it beside a task, and do in other slots what it asks for then.

    Args:
        keys: The names of the keys.
        task: Where it is noted; empty when nothing is, and the workflow itself owes something.
        workflow_id: The workflow.
    """
    debts = (yield from _noted(keys, task, workflow_id)) if task else {}
    if task and not debts:
        return  # somebody else is at it, or the leader will be
    forget = [_forget(keys, task, workflow_id, list(debts))] if debts else []
    ends = [End.noted(task, node, debt) for node, debt in debts.items()]
    (reply,) = yield [tell_call(keys, workflow_id, ends)]
    while reply[0] or forget:
        work, done = _work(keys, workflow_id, reply)
        yield [*forget, *work]
        forget = []
        if not reply[0]:
            return
        (reply,) = yield [_continue(keys, workflow_id, done)]


class End(NamedTuple):
    """What became of a node's job.

    Attributes:
        state: ``completed``, ``failed`` or ``cancelled``.
        error_type: Class of the error.
        payload: The result, or the message.
    """

    node: bytes
    state: bytes
    task: str
    job_id: bytes
    error_type: bytes
    payload: bytes

    @classmethod
    def noted(cls, task: str, node: bytes, debt: bytes) -> End:
        """Read it as scripts note it beside the task."""
        state, job_id, error_type, payload = debt.split(b"\n", 3)
        return cls(node, state, task, job_id, error_type, payload)


def tell_call(keys: Keys, workflow_id: str, ends: Iterable[End]) -> ScriptCall:
    """Tell a workflow what became of jobs of its nodes; the reply says what is to be done."""
    return _continue(keys, workflow_id, _Done(), [value for end in ends for value in end])


class _Done(NamedTuple):
    """What was done for a workflow.

    Attributes:
        cancelled: The node from which on jobs were cancelled; empty for none.
        stored: Nodes whose jobs were stored.
    """

    cancelled: Arg = ""
    stored: Sequence[bytes] = ()


def _noted(keys: Keys, task: str, workflow_id: str) -> Steps[dict[bytes, bytes]]:
    (raw,) = yield [("HGETALL", f"{keys.task(task)}:owed:{workflow_id}")]
    return dict(zip(raw[::2], raw[1::2], strict=True))


def _continue(keys: Keys, workflow_id: str, done: _Done, ends: Sequence[Arg] = ()) -> ScriptCall:
    args = (keys.flows(workflow_id), workflow_id, done.cancelled, len(done.stored), *done.stored, *ends)
    return ScriptCall(load("continue_workflow"), (keys.workflow(workflow_id),), args)


def _forget(keys: Keys, task: str, workflow_id: str, nodes: Sequence[bytes]) -> ScriptCall:
    return ScriptCall(load("forget_debts", _FLAVOR), (keys.task(task),), (workflow_id, *nodes))


def _work(keys: Keys, workflow_id: str, reply: Sequence[bytes]) -> tuple[list[Command | ScriptCall], _Done]:
    """Read what is to be done in other slots.

    Returns:
        The scripts that do it, and what the workflow is to be told afterwards.
    """
    kind, *rest = reply
    if kind == b"store":
        nodes = [rest[at : at + _PER_NODE] for at in range(0, len(rest), _PER_NODE)]
        stores: list[Command | ScriptCall] = [
            _store(keys, workflow_id, task, some) for task, some in _by_task(nodes, 1)
        ]
        return stores, _Done(stored=[node[0] for node in nodes])
    if kind == b"cancel":
        first, reason, *pairs = rest
        jobs = _by_task(list(zip(pairs[::2], pairs[1::2], strict=True)), 0)
        calls: list[Command | ScriptCall] = [
            ScriptCall(
                load("cancel_nodes", _FLAVOR),
                (keys.task(task),),
                (keys.root, workflow_id, reason, *(job for _, job in some)),
            )
            for task, some in jobs
        ]
        return calls, _Done(first)
    return [], _Done()


def _by_task(nodes: Sequence[Sequence[bytes]], at: int) -> list[tuple[str, list[Sequence[bytes]]]]:
    """Group by the task, which is this value of each, without changing the order within."""
    ordered = sorted(nodes, key=lambda node: node[at])
    return [(task.decode(), list(some)) for task, some in groupby(ordered, key=lambda node: node[at])]


def _store(keys: Keys, workflow_id: str, task: str, nodes: Sequence[Sequence[bytes]]) -> ScriptCall:
    args: list[Arg] = [workflow_id]
    for number, _, *values in nodes:
        args += (number, *values)
    return ScriptCall(load("enqueue_nodes", _FLAVOR), (keys.task(task),), args)
