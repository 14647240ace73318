"""A sidecar with its own settings in front of an engine that records; and what is often asked."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest_asyncio

from tests.harness.process import SidecarProcess
from tests.harness.raw_client import Answer, RawClient
from tests.harness.recording_engine import RecordingEngine

SESSION = b"X-Amzn-SageMaker-Session-Id"
NEW_SESSION = b"X-Amzn-SageMaker-New-Session-Id"
CLOSED_SESSION = b"X-Amzn-SageMaker-Closed-Session-Id"
JSON = b"Content-Type: application/json"
CHUNKED = b"Transfer-Encoding: chunked"
UNKNOWN = b"7d0c8f1e-0000-4000-8000-000000000000"
OPENING = b'{"requestType": "NEW_SESSION"}'
BODY_LIMIT = 10_000
CLOSING = b'{"requestType": "CLOSE"}'


@dataclass
class Site:
    """One sidecar and its engine."""

    sidecar: SidecarProcess
    engine: RecordingEngine
    directory: Path

    async def ask(
        self,
        body: bytes = b"",
        *lines: bytes,
        target: bytes = b"/invocations",
        method: bytes = b"POST",
        session: bytes | None = None,
    ) -> Answer:
        data = request(body, *lines, target=target, method=method, session=session)
        async with await RawClient.connect(self.sidecar.port) as client:
            return await client.ask(data)

    async def control(self, kind: str, session: bytes | None = None) -> Answer:
        return await self.ask(json.dumps({"requestType": kind}).encode(), JSON, session=session)

    async def open(self) -> bytes:
        answer = await self.control("NEW_SESSION")
        assert answer.status == 200, answer.body
        return new_id(answer)

    @property
    def forwarded(self) -> int:
        """How many requests the engine has seen."""
        return len(self.engine.records)

    def on_disk(self) -> set[str]:
        """Sessions, and what is half-made: everything but the sidecar's own files."""
        return {
            path.name for path in self.directory.iterdir() if not path.name.startswith(".sidecar")
        }


@asynccontextmanager
async def site_with(
    prefix: tuple[str, ...] = (), /, **variables: str | None
) -> AsyncIterator[Site]:
    async with (
        RecordingEngine() as engine,
        _process(engine.url, prefix, variables) as sidecar,
    ):
        given = variables.get("SIDECAR_SESSIONS_PATH")
        yield Site(sidecar, engine, Path(given) if given else sidecar.sessions_path)
        assert engine.strays == []


def _process(url: str, prefix: tuple[str, ...], variables: dict[str, str | None]) -> SidecarProcess:
    return SidecarProcess(url, prefix=prefix, **variables)  # type: ignore[arg-type]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    async with site_with() as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nested() -> AsyncIterator[Site]:
    """The id goes into bodies too."""
    async with site_with(
        SIDECAR_SESSION_BODY_PATH="metadata.session_id", SIDECAR_BODY_LIMIT=str(BODY_LIMIT)
    ) as site:
        yield site


async def rewritten(site: Site, body: bytes, *lines: bytes) -> str:
    """What the engine got, with `<id>` for the id."""
    session = await site.open()
    answer = await site.ask(body, *lines, session=session)
    assert answer.status == 200, answer.body
    record = site.engine.records[-1]
    assert record.values(SESSION) == [session]
    assert record.values(b"Content-Length") == [b"%d" % len(record.body)]
    assert (record.values(b"Transfer-Encoding"), record.faults) == ([], [])
    return bytes(record.body).decode().replace(session.decode(), "<id>")


def request(
    body: bytes = b"",
    *lines: bytes,
    target: bytes = b"/invocations",
    method: bytes = b"POST",
    session: bytes | None = None,
) -> bytes:
    """`body` is counted, unless it was written in chunks and a line says so."""
    head = [b"%b %b HTTP/1.1" % (method, target), b"Host: t", *lines]
    if session is not None:
        head.append(b"%b: %b" % (SESSION, session))
    if (body or method == b"POST") and CHUNKED not in lines:
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*head, b"", b""]) + body


def in_chunks(body: bytes, size: int = 7) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def only(answer: Answer, name: bytes) -> bytes:
    """The value of a header that must be there once."""
    [value] = answer.values(name)
    return value


def new_id(answer: Answer) -> bytes:
    return only(answer, NEW_SESSION).partition(b";")[0]


def expires(answer: Answer) -> float:
    """The second that the answer to a create printed."""
    printed = only(answer, NEW_SESSION).partition(b"=")[2].decode()
    return datetime.strptime(printed, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def refusal(answer: Answer) -> str:
    """The sentence of an error of ours, whose shape suits OpenAI's and FastAPI's clients."""
    body: dict[str, Any] = json.loads(answer.body)
    assert body.keys() == {"error", "detail"}
    assert body["error"].keys() == {"message", "type", "code"}
    assert body["error"]["message"] == body["detail"]
    assert body["error"]["code"] == answer.status
    assert body["error"]["type"]
    assert (answer.status == 400) == (body["error"]["type"] == "BadRequestError")
    assert only(answer, b"Content-Type") == b"application/json"
    assert answer.values(NEW_SESSION) == answer.values(CLOSED_SESSION) == []
    return str(body["detail"])


def pattern(shape: str) -> re.Pattern[str]:
    """A pattern that the platform checks, from the API's own model."""
    model = botocore.session.get_session().get_service_model("sagemaker-runtime")
    metadata = model.shape_for(shape).metadata
    assert metadata["max"] == 256
    return re.compile(metadata["pattern"])
