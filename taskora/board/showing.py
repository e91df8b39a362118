"""What is shown in place of what is stored: formatted as the board was told, then without secrets."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import orjson

from taskora.app import Taskora
from taskora.model import JobInfo
from taskora.readable import reader_of
from taskora.workflow_model import WorkflowNodeRecord, WorkflowRecord

from .redaction import Redactor
from .secrets_in_text import MASK
from .settings import BoardSettings

_log = logging.getLogger("taskora.board")

_OPTIONS = orjson.OPT_NON_STR_KEYS


class Showing:
    """Makes what pages, files, events and programs are told of what people stored. Nothing else is told.

    Args:
        app: Reads what a serializer wrote.
        settings: Of the board.
    """

    def __init__(self, app: Taskora, settings: BoardSettings) -> None:
        self._redactor = Redactor(settings.redact)
        self._formatters = dict(settings.formatters or {})
        self._hides_payloads = bool(settings.redact) or "data" in self._formatters
        self._read = reader_of(app)

    def text(self, text: str) -> str:
        """Return a text that a person or a library wrote."""
        return self._redactor.text(text)

    def value(self, value: object) -> object:
        """Return a value that is no payload and no result."""
        return self._redactor.value(value)

    def data(self, value: object, task: str) -> object:
        """Return a payload of a task."""
        return self._redactor.value(self._formatted("data", value, task))

    def result(self, value: object, task: str) -> object:
        """Return a result of a task."""
        return self._redactor.value(self._formatted("result", value, task))

    def key(self, key: str) -> str:
        """Return a key by which dispatches are limited, collected or refused.

        People make keys of payloads: where parts of those are hidden, nobody can tell what of it is in a key.
        """
        return MASK if self._hides_payloads else self._redactor.text(key)

    def job(self, job: JobInfo) -> JobInfo:
        """Return a job of which the payload and the result have been read."""
        data, result = (self._formatted(kind, getattr(job, kind), job.task) for kind in ("data", "result"))
        return self._redactor.job(replace(job, data=data, result=result, _stored=(None, None)))

    def workflow(self, record: WorkflowRecord) -> WorkflowRecord:
        """Return a workflow with its nodes; its own result is that of the tasks at its end."""
        safe = self._redactor.workflow(record)
        if not self._formatters:
            return safe
        pairs = zip(record.nodes, safe.nodes, strict=True)
        return replace(
            safe,
            nodes=tuple(self._node(node, safe_node) for node, safe_node in pairs),
            result=self._workflow_result(record, safe.result),
        )

    def event(self, task: str, fields: Mapping[str, str]) -> dict[str, str]:
        """Return the fields of an event, which are texts; those of payloads, results and values are JSON."""
        safe = self._redactor.event(fields)
        for kind in ("data", "result"):
            if kind in self._formatters and kind in fields:
                safe[kind] = self._stored(kind, fields[kind].encode(errors="replace"), task).decode(errors="replace")
        if "key" in fields:
            safe["key"] = self.key(fields["key"])
        return safe

    def _formatted(self, kind: str, value: object, task: str) -> object:
        formatter = self._formatters.get(kind)
        if formatter is None:
            return value
        try:
            return formatter(value, task)
        except Exception as error:  # noqa: BLE001 - somebody else's code; a page shows more than this value
            _log.exception("the formatter of %s failed on one of task %r, which is not shown", kind, task)
            return f"(not shown: its formatter raised {type(error).__name__})"  # what it would have left out is unknown

    def _node(self, node: WorkflowNodeRecord, safe: WorkflowNodeRecord) -> WorkflowNodeRecord:
        data, result = safe.data, safe.result
        if node.data is not None and "data" in self._formatters:
            data = self._stored("data", node.data, node.task)
        if node.result is not None and "result" in self._formatters:
            result = self._stored("result", node.result, node.task)
        return replace(safe, data=data, result=result)

    def _workflow_result(self, record: WorkflowRecord, safe: bytes | None) -> bytes | None:
        if record.result is None or "result" not in self._formatters:
            return safe
        ends = [record.nodes[index].task for index in record.terminal if index < len(record.nodes)]
        if len(ends) == 1:
            return self._stored("result", record.result, ends[0])
        value = self._read(record.result)
        parts = cast("list[object]", value) if isinstance(value, list) else []
        if len(parts) != len(ends):
            return b'"(the results of several tasks)"'
        return _written([self.result(part, task) for part, task in zip(parts, ends, strict=True)])

    def _stored(self, kind: str, raw: bytes, task: str) -> bytes:
        return _written(self._redactor.value(self._formatted(kind, self._read(raw), task)))


def _written(value: object) -> bytes:
    try:
        return orjson.dumps(value, default=repr, option=_OPTIONS)
    except orjson.JSONEncodeError:
        return orjson.dumps(repr(value).encode(errors="replace").decode())
