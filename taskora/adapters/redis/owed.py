"""Paying what scripts owe to workflows, piece by piece, so that none blocks the server for long."""

from __future__ import annotations

from collections.abc import Iterable

from taskora.adapters.redis.records import names
from taskora.connection.request import Request, ScriptCall, Steps
from taskora.keys import Keys
from taskora.lua import load


def continue_call(keys: Keys, workflow_id: str) -> ScriptCall:
    """Ask for one piece to be written; the reply is 1 while more is owed."""
    return ScriptCall(load("continue_workflow"), (keys.workflow(workflow_id),), (keys.root, workflow_id))


def pay(keys: Keys, owed: Iterable[bytes]) -> Steps[None]:
    """Write all that these workflows are owed; their ids as scripts return them."""
    for workflow_id in names(owed):
        request: Request = [continue_call(keys, workflow_id)]
        more = 1
        while more:
            (more,) = yield request
