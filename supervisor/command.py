"""`taskora-supervise`: holds signals before all else, also before most of it is imported.

The kernel drops a signal for which PID 1 has no handler: a container that is stopped while it starts would go on until
it is killed.
"""

from .signals import hold_signals


def main() -> None:
    """The console script."""
    hold_signals()
    # The master lets them in once it has handlers.
    from .options import command

    command()
