"""What programs are told, in the shapes of the dashboard of TypeScript; members of our own stand beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

import orjson

from taskora.board.visit import Visit
from taskora.config import TaskOptions
from taskora.inspector import ServerFacts, Throughput
from taskora.migration import MigrationStatus
from taskora.model import JobInfo, PastAttempt, QueueStats, ScheduleInfo
from taskora.workflow_model import WorkflowRecord, WorkflowSummary


def ms(at: datetime | None) -> int | None:
    """Write a time as epoch milliseconds."""
    return None if at is None else round(at.timestamp() * 1000)


def stats_shape(stats: QueueStats) -> dict[str, int]:
    """Write counts; the delayed include those that retry, as they are stored together."""
    return asdict(stats)


def job_shape(visit: Visit, job: JobInfo, *, whole: bool = False) -> dict[str, object]:
    """Write a job as it may be shown; what lists do not read of it is told of a ``whole`` one alone."""
    safe = visit.desk.shown.job(job)
    shape: dict[str, object] = {
        "id": job.id,
        "task": job.task,
        "state": job.state.value,
        "result": safe.result,
        "error": safe.error,
        "progress": safe.progress,
        "attempt": job.attempt,
        "version": job.version,
        "logs": [
            {"level": log.level, "message": log.message, "timestamp": ms(log.timestamp)}
            | ({} if log.meta is None else {"meta": log.meta})
            for log in safe.logs
        ],
        "timestamps": {
            "created": ms(job.timestamp),
            "processed": ms(job.processed_on),
            "finished": ms(job.finished_on),
        },
        "timeline": [{"state": state, "at": ms(at)} for state, at in job.timeline],
        "workflow": None if job.workflow_id is None else {"id": job.workflow_id, "nodeIndex": job.node},
        "errorType": job.error_type,
        "traceback": safe.traceback,
        "cancelReason": safe.cancel_reason,
        "priority": job.priority,
        "expireAt": ms(job.expires_at),
        "stalledCount": job.stalls,
        "crashes": job.crashes,
        "crashCause": job.crash_cause,
    }
    if whole:
        shape["owner"] = job.owner
        shape["pastAttempts"] = [_past_shape(attempt) for attempt in safe.past_attempts]
    if job.data is not None:
        shape["data"] = safe.data
    return shape


def _past_shape(attempt: PastAttempt) -> dict[str, object]:
    return {
        "number": attempt.number,
        "reason": attempt.reason,
        "processed": ms(attempt.processed_on),
        "finished": ms(attempt.finished_on),
        "worker": attempt.worker,
        "errorType": attempt.error_type,
        "error": attempt.error,
        "cut": attempt.cut,
        "cause": attempt.cause,
        "followedBy": attempt.followed_by,
        "retryAt": ms(attempt.retry_at),
    }


def config_shape(options: TaskOptions | None) -> dict[str, object]:
    """Write a task's options; those of a task that nobody has told of are the defaults."""
    options = options or TaskOptions()
    backoff = options.retry.backoff
    return {
        "concurrency": options.concurrency,
        "timeout": None if options.timeout_s is None else round(options.timeout_s * 1000),
        "retry": {"attempts": options.retry.attempts, "backoff": backoff if isinstance(backoff, str) else "custom"},
        "version": options.version,
        "since": options.since,
    }


def server_shape(server: ServerFacts) -> dict[str, object]:
    """Write the condition of the server."""
    return {
        "version": server.version,
        "usedMemory": f"{server.used_memory / 1024 / 1024:.2f}M",
        "usedMemoryBytes": server.used_memory,
        "peakMemory": f"{server.peak_memory / 1024 / 1024:.2f}M",
        "uptime": server.uptime_s,
        "connected": True,
        "dbSize": server.keys,
        "connectedClients": server.clients,
        "flavor": server.flavor,
        "mode": server.mode,
    }


def migration_shape(status: MigrationStatus) -> dict[str, object]:
    """Write payload versions under way."""

    def side(*counts: Mapping[int, int]) -> dict[str, object]:
        total: dict[int, int] = {}
        for one in counts:
            for version, count in one.items():
                total[version] = total.get(version, 0) + count
        return {
            "oldest": min(total, default=None),
            "byVersion": {str(version): total[version] for version in sorted(total)},
        }

    return {
        "version": status.version,
        "since": status.since,
        "migrations": max(0, status.version - status.since),
        "queue": side(status.waiting, status.active),
        "delayed": side(status.delayed),
        "canBumpSince": status.can_bump_since,
        "complete": status.complete,
    }


def schedule_shape(visit: Visit, schedule: ScheduleInfo) -> dict[str, object]:
    """Write a schedule."""
    config: dict[str, object] = {
        "task": schedule.task,
        "timezone": schedule.timezone,
        "onMissed": schedule.on_missed,
        "overlap": schedule.overlap,
        "data": visit.desk.shown.data(schedule.data, schedule.task),
        "lastRun": ms(schedule.last_run),
        "lastJobId": schedule.last_job_id,
    }
    if schedule.every is not None:
        config["every"] = round(schedule.every * 1000)
    if schedule.cron is not None:
        config["cron"] = schedule.cron
    return {
        "name": schedule.name,
        "config": config,
        "nextRun": ms(schedule.next_run),
        "lastRun": ms(schedule.last_run),
        "lastJobId": schedule.last_job_id,
        "paused": schedule.paused,
    }


def summary_shape(summary: WorkflowSummary, record: WorkflowRecord | None) -> dict[str, object]:
    """Write a workflow of a list; without its record, as one of which the tasks are not told."""
    return {
        "id": summary.id,
        "state": summary.state,
        "createdAt": ms(summary.created_at),
        "nodeCount": summary.node_count,
        "name": summary.name or None,
        "tasks": [] if record is None else list(dict.fromkeys(node.task for node in record.nodes)),
    }


def workflow_shape(visit: Visit, record: WorkflowRecord) -> dict[str, object]:
    """Write a workflow with its graph and its nodes."""
    safe = visit.desk.shown.workflow(record)
    return {
        "id": record.id,
        "state": record.state,
        "createdAt": ms(record.created_at),
        "name": record.name or None,
        "graph": {
            "nodes": [
                {"taskName": node.task, "deps": node.deps, "jobId": node.job_id}
                | ({} if node.data is None else {"data": _stored(node.data)})
                for node in safe.nodes
            ],
            "terminal": record.terminal,
            "name": record.name,
        },
        "nodes": [
            {
                "index": node.index,
                "state": node.state,
                "result": _stored(node.result),
                "error": node.error,
                "jobId": node.job_id,
            }
            for node in safe.nodes
        ],
        "result": _stored(safe.result),
        "error": safe.error,
    }


def throughput_shape(found: list[Throughput]) -> list[dict[str, object]]:
    """Write what ended, the oldest first."""
    return [
        {
            "timestamp": ms(one.at),
            "completed": one.completed,
            "failed": one.failed,
            "cancelled": one.cancelled,
            "expired": one.expired,
        }
        for one in found
    ]


def write(value: object) -> bytes:
    """Write JSON; what JSON does not know, as its representation."""
    return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS)


def _stored(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
