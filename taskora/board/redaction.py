"""Secrets are masked before anything is shown: in payloads and results, errors and logs, workflows and events alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date, time, timedelta
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

from taskora.errors import ConfigError
from taskora.model import JobInfo, LogEntry, PastAttempt
from taskora.quoting import quoted
from taskora.workflow_model import WorkflowNodeRecord, WorkflowRecord

from .secrets_in_text import MASK, SecretText, plain_name

DEFAULT_NAMES: Final = (
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "authorization",
    "credential",
    "credentials",
    "private_key",
    "cookie",
    "set-cookie",
)
_Slots: TypeAlias = "dict[Any, object] | list[object]"
_OPAQUE: Final = (bool, int, float, date, time, timedelta, UUID)


class Redactor:
    """Masks what has a name that secrets have.

    Names are compared as a whole, whatever their case and without ``-`` and ``_``: ``apiKey`` is ``API-KEY``, and
    ``max_tokens`` is not ``token``.

    Args:
        names: Further names, beside those of ``DEFAULT_NAMES``.

    Raises:
        ConfigError: One is no text, or has neither letters nor digits.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        for number, given in enumerate(cast("Sequence[object]", names)):
            if not isinstance(given, str) or not any(letter.isalnum() for letter in given):
                raise ConfigError(f"redact[{number}]: expected the name of a field, such as 'ssn'; got {quoted(given)}")
        self._names = frozenset(map(plain_name, (*DEFAULT_NAMES, *names)))
        self._texts = SecretText(self._names)

    def text(self, text: str) -> str:
        """Mask secrets in a text: after their names, in the addresses of servers, and keys that stand there whole."""
        return self._texts.mask(text)

    def value(self, value: object) -> object:
        """Return a JSON-like value, however deep, with what has such a name masked, and with its texts masked.

        A dataclass becomes a dictionary. Of other objects it is what ``repr`` says that counts.
        """
        top: list[object] = [value]
        unfinished: list[tuple[_Slots, object, object]] = [(top, 0, value)]
        tuples: list[tuple[_Slots, object, list[object]]] = []
        while unfinished:
            slots, key, item = unfinished.pop()
            copy = self._copied(item)
            if copy is None:
                _put(slots, key, self._leaf(item))
                continue
            _put(slots, key, copy)
            if type(item) is tuple:
                tuples.append((slots, key, cast("list[object]", copy)))
            children = copy.items() if isinstance(copy, dict) else enumerate(copy)
            for name, child in children:
                if isinstance(copy, dict) and self._is_secret(name):
                    continue
                unfinished.append((copy, name, child))
            if isinstance(copy, dict):
                copy.update((name, MASK) for name in copy if self._is_secret(name))
        for slots, key, items in reversed(tuples):  # the inner ones were found last
            _put(slots, key, tuple(items))
        return top[0]

    def job(self, job: JobInfo) -> JobInfo:
        """Mask everything of a job that its code, or who dispatched it, wrote."""
        return replace(
            job,
            data=self.value(job.data),
            result=self.value(job.result),
            error=self._maybe(job.error),
            progress=self.value(job.progress),
            logs=[self._log(entry) for entry in job.logs],
            traceback=self._maybe(job.traceback),
            cancel_reason=self._maybe(job.cancel_reason),
            past_attempts=tuple(map(self._past, job.past_attempts)),
            _stored=(None, None),
        )

    def workflow(self, workflow: WorkflowRecord) -> WorkflowRecord:
        """Mask the payloads, results and errors of a workflow and its nodes."""
        nodes = tuple(self._node(node) for node in workflow.nodes)
        return replace(workflow, nodes=nodes, result=self.stored(workflow.result), error=self._maybe(workflow.error))

    def event(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Mask the fields of an event, some of which are JSON."""
        return {name: MASK if self._is_secret(name) else self._written(value) for name, value in fields.items()}

    def stored(self, data: bytes | None) -> bytes | None:
        """Mask what a serializer wrote. What is no text is masked as a whole: nobody can tell what is in it."""
        if data is None:
            return None
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return json.dumps(MASK).encode()
        masked = self._written(text)
        return data if masked == text else masked.encode("utf-8", "replace")

    def _written(self, text: str) -> str:
        """Mask a text that may be JSON; one without secrets stays as it is written."""
        if not text or text[0] not in '[{"':
            return self.text(text)
        try:
            read: object = json.loads(text, object_pairs_hook=_only_once)
            masked = json.dumps(self.value(read))
            return text if masked == json.dumps(read) else masked
        except (ValueError, RecursionError):
            return self.text(text)

    def _maybe(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)

    def _past(self, attempt: PastAttempt) -> PastAttempt:
        if attempt.error is None:
            return attempt
        # A password in an address is known by what follows it, which may be what was cut off.
        error = self.text(f"{attempt.error}@").removesuffix("@") if attempt.cut else self.text(attempt.error)
        return replace(attempt, error=error)

    def _log(self, entry: LogEntry) -> LogEntry:
        meta = cast("dict[str, object] | None", self.value(entry.meta))
        return replace(entry, message=self.text(entry.message), meta=meta)

    def _node(self, node: WorkflowNodeRecord) -> WorkflowNodeRecord:
        return replace(
            node, data=self.stored(node.data), result=self.stored(node.result), error=self._maybe(node.error)
        )

    def _is_secret(self, name: object) -> bool:
        return isinstance(name, str) and plain_name(name) in self._names

    def _copied(self, item: object) -> dict[Any, object] | list[object] | None:
        """Return a copy of what holds other values; None for what does not."""
        if isinstance(item, Mapping):
            return dict(cast("Mapping[Any, object]", item))
        if isinstance(item, list) or type(item) is tuple:  # one with names is shown as `repr` has it
            return list(cast("Sequence[object]", item))
        if is_dataclass(item) and not isinstance(item, type):
            return {field.name: getattr(item, field.name) for field in fields(item)}
        return None

    def _leaf(self, item: object) -> object:
        if isinstance(item, str):
            return self.text(item)
        if item is None or isinstance(item, _OPAQUE):
            return item
        try:
            text = repr(item)
        except Exception:  # noqa: BLE001 - somebody else's code
            return MASK
        masked = self.text(text)
        return item if masked == text else masked


def _only_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object of JSON, unless it has a name twice: what the second hides would still be in the text."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _put(slots: _Slots, key: object, value: object) -> None:
    cast("dict[object, object]", slots)[key] = value
