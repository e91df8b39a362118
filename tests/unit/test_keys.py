"""Names of keys, and what may be part of them."""

import pytest

from taskora.errors import ConfigError
from taskora.keys import RESERVED_IDS, Keys, check_job_id, check_task_name


def test_keys_follow_the_layout() -> None:
    keys = Keys("acme")
    assert keys.root == "taskora:acme"
    assert keys.task("mail") == "taskora:acme:{mail}"
    assert keys.job("mail", "1") == "taskora:acme:{mail}:1"
    assert keys.marker("mail") == "taskora:acme:{mail}:marker"
    assert keys.events("mail") == "taskora:acme:{mail}:events"
    assert keys.cancel_channel("mail") == "taskora:acme:{mail}:cancel"
    assert keys.workflow("w") == "taskora:acme:wf:{w}"
    assert keys.own("meta") == "taskora:acme:meta"


def test_no_prefix_leaves_no_trace() -> None:
    keys = Keys()
    assert (keys.root, keys.task("mail"), keys.own("meta")) == ("taskora", "taskora:{mail}", "taskora:meta")
    assert Keys("") == Keys()


@pytest.mark.parametrize("name", ["a", "send-email", "Send.Email_2", "a/b@c+d", "0", "x" * 200])
def test_ordinary_task_names_are_allowed(name: str) -> None:
    assert check_task_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-a", "a b", "a{b", "a}b", "a*", "a?", "[a]", "a:b", "a\n", "ä", "x" * 201, None, 5]
)
def test_a_task_name_that_would_break_keys_is_refused(name: object) -> None:
    with pytest.raises(ConfigError, match="name: "):
        check_task_name(name)  # what a caller without a type checker may pass


@pytest.mark.parametrize("job_id", ["a", "order-17", "ä/ö", "x" * 200, "WAIT"])
def test_ordinary_job_ids_are_allowed(job_id: str) -> None:
    assert check_job_id(job_id) == job_id


@pytest.mark.parametrize("job_id", ["", "a b", "a:b", "{a", "a}", "a*", "[", "a\n", "a\x00", "x" * 201, None, 7])
def test_a_job_id_that_would_break_keys_is_refused(job_id: object) -> None:
    with pytest.raises(ConfigError, match="job_id: "):
        check_job_id(job_id)  # what a caller without a type checker may pass


@pytest.mark.parametrize("job_id", sorted(RESERVED_IDS))
def test_an_id_that_is_a_key_of_the_task_is_refused(job_id: str) -> None:
    with pytest.raises(ConfigError, match="reserved"):
        check_job_id(job_id)


def test_every_fixed_suffix_of_the_layout_is_reserved() -> None:
    fixed = {"wait", "prioritized", "active", "delayed", "completed", "failed", "expired", "cancelled", "events"}
    assert fixed | {"stalled", "marker", "cancel"} <= RESERVED_IDS


@pytest.mark.parametrize("prefix", ["a b", "a*", "a?", "[a", "a\\b", "a\n", "x" * 201, None])
def test_a_prefix_that_would_break_keys_is_refused(prefix: object) -> None:
    with pytest.raises(ConfigError, match="prefix: "):
        Keys(prefix)  # type: ignore[arg-type]  # what a caller without a type checker may pass
