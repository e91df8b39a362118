"""What one process does for all: schedules, lost jobs, retention, workflows' deadlines."""

from .cards import card_of, read_card
from .housekeeper import Housekeeper
from .pace import Pace

__all__ = ["Housekeeper", "Pace", "card_of", "read_card"]
