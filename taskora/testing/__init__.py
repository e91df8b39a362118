"""Testing applications without a server and without sleeping: in memory, by a clock that the test moves."""

from .records import Execution, WorkflowStep
from .runner import TestRunner, create_test_runner

__all__ = ["Execution", "TestRunner", "WorkflowStep", "create_test_runner"]
