"""Wrong values for what a board is told."""

from unit.bad_input.case import Wrong
from unit.bad_input.table_settings import FLAG, Table
from unit.bad_input.values import (
    HALF_A_PAIR,
    LONG,
    NOT_CALLABLES,
    NOT_COUNTS,
    NOT_DURATIONS,
    NOT_TEXTS,
    Nothing,
    Unprintable,
    takes_five,
    takes_nothing,
)

NOT_PATHS: tuple[object, ...] = (
    *NOT_TEXTS, None, "board", "/", "/board/", "//board", "/a//b", "/a b", "/a?b", "/a#b", "/a%20b", "/..", "/a/../b",
    "/board\n", "/b\\oard", "/é", HALF_A_PAIR, LONG,
)  # fmt: skip
NOT_LISTS: tuple[object, ...] = ("ssn", 5, None, {}, {"a"}, Nothing(), Unprintable())
NOT_ORIGINS: tuple[object, ...] = (
    "ops.test", "https://ops.test/", "https://ops.test/path", "ftp://ops.test", "https://", "", "null", "https://a b",
    5, None, "https://*", HALF_A_PAIR,
)  # fmt: skip
NOT_FUNCTIONS: tuple[object, ...] = (*NOT_CALLABLES, takes_nothing, takes_five)

BOARD: Table = {
    "create_board": {
        "app": (Wrong((None, 5, "redis://localhost", {}, Nothing(), Unprintable())),),
        "base_path": (Wrong(NOT_PATHS),),
        "auth": (Wrong(NOT_FUNCTIONS),),
        "read_only": FLAG,
        "title": (Wrong((*NOT_TEXTS, None, HALF_A_PAIR, LONG)),),
        "logo": (Wrong((*NOT_TEXTS, HALF_A_PAIR, "ftp://cdn.test/x.png", "https://a b/x", "//[x", "//a;b/x")),),
        "favicon": (Wrong((*NOT_TEXTS, HALF_A_PAIR, "javascript://x/", "https://a b/x")),),
        "theme": (Wrong((*NOT_TEXTS, None, "", "pink", "Dark", LONG)),),
        "refresh_interval": (Wrong((*NOT_DURATIONS, None, 0, 0.2, "100ms")),),
        "redact": (
            Wrong(NOT_LISTS),
            Wrong(((5,), ("",), ("--",), (None,), (b"ssn",)), named=False),
        ),
        "cors": (Wrong(NOT_LISTS), Wrong(tuple([origin] for origin in NOT_ORIGINS), named=False)),
        "formatters": (
            Wrong(("data", 5, [], Nothing(), Unprintable())),
            Wrong(tuple({"data": given} for given in NOT_FUNCTIONS), named=False),
            Wrong(({"payload": str}, {5: str}), named=False),
        ),
    },
    "SessionLogin": {
        "cookie_password": (Wrong((*NOT_TEXTS, None, "", "short", "x" * 31), named=False),),
        "authenticate": (Wrong((*NOT_FUNCTIONS, None)),),
        "cookie_name": (Wrong((*NOT_TEXTS, None, "", "a b", "a;b", "a=b", "é", "__Host-board", HALF_A_PAIR)),),
        "ttl": (Wrong((*NOT_DURATIONS, 0, 0.5)),),
    },
    "User": {
        "name": (Wrong((*NOT_TEXTS, None, HALF_A_PAIR)),),
        "role": (Wrong((*NOT_TEXTS, None, "operate", "boss")),),
    },
    "Board.listen": {
        "port": (Wrong((*NOT_COUNTS, 65_536)),),
        "host": (
            Wrong((*NOT_TEXTS, None)),
            Wrong(("0.0.0.0", "::", "example.test"), says=("host", "auth"), named=False),
            Wrong(("127.0.0.999", "no such host", "", HALF_A_PAIR), says=("host",), named=False),
        ),
        "unprotected": FLAG,
    },
}
