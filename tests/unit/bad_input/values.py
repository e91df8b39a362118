"""What somebody may pass by mistake, by what is wanted."""

from datetime import timedelta

NAN = float("nan")
INF = float("inf")
HALF_A_PAIR = "half \ud800"  # a lone surrogate: no encoding can write it
LONG = "x" * 10_000
HUGE = 10**400  # beyond a double; 10**5000 is beyond what Python writes out
BEYOND_WRITING = 10**5000


class Nothing:
    """An object of no use to anybody."""


class Unprintable:
    """An object whose repr raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


NOT_TEXTS: tuple[object, ...] = (5, b"bytes", True, [], {}, Nothing(), Unprintable())
NOT_DURATIONS: tuple[object, ...] = (
    -1, -0.001, NAN, INF, -INF, True, False, "soon", "", "-5s", "5 parsecs", "1e3", "٣s", "5s\0", HALF_A_PAIR, LONG,
    b"5s",     timedelta(seconds=-1), timedelta.max, HUGE, BEYOND_WRITING, [], {}, Nothing(), Unprintable(), 5j,
)  # fmt: skip
NOT_COUNTS: tuple[object, ...] = (
    -1, True, False, 1.0, 1.5, NAN, INF, "3", b"3", HUGE, BEYOND_WRITING, [], {}, Nothing(), Unprintable(),
)  # fmt: skip
NOT_FLAGS: tuple[object, ...] = (0, 1, "yes", "", None, [], NAN, Nothing(), Unprintable())
NOT_NAMES: tuple[object, ...] = (
    *NOT_TEXTS, "", " ", "a b", "a:b", "{a}", "a*", "a?", "[a]", "a\n", "\na", "a\0b", "-a", "é", HALF_A_PAIR, LONG,
)  # fmt: skip
NOT_IDS: tuple[object, ...] = (
    *NOT_TEXTS, "", " ", "a b", "a:b", "{a}", "a*", "a?", "[a]", "a\n", "\na", "a\0b", "a\x7f", HALF_A_PAIR, LONG,
)  # fmt: skip
RESERVED_IDS: tuple[object, ...] = ("wait", "active", "events", "marker", "holders")
NOT_KEYS: tuple[object, ...] = (*NOT_TEXTS, "", HALF_A_PAIR, LONG)


def takes_nothing() -> None:
    """A function of no use where something is passed."""


def takes_five(a: object, b: object, c: object, d: object, e: object) -> None:
    """Likewise, with too many parameters."""


def generates(data: object, ctx: object = None) -> object:
    """A function that never runs when it is called."""
    yield data


async def generates_async(data: object, ctx: object = None) -> object:
    yield data


NOT_CALLABLES: tuple[object, ...] = (5, "f", b"f", True, [], {}, Nothing(), Unprintable())
NOT_FUNCTIONS: tuple[object, ...] = (*NOT_CALLABLES, takes_nothing, takes_five, generates, generates_async)
