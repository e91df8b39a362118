"""The pages of a board, one module each."""

from typing import Final

from taskora.board.view import Action, View

from . import audit, dead_letters, flow, job, migrations, overview, schedules, search, task, workers, workflows

_PAGES: Final = (overview, task, job, workflows, schedules, dead_letters, workers, flow, migrations, search, audit)
VIEWS: Final[tuple[View, ...]] = tuple(view for page in _PAGES for view in page.VIEWS)
ACTIONS: Final[tuple[Action, ...]] = tuple(action for page in _PAGES for action in page.ACTIONS)
