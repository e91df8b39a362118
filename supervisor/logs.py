"""Log records on stderr, one line each where a person need not read a stack: as text, or as JSON for programs."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Final

from taskora.quoting import shown

from .config import LogFormat

_ORIGIN: Final = ("slot", "generation")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """`2026-01-31 12:00:00.123 INFO taskora.supervisor.master [pid=12 slot=0 generation=1] text`."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; a traceback follows on lines of its own."""
        fields = [f"pid={getattr(record, 'pid', None) or os.getpid()}"]
        fields += [f"{name}={getattr(record, name)}" for name in _ORIGIN if hasattr(record, name)]
        # Parts of it may come from what anybody stored: it must look like no other record.
        message = shown(record.getMessage(), keep="\n\t").replace("\n", "\n    ")
        head = f"{_stamp(record.created)} {record.levelname} {record.name} [{' '.join(fields)}] {message}"
        return "\n".join([head, *_trouble(self, record)])


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, pid, and what the record carries as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """One record, its traceback inside."""
        fields: dict[str, object] = {
            "time": _stamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": os.getpid(),
        }
        fields.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        trouble = _trouble(self, record)
        if trouble:
            fields["error"] = "\n".join(trouble)
        return json.dumps(fields, default=str)


class OriginFilter(logging.Filter):
    """In a child: gives every record the child's slot and generation."""

    def __init__(self, slot: int | str, generation: int) -> None:
        super().__init__()
        self._slot = slot
        self._generation = generation

    def filter(self, record: logging.LogRecord) -> bool:
        """Add what the record does not say itself; never drops one."""
        record.__dict__.setdefault("slot", self._slot)
        record.__dict__.setdefault("generation", self._generation)
        return True


def configure(log_format: LogFormat, log_level: str) -> None:
    """Log to stderr, which the children inherit."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(log_level.upper())


def name_origin(slot: int | str, generation: int) -> None:
    """In a child, after the fork: mark its records with where they come from."""
    for handler in logging.getLogger().handlers:
        # A worker forked by the zygote has the zygote's mark.
        for former in [one for one in handler.filters if isinstance(one, OriginFilter)]:
            handler.removeFilter(former)
        handler.addFilter(OriginFilter(slot, generation))


def _stamp(created_s: float) -> str:
    local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(created_s))
    return f"{local}.{int(created_s % 1 * 1000):03d}"


def _trouble(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    parts: list[str] = []
    if record.exc_info:
        parts.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return parts
