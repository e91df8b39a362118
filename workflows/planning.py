"""From a flattened composition to what is stored."""

from __future__ import annotations

from typing import Final

from taskora.config import TaskOptions
from taskora.duration import Duration, to_ms
from taskora.errors import ConfigError
from taskora.ids import new_id
from taskora.indexing import entries_of
from taskora.keys import check_text
from taskora.payloads import writes_json
from taskora.quoting import quoted
from taskora.workflow_model import Plan, PlanNode

from .flatten import Flat, FlatNode
from .shape import Many

LONGEST_NAME: Final = 1000


def plan_of(flat: Flat, name: str, ttl: Duration | None = None) -> Plan:
    """Choose the ids and write down what the tasks' options say.

    Args:
        flat: The composition.
        name: What people call the workflow.
        ttl: Time until it is cancelled; None for never.

    Raises:
        ConfigError: The name is no text of 1 to 1,000 characters, or the ttl no duration or zero.
    """
    check_text(name, "name", least=1, most=LONGEST_NAME)
    deadline_ms = 0 if ttl is None else to_ms(ttl, "ttl")
    if ttl is not None and deadline_ms == 0:
        raise ConfigError(f"ttl: must be more than 0, got {quoted(ttl)}; None means no limit")
    return Plan(
        workflow_id=new_id(),
        name=name,
        nodes=tuple(_node(node) for node in flat.nodes),
        terminal=flat.terminal,
        as_list=isinstance(flat.shape, Many),
        deadline_ms=deadline_ms,
        writes_json=not flat.nodes or writes_json(flat.nodes[0].task.engine.serializer),
    )


def _node(node: FlatNode) -> PlanNode:
    options = node.task.options
    return PlanNode(
        task=node.task.name,
        job_id=new_id(),
        deps=node.deps,
        data=node.data,
        version=options.version,
        max_attempts=options.retry.attempts,
        ttl_ms=_ttl_ms(options),
        as_list=node.as_list,
        indexed=() if node.data is None else entries_of(options.index, node.data, node.task.engine.serializer),
    )


def _ttl_ms(options: TaskOptions) -> int:
    return 0 if options.ttl is None else to_ms(options.ttl.max, "ttl.max")
