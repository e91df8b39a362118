"""A worker: claims jobs, runs them, settles them. It knows neither the application nor the supervisor."""

from .host import Alone, Host
from .leases import answer_limit_s
from .worker import Worker, WorkerSettings, worker_identity

__all__ = ["Alone", "Host", "Worker", "WorkerSettings", "answer_limit_s", "worker_identity"]
