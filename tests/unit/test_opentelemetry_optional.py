"""OpenTelemetry is for those who ask for it."""

import subprocess
import sys


def _python(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return ran.stdout.strip()


def test_the_library_and_its_worker_load_nothing_of_it() -> None:
    loaded = _python(
        "import sys, taskora, taskora.worker, taskora.supervisor, taskora.testing\n"
        "print([n for n in sys.modules if n.startswith(('opentelemetry', 'taskora.integrations'))])"
    )
    assert loaded == "[]"


def test_without_it_the_error_says_what_to_install() -> None:
    told = _python(
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "try:\n"
        "    import taskora.integrations.opentelemetry\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    assert told == "taskora.integrations.opentelemetry needs opentelemetry-api: install taskora[otel]"
