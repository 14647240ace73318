"""What only the sidecar may say, whoever says it and however it is spelt."""

import pytest

from tests.harness.behaviours import says
from tests.sagemaker.conftest import JSON, NEW_SESSION, SESSION, Site, refusal, site_with

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = (b"Session-Id", b"New-Session-Id", b"Closed-Session-Id")


def plain(name: bytes) -> bytes:
    return bytes(byte for byte in name.lower() if chr(byte).isalnum())


def spellings(name: bytes) -> list[bytes]:
    full = b"X-Amzn-SageMaker-" + name
    return [
        full.lower().replace(b"-", b"_"),
        full.replace(b"-", b"_"),
        full.replace(b"-", b"."),
        full.replace(b"-", b""),
        full.replace(b"-Id", b"_Id"),
        full.replace(b"-", b"--"),
        full + b"-",
    ]


@pytest.mark.parametrize("name", [one for name in OURS for one in spellings(name)])
async def test_a_name_that_looks_like_one_of_ours_is_refused(site: Site, name: bytes) -> None:
    before = site.forwarded
    answer = await site.ask(b"{}", JSON, name + b": forged")
    assert (answer.status, site.forwarded) == (400, before)
    assert "rename it" in refusal(answer)


@pytest.mark.parametrize("name", [b"x-amzn-sagemaker-SESSION-ID", b"X-AMZN-SAGEMAKER-SESSION-ID"])
async def test_case_makes_no_difference(site: Site, name: bytes) -> None:
    answer = await site.ask(b"{}", JSON, name + b": forged")
    assert (answer.status, refusal(answer)) == (400, "session not found: forged")


@pytest.mark.parametrize("name", OURS[1:])
async def test_our_answers_headers_are_dropped_from_requests(site: Site, name: bytes) -> None:
    header = b"X-Amzn-SageMaker-" + name
    answer = await site.ask(b"{}", JSON, header.upper() + b": forged")
    assert answer.status == 200
    assert site.engine.records[-1].values(header) == []


async def test_two_session_headers_are_refused(site: Site) -> None:
    session, before = await site.open(), site.forwarded
    answer = await site.ask(b"{}", JSON, SESSION + b": " + session, session=session)
    assert (answer.status, site.forwarded) == (400, before)
    assert refusal(answer)


async def test_what_the_engine_says_in_our_name_is_dropped(site: Site) -> None:
    names = [b"X-Amzn-SageMaker-" + name for name in OURS[1:]]
    lines = b"".join(b"%b: forged\r\n" % name for name in [*names, names[0].lower()])
    site.engine.on(b"/forging", says(b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n"))
    answer = await site.ask(b"{}", JSON, target=b"/forging")
    assert answer.status == 200
    assert [answer.values(name) for name in names] == [[], []]


async def test_the_engines_header_can_have_another_name() -> None:
    async with site_with(SIDECAR_SESSION_HEADER="X-My-Session") as site:
        session = await site.open()
        answer = await site.ask(b"{}", JSON, b"x-my-SESSION: forged", session=session)
        assert answer.status == 200
        [record] = site.engine.records
        assert record.values(b"X-My-Session") == [session]
        assert [name for name, _ in record.fields if plain(name) == plain(SESSION)] == []
        answer = await site.ask(b"{}", JSON, b"X_My_Session: forged")
        assert (answer.status, site.forwarded) == (400, 1)
        answer = await site.ask(b"{}", JSON, b"X-My-Session: forged")
        assert (answer.status, site.forwarded) == (200, 2)
        assert site.engine.records[1].values(b"X-My-Session") == []


async def test_the_engines_header_can_be_left_out() -> None:
    async with site_with(SIDECAR_SESSION_HEADER="off") as site:
        session = await site.open()
        assert (await site.ask(b"{}", JSON, session=session)).status == 200
        [record] = site.engine.records
        assert record.values(SESSION) == []
        assert session not in record.message.head
        answer = await site.ask(b"{}", JSON, session=b"NEW_SESSION")
        assert len(answer.values(NEW_SESSION)) == 1
