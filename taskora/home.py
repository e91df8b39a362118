"""What tasks need of the application that they belong to."""

from __future__ import annotations

from typing import Protocol

from taskora.adapters.protocol import Adapter
from taskora.config import Defaults, Retention
from taskora.listening import Listening
from taskora.middleware import Middleware
from taskora.outbox import Outbox
from taskora.protocols import WorkflowEngine
from taskora.serializer import Serializer
from taskora.waiting import Waiting


class TaskHome(Protocol):
    """What a task needs of the application that it belongs to."""

    @property
    def adapter(self) -> Adapter: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def waiting(self) -> Waiting: ...

    @property
    def listening(self) -> Listening: ...

    @property
    def workflow_engine(self) -> WorkflowEngine: ...

    @property
    def middleware(self) -> tuple[Middleware, ...]: ...

    @property
    def serializer(self) -> Serializer: ...

    @property
    def validate_on_dispatch(self) -> bool: ...

    @property
    def max_payload(self) -> int: ...


class DefiningHome(TaskHome, Protocol):
    """What it takes to define a task, beside that."""

    @property
    def defaults(self) -> Defaults: ...

    @property
    def retention(self) -> Retention: ...
