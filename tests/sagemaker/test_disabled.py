"""Sessions that are switched off: no control requests, no session headers, all else forwarded."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.sagemaker.conftest import (
    CHUNKED,
    CLOSING,
    JSON,
    NEW_SESSION,
    OPENING,
    SESSION,
    UNKNOWN,
    Site,
    in_chunks,
    refusal,
    site_with,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

SWITCHES = [("SIDECAR_SESSIONS", "off"), ("SAGEMAKER_ENABLE_STATEFUL_SESSIONS", "false")]


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=SWITCHES,
    ids=["by-our-name", "by-the-platforms-name"],
)
async def without(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    name, value = request.param
    variables: dict[str, str | None] = {name: value}
    async with site_with((), **variables) as site:
        yield site


@pytest.mark.parametrize(
    "body, session",
    [
        pytest.param(OPENING, None, id="a-new-session-request"),
        pytest.param(OPENING, UNKNOWN, id="a-new-session-request-with-an-id"),
        pytest.param(CLOSING, UNKNOWN, id="a-close-request"),
        pytest.param(CLOSING, None, id="a-close-request-without-an-id"),
        pytest.param(b"{}", UNKNOWN, id="a-session-header"),
        pytest.param(b"{}", b"../x", id="a-malformed-session-header"),
        pytest.param(b"{}", b"", id="an-empty-session-header"),
        pytest.param(b"{}", b"NEW_SESSION", id="the-header-new-session"),
    ],
)
@pytest.mark.parametrize("coded", [False, True], ids=["counted", "in-chunks"])
async def test_refused(without: Site, body: bytes, session: bytes | None, coded: bool) -> None:
    before = without.forwarded
    if coded:
        answer = await without.ask(in_chunks(body), JSON, CHUNKED, session=session)
    else:
        answer = await without.ask(body, JSON, session=session)
    assert (answer.status, without.forwarded) == (400, before)
    assert "Invalid payload. stateful sessions not enabled" in refusal(answer)
    assert without.on_disk() == set()


async def test_a_session_header_on_another_path_is_refused(without: Site) -> None:
    answer = await without.ask(method=b"GET", target=b"/any", session=UNKNOWN)
    assert answer.status == 400
    assert "stateful sessions not enabled" in refusal(answer)


@pytest.mark.parametrize(
    "body",
    [b'{"prompt": "requestType"}', b"requestType", b"", b"\0\xff" * 50_000],
    ids=["json", "no-json", "nothing", "long"],
)
async def test_without_a_session_header_all_is_forwarded(without: Site, body: bytes) -> None:
    answer = await without.ask(body, JSON)
    record = without.engine.records[-1]
    assert (answer.status, answer.values(NEW_SESSION)) == (200, [])
    assert (bytes(record.body), record.values(SESSION)) == (body, [])
