"""The session's id inside JSON bodies, for engines that look for it there."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.sagemaker.conftest import JSON, SESSION, Site, refusal, site_with
from tests.sagemaker.test_control import in_chunks

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nested() -> AsyncIterator[Site]:
    async with site_with(
        SIDECAR_SESSION_BODY_PATH="metadata.session_id", SIDECAR_BODY_LIMIT="1000"
    ) as site:
        yield site


async def test_at_the_top() -> None:
    async with site_with(SIDECAR_SESSION_BODY_PATH="session_id") as site:
        session = await site.open()
        answer = await site.ask(b'{"a": 1}', JSON, session=session)
        [record] = site.engine.records
        assert answer.status == 200 and record.faults == []
        assert json.loads(record.body) == {"a": 1, "session_id": session.decode()}
        assert record.values(b"Content-Length") == [b"%d" % len(record.body)]
        assert record.values(SESSION) == [session]


@pytest.mark.parametrize(
    "body, there",
    [
        ("{}", {"metadata": {"session_id": "<id>"}}),
        ('{"metadata": {}}', {"metadata": {"session_id": "<id>"}}),
        ('{"metadata": {"x": 1}}', {"metadata": {"x": 1, "session_id": "<id>"}}),
        ('{"metadata": {"session_id": "forged"}}', {"metadata": {"session_id": "<id>"}}),
        ('{"session_id": 1}', {"session_id": 1, "metadata": {"session_id": "<id>"}}),
    ],
)
async def test_parents_are_made_and_the_rest_is_kept(
    nested: Site, body: str, there: object
) -> None:
    session = await nested.open()
    assert (await nested.ask(body.encode(), JSON, session=session)).status == 200
    got = bytes(nested.engine.records[-1].body).decode()
    assert json.loads(got.replace(session.decode(), "<id>")) == there


@pytest.mark.parametrize(
    "text",
    [
        "12345678901234567890", "1.0", "1e400", "-0.0", "1E+2", "0.1000", "true", "null",
        '"\u00e9\U0001f600"', r'"\u00e9\ud83d"', r'"a\/b\"}"', '{"b": 1, "a": 2}', "[1,2 , 3]",
    ],
)  # fmt: skip
async def test_other_fields_come_as_they_were_written(nested: Site, text: str) -> None:
    session = await nested.open()
    answer = await nested.ask(f'{{"x": {text}, "y": 1}}'.encode(), JSON, session=session)
    assert answer.status == 200
    assert f'"x": {text}, "y": 1'.encode() in bytes(nested.engine.records[-1].body)


async def test_in_chunks(nested: Site) -> None:
    session = await nested.open()
    body, coding = in_chunks(b'{"a": 1}', 3), b"Transfer-Encoding: chunked"
    assert (await nested.ask(body, JSON, coding, session=session)).status == 200
    record = nested.engine.records[-1]
    assert record.values(b"Transfer-Encoding") == [] and record.faults == []
    assert json.loads(record.body)["metadata"] == {"session_id": session.decode()}


async def test_on_first_use(nested: Site) -> None:
    answer = await nested.ask(b"{}", JSON, session=b"NEW_SESSION")
    assert answer.status == 200
    record = nested.engine.records[-1]
    assert json.loads(record.body)["metadata"]["session_id"].encode() == record.values(SESSION)[0]


async def test_without_a_session_nothing_is_set(nested: Site) -> None:
    assert (await nested.ask(b'{"a" : 1}', JSON)).status == 200
    assert bytes(nested.engine.records[-1].body) == b'{"a" : 1}'


@pytest.mark.parametrize("coded", [False, True], ids=["counted", "chunked"])
async def test_a_body_above_the_limit(nested: Site, coded: bool) -> None:
    body, before = b'{"a": "' + b"x" * 1000 + b'"}', nested.forwarded
    session = await nested.open()
    if coded:
        coding = b"Transfer-Encoding: chunked"
        answer = await nested.ask(in_chunks(body, 500), JSON, coding, session=session)
    else:
        answer = await nested.ask(body, JSON, session=session)
    assert (answer.status, nested.forwarded) == (413, before)
    assert "SIDECAR_BODY_LIMIT" in refusal(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"1",
        b'"text"',
        b"null",
        b'{"metadata": 1}',
        b'{"metadata": []}',
        b'{"metadata": null}',
        b'{"a": 1',
        b"words",
        b"\xff\xfe",
    ],
)
async def test_a_body_with_no_place_for_it(nested: Site, body: bytes) -> None:
    session, before = await nested.open(), nested.forwarded
    answer = await nested.ask(body, JSON, session=session)
    assert (answer.status, nested.forwarded) == (400, before)
    assert "metadata.session_id" in refusal(answer)


@pytest.mark.parametrize(
    "lines",
    [[b"Content-Type: text/csv"], [b"Content-Type: text/plain"], [JSON, b"Content-Encoding: gzip"]],
    ids=lambda lines: lines[-1].decode(),
)
async def test_a_body_that_is_no_json_goes_on_with_the_header_alone(
    nested: Site, lines: list[bytes]
) -> None:
    session, body = await nested.open(), b'{"a" : 1}' + b"," * 2000
    assert (await nested.ask(body, *lines, session=session)).status == 200
    record = nested.engine.records[-1]
    assert (bytes(record.body), record.values(SESSION)) == (body, [session])
