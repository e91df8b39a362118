"""A task queue on Redis and Valkey: sync and async tasks, workflows as graphs, a supervised fleet of processes."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskora.adapters.audit_store import AuditEntry
    from taskora.adapters.memory import memory_adapter
    from taskora.adapters.redis import redis_adapter
    from taskora.adapters.request_store import SupervisorRequest
    from taskora.adapters.vitals_store import KeyFacts, ServerFacts, Throughput
    from taskora.app import Taskora
    from taskora.collecting import CollectFunctionTask, CollectTask
    from taskora.config import Defaults, Keep, Retention, Retry, Schedule, SchedulerConfig, Stall, Ttl
    from taskora.context import Context, ContextLog, Signal
    from taskora.contracts import CollectContract, ContractSettings, TaskContract, define_task, static_contract
    from taskora.dead_letters import DeadLetters, FailureGroup
    from taskora.duration import Duration
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
    from taskora.fleets import ChildInfo, SupervisorInfo
    from taskora.flow_control import Collect, Debounce, Deduplicate, RuleOptions, Throttle
    from taskora.function_task import FunctionTask
    from taskora.handle import Handles, ResultHandle
    from taskora.inspector import Inspector
    from taskora.job import DispatchOptions, Job, JobOptions
    from taskora.latency import Latency
    from taskora.listening import Unsubscribe
    from taskora.middleware import Middleware, MiddlewareContext, Next
    from taskora.migration import Migration, MigrationStatus, into
    from taskora.model import (
        CancelOutcome,
        JobInfo,
        LogEntry,
        Page,
        PastAttempt,
        QueueStats,
        ScheduleInfo,
        State,
        WorkerRecord,
    )
    from taskora.rules import (
        CollectBuffer,
        CollectBufferInfo,
        DebouncedKey,
        DeduplicatedKey,
        FlowControl,
        FlowCounts,
        LimitedKey,
        ThrottledKey,
    )
    from taskora.schedules import Schedules
    from taskora.serializer import JsonSerializer, Serializer
    from taskora.settings import CollectSettings, HandlerSettings, TaskSettings
    from taskora.supervising import Supervisors
    from taskora.task import Task
    from taskora.workflow_model import WorkflowNodeRecord, WorkflowRecord, WorkflowSummary
    from taskora.workflows import Bound, Signature, WorkflowHandle, chain, chord, group

__all__ = [
    "ActiveEvent",
    "AdapterError",
    "AuditEntry",
    "Bound",
    "CancelOutcome",
    "CancelledError",
    "CancelledEvent",
    "ChildInfo",
    "Collect",
    "CollectBuffer",
    "CollectBufferInfo",
    "CollectContract",
    "CollectFunctionTask",
    "CollectSettings",
    "CollectTask",
    "CompletedEvent",
    "ConfigError",
    "Context",
    "ContextLog",
    "ContractSettings",
    "DeadLetters",
    "Debounce",
    "DebouncedKey",
    "Deduplicate",
    "DeduplicatedKey",
    "Defaults",
    "DispatchOptions",
    "DuplicateJobError",
    "Duration",
    "ExpiredError",
    "ExpiredEvent",
    "FailedEvent",
    "FailureGroup",
    "FlowControl",
    "FlowCounts",
    "FunctionTask",
    "HandlerSettings",
    "Handles",
    "Inspector",
    "Issue",
    "Job",
    "JobEvent",
    "JobFailedError",
    "JobInfo",
    "JobNotFoundError",
    "JobOptions",
    "JsonSerializer",
    "Keep",
    "KeyFacts",
    "Latency",
    "LimitedKey",
    "LogEntry",
    "Middleware",
    "MiddlewareContext",
    "Migration",
    "MigrationError",
    "MigrationStatus",
    "Next",
    "Page",
    "PastAttempt",
    "ProgressEvent",
    "QueueStats",
    "ResultHandle",
    "Retention",
    "Retry",
    "RetryError",
    "RetryingEvent",
    "RuleOptions",
    "Schedule",
    "ScheduleInfo",
    "SchedulerConfig",
    "Schedules",
    "SchemaVersionMismatchError",
    "SerializationError",
    "Serializer",
    "ServerFacts",
    "Signal",
    "Signature",
    "Stall",
    "StalledError",
    "StalledEvent",
    "State",
    "SupervisorInfo",
    "SupervisorRequest",
    "Supervisors",
    "Task",
    "TaskContract",
    "TaskSettings",
    "Taskora",
    "TaskoraError",
    "Throttle",
    "ThrottledError",
    "ThrottledKey",
    "Throughput",
    "TimeoutError",
    "Ttl",
    "Unsubscribe",
    "ValidationError",
    "WorkerRecord",
    "WorkflowFailedError",
    "WorkflowHandle",
    "WorkflowNodeRecord",
    "WorkflowRecord",
    "WorkflowSummary",
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
    "taskora.adapters.audit_store": ("AuditEntry",),
    "taskora.adapters.memory": ("memory_adapter",),
    "taskora.adapters.redis": ("redis_adapter",),
    "taskora.adapters.request_store": ("SupervisorRequest",),
    "taskora.adapters.vitals_store": (
        "KeyFacts",
        "ServerFacts",
        "Throughput",
    ),
    "taskora.app": ("Taskora",),
    "taskora.collecting": (
        "CollectFunctionTask",
        "CollectTask",
    ),
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
    "taskora.context": (
        "Context",
        "ContextLog",
        "Signal",
    ),
    "taskora.contracts": (
        "CollectContract",
        "ContractSettings",
        "TaskContract",
        "define_task",
        "static_contract",
    ),
    "taskora.dead_letters": (
        "DeadLetters",
        "FailureGroup",
    ),
    "taskora.duration": ("Duration",),
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
    "taskora.fleets": (
        "ChildInfo",
        "SupervisorInfo",
    ),
    "taskora.flow_control": (
        "Collect",
        "Debounce",
        "Deduplicate",
        "RuleOptions",
        "Throttle",
    ),
    "taskora.function_task": ("FunctionTask",),
    "taskora.handle": (
        "Handles",
        "ResultHandle",
    ),
    "taskora.inspector": ("Inspector",),
    "taskora.job": (
        "DispatchOptions",
        "Job",
        "JobOptions",
    ),
    "taskora.latency": ("Latency",),
    "taskora.listening": ("Unsubscribe",),
    "taskora.middleware": (
        "Middleware",
        "MiddlewareContext",
        "Next",
    ),
    "taskora.migration": (
        "Migration",
        "MigrationStatus",
        "into",
    ),
    "taskora.model": (
        "CancelOutcome",
        "JobInfo",
        "LogEntry",
        "Page",
        "PastAttempt",
        "QueueStats",
        "ScheduleInfo",
        "State",
        "WorkerRecord",
    ),
    "taskora.rules": (
        "CollectBuffer",
        "CollectBufferInfo",
        "DebouncedKey",
        "DeduplicatedKey",
        "FlowControl",
        "FlowCounts",
        "LimitedKey",
        "ThrottledKey",
    ),
    "taskora.schedules": ("Schedules",),
    "taskora.serializer": (
        "JsonSerializer",
        "Serializer",
    ),
    "taskora.settings": (
        "CollectSettings",
        "HandlerSettings",
        "TaskSettings",
    ),
    "taskora.supervising": ("Supervisors",),
    "taskora.task": ("Task",),
    "taskora.workflow_model": (
        "WorkflowNodeRecord",
        "WorkflowRecord",
        "WorkflowSummary",
    ),
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
