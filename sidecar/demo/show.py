"""The main job by real requests: each is printed as a curl line, above its real answer."""

import json
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, HTTPResponse
from typing import Any

SESSION_HEADER = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION_HEADER = "X-Amzn-SageMaker-New-Session-Id"
CLOSED_SESSION_HEADER = "X-Amzn-SageMaker-Closed-Session-Id"
ANSWER_SECONDS = 30


class WrongAnswer(Exception):
    """The demo saw something else than it promises to show."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    text: str
    pieces: int

    def field(self, name: str) -> Any:
        """A field of the JSON answer, None where there is none."""
        try:
            return json.loads(self.text).get(name)
        except (ValueError, AttributeError):
            return None


def show(port: int) -> None:
    """Open, two turns, a stream, close, use after close. Raises WrongAnswer."""
    _say("Open a session")
    opened = _post(port, {"requestType": "NEW_SESSION"})
    session_id, _, expires = opened.headers.get(NEW_SESSION_HEADER, "").partition("; Expires=")
    _expect(opened, 200, bool(expires) and opened.text == f"Session {session_id} created")

    _say("Two turns: the engine, which knows nothing of the sidecar, remembers the first")
    first = _post(port, {"text": "my name is Ada"}, session_id)
    _expect(first, 200, first.field("turn") == 1)
    second = _post(port, {"text": "what is my name?"}, session_id)
    _expect(second, 200, second.field("i_remember") == ["my name is Ada"])

    _say("A stream: words come through as the engine writes them")
    streamed = _post(port, {"text": "tell me a story", "stream": True}, session_id)
    _expect(streamed, 200, streamed.pieces > 1 and streamed.text.endswith("[DONE]\n\n"))

    _say("Close it")
    closed = _post(port, {"requestType": "CLOSE"}, session_id)
    _expect(closed, 200, closed.headers.get(CLOSED_SESSION_HEADER) == session_id)

    _say("Use after close: refused, and the engine is not asked")
    refused = _post(port, {"text": "still there?"}, session_id)
    _expect(refused, 400, f"session not found: {session_id}" in refused.text)


def curl(
    port: int, payload: dict[str, Any], session: str | None = None, options: str = "-i"
) -> str:
    header = f' -H "{SESSION_HEADER}: {session}"' if session else ""
    return f"curl {options} http://127.0.0.1:{port}/invocations{header} -d '{json.dumps(payload)}'"


def _post(port: int, payload: dict[str, Any], session_id: str | None = None) -> Answer:
    print(f"$ {curl(port, payload, session_id, '-N -i' if 'stream' in payload else '-i')}")
    headers = {SESSION_HEADER: session_id} if session_id else {}
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", "/invocations", json.dumps(payload), headers)
        return _read(connection.getresponse())
    finally:
        connection.close()


def _read(response: HTTPResponse) -> Answer:
    """The answer, its body printed piece by piece as it arrives, so that a stream shows as one."""
    print(f"HTTP/1.1 {response.status} {response.reason}")
    for name in (NEW_SESSION_HEADER, CLOSED_SESSION_HEADER):
        if name in response.headers:
            print(f"{name}: {response.headers[name]}")
    pieces = []
    while piece := response.read1():
        pieces.append(piece)
        print(piece.decode(), end="", flush=True)
    text = b"".join(pieces).decode()
    print(end="" if text.endswith("\n") else "\n", flush=True)
    return Answer(response.status, response.headers, text, len(pieces))


def _expect(answer: Answer, status: int, as_promised: bool) -> None:
    if answer.status != status or not as_promised:
        raise WrongAnswer(f"that should have been a {status} that does what the title says")


def _say(title: str) -> None:
    print(f"\n# {title}")
