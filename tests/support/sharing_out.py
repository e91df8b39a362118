"""Which tests one process of a distributed run gets together."""

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # no types

# Their tests share what is slow to start, or a folder. Every other test goes to whoever is free.
TOGETHER = ("tests/acceptance/cli/test_commands.py", "tests/acceptance/test_packaging.py", "tests/typing/")

# One test of these takes as long as hundreds of others: begun last, the run would wait for them.
LONGEST = ("tests/conformance/test_differential.py", "tests/faults/test_storm.py")


class SharingOut(LoadScopeScheduling):  # type: ignore[misc]  # its base has no types
    """Hands out single tests, in order, but those of `TOGETHER` in one piece, the largest first.

    The marker `xdist_group` would say the same, but is without effect, and silently, from pytest 9.2 on (xdist 3.8).
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((start for start in TOGETHER if nodeid.startswith(start)), nodeid)
