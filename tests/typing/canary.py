"""One error that every type checker must report, wherever this file lies; a checker that does not was not looking."""

CANARY: int = "not a number"
