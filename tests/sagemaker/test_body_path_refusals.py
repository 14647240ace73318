"""Bodies that cannot take the session's id: refused, or not JSON and so left alone."""

import json

import pytest

from tests.sagemaker.conftest import (
    BODY_LIMIT,
    CHUNKED,
    JSON,
    SESSION,
    Site,
    in_chunks,
    refusal,
    rewritten,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_body_at_the_limit_is_rewritten(nested: Site) -> None:
    assert "<id>" in await rewritten(nested, b"{}".ljust(BODY_LIMIT), JSON)


@pytest.mark.parametrize("coded", [False, True], ids=["counted", "in-chunks"])
@pytest.mark.parametrize("new", [False, True], ids=["of-a-session", "on-first-use"])
async def test_a_body_above_the_limit(nested: Site, coded: bool, new: bool) -> None:
    session = b"NEW_SESSION" if new else await nested.open()
    sessions, before = nested.on_disk(), nested.forwarded
    body = b"{}".ljust(BODY_LIMIT + 1)
    if coded:
        answer = await nested.ask(in_chunks(body, 500), JSON, CHUNKED, session=session)
    else:
        answer = await nested.ask(body, JSON, session=session)
    assert (answer.status, nested.forwarded) == (413, before)
    assert "SIDECAR_BODY_LIMIT" in refusal(answer)
    assert nested.on_disk() == sessions


@pytest.mark.parametrize("new", [False, True], ids=["of-a-session", "on-first-use"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[]", id="a-list"),
        pytest.param(b'[{"metadata": {}}]', id="a-list-of-objects"),
        pytest.param(b"1", id="a-number"),
        pytest.param(b'"{}"', id="a-string"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"metadata": 1}', id="a-parent-that-is-a-number"),
        pytest.param(b'{"metadata": "{}"}', id="a-parent-that-is-a-string"),
        pytest.param(b'{"metadata": []}', id="a-parent-that-is-a-list"),
        pytest.param(b'{"metadata": null}', id="a-parent-that-is-null"),
        pytest.param(b'{"metadata": {}, "metadata": 1}', id="a-second-parent-that-is-no-object"),
        pytest.param(b'{"a": 1', id="json-that-is-cut-short"),
        pytest.param(b'{"a": 1} {}', id="two-objects"),
        pytest.param(b"words", id="words"),
        pytest.param(b" ", id="a-space"),
        pytest.param(b"\xff\xfe", id="not-utf-8"),
        pytest.param(b'{"a":' + b"[" * 2500 + b"]" * 2500 + b"}", id="too-deep-to-read"),
    ],
)
async def test_a_body_with_no_place_for_it(nested: Site, body: bytes, new: bool) -> None:
    session = b"NEW_SESSION" if new else await nested.open()
    sessions, before = nested.on_disk(), nested.forwarded
    answer = await nested.ask(body, JSON, session=session)
    assert (answer.status, nested.forwarded) == (400, before)
    assert "metadata.session_id" in refusal(answer)
    assert nested.on_disk() == sessions


LINES = b'{"a" : 1}\n{"a" : 2}\n'


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"Content-Type: text/csv"], id="csv"),
        pytest.param([b"Content-Type: text/plain"], id="text"),
        pytest.param([b"Content-Type: text/plain; format=json"], id="json-in-a-parameter"),
        pytest.param([b"Content-Type: multipart/form-data; boundary=json"], id="multipart"),
        pytest.param([b"Content-Type: application/jsonlines"], id="json-lines"),
        pytest.param([b"Content-Type: application/x-ndjson"], id="ndjson"),
        pytest.param([b"Content-Type: application/json-seq"], id="a-json-sequence"),
        pytest.param([b"Content-Type: application/x-www-form-urlencoded"], id="a-form"),
        pytest.param([], id="none"),
        pytest.param([JSON, b"Content-Encoding: gzip"], id="json-said-to-be-gzip"),
    ],
)
@pytest.mark.parametrize("body", [LINES, LINES * 1000], ids=["short", "above-the-limit"])
async def test_a_body_whose_type_is_not_json_goes_on_with_the_header_alone(
    nested: Site, lines: list[bytes], body: bytes
) -> None:
    session = await nested.open()
    answer = await nested.ask(body, *lines, session=session)
    record = nested.engine.records[-1]
    assert answer.status == 200, answer.body
    assert (bytes(record.body), record.values(SESSION)) == (body, [session])


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"Content-Type: application/json; charset=utf-8"], id="with-a-charset"),
        pytest.param([b"content-type: Application/JSON"], id="in-capitals"),
        pytest.param([b"Content-Type: application/ld+json"], id="something-plus-json"),
        pytest.param([b"Content-Type: text/json"], id="text-json"),
        pytest.param([JSON, b"Content-Encoding: identity"], id="identity-coding"),
    ],
)
async def test_a_body_whose_type_is_json_is_rewritten(nested: Site, lines: list[bytes]) -> None:
    assert json.loads(await rewritten(nested, b'{"a": 1}', *lines)) == {"a": 1} | {
        "metadata": {"session_id": "<id>"}
    }


@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_a_request_without_a_body_stays_without(nested: Site, method: bytes) -> None:
    session = await nested.open()
    answer = await nested.ask(b"", JSON, method=method, target=b"/v1/models", session=session)
    record = nested.engine.records[-1]
    assert (answer.status, record.size, record.values(SESSION)) == (200, 0, [session])
