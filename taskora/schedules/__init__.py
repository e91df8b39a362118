"""Schedules: when a task is dispatched by itself, and how that is looked at and changed."""

from .management import Schedules
from .record import check_schedule

__all__ = ["Schedules", "check_schedule"]
