"""Regular requests, with and without a session."""

import asyncio
import hashlib
import time

import pytest

from tests.harness.waiting import eventually
from tests.sagemaker.conftest import (
    CHUNKED,
    CLOSED_SESSION,
    JSON,
    NEW_SESSION,
    SESSION,
    Site,
    expires,
    in_chunks,
    new_id,
    refusal,
    site_with,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    "lines, body",
    [
        pytest.param([JSON], b'{"a" : 1.0}\n', id="json"),
        pytest.param([b"Content-Type: text/csv"], b"1,2\r\n", id="csv"),
        pytest.param([b"Content-Type: image/png"], b"\x89PNG\r\n\x1a\n\0\xff", id="an-image"),
        pytest.param([], b"x" * 200_000, id="long"),
        pytest.param([JSON], b"", id="nothing"),
    ],
)
async def test_no_session_header(site: Site, lines: list[bytes], body: bytes) -> None:
    answer = await site.ask(body, *lines, b"x-A: b  c")
    record = site.engine.records[-1]
    assert (answer.status, bytes(record.body), record.faults) == (200, body, [])
    assert answer.values(NEW_SESSION) == answer.values(CLOSED_SESSION) == []
    assert record.fields == [
        (b"Host", b"t"),
        *(tuple(line.split(b": ")) for line in lines),
        (b"x-A", b"b  c"),
        (b"Content-Length", b"%d" % len(body)),
    ]


@pytest.mark.parametrize(
    "method, target",
    [
        pytest.param(b"POST", b"/invocations", id="invocations"),
        pytest.param(b"POST", b"/v1/chat/completions", id="the-engines-own-path"),
        pytest.param(b"GET", b"/any?x=y", id="get-with-a-query"),
        pytest.param(b"DELETE", b"/any", id="delete"),
    ],
)
async def test_a_live_id(site: Site, method: bytes, target: bytes) -> None:
    session = await site.open()
    answer = await site.ask(b'{"a": 1}', JSON, method=method, target=target, session=session)
    record = site.engine.records[-1]
    assert (answer.status, record.method, record.target) == (200, method, target)
    assert record.values(SESSION) == [session]
    assert (bytes(record.body), record.faults) == (b'{"a": 1}', [])
    assert answer.values(NEW_SESSION) == answer.values(CLOSED_SESSION) == []


async def test_a_live_id_in_another_case_of_the_header_and_with_spaces(site: Site) -> None:
    session = await site.open()
    line = b"x-AMZN-sagemaker-SESSION-id: \t " + session + b" \t"
    assert (await site.ask(b"{}", JSON, line)).status == 200
    assert site.engine.records[-1].values(SESSION) == [session]


@pytest.mark.parametrize("coded", [False, True], ids=["counted", "in-chunks"])
async def test_a_live_id_with_a_long_body(site: Site, coded: bool) -> None:
    session, body = await site.open(), bytes(range(256)) * 2000
    lines = (CHUNKED,) if coded else ()
    data = in_chunks(body, 5000) if coded else body
    assert (await site.ask(data, JSON, *lines, session=session)).status == 200
    record = site.engine.records[-1]
    assert record.values(SESSION) == [session]
    assert record.sha256 == hashlib.sha256(body).hexdigest()


async def test_each_of_several_sessions_reaches_the_engine_as_itself(site: Site) -> None:
    sessions = [await site.open() for _ in range(10)]
    targets = {b"/as/" + session: session for session in sessions}
    await asyncio.gather(
        *(
            site.ask(b"{}", JSON, target=target, session=session)
            for target, session in targets.items()
            for _ in range(3)
        )
    )
    for target, session in targets.items():
        assert [record.values(SESSION) for record in site.engine.at(target)] == [[session]] * 3


async def test_a_closed_id(site: Site) -> None:
    session = await site.open()
    assert (await site.ask(b"{}", JSON, session=session)).status == 200
    await site.control("CLOSE", session)
    before = site.forwarded
    for lines, body in (([JSON], b"{}"), ([JSON, CHUNKED], in_chunks(b"{}")), ([], b"x" * 70_000)):
        answer = await site.ask(body, *lines, session=session)
        assert (answer.status, site.forwarded) == (400, before)
        assert refusal(answer) == f"session not found: {session.decode()}"


async def test_an_expired_id_from_the_second_that_was_printed_on() -> None:
    """However often it was used: its end is fixed when it is made."""
    async with site_with(SIDECAR_SESSIONS_TTL="2") as site:
        made = await site.control("NEW_SESSION")
        session, end = new_id(made), expires(made)
        while time.time() < end - 0.2:
            assert (await site.ask(b"{}", JSON, session=session)).status == 200
            await asyncio.sleep(0.05)
        assert await eventually(lambda: time.time() >= end)
        before = site.forwarded
        answer = await site.ask(b"{}", JSON, session=session)
        assert (answer.status, site.forwarded) == (400, before)
        assert refusal(answer) == f"session not found: {session.decode()}"


async def test_an_expired_id_leaves_the_disk_within_8_s_without_any_traffic() -> None:
    async with site_with(SIDECAR_SESSIONS_TTL="1") as site:
        await site.open()
        assert await eventually(lambda: not site.on_disk(), 1 + 8)
