"""A task queue on Redis and Valkey: sync and async tasks, workflows as graphs, a supervised fleet of processes."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskora.adapters.memory import memory_adapter
    from taskora.adapters.redis import redis_adapter
    from taskora.app import Taskora
    from taskora.collecting import CollectFunctionTask, CollectTask
    from taskora.config import Defaults, Keep, Retention, Retry, Schedule, SchedulerConfig, Stall, Ttl
    from taskora.context import Context
    from taskora.contracts import CollectContract, TaskContract, define_task, static_contract
    from taskora.errors import (
        AdapterError,
        CancelledError,
        ConfigError,
        DuplicateJobError,
        ExpiredError,
        Issue,
        JobFailedError,
        JobNotFoundError,
        MigrationError,
        RetryError,
        SchemaVersionMismatchError,
        SerializationError,
        StalledError,
        TaskoraError,
        ThrottledError,
        TimeoutError,
        ValidationError,
        WorkflowFailedError,
    )
    from taskora.events import (
        ActiveEvent,
        CancelledEvent,
        CompletedEvent,
        ExpiredEvent,
        FailedEvent,
        JobEvent,
        ProgressEvent,
        RetryingEvent,
        StalledEvent,
    )
    from taskora.flow_control import Collect, Debounce, Deduplicate, Throttle
    from taskora.function_task import FunctionTask
    from taskora.handle import Handles, ResultHandle
    from taskora.job import Job
    from taskora.middleware import Middleware, MiddlewareContext, Next
    from taskora.migration import MigrationStatus, into
    from taskora.model import JobInfo, LogEntry, QueueStats, ScheduleInfo, State, WorkerRecord
    from taskora.rules import CollectBufferInfo
    from taskora.serializer import JsonSerializer, Serializer
    from taskora.task import Task
    from taskora.workflows import Bound, Signature, WorkflowHandle, chain, chord, group

__all__ = [
    "ActiveEvent",
    "AdapterError",
    "Bound",
    "CancelledError",
    "CancelledEvent",
    "Collect",
    "CollectBufferInfo",
    "CollectContract",
    "CollectFunctionTask",
    "CollectTask",
    "CompletedEvent",
    "ConfigError",
    "Context",
    "Debounce",
    "Deduplicate",
    "Defaults",
    "DuplicateJobError",
    "ExpiredError",
    "ExpiredEvent",
    "FailedEvent",
    "FunctionTask",
    "Handles",
    "Issue",
    "Job",
    "JobEvent",
    "JobFailedError",
    "JobInfo",
    "JobNotFoundError",
    "JsonSerializer",
    "Keep",
    "LogEntry",
    "Middleware",
    "MiddlewareContext",
    "MigrationError",
    "MigrationStatus",
    "Next",
    "ProgressEvent",
    "QueueStats",
    "ResultHandle",
    "Retention",
    "Retry",
    "RetryError",
    "RetryingEvent",
    "Schedule",
    "ScheduleInfo",
    "SchedulerConfig",
    "SchemaVersionMismatchError",
    "SerializationError",
    "Serializer",
    "Signature",
    "Stall",
    "StalledError",
    "StalledEvent",
    "State",
    "Task",
    "TaskContract",
    "Taskora",
    "TaskoraError",
    "Throttle",
    "ThrottledError",
    "TimeoutError",
    "Ttl",
    "ValidationError",
    "WorkerRecord",
    "WorkflowFailedError",
    "WorkflowHandle",
    "chain",
    "chord",
    "define_task",
    "group",
    "into",
    "memory_adapter",
    "redis_adapter",
    "static_contract",
]

# Names are imported when they are first asked for: the supervisor's master imports a part of this package, and must
# neither grow with the rest nor load what starts threads.
_HOMES = {
    "taskora.adapters.memory": ("memory_adapter",),
    "taskora.adapters.redis": ("redis_adapter",),
    "taskora.app": ("Taskora",),
    "taskora.collecting": ("CollectFunctionTask", "CollectTask"),
    "taskora.config": (
        "Defaults",
        "Keep",
        "Retention",
        "Retry",
        "Schedule",
        "SchedulerConfig",
        "Stall",
        "Ttl",
    ),
    "taskora.context": ("Context",),
    "taskora.contracts": (
        "CollectContract",
        "TaskContract",
        "define_task",
        "static_contract",
    ),
    "taskora.errors": (
        "AdapterError",
        "CancelledError",
        "ConfigError",
        "DuplicateJobError",
        "ExpiredError",
        "Issue",
        "JobFailedError",
        "JobNotFoundError",
        "MigrationError",
        "RetryError",
        "SchemaVersionMismatchError",
        "SerializationError",
        "StalledError",
        "TaskoraError",
        "ThrottledError",
        "TimeoutError",
        "ValidationError",
        "WorkflowFailedError",
    ),
    "taskora.events": (
        "ActiveEvent",
        "CancelledEvent",
        "CompletedEvent",
        "ExpiredEvent",
        "FailedEvent",
        "JobEvent",
        "ProgressEvent",
        "RetryingEvent",
        "StalledEvent",
    ),
    "taskora.flow_control": (
        "Collect",
        "Debounce",
        "Deduplicate",
        "Throttle",
    ),
    "taskora.function_task": ("FunctionTask",),
    "taskora.handle": ("Handles", "ResultHandle"),
    "taskora.job": ("Job",),
    "taskora.middleware": ("Middleware", "MiddlewareContext", "Next"),
    "taskora.migration": ("MigrationStatus", "into"),
    "taskora.model": (
        "JobInfo",
        "LogEntry",
        "QueueStats",
        "ScheduleInfo",
        "State",
        "WorkerRecord",
    ),
    "taskora.rules": ("CollectBufferInfo",),
    "taskora.serializer": (
        "JsonSerializer",
        "Serializer",
    ),
    "taskora.task": ("Task",),
    "taskora.workflows": (
        "Bound",
        "Signature",
        "WorkflowHandle",
        "chain",
        "chord",
        "group",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
