"""No script changes unnoticed."""

from unit.lua.freeze import FROZEN, current


def test_every_script_has_the_hash_that_was_written_down() -> None:
    frozen, found = FROZEN.read_text(encoding="utf-8").splitlines(), current().splitlines()
    changed = sorted({line.split()[1] for line in set(frozen) ^ set(found)})
    assert not changed, f"changed: {', '.join(changed)}; if that is meant, run python tests/unit/lua/freeze.py"
