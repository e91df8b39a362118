"""The code of docs/contracts.md and docs/versions.md runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"

CHECK = """
import producer, worker
assert producer.send_email.options == producer.taskora.register(producer.SEND_EMAIL).options
assert worker.taskora.tasks["send-email"].options.concurrency == 4
assert worker.send_email.options.retry.attempts == producer.send_email.options.retry.attempts == 3
import static
assert not static.SEND_EMAIL.validates
import batches
assert batches.insert.collect == batches.insert_rows.collect == batches.INSERT.collect
assert batches.insert.item_type is batches.Row
assert batches.insert.input_type == batches.insert_rows.input_type == list[batches.Row]
"""


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


def test_the_contracts_page(tmp_path: Path) -> None:
    for block in blocks("contracts.md"):
        named = re.match(r"# (\w+)\.py\n", block)
        (tmp_path / f"{named[1] if named else 'static'}.py").write_text(block)
    done = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_versions_page() -> None:
    code, status = blocks("versions.md")
    assert "can_bump_since" in status
    names: dict[str, Any] = {}
    exec(compile("from __future__ import annotations\n" + code, "versions.md", "exec", dont_inherit=True), names)
    task: Any = names["send_email"]
    raw = b'{"to":"a","from":"b","subject":"now!"}'
    assert task.decode_input(raw, 1, "7") == names["Email"]("a", "b", urgent=True)
