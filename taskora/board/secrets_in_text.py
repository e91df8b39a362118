"""Secrets in texts that people and libraries wrote: messages, tracebacks, lines of a log.

Nothing here looks at a character more than a few times, whatever the text: patterns never go back (their repetitions
are possessive), and looking for the end of a bracket has a budget.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "[REDACTED]"

_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_HEADERS: Final = ("authorization", "proxyauthorization", "cookie", "setcookie")

# A name, and what may stand between it and its value: `"name": "`, `name=`, `['name'] = b'`, `\"name\":\"`.
_SEPARATOR: Final = r"""(?:\\{0,3}["'])?+\]?+[ \t]*+(?:=>|:=|==?|:(?!:))[ \t]*+"""
_OPENING: Final = r"""(?:[bruf]{0,2}(?:\"\"\"|'''|\\?["']))?+"""

# What a value is, by how it begins. Quoted ones end at their quote or, for want of it, with the line.
_QUOTED: Final = r"""
      (?<=\"\"\")(?:(?!\"\"\").)++
    | (?<=''')(?:(?!''').)++
    | (?<=\\")(?:[^"\\\n]++|\\\\(?:\\.|[^\\"])|\\[^"\\])++
    | (?<=\\')(?:[^'\\\n]++|\\\\(?:\\.|[^\\'])|\\[^'\\])++
    | (?<=")(?:[^"\\\n]++|\\.)++
    | (?<=')(?:[^'\\\n]++|\\.)++
    | (?=[\[{])
"""
# Bare ones end with a space, and before what closes something or begins another `name=value`.
_BARE: Final = r"""(?:
      [^\s,;&"'()\[\]{}<>]++
    | ["'()\[\]{}<>]++(?=[^\s,;&"'()\[\]{}<>])
    | [,;&]++(?!["']?[\w.%-]++["']?[ \t]*+[:=])(?=[^\s,;&"'()\[\]{}<>])
)++"""
# Those of headers have parts: `Bearer abc`, `a=b; c=d`, `Digest user="me", realm="here"`.
_PARTS: Final = rf"""
    (?:[a-z][\w-]*+[ \t]++(?=[^\s]))?+ {_BARE}
    (?:["']?(?:;[ \t]*+|,[ \t]*+(?=[\w-]++=)){_BARE})*+
"""

_URL = re.compile(
    r"""(://[^\s/?#:@"'<>\[\]]*+:)(?!\d{1,5}(?:[/?#\s]|\Z))(?:[^\s@/"'<>]++|/(?!/))*+@(?:[^\s@/?#"'<>]*+@)*+"""
)
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")
_KEY_END = re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY-----")
_BRACKETS = re.compile(r"""\\.|"(?:[^"\\]++|\\.)*+(?:"|\Z)|(?<!\w)'(?:[^'\\]++|\\.)*+(?:'|\Z)|[\[\]{}]""", re.DOTALL)
_MOST_BRACKETS: Final = 20_000
_MOST_LOOKS: Final = 8


def plain_name(name: str) -> str:
    """Return a name as names are compared: small letters, without ``-`` and ``_``."""
    return name.casefold().replace("-", "").replace("_", "")


class SecretText:
    """Masks secrets in texts.

    Args:
        names: What secrets are called, as ``plain_name`` writes them.
    """

    def __init__(self, names: Iterable[str]) -> None:
        ordered = sorted(names, key=len, reverse=True)
        headers = [name for name in ordered if name in _HEADERS]
        others = [name for name in ordered if name not in _HEADERS]
        # Group 1 is what stays, group 2 says that it is a header.
        named = "|".join((*(f"({_spelled(headers)})" for _ in headers[:1]), _spelled(others)))
        bare = rf"(?(2)(?:{_PARTS})|{_BARE})" if headers else _BARE
        self._named = re.compile(
            rf"((?<![\w-])[-_]*+(?:{named})[-_]*+(?!\w){_SEPARATOR}{_OPENING})(?:{_QUOTED}|{bare})",
            re.VERBOSE | re.DOTALL,
        )

    def mask(self, text: str) -> str:
        """Return a text with its secrets masked; the same one when it has none."""
        if "-----BEGIN" in text:
            text = _without_keys(text)
        if ":" not in text and "=" not in text:
            return text
        if "://" in text:
            text = _without_passwords(text)
        return self._without_named(text)

    def _without_named(self, text: str) -> str:
        pieces: list[str] = []
        lowered = text.translate(_LOWER)
        brackets = _Brackets(text)
        at, more = 0, True
        while more:
            more = False
            for found in self._named.finditer(lowered, at):
                begin, end = found.end(1), found.end()
                if found.start() < at:  # begins in what is masked already
                    if end <= at:
                        continue
                    more = True
                    break
                pieces.append(text[at:begin])
                pieces.append(MASK)
                at = end if end > begin else brackets.end(begin)
        return text if not pieces else "".join((*pieces, text[at:]))


class _Brackets:
    """Finds where brackets close, among quotes and other brackets.

    Args:
        text: In this.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._left = _MOST_BRACKETS
        self._characters_left = _MOST_LOOKS * len(text)

    def end(self, begin: int) -> int:
        """Return the index after the bracket's partner; for want of one, that of the line's end."""
        depth = 0
        for found in _BRACKETS.finditer(self._text, begin):
            self._left -= 1
            if self._left < 0 or self._characters_left < 0:
                return len(self._text)  # better too much than a part of a secret
            first = self._text[found.start()]
            depth += 1 if first in "[{" else -1 if first in "]}" else 0
            if depth == 0:
                self._characters_left -= found.end() - begin
                return found.end()
        self._characters_left -= len(self._text) - begin
        line_end = self._text.find("\n", begin)
        return len(self._text) if line_end < 0 else line_end


def _spelled(names: Iterable[str]) -> str:
    """Return a pattern of names with any ``-`` and ``_`` in them, in small letters."""
    return "|".join("[-_]*+".join(map(re.escape, name)) for name in names)


def _without_passwords(text: str) -> str:
    pieces: list[str] = []
    at = 0
    for found in _URL.finditer(text):
        pieces.append(text[at : found.end(1)])
        pieces.append(MASK)
        at = found.end() - 1
    pieces.append(text[at:])
    return "".join(pieces)


def _without_keys(text: str) -> str:
    pieces: list[str] = []
    at = 0
    for found in _KEY_BEGIN.finditer(text):
        if found.start() < at:
            continue
        pieces += (text[at : found.start()], MASK)
        end = _KEY_END.search(text, found.end())
        at = len(text) if end is None else end.end()
    return "".join((*pieces, text[at:]))
