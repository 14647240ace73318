"""Which bodies are looked at, and that a look changes none of them."""

import gzip
import hashlib

import pytest

from tests.harness.behaviours import echo
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import say_ok
from tests.sagemaker.conftest import (
    CHUNKED,
    JSON,
    NEW_SESSION,
    OPENING,
    Site,
    in_chunks,
    new_id,
    request,
    site_with,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 4096
MIB = 2**20


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="none-as-boto3-sends"),
        pytest.param([b"Content-Type: application/json"], id="json"),
        pytest.param([b"Content-Type: application/json; charset=utf-8"], id="json-with-a-charset"),
        pytest.param([b"Content-Type: application/json;charset=utf-8"], id="json-without-a-space"),
        pytest.param([b"content-type: APPLICATION/JSON"], id="json-in-capitals"),
        pytest.param([b"Content-Type: application/vnd.api+json"], id="something-plus-json"),
        pytest.param([b"Content-Type: text/json"], id="text-json"),
        pytest.param([b"Content-Type: application/x-www-form-urlencoded"], id="as-curl-sends"),
        pytest.param([JSON, b"Content-Encoding: identity"], id="identity-coding"),
    ],
)
async def test_a_body_of_this_type_is_looked_at(site: Site, lines: list[bytes]) -> None:
    before = site.forwarded
    assert new_id(await site.ask(OPENING, *lines))
    assert site.forwarded == before


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"Content-Type: text/csv"], id="csv"),
        pytest.param([b"Content-Type: text/plain"], id="text"),
        pytest.param([b"Content-Type: application/octet-stream"], id="octets"),
        pytest.param([b"Content-Type: multipart/form-data; boundary=json"], id="multipart"),
        pytest.param([b"Content-Type: application/jsonlines"], id="json-lines"),
        pytest.param([b"Content-Type: application/x-ndjson"], id="ndjson"),
        pytest.param([b"Content-Type: image/png; note=application/json"], id="json-in-a-parameter"),
        pytest.param([JSON, b"Content-Encoding: gzip"], id="said-to-be-gzip"),
    ],
)
async def test_a_body_of_this_type_is_not(site: Site, lines: list[bytes]) -> None:
    answer = await site.ask(OPENING, *lines)
    assert (answer.status, answer.values(NEW_SESSION)) == (200, [])
    assert bytes(site.engine.records[-1].body) == OPENING


@pytest.mark.parametrize("coded", [False, True], ids=["counted", "in-chunks"])
async def test_gzip_reaches_the_engine_as_it_is(site: Site, coded: bool) -> None:
    body, coding = gzip.compress(OPENING), b"Content-Encoding: gzip"
    if coded:
        answer = await site.ask(in_chunks(body), JSON, coding, CHUNKED)
    else:
        answer = await site.ask(body, JSON, coding)
    record = site.engine.records[-1]
    assert (answer.status, bytes(record.body)) == (200, body)
    assert record.values(b"Content-Encoding") == [b"gzip"]


async def test_the_answer_to_a_peeked_body_is_the_engines(site: Site) -> None:
    body = b'  {"prompt" : "requestType \\u00e9" , "n":1.0}\n'
    site.engine.on(b"/invocations", echo)
    answer = await site.ask(body, JSON)
    site.engine.on(b"/invocations", say_ok)
    assert answer.body == body


@pytest.mark.parametrize("limit", [None, "64"], ids=["4-kib-by-default", "as-set"])
async def test_a_declared_length_above_the_limit_is_not_looked_at(limit: str | None) -> None:
    async with site_with(SIDECAR_CONTROL_BODY_LIMIT=limit) as site:
        size = int(limit) if limit else LIMIT
        assert new_id(await site.ask(OPENING.ljust(size), JSON))
        answer = await site.ask(OPENING.ljust(size + 1), JSON)
        assert (answer.values(NEW_SESSION), site.forwarded) == ([], 1)
        assert bytes(site.engine.records[0].body) == OPENING.ljust(size + 1)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"requestType": "' + b"x" * (LIMIT - 17), id="just-the-limit"),
        pytest.param(b'{"requestType": "' + b"x" * (LIMIT - 16), id="a-byte-more"),
        pytest.param(OPENING.ljust(LIMIT + 1), id="a-control-request-and-spaces"),
        pytest.param(OPENING.rjust(LIMIT + 40), id="spaces-and-a-control-request"),
        pytest.param(b" " * 3 * LIMIT, id="only-spaces"),
        pytest.param(b"[" + b" 1," * LIMIT, id="a-list"),
        pytest.param(bytes(range(256)) * 20_000, id="5-mb-of-every-byte"),
        pytest.param(b'{"prompt": "' + b"x" * 5 * MIB + b'"}', id="5-mib-of-json"),
    ],
)
async def test_a_long_body_in_chunks_is_streamed_on_unchanged(site: Site, body: bytes) -> None:
    answer = await site.ask(in_chunks(body, 1000), JSON, CHUNKED)
    record = site.engine.records[-1]
    assert (answer.status, answer.values(NEW_SESSION), record.faults) == (200, [], [])
    assert (record.size, record.sha256) == (len(body), hashlib.sha256(body).hexdigest())


async def test_in_chunks_up_to_the_limit_is_looked_at(site: Site) -> None:
    assert new_id(await site.ask(in_chunks(OPENING.ljust(LIMIT), 500), JSON, CHUNKED))


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"[1,", id="no-object"),
        pytest.param(b' \n "text', id="a-string-behind-spaces"),
        pytest.param(b'{"prompt": "' + b"x" * LIMIT, id="longer-than-the-limit"),
    ],
)
async def test_what_cannot_be_a_control_request_does_not_wait_for_its_end(
    site: Site, beginning: bytes
) -> None:
    site.engine.records.clear()
    body = in_chunks(beginning, LIMIT * 2)
    async with await RawClient.connect(site.sidecar.port) as client:
        await client.send(request(body.removesuffix(b"0\r\n\r\n"), JSON, CHUNKED))
        record = await site.engine.arrived(b"/invocations")
        assert not record.complete
        await client.send(b"1\r\n \r\n0\r\n\r\n")
        assert (await client.answer()).status == 200
    assert bytes(record.body) == beginning + b" "


@pytest.mark.parametrize(
    "method, target",
    [
        pytest.param(b"GET", b"/invocations", id="get"),
        pytest.param(b"PUT", b"/invocations", id="put"),
        pytest.param(b"PATCH", b"/invocations", id="patch"),
        pytest.param(b"DELETE", b"/invocations", id="delete"),
        pytest.param(b"POST", b"/", id="the-root"),
        pytest.param(b"POST", b"/invocations/", id="a-slash-behind"),
        pytest.param(b"POST", b"//invocations", id="a-slash-before"),
        pytest.param(b"POST", b"/Invocations", id="another-case"),
        pytest.param(b"POST", b"/%69nvocations", id="escaped"),
        pytest.param(b"POST", b"/invocations;a=b", id="a-parameter"),
        pytest.param(b"POST", b"/v1/../invocations", id="by-a-detour"),
        pytest.param(b"POST", b"/v1/completions", id="the-engines-own"),
        pytest.param(b"POST", b"/v1/completions?x=/invocations", id="in-the-query"),
    ],
)
async def test_only_post_invocations_has_control_requests(
    site: Site, method: bytes, target: bytes
) -> None:
    before = site.forwarded
    answer = await site.ask(OPENING, JSON, method=method, target=target)
    assert (answer.status, site.forwarded) == (200, before + 1)
    assert answer.values(NEW_SESSION) == []
    record = site.engine.records[-1]
    assert (record.method, record.target, bytes(record.body)) == (method, target, OPENING)


@pytest.mark.parametrize("target", [b"/invocations?a=b", b"/invocations?"])
async def test_a_query_changes_nothing(site: Site, target: bytes) -> None:
    assert new_id(await site.ask(OPENING, JSON, target=target))
