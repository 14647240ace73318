"""Control requests: NEW_SESSION and CLOSE on POST /invocations."""

import asyncio
import time

import pytest

from tests.harness.raw_client import RawClient
from tests.harness.waiting import eventually
from tests.sagemaker.conftest import (
    CHUNKED,
    CLOSED_SESSION,
    CLOSING,
    JSON,
    NEW_SESSION,
    OPENING,
    UNKNOWN,
    Site,
    expires,
    in_chunks,
    new_id,
    only,
    pattern,
    refusal,
    request,
    site_with,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="without-a-session-header"),
        pytest.param(UNKNOWN, id="with-an-unknown-id"),
        pytest.param(b"../x", id="with-a-malformed-id"),
        pytest.param(b"\xff\x80", id="with-junk"),
        pytest.param(b"NEW_SESSION", id="with-the-word-itself"),
        pytest.param(b"", id="with-an-empty-header"),
    ],
)
async def test_new_session(site: Site, header: bytes | None) -> None:
    before = site.forwarded
    answer = await site.control("NEW_SESSION", header)
    assert (answer.status, site.forwarded) == (200, before)
    assert answer.body == b"Session %b created" % new_id(answer)
    assert only(answer, b"Content-Type").startswith(b"text/plain")
    assert answer.values(CLOSED_SESSION) == []
    assert new_id(answer).decode() in site.on_disk()


async def test_new_session_with_a_live_id_leaves_that_session_alone(site: Site) -> None:
    session = await site.open()
    assert new_id(await site.control("NEW_SESSION", session)) != session
    assert (await site.ask(b"{}", JSON, session=session)).status == 200


async def test_the_new_session_header_is_as_the_platform_checks_it(site: Site) -> None:
    answer = await site.control("NEW_SESSION")
    value = only(answer, NEW_SESSION).decode()
    assert pattern("NewSessionResponseHeader").fullmatch(value) and len(value) <= 256
    assert pattern("SessionIdHeader").fullmatch(new_id(answer).decode())
    assert abs(expires(answer) - (time.time() + 1200)) < 5


async def test_close_of_a_live_id(site: Site) -> None:
    session, before = await site.open(), site.forwarded
    answer = await site.control("CLOSE", session)
    assert (answer.status, answer.body) == (200, b"Session %b closed" % session)
    assert only(answer, CLOSED_SESSION) == session
    assert pattern("SessionIdHeader").fullmatch(only(answer, CLOSED_SESSION).decode())
    assert only(answer, b"Content-Type").startswith(b"text/plain")
    assert answer.values(NEW_SESSION) == []
    assert site.forwarded == before
    assert session.decode() not in site.on_disk()


async def test_close_of_an_already_closed_id(site: Site) -> None:
    session = await site.open()
    assert (await site.control("CLOSE", session)).status == 200
    answer = await site.control("CLOSE", session)
    assert (answer.status, refusal(answer)) == (400, f"session not found: {session.decode()}")


async def test_of_several_closers_at_once_one_succeeds(site: Site) -> None:
    session = await site.open()
    answers = await asyncio.gather(*(site.control("CLOSE", session) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 7


async def test_close_of_an_expired_id() -> None:
    async with site_with(SIDECAR_SESSIONS_TTL="1") as site:
        session = await site.open()
        assert await eventually(lambda: not site.on_disk())
        answer = await site.control("CLOSE", session)
        assert (answer.status, refusal(answer)) == (400, f"session not found: {session.decode()}")


@pytest.mark.parametrize(
    "session",
    [
        pytest.param(UNKNOWN, id="an-unknown-id"),
        pytest.param(b"nobody", id="an-unknown-word"),
        pytest.param(b"NEW_SESSION", id="the-word-new-session"),
        pytest.param(b"../../etc", id="a-path"),
        pytest.param(b"a" * 300, id="too-long-an-id"),
    ],
)
async def test_close_of(site: Site, session: bytes) -> None:
    answer = await site.control("CLOSE", session)
    assert answer.status == 400
    assert refusal(answer) == f"session not found: {session.decode()[:256]}"


async def test_close_with_the_id_in_upper_case_closes_nothing(site: Site) -> None:
    session = await site.open()
    answer = await site.control("CLOSE", session.upper())
    assert answer.status == 400 and "session not found" in refusal(answer)
    assert (await site.ask(b"{}", JSON, session=session)).status == 200


@pytest.mark.parametrize(
    "session", [pytest.param(None, id="no-header"), pytest.param(b"", id="an-empty-header")]
)
async def test_close_without_the_session_header(site: Site, session: bytes | None) -> None:
    before = site.forwarded
    answer = await site.control("CLOSE", session)
    assert (answer.status, site.forwarded) == (424, before)
    assert "invalid session_id" in refusal(answer)


async def test_one_head_with_this_body_and_that_on_one_connection(site: Site) -> None:
    """The plan for a head that comes again is kept: what is in the body must not be."""
    other = OPENING.replace(b"Type", b"Kind")
    before, sessions = site.forwarded, site.on_disk()
    async with await RawClient.connect(site.sidecar.port) as client:
        answers = [
            await client.ask(request(body, JSON)) for body in (OPENING, other, OPENING, other)
        ]
    assert site.forwarded == before + 2
    assert [len(answer.values(NEW_SESSION)) for answer in answers] == [1, 0, 1, 0]
    assert len(site.on_disk() - sessions) == 2


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(request(OPENING, JSON), id="counted"),
        pytest.param(request(in_chunks(OPENING), JSON, CHUNKED), id="in-chunks"),
        pytest.param(request(OPENING, JSON).replace(b"HTTP/1.1", b"HTTP/1.0"), id="http-1.0"),
    ],
)
@pytest.mark.parametrize("step", [0, 1], ids=["at-once", "byte-by-byte"])
async def test_however_it_is_sent(site: Site, data: bytes, step: int) -> None:
    before = site.forwarded
    async with await RawClient.connect(site.sidecar.port) as client:
        await client.send(data, step=step)
        assert new_id(await client.answer())
    assert site.forwarded == before


async def test_a_client_that_waits_for_100_continue(site: Site) -> None:
    session = await site.open()
    head, _, body = request(CLOSING, JSON, b"Expect: 100-continue", session=session).partition(
        b"\r\n\r\n"
    )
    async with await RawClient.connect(site.sidecar.port) as client:
        await client.send(head + b"\r\n\r\n")
        assert (await client.wire.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await client.send(body)
        assert only(await client.answer(), CLOSED_SESSION) == session
