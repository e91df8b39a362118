"""A dashboard of what an application's jobs do, and the means to act on them. Needs the extra ``board``."""

from taskora.board.access.login import AuthCallable, SessionLogin
from taskora.board.access.roles import Role, User
from taskora.board.board import Board, create_board
from taskora.board.settings import Formatter, Theme

__all__ = ["AuthCallable", "Board", "Formatter", "Role", "SessionLogin", "Theme", "User", "create_board"]
