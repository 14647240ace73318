"""A sidecar with its own settings in front of an engine that records; and what is often asked."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
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


@dataclass
class Site:
    """One sidecar and its engine."""

    sidecar: SidecarProcess
    engine: RecordingEngine

    async def ask(
        self,
        body: bytes = b"",
        *lines: bytes,
        target: bytes = b"/invocations",
        method: bytes = b"POST",
        session: bytes | None = None,
    ) -> Answer:
        head = [b"%b %b HTTP/1.1" % (method, target), b"Host: t", *lines]
        if session is not None:
            head.append(b"%b: %b" % (SESSION, session))
        if method == b"POST" and not any(line.startswith(b"Transfer-Encoding") for line in lines):
            head.append(b"Content-Length: %d" % len(body))
        async with await RawClient.connect(self.sidecar.port) as client:
            return await client.ask(b"\r\n".join([*head, b"", b""]) + body)

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

    @property
    def directory(self) -> Path:
        return self.sidecar.sessions_path

    def on_disk(self) -> set[str]:
        return {path.name for path in self.directory.iterdir() if not path.name.startswith(".")}


@asynccontextmanager
async def site_with(
    prefix: tuple[str, ...] = (), /, **variables: str | None
) -> AsyncIterator[Site]:
    async with (
        RecordingEngine() as engine,
        _process(engine.url, prefix, variables) as sidecar,
    ):
        yield Site(sidecar, engine)
        assert engine.strays == []


def _process(url: str, prefix: tuple[str, ...], variables: dict[str, str | None]) -> SidecarProcess:
    return SidecarProcess(url, prefix=prefix, **variables)  # type: ignore[arg-type]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    async with site_with() as site:
        yield site


def only(answer: Answer, name: bytes) -> bytes:
    """The value of a header that must be there once."""
    [value] = answer.values(name)
    return value


def new_id(answer: Answer) -> bytes:
    return only(answer, NEW_SESSION).partition(b";")[0]


def refusal(answer: Answer) -> str:
    """The sentence of an error of ours, whose shape suits OpenAI's and FastAPI's clients."""
    body: dict[str, Any] = json.loads(answer.body)
    assert body.keys() == {"error", "detail"}
    assert body["error"].keys() == {"message", "type", "code"}
    assert body["error"]["message"] == body["detail"]
    assert body["error"]["code"] == answer.status
    assert body["error"]["type"]
    assert only(answer, b"Content-Type") == b"application/json"
    return str(body["detail"])


def pattern(shape: str) -> re.Pattern[str]:
    """A pattern that the platform checks, from the API's own model."""
    model = botocore.session.get_session().get_service_model("sagemaker-runtime")
    metadata = model.shape_for(shape).metadata
    assert metadata["max"] == 256
    return re.compile(metadata["pattern"])
