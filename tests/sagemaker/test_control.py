"""Control requests: NEW_SESSION and CLOSE on POST /invocations."""

import json
import time
from datetime import UTC, datetime

import pytest

from tests.harness.behaviours import echo
from tests.harness.waiting import eventually
from tests.sagemaker.conftest import (
    CLOSED_SESSION,
    JSON,
    NEW_SESSION,
    SESSION,
    Site,
    new_id,
    only,
    pattern,
    refusal,
    site_with,
)
from tests.sessions import strace

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = b"7d0c8f1e-0000-4000-8000-000000000000"


@pytest.mark.parametrize("header", [None, b"nobody", UNKNOWN, b"NEW_SESSION", b"../x", b""])
async def test_new_session_ignores_any_session_header(site: Site, header: bytes | None) -> None:
    before = site.forwarded
    answer = await site.control("NEW_SESSION", header)
    assert (answer.status, site.forwarded) == (200, before)
    assert answer.body == b"Session %b created" % new_id(answer)
    assert only(answer, b"Content-Type").startswith(b"text/plain")
    assert new_id(answer).decode() in site.on_disk()


async def test_the_new_session_header_is_as_the_platform_checks_it(site: Site) -> None:
    value = only(await site.control("NEW_SESSION"), NEW_SESSION).decode()
    assert pattern("NewSessionResponseHeader").fullmatch(value) and len(value) <= 256
    assert pattern("SessionIdHeader").fullmatch(value.partition(";")[0])
    expires = datetime.strptime(value.partition("=")[2], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(expires.timestamp() - (time.time() + 1200)) < 5


async def test_close_of_a_live_session(site: Site) -> None:
    session, before = await site.open(), site.forwarded
    answer = await site.control("CLOSE", session)
    assert (answer.status, answer.body) == (200, b"Session %b closed" % session)
    assert only(answer, CLOSED_SESSION) == session
    assert site.forwarded == before
    assert session.decode() not in site.on_disk()


async def test_close_of_a_closed_session(site: Site) -> None:
    session = await site.open()
    assert (await site.control("CLOSE", session)).status == 200
    answer = await site.control("CLOSE", session)
    assert answer.status == 400
    assert f"session not found: {session.decode()}" in refusal(answer)
    assert answer.values(CLOSED_SESSION) == []


async def test_close_of_an_expired_session() -> None:
    async with site_with(SIDECAR_SESSIONS_TTL="1") as site:
        session = await site.open()
        assert await eventually(lambda: not site.on_disk())
        answer = await site.control("CLOSE", session)
        assert (answer.status, refusal(answer)) == (400, f"session not found: {session.decode()}")


@pytest.mark.parametrize("session", [UNKNOWN, b"nobody", b"../../etc", b"a_b", b"-a", b"a" * 300])
async def test_close_of_an_unknown_session(site: Site, session: bytes) -> None:
    answer = await site.control("CLOSE", session)
    assert answer.status == 400
    assert refusal(answer) == f"session not found: {session.decode()[:256]}"


@pytest.mark.parametrize("session", [None, b""])
async def test_close_without_the_session_header(site: Site, session: bytes | None) -> None:
    answer = await site.control("CLOSE", session)
    assert answer.status == 424
    assert "invalid session_id" in refusal(answer)


@pytest.mark.parametrize(
    "body, names",
    [
        pytest.param('{"requestType": "OPEN"}', "requestType", id="another-value"),
        pytest.param('{"requestType": "new_session"}', "requestType", id="another-case"),
        pytest.param('{"requestType": ""}', "requestType", id="empty"),
        pytest.param('{"requestType": null}', "requestType", id="null"),
        pytest.param('{"requestType": 1}', "requestType", id="a-number"),
        pytest.param('{"requestType": ["CLOSE"]}', "requestType", id="a-list"),
        pytest.param('{"requestType": {"a": 1}}', "requestType", id="an-object"),
        pytest.param('{"requestType": "CLOSE", "x": 1}', "x", id="an-extra-field"),
        pytest.param('{"prompt": 1, "requestType": "CLOSE"}', "prompt", id="an-extra-field-first"),
        pytest.param(
            '{"requestType": "CLOSE", "requestType": "CLOSE"}', "requestType", id="given-twice"
        ),
    ],
)
async def test_a_request_type_that_is_not_valid_names_the_field(
    site: Site, body: str, names: str
) -> None:
    before = site.forwarded
    answer = await site.ask(body.encode(), JSON, session=await site.open())
    assert (answer.status, site.forwarded) == (400, before)
    assert repr(names) in refusal(answer)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"request\\u0054ype": "NEW_SESSION"}', id="escaped-key"),
        pytest.param(b' \r\n\t{"requestType":\n"NEW_SESSION"}  ', id="white-space"),
    ],
)
async def test_the_same_json_written_otherwise(site: Site, body: bytes) -> None:
    assert new_id(await site.ask(body, JSON))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"requestType": "NEW_SESSION"', id="cut-short"),
        pytest.param(b"requestType", id="a-word"),
        pytest.param(b'{"a": {"requestType": "NEW_SESSION"}}', id="nested"),
        pytest.param(b'["requestType"]', id="a-list"),
        pytest.param(b'"requestType"', id="a-string"),
        pytest.param(b'{"requesttype": "NEW_SESSION"}', id="another-key"),
        pytest.param(b"{}", id="an-empty-object"),
        pytest.param(b"\xff\xfe{\x00", id="not-text"),
        pytest.param(b"[" * 4000, id="too-deep"),
        pytest.param(b"", id="nothing"),
    ],
)
async def test_a_body_that_is_no_control_request_is_forwarded_as_it_is(
    site: Site, body: bytes
) -> None:
    before = site.forwarded
    answer = await site.ask(body, JSON)
    assert (answer.status, site.forwarded) == (200, before + 1)
    assert bytes(site.engine.records[-1].body) == body


CONTROL = b'{"requestType": "NEW_SESSION"}'


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"Content-Type: application/json; charset=utf-8"],
        [b"content-type: APPLICATION/JSON"],
        [b"Content-Type: application/vnd.api+json"],
        [b"Content-Type: text/json"],
        [b"Content-Type: application/x-www-form-urlencoded"],
        [JSON, b"Content-Encoding: identity"],
    ],
    ids=lambda lines: b" ".join(lines).decode() or "none",
)
async def test_a_body_of_this_type_is_looked_at(site: Site, lines: list[bytes]) -> None:
    assert new_id(await site.ask(CONTROL, *lines))


@pytest.mark.parametrize(
    "lines",
    [
        [b"Content-Type: text/csv"],
        [b"Content-Type: application/octet-stream"],
        [b"Content-Type: multipart/form-data; boundary=json"],
        [b"Content-Type: application/jsonlines"],
        [JSON, b"Content-Encoding: gzip"],
    ],
    ids=lambda lines: b" ".join(lines).decode(),
)
async def test_a_body_of_this_type_is_not(site: Site, lines: list[bytes]) -> None:
    answer = await site.ask(CONTROL, *lines)
    assert (answer.status, answer.values(NEW_SESSION)) == (200, [])
    assert bytes(site.engine.records[-1].body) == CONTROL


def in_chunks(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


async def test_a_control_request_in_chunks(site: Site) -> None:
    assert new_id(await site.ask(in_chunks(CONTROL, 7), JSON, b"Transfer-Encoding: chunked"))


@pytest.mark.parametrize("size", [4096, 4097, 200_000])
async def test_a_long_body_in_chunks_is_streamed_on_unchanged(site: Site, size: int) -> None:
    body = b'{"requestType": "' + b"x" * size
    answer = await site.ask(in_chunks(body, 1000), JSON, b"Transfer-Encoding: chunked")
    assert answer.status == 200
    assert bytes(site.engine.records[-1].body) == body


async def test_a_body_above_the_limit_of_control_requests_is_not_looked_at() -> None:
    async with site_with(SIDECAR_CONTROL_BODY_LIMIT="64") as site:
        assert new_id(await site.ask(CONTROL + b" " * (64 - len(CONTROL)), JSON))
        answer = await site.ask(CONTROL + b" " * (65 - len(CONTROL)), JSON)
        assert (answer.values(NEW_SESSION), site.forwarded) == ([], 1)


@pytest.mark.parametrize(
    "method, target",
    [
        (b"GET", b"/invocations"),
        (b"PUT", b"/invocations"),
        (b"POST", b"/invocations/"),
        (b"POST", b"/v1/completions"),
        (b"POST", b"//invocations"),
    ],
)
async def test_only_post_invocations_has_control_requests(
    site: Site, method: bytes, target: bytes
) -> None:
    before = site.forwarded
    length = b"X-A: b" if method == b"POST" else b"Content-Length: %d" % len(CONTROL)
    answer = await site.ask(CONTROL, JSON, length, method=method, target=target)
    assert (answer.status, site.forwarded) == (200, before + 1)
    assert answer.values(NEW_SESSION) == []


async def test_a_query_changes_nothing(site: Site) -> None:
    assert new_id(await site.ask(CONTROL, JSON, target=b"/invocations?a=b"))


WORDS = "Invalid payload. stateful sessions not enabled"


@pytest.mark.parametrize("off", ["SIDECAR_SESSIONS", "SAGEMAKER_ENABLE_STATEFUL_SESSIONS"])
async def test_with_sessions_disabled(off: str) -> None:
    variables: dict[str, str | None] = {off: "false"}
    async with site_with((), **variables) as site:
        for kind in ("NEW_SESSION", "CLOSE"):
            answer = await site.control(kind, UNKNOWN)
            assert answer.status == 400 and WORDS in refusal(answer)
        answer = await site.ask(b"{}", JSON, session=UNKNOWN)
        assert answer.status == 400 and WORDS in refusal(answer)
        assert site.forwarded == 0
        answer = await site.ask(b'{"a": 1}', JSON)
        assert (answer.status, site.forwarded) == (200, 1)
        assert site.engine.records[0].values(SESSION) == []


async def test_no_room_for_a_new_session() -> None:
    async with site_with(SIDECAR_SESSIONS_MAX="1") as site:
        session = await site.open()
        answer = await site.control("NEW_SESSION")
        assert answer.status == 503 and refusal(answer)
        assert int(only(answer, b"Retry-After")) > 0
        answer = await site.ask(b"{}", JSON, session=b"NEW_SESSION")
        assert answer.status == 503 and site.forwarded == 0
        assert site.on_disk() == {session.decode()}
        assert (await site.ask(b"{}", JSON, session=session)).status == 200
        assert (await site.control("CLOSE", session)).status == 200
        assert await site.open()


async def test_any_other_failure_of_the_store() -> None:
    """From the second one on, every rename fails: the one that ends, and that makes a session."""
    strace.require()
    broken = ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=/^rename", "-e")
    async with site_with((*broken, "inject=/^rename:error=EIO:when=2+")) as site:
        session = await site.open()
        answer = await site.control("CLOSE", session)
        assert (answer.status, answer.values(CLOSED_SESSION)) == (424, [])
        assert refusal(answer).startswith("Failed to close session: ")
        answer = await site.control("NEW_SESSION")
        assert (answer.status, answer.values(NEW_SESSION)) == (424, [])
        assert refusal(answer).startswith("Failed to create session: ")
        assert site.on_disk() == {session.decode()}
        assert (await site.ask(b"{}", JSON, session=session)).status == 200
        assert (await site.ask(b"{}", JSON)).status == 200


async def test_the_body_of_an_error_is_read_by_both_kinds_of_client(site: Site) -> None:
    answer = await site.control("CLOSE", UNKNOWN)
    body = json.loads(answer.body)
    assert body["error"]["type"] == "BadRequestError"
    assert body["detail"] == body["error"]["message"] == f"session not found: {UNKNOWN.decode()}"


async def test_an_echo_shows_that_the_peek_changes_no_byte(site: Site) -> None:
    body = b'  {"prompt" : "requestType \\u00e9" , "n":1.0}\n'
    site.engine.on(b"/invocations", echo)
    answer = await site.ask(body, JSON)
    assert answer.body == body
