"""A task queue on Redis and Valkey: sync and async tasks, workflows as graphs, a supervised fleet of processes."""

from taskora.adapters.redis import redis_adapter
from taskora.app import Taskora
from taskora.config import Defaults, Keep, Retention, Retry, Schedule, SchedulerConfig, Stall, Ttl
from taskora.context import Context
from taskora.errors import (
    AdapterError,
    CancelledError,
    ConfigError,
    DuplicateJobError,
    ExpiredError,
    Issue,
    JobFailedError,
    JobNotFoundError,
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
from taskora.handle import ResultHandle
from taskora.model import JobInfo, LogEntry, QueueStats, ScheduleInfo, State, WorkerRecord
from taskora.task import FunctionTask, Job, Task
from taskora.workflows import Bound, Signature, WorkflowHandle, chain, chord, group

__all__ = [
    "AdapterError",
    "Bound",
    "CancelledError",
    "ConfigError",
    "Context",
    "Defaults",
    "DuplicateJobError",
    "ExpiredError",
    "FunctionTask",
    "Issue",
    "Job",
    "JobFailedError",
    "JobInfo",
    "JobNotFoundError",
    "Keep",
    "LogEntry",
    "QueueStats",
    "ResultHandle",
    "Retention",
    "Retry",
    "RetryError",
    "Schedule",
    "ScheduleInfo",
    "SchedulerConfig",
    "SchemaVersionMismatchError",
    "SerializationError",
    "Signature",
    "Stall",
    "StalledError",
    "State",
    "Task",
    "Taskora",
    "TaskoraError",
    "ThrottledError",
    "TimeoutError",
    "Ttl",
    "ValidationError",
    "WorkerRecord",
    "WorkflowFailedError",
    "WorkflowHandle",
    "chain",
    "chord",
    "group",
    "redis_adapter",
]
