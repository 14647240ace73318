"""One line for each request: what is in it, what is left out, and that nobody can forge one."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sidecar.ops.access import access_log
from sidecar.ops.log import Log
from sidecar.turn import Turn

Line = Callable[[Turn], str]

ID = "c1672fc3-e14c-4a6a-a160-5c9af4a9dd00"
HOSTILE = [
    '/x","status":200,"y":"',
    '/\n{"ts":"now","level":"info","event":"request"}',
    "/\r\n2026-11-21T00:00:00.000Z info forged",
    "/\x1b[2J\x1b[1;1H",
    "/\x00\x7f\x85\u2028\u2029",
    "/\\u000a\\n\\",
    "/status=200 path=/",
    "/\udcff\udc8a",
    "/ü/日本",
]


@pytest.fixture(params=["json", "text"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def line(form: str) -> Iterator[Line]:
    """All that is written for a request."""
    pipes: list[int] = []

    def written(turn: Turn) -> str:
        reader, writer = os.pipe()
        pipes.extend((reader, writer))
        log = Log(writer)
        log.text = form == "text"
        access_log(log)(turn)
        log.lines.add("end\n")
        log.lines.close()
        text = os.read(reader, 65536).decode()
        return text.removesuffix("end\n")

    yield written
    for descriptor in pipes:
        os.close(descriptor)


def turn(path: str = "/invocations", **noted: Any) -> Turn:
    made = Turn("POST", path, "127.0.0.1")
    made.intent, made.status = "use", 200
    for name, value in noted.items():
        setattr(made, name, value)
    return made


def fields(text: str) -> dict[str, Any]:
    """Of one line, whichever its form, as text."""
    if text.startswith("{"):
        return {name: str(value) for name, value in json.loads(text).items()}
    ts, level, event, *rest = text.split()
    pairs = (each.split("=", 1) for each in rest)
    return {"ts": ts, "level": level, "event": event} | dict(pairs)


def test_all_that_is_known(line: Line) -> None:
    made = turn(
        session=ID,
        bytes_in=17,
        bytes_out=4711,
        request_id="r-1",
        trace_id="0af7651916cd43dd",
        replica="http://e:1",
        error="broken",
    )
    made.first_byte = made.started + 0.0123
    said = fields(line(made))
    assert float(said.pop("duration_ms")) >= 0
    del said["ts"]
    assert said == {
        "level": "info",
        "event": "request",
        "method": "POST",
        "path": "/invocations",
        "status": "200",
        "intent": "use",
        "session": "c1672fc3",
        "first_byte_ms": "12.300",
        "bytes_in": "17",
        "bytes_out": "4711",
        "client": "127.0.0.1",
        "request_id": "r-1",
        "trace_id": "0af7651916cd43dd",
        "replica": "http://e:1",
        "error": "broken",
    } | ({"first_byte_ms": "12.3"} if line(made).startswith("{") else {})


def test_what_is_not_known_is_left_out(line: Line) -> None:
    said = fields(line(turn(status=0, intent="refused")))
    assert said.keys() == {
        *("ts", "level", "event", "method", "path", "intent"),
        *("duration_ms", "bytes_in", "bytes_out", "client"),
    }


def test_a_client_that_left_is_told_from_an_error(line: Line) -> None:
    assert "client went away" in line(turn(left=True))
    assert "client went away" not in line(turn(left=True, error="engine"))


@pytest.mark.parametrize(
    "session, error, shown",
    [
        (ID, f"session not found: {ID}", "session not found: c1672fc3"),
        (None, f"session not found: {ID}; Expires=1", "session not found: c1672fc3; Expires=1"),
        ("abc-def-123", "no abc-def-123 here", "no abc-def- here"),
        ("abc", "the engine at http://abc:1", "the engine at http://abc:1"),
    ],
)
def test_an_error_does_not_give_the_session_away(
    line: Line, session: str | None, error: str, shown: str
) -> None:
    """Whoever knows the whole id has the session."""
    written = line(turn(session=session, error=error))
    assert shown in written and ID not in written


@pytest.mark.parametrize("status, logged", [(200, False), (503, True)])
def test_a_probe_is_worth_a_line_when_it_fails(line: Line, status: int, logged: bool) -> None:
    assert bool(line(turn("/ping", intent="ping", status=status))) == logged


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("where", ["path", "method", "session", "error", "request_id", "trace_id"])
def test_what_a_client_chose_stays_in_its_field(
    line: Line, form: str, where: str, text: str
) -> None:
    written = line(turn(**{where: text}))
    assert written.endswith("\n") and written.count("\n") == 1
    controls = [sign for sign in written[:-1] if not sign.isprintable()]
    assert controls == ["\x7f"] * len(controls) and (form == "json" or not controls)
    if form == "json":
        said = json.loads(written)
        assert said["status"] == 200 and said["event"] == "request"
        if where != "path":
            assert said[where] == text[: 8 if where == "session" else None]
    else:
        assert written.split('"')[0].count("path=") <= 1
        assert written.count(" status=200") == 1 + text.count(" status=200")


@pytest.mark.parametrize(
    "path, shown", [("/\udcff\udc80", "/\\xff\\x80"), ("/ü/日本", "/ü/日本"), ("/a\tb", "/a\tb")]
)
def test_a_path_is_strict_unicode(line: Line, form: str, path: str, shown: str) -> None:
    """A lone surrogate is no Unicode, and Rust's serde_json refuses its line."""
    if form == "json":
        assert json.loads(line(turn(path)))["path"] == shown
        assert "\\ud8" not in line(turn(path)) and "\\udc" not in line(turn(path))
