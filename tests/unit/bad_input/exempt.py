"""Parameters that need no bad input, each with the reason. A class stands for its constructor and its methods."""

_MADE_BY_US = "made by the library alone, of values that it has checked"
_RECORD = "a record that the library fills in; nothing follows from what a program puts into its own"
_ERROR = "an error takes what its raiser says"
_ENGINE = "called by the engine with what it made itself"
_ANY_VALUE = "takes every value"

EXEMPT: dict[str, str] = {
    **dict.fromkeys(
        (
            "ActiveEvent", "CancelledEvent", "CompletedEvent", "ExpiredEvent", "FailedEvent", "ProgressEvent",
            "RetryingEvent", "StalledEvent", "JobInfo", "LogEntry", "PastAttempt", "QueueStats", "ScheduleInfo",
            "WorkerRecord",
            "Page", "CollectBufferInfo", "CollectBuffer", "DebouncedKey", "DeduplicatedKey", "FlowControl",
            "FlowCounts", "LimitedKey", "ThrottledKey",
            "MigrationStatus", "FailureGroup", "KeyFacts", "ServerFacts", "Throughput",
            "WorkflowNodeRecord", "WorkflowRecord", "WorkflowSummary", "Execution", "WorkflowStep", "Issue",
            "ChildInfo", "SupervisorInfo", "SupervisorRequest", "Latency",
            "JobInfo.loaded",
        ),
        _RECORD,
    ),
    **dict.fromkeys(
        (
            "CancelledError", "DuplicateJobError", "ExpiredError", "JobFailedError", "JobNotFoundError",
            "SchemaVersionMismatchError", "ThrottledError", "TimeoutError", "ValidationError", "WorkflowFailedError",
            "RetryError",
        ),
        _ERROR,
    ),
    **dict.fromkeys(
        (
            "Task", "FunctionTask", "CollectTask", "ResultHandle", "WorkflowHandle", "Signature", "Context",
            "MiddlewareContext", "Inspector", "DeadLetters", "Schedules", "Supervisors", "Implement", "ContextLog",
            "Signal", "TestRunner", "CollectFunctionTask", "TaskDefiner",
        ),
        _MADE_BY_US,
    ),
    **dict.fromkeys(
        (
            "FunctionTask.decode_input", "FunctionTask.moved_to", "Task.follow",
            "Task.encode_result", "Task.decode_result", "Task.wait", "Task.read",
            "Task.read_outcome", "Task.read_progress", "Task.read_logs", "Task.follow_job", "Task.cancel_job",
            "Taskora.service", "Taskora.housekeeper",
            "Schedules.declare", "Signal.fire",
            "TaskContract.schemas", "TaskContract.bound_to", "CollectContract.schemas", "CollectContract.bound_to",
            "CollectContract.item_schema",
            "CollectTask.follow", "Collect.rule_for.max_bytes",
        ),
        _ENGINE,
    ),
    "TaskContract.input": "looked at when the contract is registered or made by define_task",
    "TaskContract.output": "likewise",
    "Schedule.data": "a task or schedule() refuses it: their schedule and data",
    **dict.fromkeys(
        (
            f"CollectContract.{field}"
            for field in (
                "name", "input", "output", "validates", "retry", "timeout", "ttl", "stall", "version", "since",
                "index",
            )
        ),
        "a field of TaskContract",
    ),
    **dict.fromkeys(
        (f"AuditEntry.{field}" for field in ("who", "role", "action", "target", "detail", "at", "id")),
        "what cannot be stored is cut or put as text, so that nothing keeps an act from being noted",
    ),
    "Task.peek_collect.key": "refuses whatever it is given: the task does not collect",
    "Task.inspect_collect.key": "likewise",
    **dict.fromkeys(
        (f"SessionLogin.{method}" for method in ("find", "is_sent", "check", "cookie", "renewal", "farewell")),
        "called by the board with what it made itself",
    ),
    "Board": _MADE_BY_US,
    "Role.allows": "compares two roles",
    "Serializer": "a protocol",
    "Serializer.dumps": "a protocol",
    "Serializer.loads": "a protocol",
    "FunctionTask.__call__": "runs the handler as the plain function that it is",
    "Signature.dispatch.ttl": "refuses to be dispatched at all",
    "Signature.dispatch.name": "refuses to be dispatched at all",
    "Job": "checked when it is dispatched, with what its task says: test_running.py",
    "Context.progress": "needs a running job: test_running.py",
    "Context.retry": "needs a running job: test_running.py",
    "ContextLog.info": "needs a running job: test_running.py",
    "ContextLog.warn": "see ContextLog.info",
    "ContextLog.error": "see ContextLog.info",
    "TestRunner.run.data": "the payload's type decides: Task.dispatch",
    "TestRunner.execute.data": "a payload of another type is a job that fails, which is what it is for",
    "TestRunner.dispatch.data": "handed to Task.dispatch as it is",
    **{
        f"TestRunner.{method}.{option}": "handed to Task.dispatch as it is"
        for method in ("execute", "dispatch")
        for option in (
            "delay", "priority", "ttl", "job_id", "concurrency_key", "concurrency_limit", "debounce", "throttle",
            "deduplicate", "raise_on_reject", "skip_validation",
        )
    },
}  # fmt: skip


def reason_for(target: str, parameter: str) -> str | None:
    """Why a parameter is not in the table."""
    return EXEMPT.get(f"{target}.{parameter}") or EXEMPT.get(target)
