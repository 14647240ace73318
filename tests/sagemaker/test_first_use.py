"""The header NEW_SESSION on a normal request: the session is made first and announced last."""

import asyncio
import re

import pytest

from tests.harness.behaviours import chunked, says
from tests.harness.raw_client import BrokenOff, RawClient
from tests.harness.recording_engine import Exchange
from tests.harness.waiting import eventually
from tests.sagemaker.conftest import (
    CHUNKED,
    JSON,
    NEW_SESSION,
    SESSION,
    Site,
    in_chunks,
    new_id,
    only,
    refusal,
    request,
    site_with,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORD = b"NEW_SESSION"
BODY = b'{"a": 1}'
# A body in chunks that may be a control request is served by the aiohttp lane, a counted one by
# the express lane.
BOTH_LANES = pytest.mark.parametrize(
    "data",
    [
        pytest.param(request(BODY, JSON, session=WORD), id="counted"),
        pytest.param(request(in_chunks(BODY), JSON, CHUNKED, session=WORD), id="in-chunks"),
    ],
)
STREAM = chunked([b"data: 1\n\n", b"data: 2\n\n"], b"Content-Type: text/event-stream")


def with_status(status: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join((b"HTTP/1.1 " + status, *lines, b"Content-Length: 0", b"", b""))


@BOTH_LANES
@pytest.mark.parametrize(
    "reply, status",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, id="json"),
        pytest.param(STREAM, 200, id="a-stream"),
        pytest.param(b"HTTP/1.1 204 None\r\n\r\n", 204, id="a-204"),
        pytest.param(with_status(b"302 Found", b"Location: /x"), 302, id="a-302"),
        pytest.param(with_status(b"404 No"), 404, id="a-404"),
        pytest.param(with_status(b"422 No"), 422, id="a-422"),
        pytest.param(with_status(b"429 No"), 429, id="a-429"),
        pytest.param(
            with_status(b"200 OK", NEW_SESSION + b": forged", NEW_SESSION.lower() + b": too"),
            200,
            id="a-reply-that-announces-its-own",
        ),
        pytest.param(
            b"HTTP/1.1 103 Early\r\n%b: forged\r\n\r\n" % NEW_SESSION + with_status(b"200 OK"),
            200,
            id="a-reply-behind-early-hints",
        ),
    ],
)
async def test_is_made_first_and_announced(
    site: Site, data: bytes, reply: bytes, status: int
) -> None:
    site.engine.on(b"/invocations", says(reply))
    async with await RawClient.connect(site.sidecar.port) as client:
        answer = await client.ask(data)
    session, record = new_id(answer), site.engine.records[-1]
    assert answer.status == status
    assert not any(early.values(NEW_SESSION) for early in answer.interim)
    assert re.fullmatch(rb"[^;]+; Expires=\S+Z", only(answer, NEW_SESSION))
    assert record.values(SESSION) == [session]
    assert (bytes(record.body), record.faults) == (BODY, [])
    assert session.decode() in site.on_disk()


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PUT"])
async def test_on_any_method_and_path(site: Site, method: bytes) -> None:
    answer = await site.ask(method=method, target=b"/v1/models", session=WORD)
    assert site.engine.records[-1].values(SESSION) == [new_id(answer)]


async def test_a_second_request_on_the_same_connection_makes_another(site: Site) -> None:
    async with await RawClient.connect(site.sidecar.port) as client:
        data = request(BODY, JSON, target=b"/any", session=WORD)
        sessions = [new_id(await client.ask(data)) for _ in range(3)]
    assert len(set(sessions)) == 3
    assert [record.values(SESSION)[0] for record in site.engine.records[-3:]] == sessions


@BOTH_LANES
async def test_a_stream_announces_it_before_its_end(site: Site, data: bytes) -> None:
    beginning = STREAM[: STREAM.index(b"data: 2") - 3]
    site.engine.on(b"/invocations", says(beginning, then="hold"))
    async with await RawClient.connect(site.sidecar.port) as client:
        await client.send(data)
        assert new_id(await client.head())
        assert b"data: 1" in await client.wire.until(b"\n\n")


async def test_a_websocket_announces_it_in_its_handshake(site: Site) -> None:
    reply = b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n%b: x\r\n\r\n"
    site.engine.on(b"/socket", says(reply % NEW_SESSION, then="close"))
    lines = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    answer = await site.ask(b"", *lines, key, method=b"GET", target=b"/socket", session=WORD)
    assert answer.status == 101
    assert site.engine.records[-1].values(SESSION) == [new_id(answer)]


@BOTH_LANES
@pytest.mark.parametrize(
    "reply, status",
    [
        pytest.param(with_status(b"500 Oh"), 500, id="a-500"),
        pytest.param(with_status(b"502 Oh"), 502, id="a-502"),
        pytest.param(with_status(b"503 No", NEW_SESSION + b": forged"), 503, id="a-503"),
        pytest.param(with_status(b"599 Oh"), 599, id="a-599"),
        pytest.param(b"", 502, id="no-answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConten", 502, id="half-a-head"),
        pytest.param(b"HTTP/1.1 103 Early\r\n\r\n", 502, id="early-hints-alone"),
        pytest.param(b"nonsense\r\n\r\n", 502, id="no-http"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\nZZ\r\n", 502, id="a-malformed-body"
        ),
    ],
)
async def test_is_removed_again_when_the_engine_fails(
    site: Site, data: bytes, reply: bytes, status: int
) -> None:
    site.engine.on(b"/invocations", says(reply, then="close"))
    before, count = site.on_disk(), site.forwarded
    async with await RawClient.connect(site.sidecar.port) as client:
        answer = await client.ask(data)
    assert (answer.status, answer.values(NEW_SESSION)) == (status, [])
    assert site.forwarded == count + 1
    assert await eventually(lambda: site.on_disk() == before, 5)


@BOTH_LANES
async def test_is_removed_before_its_client_sees_the_engines_error(site: Site, data: bytes) -> None:
    """Its place is free for a client that tries again, however long the error page takes."""
    reply = b"HTTP/1.1 500 Oh\r\nContent-Length: 10\r\n\r\nhalf"
    site.engine.on(b"/invocations", says(reply, then="hold"))
    before = site.on_disk()
    async with await RawClient.connect(site.sidecar.port) as client:
        await client.send(data)
        assert (await client.head()).values(NEW_SESSION) == []
        assert site.on_disk() == before


@BOTH_LANES
async def test_stays_when_the_engine_fails_behind_the_announcement(site: Site, data: bytes) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    site.engine.on(b"/invocations", says(reply, then="reset"))
    async with await RawClient.connect(site.sidecar.port) as client:
        with pytest.raises(BrokenOff) as broken:
            await client.ask(data)
    assert new_id(broken.value.answer).decode() in site.on_disk()


@BOTH_LANES
async def test_is_removed_again_when_the_engine_is_gone(data: bytes) -> None:
    async with site_with() as site:
        await site.engine.stop_listening()
        async with await RawClient.connect(site.sidecar.port) as client:
            answer = await client.ask(data)
        assert answer.status in (502, 503) and refusal(answer)
        assert (site.on_disk(), site.forwarded) == (set(), 0)


async def test_is_removed_again_when_the_engine_is_too_slow() -> None:
    async with site_with(SIDECAR_ENGINE_RESPONSE_TIMEOUT="0.2") as site:
        site.engine.on(b"/invocations", says(b"", then="hold"))
        for data in (BODY, in_chunks(BODY)):
            lines = () if data is BODY else (CHUNKED,)
            answer = await site.ask(data, JSON, *lines, session=WORD)
            assert answer.status == 504 and refusal(answer)
            assert site.on_disk() == set()


@BOTH_LANES
async def test_is_removed_again_when_its_client_leaves_before_it_knows(
    site: Site, data: bytes
) -> None:
    asked = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        await exchange.read_body()
        asked.set()
        await exchange.wire.gone.wait()
        exchange.keep_alive = False

    site.engine.on(b"/invocations", silent)
    before = site.on_disk()
    async with await RawClient.connect(site.sidecar.port) as client:
        await client.send(data)
        await asked.wait()
        assert len(site.on_disk()) == len(before) + 1
    assert await eventually(lambda: site.on_disk() == before, 5)


HALF = b"3e8\r\n" + b"x" * 1000


@pytest.mark.parametrize(
    "line, beginning, rest",
    [
        pytest.param(b"Content-Length: 9000000", b"x" * 1000, None, id="leaves-a-counted-body"),
        pytest.param(CHUNKED, HALF, None, id="leaves-a-body-in-chunks"),
        pytest.param(CHUNKED, HALF, b"\r\nno chunk\r\n", id="sends-what-is-no-chunk"),
    ],
)
async def test_is_removed_again_when_its_client(
    site: Site, line: bytes, beginning: bytes, rest: bytes | None
) -> None:
    site.engine.records.clear()
    before = site.on_disk()
    head = (b"POST /upload HTTP/1.1", b"Host: t", SESSION + b": " + WORD, line, b"", b"")
    async with await RawClient.connect(site.sidecar.port) as client:
        await client.send(b"\r\n".join(head) + beginning)
        await site.engine.arrived(b"/upload")
        assert len(site.on_disk()) == len(before) + 1
        if rest is not None:
            await client.send(rest)
            assert (await client.answer()).status == 400
    assert await eventually(lambda: site.on_disk() == before, 5)


async def test_can_be_switched_off() -> None:
    async with site_with(SIDECAR_CREATE_ON_FIRST_USE="off") as site:
        for data in (request(BODY, JSON, session=WORD), request(BODY, target=b"/x", session=WORD)):
            async with await RawClient.connect(site.sidecar.port) as client:
                answer = await client.ask(data)
            assert (answer.status, site.forwarded, site.on_disk()) == (400, 0, set())
            assert refusal(answer) == "session not found: NEW_SESSION"
        assert await site.open()


async def test_is_removed_again_when_the_answer_cannot_announce_it(site: Site) -> None:
    """The API words an engine's refusal anew, without the header."""
    site.engine.on(b"/invocations", says(with_status(b"400 No"), then="close"))
    before = site.on_disk()
    answer = await site.ask(BODY, JSON, target=b"/endpoints/e/invocations", session=WORD)
    assert (answer.status, answer.values(NEW_SESSION)) == (424, [])
    assert site.on_disk() == before
