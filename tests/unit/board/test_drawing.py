"""Charts and graphs: what they show, and that nothing they are given becomes markup."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from taskora.board.drawing.charts import Series, chart
from taskora.board.drawing.dags import dag
from taskora.board.drawing.versions import version_bar
from taskora.workflow_model import WorkflowNodeRecord
from taskora.workflows.layout import lay_out

SVG = "{http://www.w3.org/2000/svg}"
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
PLAIN = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"), max_size=40)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def hours(count: int) -> list[datetime]:
    return [NOON + timedelta(hours=number) for number in range(count)]


def drawn(series: list[Series], kind: str = "bars", title: str = "Jobs") -> str:
    times = hours(len(series[0].values))
    return str(chart(title, times, series, kind="bars" if kind == "bars" else "lines", written=str, empty="Nothing."))


def test_bars_stand_on_each_other_and_tell_their_numbers() -> None:
    tree = parsed(drawn([Series("completed", "completed", [3, 0, 8]), Series("failed", "failed", [1, 0, 0])]))
    told = [title.text for title in tree.iter(f"{SVG}title")]
    assert told == ["Tue 12:00 UTC: 3 completed, 1 failed", "Tue 14:00 UTC: 8 completed, 0 failed"]
    lower, upper = tree.findall(f"{SVG}g/{SVG}rect")[:2]
    assert abs(float(upper.attrib["y"]) + float(upper.attrib["height"]) - float(lower.attrib["y"])) < 0.2
    assert float(lower.attrib["height"]) > float(upper.attrib["height"])


def test_a_chart_says_in_words_what_it_shows() -> None:
    tree = parsed(
        drawn([Series("run p50", "run", [1, None, 4]), Series("run p95", "run-high", [2, None, None])], "lines")
    )
    assert tree.attrib["role"] == "img"
    assert tree.attrib["aria-label"] == "Jobs. run p50: 4 last, at most 4; run p95: 2 last, at most 2."


def test_a_line_breaks_where_nothing_was_measured() -> None:
    tree = parsed(drawn([Series("run", "run", [1, 2, None, 3, 3, None, 5])], "lines"))
    assert [len(line.attrib["points"].split()) for line in tree.iter(f"{SVG}polyline")] == [2, 2]
    assert len(list(tree.iter(f"{SVG}circle"))) == 1


def test_nothing_to_draw_is_said() -> None:
    assert drawn([Series("completed", "completed", [0, 0])]) == '<h2>Jobs</h2><p class="empty">Nothing.</p>'
    assert drawn([Series("run", "run", [None, None])], "lines") == '<h2>Jobs</h2><p class="empty">Nothing.</p>'


def test_a_box_leads_to_its_job_and_tells_its_state_in_words() -> None:
    nodes = [
        WorkflowNodeRecord(0, "resize", "j0", (), "completed"),
        WorkflowNodeRecord(1, "add", "j1", (0,), "active"),
    ]
    layout = lay_out(nodes)
    assert layout is not None
    tree = parsed(str(dag(layout, node_url=lambda number: f"/job/{number}", group_url=str, list_url="#nodes")))
    links = list(tree.iter(f"{SVG}a"))
    assert [link.attrib["href"] for link in links] == ["/job/0", "/job/1"]
    assert [link.attrib["aria-label"] for link in links] == ["#0 resize: completed", "#1 add: active"]
    assert [path.attrib["class"] for path in tree.iter(f"{SVG}path")] == ["edge edge-active"]


def test_a_box_of_many_leads_to_its_members_and_shows_what_went_wrong_first() -> None:
    nodes = [WorkflowNodeRecord(number, "resize", "j", (), "completed") for number in range(299)]
    nodes.append(WorkflowNodeRecord(299, "resize", "j", (), "failed"))
    layout = lay_out(nodes)
    assert layout is not None
    (link,) = parsed(str(dag(layout, node_url=str, group_url=lambda group: f"?open={group}", list_url=""))).iter(
        f"{SVG}a"
    )
    assert link.attrib == {
        "class": "box state-failed",
        "href": "?open=0",
        "aria-label": "resize × 300: 299 completed, 1 failed",
    }


def test_only_what_leads_to_a_running_node_runs() -> None:
    states = ("completed", "active", "pending")
    nodes = [WorkflowNodeRecord(0, "a", "j", (), "completed")]
    nodes += [WorkflowNodeRecord(1 + place, "b", "j", (0,), state) for place, state in enumerate(states)]
    layout = lay_out(nodes)
    assert layout is not None
    tree = parsed(str(dag(layout, node_url=str, group_url=str, list_url="")))
    kinds = [path.attrib["class"] for path in tree.iter(f"{SVG}path")]
    assert sorted(kinds) == ["edge edge-active", "edge edge-completed", "edge edge-completed"]


def test_what_is_left_of_an_open_group_leads_to_the_list_of_nodes() -> None:
    layout = lay_out([WorkflowNodeRecord(number, "a", "j", (), "pending") for number in range(500)], (0,))
    assert layout is not None
    tree = parsed(str(dag(layout, node_url=str, group_url=str, list_url="#nodes")))
    (rest,) = [link for link in tree.iter(f"{SVG}a") if link.attrib["href"] == "#nodes"]
    assert rest.attrib["aria-label"] == "and more: a × 300: 300 pending"


def test_marks_of_time_are_those_of_a_clock() -> None:
    text = drawn([Series("run", "run", [0, 5000.0])], "lines")
    ticks = [one.text for one in parsed(text).iter(f"{SVG}text") if one.attrib.get("class") == "tick end"]
    assert ticks == ["0", "1800", "3600", "5400"]


def test_many_to_many_meet_in_one_point() -> None:
    nodes = [WorkflowNodeRecord(number, "a", "j", (), "pending") for number in range(20)]
    nodes += [WorkflowNodeRecord(20 + number, "b", "j", tuple(range(20)), "pending") for number in range(20)]
    layout = lay_out(nodes)
    assert layout is not None
    assert len(list(parsed(str(dag(layout, node_url=str, group_url=str, list_url="#nodes"))).iter(f"{SVG}path"))) == 40


@given(PLAIN, PLAIN, PLAIN)
def test_no_name_becomes_markup(title: str, task: str, state: str) -> None:
    evil = f'"><script>alert(1)</script>{title}'
    tree = parsed(drawn([Series(evil, "completed", [1, 2])], title=evil))
    assert {one.tag.removeprefix(SVG) for one in tree.iter()} == {"svg", "text", "rect", "line", "g", "title"}
    layout = lay_out([WorkflowNodeRecord(0, f"<b>{task}", "j", (), f"'{state}\"")])
    assert layout is not None
    tree = parsed(str(dag(layout, node_url=lambda _: evil, group_url=str, list_url="#nodes")))
    assert {one.tag.removeprefix(SVG) for one in tree.iter()} == {"svg", "a", "title", "rect", "text"}


def test_a_bar_of_versions_shows_each_of_them_however_few_jobs_it_has() -> None:
    parts = list(parsed(str(version_bar({3: 5, 1: 1, 2: 1_000_000}, 2))))
    assert [part.get("class") for part in parts] == ["version-old", "version-written", "version-new"]
    assert [part[0].text for part in parts] == ["v1: 1", "v2: 1,000,000", "v3: 5"]
    places = [(float(part.get("x", "")), float(part.get("width", ""))) for part in parts]
    assert all(width > 3 for _, width in places)
    assert all(abs(x + width - following) < 0.2 for (x, width), (following, _) in pairwise(places))
    assert abs(sum(places[-1]) - 160) < 0.2


@given(st.dictionaries(st.integers(1, 10**6), st.integers(0, 10**9), max_size=200), st.integers(1, 10**6))
def test_a_bar_of_versions_says_in_words_what_it_shows(counts: dict[int, int], written: int) -> None:
    drawn = str(version_bar(counts, written))
    assert bool(drawn) == any(counts.values())
    if drawn:
        told = parsed(drawn).get("aria-label", "")
        assert told == ", ".join(f"{counts[one]:,} of v{one}" for one in sorted(counts) if counts[one])
