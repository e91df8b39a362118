"""Saying what is wrong with stored keys, once in a while: whoever meets a damaged key meets it again at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from taskora.quoting import shown

log: logging.Logger = logging.getLogger("taskora.adapter")
_AGAIN_S = 60.0
_REMEMBERED = 100
_DAMAGED = "stored data is damaged: %s; what depends on it waits until that key is deleted or mended"
_FORBIDDEN = "the server's access rules keep a script from: %s; docs/servers.md lists what the user of the URL needs"


class Complaints:
    """Logs each text at most once a minute."""

    def __init__(self) -> None:
        self._told_s: dict[str, float] = {}

    def tell(self, what: Iterable[bytes], action: str) -> None:
        """Log what scripts reported.

        Args:
            what: Texts as the server sent them; anybody may have written parts of them.
            action: What was being done, for the record.
        """
        now_s = time.monotonic()
        for raw in what:
            text = shown(raw.decode(errors="replace"))
            if now_s - self._told_s.get(text, -_AGAIN_S) < _AGAIN_S:
                continue
            if len(self._told_s) >= _REMEMBERED:
                self._told_s.clear()
            self._told_s[text] = now_s
            forbidden = "executing the script" in text or "ACL failure" in text
            log.error(_FORBIDDEN if forbidden else _DAMAGED, text, extra={"action": action})
