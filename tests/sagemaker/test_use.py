"""Regular requests, with and without a session."""

import asyncio
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.harness.behaviours import chunked, says
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import Exchange
from tests.harness.waiting import eventually
from tests.sagemaker.conftest import (
    JSON,
    NEW_SESSION,
    SESSION,
    Site,
    new_id,
    only,
    refusal,
    site_with,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_without_a_session_header_nothing_is_added(site: Site) -> None:
    answer = await site.ask(b'{"a": 1}', JSON, b"X-A: b")
    record = site.engine.records[-1]
    assert (answer.status, bytes(record.body)) == (200, b'{"a": 1}')
    assert [name for name, _ in record.fields] == [
        b"Host",
        b"Content-Type",
        b"X-A",
        b"Content-Length",
    ]


@pytest.mark.parametrize("target", [b"/invocations", b"/v1/chat/completions", b"/any?x=y"])
async def test_a_live_session_reaches_the_engine_on_every_path(site: Site, target: bytes) -> None:
    session = await site.open()
    answer = await site.ask(b'{"a": 1}', JSON, target=target, session=session)
    record = site.engine.records[-1]
    assert (answer.status, record.target) == (200, target)
    assert record.values(SESSION) == [session]
    assert bytes(record.body) == b'{"a": 1}'
    assert answer.values(NEW_SESSION) == []


async def test_a_closed_session_is_not_found(site: Site) -> None:
    session = await site.open()
    await site.control("CLOSE", session)
    before = site.forwarded
    answer = await site.ask(b"{}", JSON, session=session)
    assert (answer.status, site.forwarded) == (400, before)
    assert refusal(answer) == f"session not found: {session.decode()}"


HOSTILE = (
    b"nobody", b"7d0c8f1e-0000-4000-8000-000000000000", b".", b"..", b"../x", b"../../etc/passwd",
    b"/etc/passwd", b"a/b", b"a/../b", b"./a", b"canary", b".sidecar", b".tmp-a", b".del-a",
    b"%2e%2e%2f", b"..%2f", b"a%00b", b"a\\b", b"a b", b"a;b", b"a,b", b"a\tb", b"*", b"?",
    b"[a]", b"{a}", b"$HOME", b"`id`", b"a&b", b"a|b", b"'a'", b'"a"', b"a_b", b"-a", b"a-",
    b"\xff\xfe", "\u00e9".encode(), "\u202e".encode(), b"new_session", b"NEW_SESSION ,x",
    b"a" * 255, b"a" * 256, b"a" * 257, b"a" * 5000,
)  # fmt: skip


@pytest.mark.parametrize("kind", ["use", "close"])
@pytest.mark.parametrize("session", HOSTILE, ids=lambda value: repr(value)[:40])
async def test_an_unknown_or_malformed_session_is_not_found(
    site: Site, session: bytes, kind: str
) -> None:
    inside, outside = site.directory / "canary", site.directory.parent / "x"
    for canary in (inside, outside):
        canary.mkdir(exist_ok=True)
        (canary / "file").write_text("here")
    before = site.forwarded
    if kind == "use":
        answer = await site.ask(b"{}", JSON, session=session)
    else:
        answer = await site.control("CLOSE", session)
    assert (answer.status, site.forwarded) == (400, before)
    shown = "".join(filter(str.isprintable, session.decode("utf-8", "replace")))[:256]
    assert refusal(answer) == f"session not found: {shown}"
    assert [(canary / "file").read_text() for canary in (inside, outside)] == ["here", "here"]


async def test_a_session_ends_in_the_second_that_was_printed_and_leaves_the_disk() -> None:
    async with site_with(SIDECAR_SESSIONS_TTL="2") as site:
        answer = await site.control("NEW_SESSION")
        session = new_id(answer)
        printed = only(answer, NEW_SESSION).partition(b"=")[2].decode()
        expires = datetime.strptime(printed, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        assert (await site.ask(b"{}", JSON, session=session)).status == 200
        await asyncio.sleep(max(0.0, expires - time.time()))
        before = site.forwarded
        answer = await site.ask(b"{}", JSON, session=session)
        assert (answer.status, site.forwarded) == (400, before)
        assert refusal(answer) == f"session not found: {session.decode()}"


async def test_an_expired_session_leaves_the_disk_without_any_traffic() -> None:
    async with site_with(SIDECAR_SESSIONS_TTL="1") as site:
        await site.open()
        assert await eventually(lambda: not site.on_disk(), 1 + 8)


STREAM = chunked([b"data: 1\n\n", b"data: 2\n\n"], b"Content-Type: text/event-stream")


@pytest.mark.parametrize(
    "reply, status",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, id="json"),
        pytest.param(STREAM, 200, id="a-stream"),
        pytest.param(b"HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n", 422, id="a-4xx"),
    ],
)
async def test_the_header_new_session_makes_one_first_and_announces_it(
    site: Site, reply: bytes, status: int
) -> None:
    site.engine.on(b"/first", says(reply))
    answer = await site.ask(b'{"a": 1}', JSON, target=b"/first", session=b"NEW_SESSION")
    session = new_id(answer)
    assert answer.status == status
    assert site.engine.records[-1].values(SESSION) == [session]
    assert bytes(site.engine.records[-1].body) == b'{"a": 1}'
    assert re.fullmatch(rb"[^;]+; Expires=\S+Z", only(answer, NEW_SESSION))
    assert session.decode() in site.on_disk()


@pytest.mark.parametrize(
    "reply, status",
    [
        pytest.param(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", 500, id="a-500"),
        pytest.param(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 503, id="a-503"),
        pytest.param(b"", 502, id="no-answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConten", 502, id="half-a-head"),
        pytest.param(b"nonsense\r\n\r\n", 502, id="no-http"),
    ],
)
async def test_a_session_for_an_engine_that_fails_is_removed_again(
    site: Site, reply: bytes, status: int
) -> None:
    site.engine.on(b"/failing", says(reply, then="close"))
    before = site.on_disk()
    answer = await site.ask(b"{}", JSON, target=b"/failing", session=b"NEW_SESSION")
    assert (answer.status, answer.values(NEW_SESSION)) == (status, [])
    assert site.on_disk() == before


async def test_a_session_for_an_engine_that_is_gone_is_removed_again() -> None:
    async with site_with() as site:
        await site.engine.stop_listening()
        answer = await site.ask(b"{}", JSON, session=b"NEW_SESSION")
        assert answer.status in (502, 503) and answer.values(NEW_SESSION) == []
        assert site.on_disk() == set()


async def test_a_session_whose_client_leaves_before_it_knows_is_removed_again(site: Site) -> None:
    asked = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        await exchange.read_body()
        asked.set()
        await exchange.wire.gone.wait()
        exchange.keep_alive = False

    site.engine.on(b"/silent", silent)
    before = site.on_disk()
    async with await RawClient.connect(site.sidecar.port) as client:
        head = b"POST /silent HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n"
        await client.send(head + SESSION + b": NEW_SESSION\r\n\r\n{}")
        await asked.wait()
        assert len(site.on_disk()) == len(before) + 1
    assert await eventually(lambda: site.on_disk() == before, 5)


async def test_create_on_first_use_can_be_switched_off() -> None:
    async with site_with(SIDECAR_CREATE_ON_FIRST_USE="off") as site:
        answer = await site.ask(b"{}", JSON, session=b"NEW_SESSION")
        assert (answer.status, site.forwarded) == (400, 0)
        assert refusal(answer) == "session not found: NEW_SESSION"
        assert await site.open()


async def test_the_platforms_names_for_the_settings(tmp_path: Path) -> None:
    async with site_with(
        SIDECAR_PORT=None,
        SAGEMAKER_BIND_TO_PORT="0",
        SIDECAR_SESSIONS_PATH=None,
        SAGEMAKER_SESSIONS_PATH=str(tmp_path / "sessions"),
        SAGEMAKER_SESSIONS_EXPIRATION="100",
    ) as site:
        answer = await site.control("NEW_SESSION")
        assert (tmp_path / "sessions" / new_id(answer).decode()).is_dir()
        printed = only(answer, NEW_SESSION).partition(b"=")[2].decode()
        expires = datetime.strptime(printed, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        assert abs(expires - time.time() - 100) < 5
