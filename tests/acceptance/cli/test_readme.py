"""What the README shows works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

from acceptance.cli.terminal import SUPERVISE, Shell
from support import Server, Spawn

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text()
APP, *SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_app_and_what_uses_it_run_as_shown(tmp_path: Path, spawn: Spawn) -> None:
    (tmp_path / "app.py").write_text(APP)
    with Server("redis") as server:
        shell = Shell(tmp_path, {"TASKORA_URL": server.url})
        fleet = spawn([SUPERVISE, "--procs", "1", "app:taskora"], shell.environment)
        fleet.wait_for_log("slot 0 ", 30)
        words = re.search(r"\$ taskora dispatch count-words '(.*?)' --wait\n(.*)\n", README)
        assert words is not None
        fleet.wait_for_log("is ready", 30)
        done = shell.ok("dispatch", "--app", "app:taskora", "count-words", words[1], "--wait")
        assert done.out.strip() == words[2]
        for snippet in SNIPPETS:
            ran = subprocess.run(
                [sys.executable, "-c", snippet], cwd=tmp_path, env=shell.merged(), capture_output=True, text=True,
                timeout=30, check=False,
            )  # fmt: skip
            assert ran.returncode == 0, f"{snippet}\n{ran.stderr}"
        fleet.terminate()
        assert fleet.wait() == 0


def test_every_link_leads_somewhere() -> None:
    pages = {ROOT / "README.md", *(ROOT / "docs").glob("*.md")}
    broken = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text())
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert broken == []
