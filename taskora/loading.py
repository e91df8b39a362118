"""Finding an application by its name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from taskora.app import Taskora
from taskora.errors import ConfigError


class AppLoadError(ConfigError):
    """An application cannot be loaded; the cause is the import's own error, if there is one."""


def load_app(target: str) -> Taskora:
    """Import an application.

    The working directory is put at the end of the import path, so that it never hides an installed package.

    Args:
        target: ``module:attribute``, such as ``app:taskora``.

    Raises:
        AppLoadError: There is no such module or attribute, its import fails, or it is no application.
    """
    found = load_attribute(target, "app", "app:taskora", "is it the name of your Taskora(...)?")
    if not isinstance(found, Taskora):
        raise AppLoadError(f"app: {target!r} is a {type(found).__name__}, not a Taskora(...)")
    return found


def load_attribute(target: str, what: str, example: str, hint: str) -> object:
    """Import something that the command line names; see ``load_app``.

    Args:
        target: ``module:attribute``.
        what: What it is for, as messages begin.
        example: A target as it may look.
        hint: What to look at when the module has no such attribute.
    """
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise AppLoadError(f"{what}: {target!r} is not of the form module:attribute, for example {example}")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        found: object = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and module_name.split(".")[0] == error.name.split(".")[0]:
            raise AppLoadError(f"{what}: there is no module {error.name!r}; looked in {Path.cwd()} too") from error
        raise AppLoadError(f"{what}: the import of {module_name!r} fails: {error}") from error
    except (Exception, SystemExit) as error:
        raise AppLoadError(f"{what}: the import of {module_name!r} fails: {type(error).__name__}: {error}") from error
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise AppLoadError(f"{what}: {module_name!r} has no {attribute!r}; {hint}")
        found = getattr(found, name)
    return found
