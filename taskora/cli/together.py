"""Options that mean something beside another one only."""

from __future__ import annotations

import click
from click.core import ParameterSource


def refuse_without(needed: str, given: bool, *options: str) -> None:
    """Refuse options that would have no effect, rather than ignore them.

    Args:
        needed: The option beside which they mean something, as it is written.
        given: Whether it was given.
        options: Names of the command's parameters.

    Raises:
        click.UsageError: One of them stands on the command line without it.
    """
    if given:
        return
    context = click.get_current_context()
    for option in options:
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{option} says nothing without {needed}.", context)
