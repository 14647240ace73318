"""What only the sidecar may say, whoever says it and however it is spelt."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.harness.behaviours import says
from tests.harness.recording_engine import say_ok
from tests.sagemaker.conftest import (
    CHUNKED,
    CLOSED_SESSION,
    JSON,
    NEW_SESSION,
    SESSION,
    UNKNOWN,
    Site,
    in_chunks,
    refusal,
    site_with,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = (b"Session-Id", b"New-Session-Id", b"Closed-Session-Id")
OWN = b"X-My-Session"
# A body in chunks that may be a control request is served by the aiohttp lane, a counted one by
# the express lane.
BOTH_LANES = pytest.mark.parametrize(
    "body, lines",
    [
        pytest.param(b"{}", (JSON,), id="counted"),
        pytest.param(in_chunks(b"{}"), (JSON, CHUNKED), id="in-chunks"),
    ],
)


def plain(name: bytes) -> bytes:
    return bytes(byte for byte in name.lower() if chr(byte).isalnum())


def spellings(full: bytes) -> dict[str, bytes]:
    last = full.rindex(b"-")
    return {
        "low-lines": full.replace(b"-", b"_"),
        "low-lines-in-lower-case": full.lower().replace(b"-", b"_"),
        "low-lines-in-capitals": full.upper().replace(b"-", b"_"),
        "one-low-line": full[:last] + b"_" + full[last + 1 :],
        "dots": full.replace(b"-", b"."),
        "bars": full.replace(b"-", b"|"),
        "tildes": full.replace(b"-", b"~"),
        "nothing": full.replace(b"-", b""),
        "two-hyphens": full.replace(b"-", b"--"),
        "a-hyphen-more": full + b"-",
        "a-low-line-before": b"_" + full,
        "an-apostrophe": full + b"'",
        "a-hash-before": b"#" + full,
    }


def cases(names: list[bytes]) -> list[object]:
    return [
        pytest.param(spelling, id=f"{name.decode()}-with-{how}")
        for name in names
        for how, spelling in spellings(name).items()
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def renamed() -> AsyncIterator[Site]:
    async with site_with(SIDECAR_SESSION_HEADER=OWN.decode()) as site:
        yield site


@pytest.mark.parametrize("name", cases([b"X-Amzn-SageMaker-" + name for name in OURS]))
async def test_a_name_that_looks_like_one_of_ours_is_refused(site: Site, name: bytes) -> None:
    session, before = await site.open(), site.forwarded
    for id_ in (b"forged", session):
        answer = await site.ask(b"{}", JSON, name + b": " + id_, session=session)
        assert (answer.status, site.forwarded) == (400, before)
        assert "rename it" in refusal(answer)


@pytest.mark.parametrize("name", [SESSION.lower(), SESSION.upper(), SESSION.title()])
async def test_case_makes_no_difference(site: Site, name: bytes) -> None:
    answer = await site.ask(b"{}", JSON, name + b": forged")
    assert (answer.status, refusal(answer)) == (400, "session not found: forged")


@pytest.mark.parametrize("name", OURS[1:])
@pytest.mark.parametrize("live", [False, True], ids=["without-a-session", "with-a-session"])
async def test_our_answers_headers_are_dropped_from_requests(
    site: Site, name: bytes, live: bool
) -> None:
    session = await site.open() if live else None
    header = b"X-Amzn-SageMaker-" + name
    lines = (header + b": forged", header.upper() + b": too")
    assert (await site.ask(b"{}", JSON, *lines, session=session)).status == 200
    record = site.engine.records[-1]
    assert record.values(header) == []
    assert record.values(SESSION) == ([session] if live else [])


@pytest.mark.parametrize("second", [SESSION, SESSION.upper()], ids=["same-case", "other-case"])
@pytest.mark.parametrize("id_", [UNKNOWN, b"NEW_SESSION", b"", None])
async def test_two_session_headers_are_refused(
    site: Site, second: bytes, id_: bytes | None
) -> None:
    session, before = await site.open(), site.forwarded
    line = second + b": " + (session if id_ is None else id_)
    answer = await site.ask(b"{}", JSON, line, session=session)
    assert (answer.status, site.forwarded) == (400, before)
    assert "once" in refusal(answer)


async def test_ids_in_trailers_stay_here(site: Site) -> None:
    session = await site.open()
    trailers = b"".join(b"X-Amzn-SageMaker-%b: forged\r\n" % name for name in OURS)
    body = b"2\r\n{}\r\n0\r\n" + trailers + b"\r\n"
    for id_ in (None, session):
        answer = await site.ask(body, JSON, CHUNKED, session=id_)
        record = site.engine.records[-1]
        assert (answer.status, bytes(record.body), record.faults) == (200, b"{}", [])
        assert record.values(SESSION) == ([] if id_ is None else [session])


@BOTH_LANES
async def test_connection_cannot_take_the_id_away(
    site: Site, body: bytes, lines: tuple[bytes, ...]
) -> None:
    session = await site.open()
    line = b"Connection: close, " + SESSION.lower()
    answer = await site.ask(body, *lines, line, session=session)
    assert answer.status == 200
    assert site.engine.records[-1].values(SESSION) == [session]


@pytest.mark.parametrize(
    "name", [NEW_SESSION, CLOSED_SESSION.upper(), *cases([NEW_SESSION, CLOSED_SESSION])]
)
async def test_what_the_engine_says_in_our_name_is_dropped(site: Site, name: bytes) -> None:
    lines = b"%b: forged\r\nX-A: b\r\n%b: too\r\n" % (name, name)
    site.engine.on(b"/forging", says(b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n"))
    answer = await site.ask(b"{}", JSON, target=b"/forging")
    assert answer.status == 200
    assert answer.fields == [(b"X-A", b"b"), (b"Content-Length", b"0")]


@BOTH_LANES
async def test_what_the_engine_says_in_trailers_and_early_hints_is_dropped(
    site: Site, body: bytes, lines: tuple[bytes, ...]
) -> None:
    line = NEW_SESSION + b": forged\r\n"
    hints = b"HTTP/1.1 103 Early\r\n" + line + b"\r\n"
    reply = b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\n2\r\nok\r\n0\r\n" + line + b"\r\n"
    site.engine.on(b"/invocations", says(hints + reply))
    answer = await site.ask(body, *lines)
    site.engine.on(b"/invocations", say_ok)
    assert (answer.status, answer.body) == (200, b"ok")
    assert [early.fields for early in answer.interim] == [[]]
    assert answer.values(NEW_SESSION) == []


@pytest.mark.parametrize("name", [OWN, OWN.lower(), OWN.upper()])
@pytest.mark.parametrize("live", [False, True], ids=["without-a-session", "with-a-session"])
async def test_under_another_name_what_the_client_says_is_replaced(
    renamed: Site, name: bytes, live: bool
) -> None:
    session = await renamed.open() if live else None
    lines = (name + b": forged", OWN + b": too")
    assert (await renamed.ask(b"{}", JSON, *lines, session=session)).status == 200
    record = renamed.engine.records[-1]
    assert record.values(OWN) == ([session] if live else [])
    assert [each for each, _ in record.fields if plain(each) == plain(SESSION)] == []


@pytest.mark.parametrize("name", cases([OWN, SESSION]))
async def test_under_another_name_look_alikes_of_both_are_refused(
    renamed: Site, name: bytes
) -> None:
    before = renamed.forwarded
    answer = await renamed.ask(b"{}", JSON, name + b": forged")
    assert (answer.status, renamed.forwarded) == (400, before)
    assert "rename it" in refusal(answer)


async def test_under_another_name_the_id_still_comes_in_sagemakers(renamed: Site) -> None:
    session, before = await renamed.open(), renamed.forwarded
    answer = await renamed.ask(b"{}", JSON, SESSION + b": nobody", OWN + b": " + session)
    assert (answer.status, renamed.forwarded) == (400, before)
    answer = await renamed.ask(b"{}", JSON, session=b"NEW_SESSION")
    [told] = renamed.engine.records[-1].values(OWN)
    assert answer.values(NEW_SESSION)[0].startswith(told + b";")


async def test_the_engines_header_can_be_left_out() -> None:
    async with site_with(SIDECAR_SESSION_HEADER="off") as site:
        session = await site.open()
        assert (await site.ask(b"{}", JSON, session=session)).status == 200
        [record] = site.engine.records
        assert session not in record.message.head
        assert [name for name, _ in record.fields] == [b"Host", b"Content-Type", b"Content-Length"]
        answer = await site.ask(b"{}", JSON, session=b"NEW_SESSION")
        [announced] = answer.values(NEW_SESSION)
        assert announced.partition(b";")[0] not in site.engine.records[-1].message.head
        assert b"NEW_SESSION" not in site.engine.records[-1].message.head
        answer = await site.ask(b"{}", JSON, session=UNKNOWN)
        assert (answer.status, site.forwarded) == (400, 2)
