"""The results say of each goal whether it was met, and the README shows the same table."""

import pytest

from bench.extent import LONG, SHORT, Extent
from bench.figures import Figures
from bench.goals import EXPRESS, IDLE, cpu
from bench.profile import imports_in, shares_in
from bench.report import CLOSE, OPEN, README, RESULTS, between_markers, report, with_table
from bench.tables import goals, number
from bench.versions import version_in


@pytest.fixture
def figures() -> Figures:
    made = Figures()
    for clients in (1, 32, 256):
        made.add(cpu(clients), EXPRESS, 20)
        made.add(cpu(clients), "nginx", 16)
        made.add(cpu(clients), "haproxy", 14)
    made.add(IDLE, EXPRESS, 1234)
    return made


def row(text: str, *cells: str) -> list[str]:
    """The one row that begins with these cells."""
    beginning = "| " + " | ".join(cells) + " |"
    [found] = [line for line in text.splitlines() if line.startswith(beginning)]
    return [cell.strip() for cell in found.strip("|").split("|")][len(cells) :]


def test_each_goal_has_its_verdict(figures: Figures) -> None:
    text = goals(figures)
    assert row(text, cpu(32), EXPRESS, "20.0", "nginx") == ["16.0", "0.80x", ">= 0.75x", "met"]
    assert row(text, cpu(32), EXPRESS, "20.0", "haproxy")[-1] == "**missed**"
    assert row(text, cpu(32), EXPRESS, "20.0", "caddy")[-1] == "not measured"
    assert row(text, IDLE, EXPRESS) == ["1,234", "", "", "", "<= 2", "**missed**"]


@pytest.mark.parametrize("extent", [LONG, SHORT])
def test_a_run_that_lost_most_contenders_still_has_its_report(
    figures: Figures, extent: Extent
) -> None:
    text = report(figures, extent, {"caddy": "ended with 1"}, "")
    assert "- caddy: ended with 1" in text
    assert row(between_markers(text), "nginx")[:6] == ["16.0", "16.0", "", "0.80", "0.80", ""]


def test_the_readme_shows_the_table_of_the_results() -> None:
    table = between_markers(README.read_text())
    assert table == between_markers(RESULTS.read_text())
    assert f"| {EXPRESS} |" in table


@pytest.mark.parametrize(
    "value, text",
    [(None, ""), (0.0, "0.00"), (-3.456, "-3.46"), (45.67, "45.7"), (1234.5, "1,234")],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    "said, version",
    [
        ("nginx version: nginx/1.22.1", "1.22.1"),
        ("gcc (Debian 12.2.0-14) 12.2.0", "12.2.0"),
        ("unknown", None),
    ],
)
def test_versions(said: str, version: str | None) -> None:
    assert version_in(said) == version


def test_perf_lines() -> None:
    said = (
        "# a remark\n\n    57.11%|[kernel.kallsyms]|[k] tcp_ack|-      -\n     0.06%|a.so|[.] f|\n"
    )
    assert shares_in(said, 3) == [
        ["57.11%", "[kernel.kallsyms]", "`[k] tcp_ack`"],
        ["0.06%", "a.so", "`[.] f`"],
    ]


@pytest.mark.parametrize("before", ["", "| old |\n"])
def test_the_table_is_put_between_the_markers_and_nowhere_else(before: str) -> None:
    readme = f"above\n{OPEN}\n{before}{CLOSE}\nbelow\n"
    assert with_table(readme, "| \\1 new |\n") == f"above\n{OPEN}\n| \\1 new |\n{CLOSE}\nbelow\n"


def test_imports_are_added_up_by_package() -> None:
    said = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       120 |        120 |     aiohttp.web\n"
        "import time:        30 |        150 |   aiohttp\n"
        "import time:         7 |          7 | ssl\n"
    )
    assert imports_in(said) == {"aiohttp": 150, "ssl": 7}
