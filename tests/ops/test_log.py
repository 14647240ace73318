"""Events as lines: of one form, in order, all there at the end of the process."""

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sidecar.ops.log import EventHandler, Log

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
Written = Callable[[], str]


@pytest.fixture
def log() -> Iterator[tuple[Log, Written]]:
    reader, writer = os.pipe()
    log = Log(writer)

    def written() -> str:
        log.lines.close()
        return os.read(reader, 65536).decode()

    yield log, written
    os.close(reader)
    os.close(writer)


def run(program: str, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, **how
    )


def test_an_event_in_json(log: tuple[Log, Written]) -> None:
    log[0].write("info", "listening", {"address": "127.0.0.1:1", "nothing": None, "n": 0})
    line = json.loads(log[1]())
    assert STAMP.fullmatch(line.pop("ts"))
    assert line == {"level": "info", "event": "listening", "address": "127.0.0.1:1", "n": 0}


@pytest.mark.parametrize(
    "value, shown",
    [
        ("plain", "plain"),
        (7, "7"),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ("", '""'),
        ("é", "é"),
        ("\n2026 info forged", '"\\n2026 info forged"'),
        ("\x1b[2J", '"\\u001b[2J"'),
        ("\x7f", '"\\u007f"'),
        ("\u202e", '"\\u202e"'),
        ("\udcff", '"\\udcff"'),
    ],
)
def test_a_field_for_people(log: tuple[Log, Written], value: object, shown: str) -> None:
    log[0].text = True
    log[0].write("warning", "it", {"is": value})
    stamp, rest = log[1]().split(" ", 1)
    assert STAMP.fullmatch(stamp)
    assert rest == f"warning it is={shown}\n"


def test_an_exception_is_one_line() -> None:
    program = (
        "import logging; from sidecar.ops.log import EventHandler\n"
        "logging.basicConfig(handlers=[EventHandler()])\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: logging.exception('it %s', 'broke')"
    )
    [line] = run(program).stdout.splitlines()
    said = json.loads(line)
    assert said["level"] == "error" and said["message"].startswith("it broke\nTraceback")


def test_a_normal_exit_loses_nothing() -> None:
    ended = run(
        "from sidecar.ops.log import write_event\nfor n in range(20000): write_event('e', n=n)"
    )
    assert [json.loads(line)["n"] for line in ended.stdout.splitlines()] == list(range(20000))


def test_without_a_stdout_nothing_is_written_where_something_else_may_be() -> None:
    """Descriptor 1 is then the first file that the process opens."""
    program = (
        "import os, tempfile; file = tempfile.TemporaryFile(); assert file.fileno() == 1\n"
        "from sidecar.ops.log import LOG, write_event; write_event('e'); LOG.lines.close()\n"
        "import sys; sys.exit(os.fstat(1).st_size)"
    )
    ended = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, program],
        stderr=subprocess.PIPE,
        timeout=20,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_record_that_cannot_be_formatted_ends_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = logging.LogRecord("sidecar", logging.INFO, "", 1, "%d", ("no number",), None)
    EventHandler().handle(record)
    assert "no number" in capsys.readouterr().err
