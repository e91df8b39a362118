"""The recipes of the documentation, each with its test."""

import asyncio
import hashlib
import hmac
import re
from dataclasses import dataclass

import orjson
import pytest

from taskora import Context, FailedEvent, Retry, Schedule, Taskora, Throttle, ValidationError
from taskora.testing import TestRunner, create_test_runner


@dataclass(frozen=True, slots=True)
class Email:
    to: str
    subject: str
    body: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", self.to):
            raise ValueError(f"not an email address: {self.to!r}")


class Mailer:
    """Stands for a provider that is down for a while."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sent: list[Email] = []

    async def send(self, email: Email) -> str:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the provider is down")
        self.sent.append(email)
        return f"message-{len(self.sent)}"


class TestEmailQueue:
    """Validation, retries, and an alert for what failed for good."""

    def make(self, mailer: Mailer, alerts: list[str]) -> Taskora:
        taskora = Taskora("redis://127.0.0.1:1")

        @taskora.task(
            "send-email",
            retry=Retry(attempts=3, backoff="exponential", delay="2s", no_retry_on=(ValidationError,)),
            timeout="15s",
        )
        async def send_email(email: Email, ctx: Context) -> str:
            ctx.log.info("sending email", to=email.to, subject=email.subject)
            return await mailer.send(email)

        @send_email.on("failed")
        async def alert(event: FailedEvent) -> None:
            if not event.will_retry:
                alerts.append(f"email permanently failed: {event.error}")

        return taskora

    def test_it_sends(self) -> None:
        mailer = Mailer(failures=2)
        taskora = self.make(mailer, [])
        with create_test_runner(from_app=taskora) as runner:
            execution = runner.execute(taskora.find_task("send-email"), Email("user@example.com", "Welcome", "Hello"))
        assert (execution.state, execution.result, execution.attempts) == ("completed", "message-1", 3)
        assert [entry.message for entry in execution.logs] == ["sending email"] * 3

    def test_an_address_that_is_none_fails_without_a_retry(self) -> None:
        alerts: list[str] = []
        taskora = self.make(Mailer(), alerts)
        with create_test_runner(from_app=taskora) as runner:
            bad = {"to": "not-an-email", "subject": "Test", "body": "Hello"}
            execution = runner.execute(taskora.find_task("send-email"), bad)
        assert (execution.state, execution.attempts) == ("failed", 1)
        assert "email" in str(execution.error)
        assert len(alerts) == 1

    def test_somebody_is_told_of_what_failed_for_good(self) -> None:
        alerts: list[str] = []
        taskora = self.make(Mailer(failures=9), alerts)
        with create_test_runner(from_app=taskora) as runner:
            runner.execute(taskora.find_task("send-email"), Email("user@example.com", "Welcome", "Hello"))
        assert alerts == ["email permanently failed: the provider is down"]


def test_image_processing_reports_its_progress(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task(
        "process-image", concurrency=2, timeout="2m", retry=Retry(attempts=2, backoff="fixed", delay="5s")
    )
    async def process_image(sizes: list[int], ctx: Context) -> list[str]:
        ctx.log.info("starting")
        paths: list[str] = []
        for done, size in enumerate(sizes, 1):
            await asyncio.sleep(20)  # what resizing takes
            paths.append(f"images/{size}.webp")
            ctx.progress(100 * done // len(sizes))
            ctx.heartbeat()
        return paths

    handle = taskora_runner.dispatch(process_image, [64, 128, 256, 512])
    taskora_runner.advance_time("45s")
    assert (handle.state(), handle.progress()) == ("active", 50)
    taskora_runner.advance_time("45s")
    assert handle.result() == ["images/64.webp", "images/128.webp", "images/256.webp", "images/512.webp"]

    execution = taskora_runner.execute(process_image, list(range(10)))
    assert (execution.state, execution.attempts) == ("failed", 1)
    assert "120 s" in str(execution.error)


def test_image_processing_stops_between_two_images_when_it_is_cancelled(taskora_runner: TestRunner) -> None:
    written: list[str] = []

    async def remove_what_is_there(sizes: list[int], ctx: Context) -> None:
        written.clear()

    @taskora_runner.app.task("process-image", on_cancel=remove_what_is_there)
    async def process_image(sizes: list[int], ctx: Context) -> list[str]:
        for size in sizes:
            if ctx.signal.aborted:
                break
            await asyncio.sleep(0.1)
            written.append(f"images/{size}.webp")
        ctx.log.info("stopped", written=len(written))
        return written

    handle = taskora_runner.dispatch(process_image, list(range(100)))
    taskora_runner.advance_time("1050ms")
    assert handle.cancel("the user went away") == "flagged"
    taskora_runner.process_all()
    assert (handle.state(), handle.info().cancel_reason) == ("cancelled", "the user went away")
    assert [entry.meta for entry in handle.logs()] == [{"written": 11}]
    assert written == []


def test_an_api_says_itself_when_to_try_again(taskora_runner: TestRunner) -> None:
    clock, called_at = taskora_runner.clock, list[int]()

    @taskora_runner.app.task(
        "stripe-api-call", concurrency=5, timeout="30s", retry=Retry(attempts=3, backoff="exponential", delay="2s")
    )
    async def call_stripe(method: str, ctx: Context) -> str:
        called_at.append(clock.now_ms() // 1000)
        if len(called_at) == 1:
            raise ctx.retry(delay="17s", reason="rate limit")
        return f"{method} done"

    execution = taskora_runner.execute(call_stripe, "customers", throttle=Throttle("stripe", max=25, window="1s"))

    assert (execution.result, execution.attempts) == ("customers done", 2)
    assert called_at[1] - called_at[0] == 17


def test_no_more_than_25_calls_a_second_are_accepted(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("stripe-api-call", concurrency=5)
    async def call_stripe(method: str) -> str:
        return method

    def accepted(calls: int) -> int:
        window = Throttle("stripe", max=25, window="1s")
        handles = [call_stripe.dispatch("customers", throttle=window) for _ in range(calls)]
        return sum(handle.enqueued is True for handle in handles)

    assert accepted(30) == 25
    assert taskora_runner.process_all() == 25
    taskora_runner.advance_time("1s")
    assert accepted(30) == 25


def test_one_charge_at_a_time_for_each_customer(taskora_runner: TestRunner) -> None:
    running: dict[str, int] = {}
    most: dict[str, int] = {}

    @taskora_runner.app.task("charge", concurrency=10)
    async def charge(customer: str) -> None:
        running[customer] = running.get(customer, 0) + 1
        most[customer] = max(most.get(customer, 0), running[customer])
        await asyncio.sleep(1)
        running[customer] -= 1

    for customer in ("a", "a", "b", "a"):
        taskora_runner.dispatch(charge, customer, concurrency_key=customer)
    taskora_runner.advance_time("3s")

    assert most == {"a": 1, "b": 1}
    assert {job.state.value for job in taskora_runner.jobs} == {"completed"}


class Http4xxError(Exception):
    """The receiver refuses; it will refuse again."""


class TestWebhookDelivery:
    """Exponential back-off over minutes, and none for what the receiver refuses."""

    def deliver(self, runner: TestRunner, statuses: list[int]) -> tuple[str, int, list[int]]:
        began_ms, delivered_at = runner.clock.now_ms(), list[int]()

        @runner.app.task(
            "deliver-webhook",
            retry=Retry(attempts=8, delay="1s", max_delay="1h", no_retry_on=(Http4xxError,), jitter=False),
            timeout="30s",
        )
        async def deliver(payload: dict[str, str], ctx: Context) -> str:
            delivered_at.append((runner.clock.now_ms() - began_ms) // 1000)
            signature = hmac.new(b"secret", orjson.dumps(payload), hashlib.sha256).hexdigest()
            status = statuses[ctx.attempt - 1]
            if 400 <= status < 500:
                raise Http4xxError(f"HTTP {status}")
            if status != 200:
                raise OSError(f"HTTP {status}")
            return signature

        execution = runner.execute(deliver, {"event": "order.created"})
        return execution.state, execution.attempts, delivered_at

    def test_it_is_tried_for_two_minutes(self, taskora_runner: TestRunner) -> None:
        state, attempts, at = self.deliver(taskora_runner, [503] * 8)
        assert (state, attempts) == ("failed", 8)
        assert at == [0, 1, 3, 7, 15, 31, 63, 127]
        (failure,) = taskora_runner.app.dead_letters.list("deliver-webhook")
        assert (failure.error, failure.attempt) == ("HTTP 503", 8)

    def test_it_arrives_when_the_receiver_is_back(self, taskora_runner: TestRunner) -> None:
        assert self.deliver(taskora_runner, [503, 502, 200])[:2] == ("completed", 3)

    def test_a_refusal_is_final(self, taskora_runner: TestRunner) -> None:
        assert self.deliver(taskora_runner, [410])[:2] == ("failed", 1)


class TestScheduledCleanup:
    """Schedules at their times; pausing and triggering them."""

    @pytest.fixture
    def cleaned(self, taskora_runner: TestRunner) -> list[str]:
        cleaned: list[str] = []

        @taskora_runner.app.task("cleanup-expired", schedule=Schedule(every="6h", on_missed="skip"), timeout="5m")
        async def cleanup_expired(data: None, ctx: Context) -> int:
            ctx.log.info("starting cleanup")
            cleaned.append(ctx.id)
            ctx.progress(100)
            return len(cleaned)

        return cleaned

    def test_it_runs_four_times_a_day(self, taskora_runner: TestRunner, cleaned: list[str]) -> None:
        taskora_runner.advance_time("1d")
        assert len(cleaned) == 4
        assert [job.result for job in taskora_runner.jobs] == [1, 2, 3, 4]

    def test_it_can_be_paused_for_maintenance(self, taskora_runner: TestRunner, cleaned: list[str]) -> None:
        taskora_runner.advance_time("6h")
        taskora_runner.app.schedules.pause("cleanup-expired")
        taskora_runner.advance_time("1d")
        assert len(cleaned) == 1
        taskora_runner.app.schedules.resume("cleanup-expired")
        taskora_runner.advance_time("6h")
        assert len(cleaned) == 2

    def test_it_can_be_run_at_once(self, taskora_runner: TestRunner, cleaned: list[str]) -> None:
        taskora_runner.process_all()  # stores the schedules that the application declares
        assert taskora_runner.app.schedules.trigger("cleanup-expired").result() == 1

    def test_its_next_run_is_known(self, taskora_runner: TestRunner, cleaned: list[str]) -> None:
        taskora_runner.process_all()
        (schedule,) = taskora_runner.app.schedules.list()
        assert (schedule.name, schedule.paused) == ("cleanup-expired", False)
        assert schedule.next_run is not None
        assert round(schedule.next_run.timestamp() * 1000) == taskora_runner.clock.now_ms() + 6 * 3_600_000

    def test_one_missed_run_is_made_up_for_after_an_outage(
        self, taskora_runner: TestRunner, cleaned: list[str]
    ) -> None:
        taskora_runner.process_all()
        taskora_runner.clock.advance(20 * 3_600_000)
        taskora_runner.process_all()
        assert len(cleaned) == 1


def test_a_health_check_alerts_and_what_failed_is_retried_once_the_cause_is_gone(taskora_runner: TestRunner) -> None:
    app, database = taskora_runner.app, {"is up": False}
    alerts: list[str] = []

    @app.task("import-row", concurrency=10)
    async def import_row(row: int) -> int:
        if not database["is up"]:
            raise ConnectionError("the database is down")
        return row

    @app.task("health-check", schedule=Schedule(every="5m"))
    async def health_check() -> None:
        stats = await app.inspect().stats_async()
        if stats.failed > 100:
            alerts.append(f"{stats.failed} failed jobs")

    import_row.dispatch_many(range(101))
    taskora_runner.advance_time("5m")
    assert alerts == ["101 failed jobs"]
    (group,) = app.dead_letters.groups()
    assert (group.task, group.error_type, group.count) == ("import-row", "ConnectionError", 101)

    database["is up"] = True
    assert app.dead_letters.retry_all() == 101
    taskora_runner.process_all()
    assert app.inspect().stats("import-row").completed == 101
