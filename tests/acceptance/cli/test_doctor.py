"""The doctor on good and bad servers."""

from pathlib import Path
from typing import Any

import pytest

from acceptance.cli.terminal import Shell
from support import FLAVORS, Cluster, Flavor, Server, find_binary


def by_name(checks: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in checks}


def examined(url: str, folder: Path, code: int) -> dict[str, Any]:
    done = Shell(folder, {}).run("doctor", "--url", url, "--json")
    assert done.code == code, done
    return by_name(done.json)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_well_set_server_passes(flavor: Flavor, tmp_path: Path) -> None:
    if find_binary(flavor) is None:
        pytest.skip(f"{flavor}-server is not installed")
    with Server(flavor, appendonly=True, args=("--hash-max-listpack-value", "1024")) as server:
        found = examined(server.url, tmp_path, 0)
    # How quick the server answers is up to what else the machine does.
    assert {name for name, check in found.items() if check["verdict"] != "ok"} - {"latency"} == set()
    assert found["server"]["found"].startswith(flavor)


def test_a_server_that_evicts_fails(tmp_path: Path) -> None:
    with Server("redis", args=("--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb")) as server:
        found = examined(server.url, tmp_path, 1)
        text = Shell(tmp_path, {}).run("doctor", "--url", server.url)
    assert found["maxmemory-policy"]["verdict"] == "fail"
    assert "noeviction" in found["maxmemory-policy"]["remedy"]
    assert found["persistence"]["verdict"] == "warn"
    assert text.code == 1
    assert "-> " in text.out


def test_a_server_that_forbids_config_is_unknown_in_what_it_hides(tmp_path: Path) -> None:
    with Server("redis", args=("--rename-command", "CONFIG", "")) as server:
        found = examined(server.url, tmp_path, 0)
    hidden = {name for name, check in found.items() if check["verdict"] == "unknown"}
    assert hidden == {"persistence", "hash-max-listpack-entries", "hash-max-listpack-value"}


def test_a_server_that_is_not_there_fails(tmp_path: Path) -> None:
    found = examined(f"unix://{tmp_path}/nothing", tmp_path, 1)
    assert list(found) == ["connection"]


def test_jobs_without_a_worker_and_broken_locks_are_found(tmp_path: Path) -> None:
    with Server("redis") as server:
        shell = Shell(tmp_path, {"TASKORA_URL": server.url})
        server.command("HSET", "taskora:tasks", "lonely", "{}")
        shell.ok("dispatch", "lonely", "1")
        assert by_name(shell.ok("doctor", "--json").json)["task lonely"]["verdict"] == "warn"
        server.command("LPUSH", "taskora:{lonely}:active", "j")
        server.command("SET", "taskora:{lonely}:j:lock", "token")
        assert examined(server.url, tmp_path, 1)["locks"]["verdict"] == "fail"


def test_a_cluster_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    with Cluster() as cluster:
        Shell(tmp_path, {}).run("dispatch", "--url", cluster.url, "mail", "1")
        found = examined(cluster.url, tmp_path, 0)
    assert found["cluster"] == {"name": "cluster", "verdict": "ok", **_CLUSTER}
    assert found["memory"]["verdict"] == "ok"


_CLUSTER = {"found": "3 masters, the keys of each task in one slot", "remedy": ""}
