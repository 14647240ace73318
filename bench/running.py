"""A contender that runs: what it is asked, and the check that it answers as it should."""

import http.client
import json
import time
from dataclasses import dataclass

from bench.contenders import Contender

ANSWER_LIMIT = 20.0
BODY = json.dumps({"model": "bench", "prompt": "x" * 270}, separators=(",", ":"))


class WrongAnswerError(Exception):
    """A contender that started did not answer as it should."""


@dataclass(frozen=True)
class Running:
    contender: Contender
    port: int
    pid: int
    ready_ms: float
    session: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.contender.path}"

    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json", "X-Amzn-SageMaker-Session-Id": self.session}

    def request(self, body: str) -> bytes:
        return self.head(len(body)) + body.encode()

    def head(self, size: int) -> bytes:
        fields = self.headers() | {"Host": f"127.0.0.1:{self.port}", "Content-Length": str(size)}
        lines = [f"POST {self.contender.path} HTTP/1.1", *(f"{a}: {b}" for a, b in fields.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def open_session(port: int) -> str:
    headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-Session-Id": "NEW_SESSION"}
    request = b'{"requestType": "NEW_SESSION"}'
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT)
    try:
        connection.request("POST", "/invocations", request, headers)
        answer = connection.getresponse()
        session = answer.getheader("X-Amzn-SageMaker-New-Session-Id")
    except (OSError, http.client.HTTPException) as error:
        raise WrongAnswerError(f"NEW_SESSION: {error!r}") from error
    finally:
        connection.close()
    if session is None:
        raise WrongAnswerError(f"NEW_SESSION: status {answer.status}")
    return session.partition(";")[0]


def check(one: Running) -> None:
    """A router may know its engine a little later than it listens."""
    limit = time.monotonic() + ANSWER_LIMIT
    while (fault := _fault(one)) is not None:
        if time.monotonic() > limit:
            raise WrongAnswerError(fault)
        time.sleep(0.2)


def _fault(one: Running) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=ANSWER_LIMIT)
    try:
        connection.request("POST", one.contender.path, BODY, one.headers())
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
    if answer.status != 200:
        return f"status {answer.status}: {text[:200]!r}"
    # A router writes the body again, with every field that it knows.
    if one.contender.forwards_all and json.loads(text).get("received") != len(BODY):
        return f"{len(BODY)} bytes were sent; the answer is {text[:200]!r}"
    return None
