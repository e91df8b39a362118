"""What programs are told has at least the members that the dashboard of TypeScript tells, with their types."""

from typing import Any, cast

import httpx
import pytest

from integration.board.town import Town
from integration.board.visitor import JSON, ORIGIN, visiting, visiting_alone
from integration.engine.kit import PATIENCE_S
from support import wait_until_async
from taskora import Taskora
from taskora.board import Role, SessionLogin, User

# A shape is a type, a dictionary of shapes, a list of one shape for each element, or several shapes of which one fits.
Shape = Any
TEXT_OR_NONE: Shape = (str, None)
NUMBER_OR_NONE: Shape = (int, None)
STATS: Shape = dict.fromkeys(("waiting", "active", "delayed", "completed", "failed", "expired", "cancelled"), int)
JOB: Shape = {
    "id": str, "task": str, "state": str, "result": object, "error": TEXT_OR_NONE, "progress": object,
    "attempt": int, "version": int, "logs": [{"level": str, "message": str, "timestamp": int}],
    "timestamps": {"created": int, "processed": NUMBER_OR_NONE, "finished": NUMBER_OR_NONE},
    "timeline": [{"state": str, "at": int}], "workflow": ({"id": str, "nodeIndex": int}, None),
}  # fmt: skip
CONFIG: Shape = {
    "concurrency": int, "timeout": NUMBER_OR_NONE, "retry": ({"attempts": int, "backoff": str}, None),
    "version": int, "since": int,
}  # fmt: skip
SERVER: Shape = {
    "version": str, "usedMemory": str, "usedMemoryBytes": int, "peakMemory": str, "uptime": int, "connected": bool,
    "dbSize": int, "connectedClients": int,
}  # fmt: skip
VERSIONS: Shape = {"oldest": NUMBER_OR_NONE, "byVersion": dict}
DONE: Shape = {"ok": bool, "count": int}

READ: dict[str, Shape] = {
    "overview": {
        "tasks": [{"name": str, "stats": STATS, "config": CONFIG}], "totals": STATS, "redis": SERVER, "uptime": int,
    },
    "config": {
        "title": str, "logo": TEXT_OR_NONE, "favicon": TEXT_OR_NONE, "theme": str, "readOnly": bool,
        "refreshInterval": int, "authEnabled": bool,
    },
    "tasks/mail.send/jobs?state=completed": [JOB],
    "tasks/mail.send/jobs?state=delayed": [JOB],
    "tasks/mail.gate/jobs?state=active": [JOB],
    "tasks/mail.fail/jobs?state=failed": [JOB],
    "tasks/mail.send/stats": {**STATS, "keyCount": int, "memoryBytes": int},
    "tasks/mail.send/migrations": {
        "version": int, "since": int, "migrations": int, "queue": VERSIONS, "delayed": VERSIONS, "canBumpSince": int,
    },
    "jobs/{completed}": JOB,
    "jobs/{failed}": JOB,
    "jobs/{cancelled}": JOB,
    "schedules": [{
        "name": str, "config": {"task": str, "every": int, "timezone": str, "onMissed": str, "overlap": bool},
        "nextRun": NUMBER_OR_NONE, "lastRun": NUMBER_OR_NONE, "lastJobId": TEXT_OR_NONE, "paused": bool,
    }],
    "workflows": [{
        "id": str, "state": str, "createdAt": int, "nodeCount": int, "name": TEXT_OR_NONE, "tasks": [str],
    }],
    "workflows/{workflow}": {
        "id": str, "state": str, "createdAt": int, "graph": {"nodes": [{"taskName": str, "deps": list, "jobId": str}]},
        "nodes": [{"index": int, "state": str, "result": TEXT_OR_NONE, "error": TEXT_OR_NONE, "jobId": str}],
        "result": TEXT_OR_NONE, "error": TEXT_OR_NONE,
    },
    "dlq": [JOB],
    "dlq?task=mail.fail": [JOB],
    "throughput": [{"timestamp": int, "completed": int, "failed": int, "cancelled": int, "expired": int}],
    "throughput?task=mail.send&bucket=3600000&count=2": [
        {"timestamp": int, "completed": int, "failed": int, "cancelled": int, "expired": int}
    ],
}  # fmt: skip

# Method and path; the body; the answer.
ACT: dict[tuple[str, str], tuple[dict[str, Any], Shape]] = {
    ("POST", "tasks/mail.fail/retry-all"): ({}, DONE),
    ("POST", "tasks/mail.send/clean"): ({}, DONE),
    ("POST", "jobs/{failed}/retry"): ({}, DONE),
    ("POST", "dlq/{failed}/retry"): ({}, DONE),
    ("POST", "jobs/{delayed}/cancel"): ({"reason": "late"}, {"ok": bool, "result": str}),
    ("POST", "schedules/nightly/pause"): ({}, {"ok": bool}),
    ("POST", "schedules/nightly/resume"): ({}, {"ok": bool}),
    ("POST", "schedules/nightly/trigger"): ({}, {"ok": bool, "jobId": str}),
    ("PUT", "schedules/nightly"): ({"every": 60_000, "onMissed": "catch-up", "overlap": True}, {"ok": bool}),
    ("DELETE", "schedules/nightly"): ({}, {"ok": bool}),
    ("POST", "dlq/retry-all"): ({}, DONE),
}


def misfits(value: Any, shape: Shape, at: str = "$") -> list[str]:
    """Where a value is not as the shape says."""
    kind: str = type(shape).__name__
    if shape is None:
        return [] if value is None else [f"{at} is not null"]
    if kind == "tuple":
        tried = [misfits(value, each, at) for each in shape]
        return [] if any(not each for each in tried) else tried[0]
    if kind == "dict":
        return _member_misfits(value, shape, at)
    if kind == "list":
        if not issubclass(type(value), list):
            return [f"{at} is no list"]
        return [each for place, item in enumerate(value) for each in misfits(item, shape[0], f"{at}[{place}]")]
    fits = isinstance(value, shape) and not (shape is int and isinstance(value, bool))
    return [] if fits else [f"{at} is {type(value).__name__}, not {shape.__name__}"]


def _member_misfits(value: Any, shape: dict[str, Shape], at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at} is no object"]
    found = [f"{at}.{name} is missing" for name in shape if name not in value]
    for name in shape.keys() & cast("dict[str, Any]", value).keys():
        found += misfits(value[name], shape[name], f"{at}.{name}")
    return found


def path_of(town: Town, path: str) -> str:
    return path.format_map({"workflow": town.workflow, **{kind: job_id for kind, (_, job_id) in town.jobs.items()}})


async def test_each_answer_has_the_members_of_the_original(town: Town) -> None:
    async with visiting(town.app) as visitor:
        for path, shape in READ.items():
            told = await visitor.json(path_of(town, path))
            assert misfits(told, shape) == [], path
            assert told != [], path


@pytest.mark.parametrize("what", ACT, ids=" ".join)
async def test_each_act_is_done_and_answered_as_by_the_original(town: Town, what: tuple[str, str]) -> None:
    body, shape = ACT[what]
    async with visiting(town.app) as visitor:
        told = await visitor.call(what[0], path_of(town, what[1]), **body)
        assert misfits(told, shape) == []
        assert told["ok"] is True
        (entry,) = await town.app.inspect().audit_async()
        assert (entry.who, entry.outcome) == ("anonymous", "done")


async def test_values_are_those_that_are_stored(town: Town) -> None:
    async with visiting(town.app) as visitor:
        job = await visitor.json(f"jobs/{town.jobs['completed'][1]}")
        assert (job["task"], job["state"], job["data"]) == ("mail.send", "completed", {"user_id": 7, "note": "hello"})
        assert job["logs"][0]["message"] == "it rained"
        assert [each["state"] for each in job["timeline"]] == ["waiting", "active", "completed"]
        assert job["timestamps"]["created"] <= job["timestamps"]["processed"] <= job["timestamps"]["finished"]
        overview = await visitor.json("overview")
        assert overview["totals"]["failed"] == 2
        counts = {task["name"]: task["stats"] for task in overview["tasks"]}
        assert (counts["mail.send"]["delayed"], counts["mail.gate"]["active"]) == (1, 1)
        assert len(await visitor.json("tasks/mail.fail/jobs?state=failed&limit=1")) == 1
        assert await visitor.json("tasks/mail.fail/jobs?state=failed&offset=2") == []
        assert await visitor.json("tasks/mail.send/jobs?state=nonsense") == []  # as those that wait
        (flow,) = await visitor.json("workflows?state=failed")
        assert flow["tasks"] == ["mail.send", "mail.fail"]
        assert await visitor.json("workflows?state=completed") == []
        throughput = await visitor.json("throughput?count=3")
        assert sum(each["failed"] for each in throughput) >= 1
        assert sum(each["cancelled"] for each in throughput) == 1
        assert [each["timestamp"] for each in throughput] == sorted(each["timestamp"] for each in throughput)


async def test_a_schedule_is_changed_by_a_program(town: Town) -> None:
    async with visiting(town.app) as visitor:
        await visitor.call(
            "PUT", "schedules/nightly", every=90_000, onMissed="catch-up", overlap=True, data={"user_id": 1}
        )
        (schedule,) = await visitor.json("schedules")
        told = schedule["config"]
        assert (told["every"], told["onMissed"], told["overlap"], told["data"]) == (
            90_000,
            "catch-up",
            True,
            {"user_id": 1},
        )
        await visitor.call("PUT", "schedules/nightly", cron="0 4 * * *", timezone="Europe/Berlin", every=None)
        (schedule,) = await visitor.json("schedules")
        assert (schedule["config"]["cron"], schedule["config"]["timezone"]) == ("0 4 * * *", "Europe/Berlin")
        await visitor.call("PUT", "schedules/nightly", 400, cron="never")


async def test_a_job_that_has_ended_is_not_cancellable_and_one_without_a_reason_is(town: Town) -> None:
    async with visiting(town.app) as visitor:
        told = await visitor.call("POST", f"jobs/{town.jobs['completed'][1]}/cancel", reason=None)
        assert (told["ok"], told["result"]) == (True, "not_cancellable")
        told = await visitor.call("POST", f"jobs/{town.jobs['delayed'][1]}/cancel", reason=None)
        assert told["result"] == "cancelled"
        assert (await visitor.json(f"jobs/{town.jobs['delayed'][1]}"))["cancelReason"] in ("", None)


async def test_ended_jobs_are_removed_up_to_a_time(town: Town) -> None:
    async with visiting(town.app) as visitor:
        assert (await visitor.call("POST", "tasks/mail.fail/clean?state=failed&before=1000"))["count"] == 0
        assert (await visitor.call("POST", "tasks/mail.fail/clean?state=failed"))["count"] == 2
        assert (await visitor.call("POST", "tasks/mail.fail/clean"))["count"] == 0
        await visitor.call("POST", "tasks/mail.fail/clean?state=active", 400)


async def test_names_may_have_slashes_in_them(app: Taskora) -> None:
    task = app.task("a/b/jobs", _echo)
    async with visiting_alone(app) as visitor:
        handle = await task.dispatch(1, job_id="x/retry")
        assert (await visitor.json("tasks/a/b/jobs/stats"))["waiting"] == 1
        assert [job["id"] for job in await visitor.json("tasks/a%2Fb%2Fjobs/jobs")] == ["x/retry"]
        assert (await visitor.json(f"jobs/{handle.id}"))["task"] == "a/b/jobs"
        assert (await visitor.call("POST", f"jobs/{handle.id}/cancel"))["result"] == "cancelled"
        await visitor.page("job?task=a/b/jobs&id=x/retry")


async def _echo(n: int) -> int:
    return n


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "nowhere", 404, "Not found"),
        ("GET", "", 404, "no page"),
        ("GET", "jobs/nobody", 404, "Job not found"),
        ("GET", "workflows/nobody", 404, "Workflow not found"),
        ("GET", "tasks/nobody/migrations", 404, "Task not found"),
        ("GET", "tasks/{x}/jobs", 400, "{x}"),
        ("GET", "tasks/mail.send/jobs?limit=1001", 400, "limit"),
        ("GET", "throughput?bucket=1", 400, "bucket"),
        ("GET", "throughput?count=100000", 400, "count"),
        ("GET", "workflows?state=asleep", 400, "state"),
        ("POST", "jobs/nobody/retry", 404, "nobody"),
        ("POST", "jobs/nobody/cancel", 404, "nobody"),
        ("POST", "schedules/nobody/pause", 404, "nobody"),
        ("DELETE", "schedules/nobody", 404, "nobody"),
        ("POST", "workflows/nobody/cancel", 404, "nobody"),
        ("POST", "overview", 404, "Not found"),
        ("POST", "tasks/nobody/retry-all", 404, "nobody"),
    ],
)
async def test_an_error_is_an_object_that_says_what_is_wrong(
    town: Town, method: str, path: str, status: int, says: str
) -> None:
    async with visiting(town.app) as visitor:
        told = (await visitor.ask(method, f"api/{path}", status)).json()
        assert says in told["error"]
        assert told["ok"] is False


async def test_a_program_that_has_not_signed_in_is_told_so(town: Town) -> None:
    login = SessionLogin("k" * 32, lambda name, password: User(name, Role.READ) if password == "right" else None)
    async with visiting(town.app, auth=login) as visitor:
        for path in town.reads():
            assert (await visitor.get(f"api/{path}", 401)).json() == {"error": "Unauthorized"}
        for path in (*town.pages(), "live?watch=*"):
            await visitor.get(path, 303)
        for method, path in ACT:
            await visitor.call(method, path_of(town, path), 401)
        signed = await visitor.send("auth/login", 303, username="ada", password="right")
        assert signed.headers["location"] == "/board/"
        assert (await visitor.json("config"))["authEnabled"] is True
        told = await visitor.ask("POST", f"api/jobs/{town.jobs['failed'][1]}/retry", 403, headers={"Origin": ORIGIN})
        assert "needs the role operate" in told.json()["error"]
        await visitor.ask("POST", f"api/jobs/{town.jobs['failed'][1]}/retry", 403)  # a session without an origin
        await visitor.send("auth/logout", 303)
        await visitor.get("api/overview", 401)


async def test_a_board_that_is_read_only_tells_programs_so(town: Town) -> None:
    async with visiting(town.app, read_only=True) as visitor:
        for method, path in ACT:
            told = await visitor.call(method, path_of(town, path), 403)
            assert told["error"] == "Board is in read-only mode"
        assert (await visitor.json("config"))["readOnly"] is True


async def test_other_origins_read_and_act_when_they_are_listed(town: Town) -> None:
    ops, evil = "https://ops.test", "https://evil.test"
    async with visiting(town.app, cors=[ops]) as visitor:
        answer = await visitor.get("api/overview", Origin=ops)
        assert answer.headers["access-control-allow-origin"] == ops
        assert "access-control-allow-origin" not in (await visitor.get("api/overview", Origin=evil)).headers
        at = f"api/jobs/{town.jobs['failed'][1]}/retry"
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        answer = await visitor.ask("OPTIONS", at, 204, headers={"Origin": ops, **asked})
        assert "POST" in answer.headers["access-control-allow-methods"]
        await visitor.ask("OPTIONS", at, 403, headers={"Origin": evil, **asked})
        await visitor.ask("POST", at, 403, headers={"Origin": evil, **JSON})
        await visitor.ask("POST", at, 200, headers={"Origin": ops, **JSON})


async def test_anybody_may_read_where_any_origin_is_listed(town: Town) -> None:
    async with visiting(town.app, cors=["*"]) as visitor:
        answer = await visitor.get("api/overview", Origin="https://any.test")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_formatter_decides_what_is_shown_and_one_that_fails_shows_nothing_of_the_value(town: Town) -> None:
    def upper(value: object, task: str) -> object:
        if task == "mail.fail":
            raise ValueError(task)
        return {"formatted": str(value).upper(), "password": "x"}

    def named(value: object, task: str) -> object:
        return [task]

    async with visiting(town.app, formatters={"data": upper, "result": named}) as visitor:
        job = await visitor.json(f"jobs/{town.jobs['completed'][1]}")
        assert job["data"] == {"formatted": "{'USER_ID': 7, 'NOTE': 'HELLO'}", "password": "[REDACTED]"}
        assert job["result"] == ["mail.send"]
        assert "HELLO" in (await visitor.page(f"job?{town.job('completed')}")).text
        failed = await visitor.json(f"jobs/{town.jobs['failed'][1]}")
        assert failed["data"] == "(not shown: its formatter raised ValueError)"
        assert failed["error"]
        assert (await visitor.get(f"job/raw?{town.job('completed')}")).json()["formatted"]


async def test_the_answer_is_read_by_an_ordinary_client(town: Town) -> None:
    async with visiting(town.app) as visitor:

        async def counted() -> bool:
            answer: httpx.Response = await visitor.get("api/overview")
            return bool(answer.json()["totals"]["active"] == 1)

        await wait_until_async(counted, PATIENCE_S)


async def test_a_list_says_nothing_of_what_it_does_not_read(town: Town) -> None:
    async with visiting(town.app) as visitor:
        (listed,) = [job for job in await visitor.json("dlq?task=mail.fail") if job["id"] == town.jobs["failed"][1]]
        (running,) = await visitor.json("tasks/mail.gate/jobs?state=active")
        alone, at_work = [await visitor.json(f"jobs/{town.jobs[kind][1]}") for kind in ("failed", "active")]
    assert [past["reason"] for past in alone["pastAttempts"]] == ["error"]
    assert at_work["owner"]
    assert not {"pastAttempts", "owner"} & (listed.keys() | running.keys())
