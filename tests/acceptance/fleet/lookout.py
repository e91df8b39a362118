"""The application of `harbour` with listeners, which note in the evidence what they are told."""

import json
import os

from acceptance.fleet.harbour import Settings, make_app
from taskora import CompletedEvent, FailedEvent

_settings = Settings(**json.loads(os.environ["HARBOUR"]))
_note = _settings.evidence.note
taskora = make_app(_settings)


@taskora.tasks["carry"].on("completed")
async def carried(event: CompletedEvent) -> None:
    _note("heard-completed", event.task, event.result, event.id, event.attempt)


@taskora.on("task:failed")
def failed(event: FailedEvent) -> None:
    _note("heard-retry" if event.will_retry else "heard-failed", event.task, 0, event.id, event.attempt)


@taskora.on("worker:ready")
def ready() -> None:
    _note("heard-ready", "-", 0, "-", 0)


@taskora.on("worker:closing")
def closing() -> None:
    _note("heard-closing", "-", 0, "-", 0)
