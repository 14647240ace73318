"""The session's id inside JSON bodies, for engines that look for it there."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.harness.raw_client import RawClient
from tests.sagemaker.conftest import (
    BODY_LIMIT,
    CHUNKED,
    CLOSING,
    JSON,
    OPENING,
    Site,
    in_chunks,
    new_id,
    request,
    rewritten,
    site_with,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHERE = {"metadata": {"session_id": "<id>"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def top() -> AsyncIterator[Site]:
    async with site_with(SIDECAR_SESSION_BODY_PATH="session_id") as site:
        yield site


@pytest.mark.parametrize(
    "body, there",
    [
        pytest.param(b'{"a": 1}', '{"a": 1, "session_id": "<id>"}', id="beside-a-field"),
        pytest.param(b"{}", '{"session_id": "<id>"}', id="in-an-empty-object"),
        pytest.param(b" { } ", ' {"session_id": "<id>" } ', id="in-an-empty-object-with-spaces"),
        pytest.param(b'{"session_id":"me"}', '{"session_id":"<id>"}', id="in-place-of-a-value"),
        pytest.param(b'{"session_id":[{}]}', '{"session_id":"<id>"}', id="in-place-of-a-list"),
    ],
)
async def test_at_the_top(top: Site, body: bytes, there: str) -> None:
    assert await rewritten(top, body, JSON) == there


@pytest.mark.parametrize(
    "body, there",
    [
        pytest.param("{}", WHERE, id="the-parent-is-missing"),
        pytest.param('{"a": 1}', {"a": 1} | WHERE, id="the-parent-is-missing-beside-a-field"),
        pytest.param('{"metadata": {}}', WHERE, id="the-parent-is-empty"),
        pytest.param(
            '{"metadata": {"x": 1}}',
            {"metadata": {"x": 1, "session_id": "<id>"}},
            id="the-parent-has-another-field",
        ),
        pytest.param('{"metadata": {"session_id": "forged"}}', WHERE, id="forged"),
        pytest.param('{"session_id": 1}', {"session_id": 1} | WHERE, id="the-name-elsewhere"),
        pytest.param(
            '{"a": {"metadata": {}}}', {"a": {"metadata": {}}} | WHERE, id="the-parent-elsewhere"
        ),
        pytest.param('{"metadat\\u0061": {"session\\u005fid": 1}}', WHERE, id="escaped-names"),
    ],
)
async def test_parents_are_made_and_the_rest_is_kept(
    nested: Site, body: str, there: object
) -> None:
    got = await rewritten(nested, body.encode(), JSON)
    assert json.loads(got, object_pairs_hook=_no_name_twice) == there


def _no_name_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


async def test_whichever_of_two_values_an_engine_reads_it_is_ours(nested: Site) -> None:
    """RFC 8259 section 4: of a name given twice some readers take the first, some the last."""
    twice = b'{"metadata": {"session_id": 1, "session_id": 2}, "metadata": {"a": 1}}'
    got = await rewritten(nested, twice, JSON)
    values: list[object] = []

    def each(pairs: list[tuple[str, object]]) -> None:
        values.extend(value for name, value in pairs if name == "session_id")

    json.loads(got, object_pairs_hook=each)
    assert values == ["<id>"] * 3


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("12345678901234567890", id="a-number-beyond-64-bits"),
        pytest.param("9" * 5000, id="a-number-of-5000-digits"),
        pytest.param("1.0", id="a-float-that-is-whole"),
        pytest.param("1e400", id="a-float-beyond-the-largest"),
        pytest.param("0.1000", id="trailing-zeros"),
        pytest.param("-0.0", id="minus-zero"),
        pytest.param("1E+2", id="an-exponent"),
        pytest.param("[true, false, null]", id="the-three-words"),
        pytest.param('"\u00e9\U0001f600"', id="unicode-as-it-is"),
        pytest.param(r'"\u00e9\ud83d\ude00"', id="unicode-escaped"),
        pytest.param(r'"\ud83d"', id="half-a-surrogate-pair"),
        pytest.param(r'"a\/b\"}\\"', id="escaped-slash-quote-and-backslash"),
        pytest.param('{"b": 1, "a": 2, "b": 3}', id="a-name-given-twice"),
        pytest.param("[1,2 ,\t3\n]", id="white-space"),
        pytest.param('{"": {"\\u0061": {}}}', id="an-empty-name-and-an-escaped-one"),
    ],
)
async def test_other_fields_come_as_they_were_written(nested: Site, text: str) -> None:
    got = await rewritten(nested, f'{{"x": {text}, "y": 1}}'.encode(), JSON)
    assert f'{{"x": {text}, "y": 1, ' in got


async def test_a_byte_order_mark_stays_in_front(nested: Site) -> None:
    got = await rewritten(nested, b'\xef\xbb\xbf{"a": 1}', JSON)
    assert got.startswith('\ufeff{"a": 1, ')


@pytest.mark.parametrize("size", [1, 3, 1000], ids=["of-a-byte", "of-three", "of-all"])
async def test_in_chunks(nested: Site, size: int) -> None:
    got = await rewritten(nested, in_chunks(b'{"a": 1}', size), JSON, CHUNKED)
    assert json.loads(got) == {"a": 1} | WHERE


async def test_for_a_client_that_waits_for_100_continue(nested: Site) -> None:
    session = await nested.open()
    data = request(b'{"a": 1}', JSON, b"Expect: 100-continue", session=session)
    async with await RawClient.connect(nested.sidecar.port) as client:
        assert (await client.ask(data)).status == 200
    assert session in nested.engine.records[-1].body


async def test_on_first_use(nested: Site) -> None:
    answer = await nested.ask(b"{}", JSON, session=b"NEW_SESSION")
    record = nested.engine.records[-1]
    assert json.loads(record.body) == {"metadata": {"session_id": new_id(answer).decode()}}


@pytest.mark.parametrize("body", [b'{"a" : 1}', b"[]", b"words", b"{" + b" " * BODY_LIMIT + b"}"])
async def test_without_a_session_nothing_is_set_or_refused(nested: Site, body: bytes) -> None:
    assert (await nested.ask(body, JSON)).status == 200
    assert bytes(nested.engine.records[-1].body) == body


async def test_control_requests_are_still_control_requests(nested: Site) -> None:
    before = nested.forwarded
    session = new_id(await nested.ask(in_chunks(OPENING), JSON, CHUNKED))
    assert (await nested.ask(CLOSING, JSON, session=session)).status == 200
    assert nested.forwarded == before
