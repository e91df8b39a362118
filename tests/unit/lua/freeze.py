"""Writes down the hash of every script: ``python tests/unit/lua/freeze.py``, after a change that was meant.

Processes of different releases share a server: what a changed script stores, and what it expects, must suit those that
still call the old one.
"""

from pathlib import Path

from taskora.lua import load, names

FROZEN = Path(__file__).with_name("scripts.sha1")


def current() -> str:
    """One line a script, as ``sha1sum`` writes them."""
    return "".join(f"{load(name).sha}  {name}\n" for name in names())


if __name__ == "__main__":
    FROZEN.write_text(current(), encoding="utf-8")
