"""What becomes of a session's request on its way to the engine."""

import json
from typing import Any

import pytest

from sidecar.engine.request import EngineRequest
from sidecar.errors import BadRequest, SessionNotFound
from tests.delegation.conftest import Make

ID = {"id": {"generate": "uint64"}}
TREE = dict[str, Any]


async def through(bench: Make, tree: TREE, request: EngineRequest, **state: Any) -> EngineRequest:
    """`state` is what the session's has."""
    one = bench(tree)
    session = await one.store.open(600, state={"engine_id": 7, **state})
    session = await one.store.get(session.id)
    if not one.companion.reads(request):
        assert request.body is not None
    await one.companion.prepare(session, request)
    return request


def post(body: str = "{}", target: str = "/invocations", *lines: str) -> EngineRequest:
    headers = [f"{line}\r\n".encode() for line in lines]
    return EngineRequest("POST", target, headers, body.encode())


@pytest.mark.parametrize(
    ("places", "sent", "there"),
    [
        ({"body.id": "${engine_id}"}, "{}", '{"id": 7}'),
        ({"body.id": "${engine_id}"}, '{"a":1.0}', '{"a":1.0, "id": 7}'),
        ({"body.id": "${engine_id:str}"}, "{}", '{"id": "7"}'),
        ({"body.id": "no ${engine_id}."}, "{}", '{"id": "no 7."}'),
        ({"body.a.b.id": "${engine_id}"}, "{}", '{"a": {"b": {"id": 7}}}'),
        ({"body.a.id": "${engine_id}"}, '{"a":{"x":0}}', '{"a":{"x":0, "id": 7}}'),
        ({"body.a.id": "${engine_id}"}, '{"a":{"id":"forged"}}', '{"a":{"id":7}}'),
        ({"body.a": {"id": "${engine_id}", "r": None}}, '{"a":0}', '{"a":{"id": 7, "r": null}}'),
        ({"body.on": True, "body.list": [1, "${engine_id}"]}, "{}", '{"on": true, "list": [1, 7]}'),
        ({"body.u": "${body.name}"}, '{"name":"ada","u":"eve"}', '{"name":"ada","u":"ada"}'),
        ({"body.u": "${body.name}"}, '{"u":"eve"}', "{}"),
        ({"body.client": '${headers."X-Client"}'}, "{}", '{"client": "c1"}'),
        ({"body.shown": '${headers."X-Amzn-SageMaker-Session-Id"}'}, "{}", '{"shown": "7"}'),
    ],
)  # fmt: skip
async def test_set_in_the_body(bench: Make, places: TREE, sent: str, there: str) -> None:
    request = post(sent, "/invocations", "x-client: c1")
    got = await through(bench, ID | {"request": {"set": places}}, request)
    assert (got.body or b"").decode() == there


@pytest.mark.parametrize("sent", ["[]", "words", "1", '{"a":1}'])
async def test_a_body_with_no_place_for_it(bench: Make, sent: str) -> None:
    """Without its session the engine would answer as if there were none."""
    with pytest.raises(BadRequest, match=r"a\.id"):
        await through(bench, ID | {"request": {"set": {"body.a.id": "${engine_id}"}}}, post(sent))


@pytest.mark.parametrize(
    ("method", "body", "reads"), [("GET", b"", False), ("DELETE", b"", False), ("POST", b"", True)]
)
async def test_a_request_without_a_body(bench: Make, method: str, body: bytes, reads: bool) -> None:
    tree = ID | {"request": {"set": {"body.id": "${engine_id}", "headers.X-Id": "${engine_id}"}}}
    request = EngineRequest(method, "/x", [], body)
    assert bench(tree).companion.reads(EngineRequest(method, "/x", [], None)) is reads
    got = await through(bench, tree, request)
    assert (got.body, got.lines) == (b"", [b"X-Id: 7\r\n"])


@pytest.mark.parametrize(
    "forged",
    ["ts_request_sequence_id: 1", "TS_Request_Sequence_ID: 1", "ts-request-sequence-id: 1"],
)
async def test_set_in_a_header_with_its_spelling(bench: Make, forged: str) -> None:
    tree = ID | {"request": {"set": {"headers.ts_request_sequence_id": "${engine_id}"}}}
    got = await through(bench, tree, post("{}", "/invocations", "Accept: */*", forged))
    assert got.lines == [b"Accept: */*\r\n", b"ts_request_sequence_id: 7\r\n"]


async def test_a_header_cannot_be_broken_out_of(bench: Make) -> None:
    tree = ID | {"request": {"set": {"headers.X-User": "${body.user}"}}}
    with pytest.raises(BadRequest, match="X-User is not printable"):
        await through(bench, tree, post('{"user":"a\\r\\nX-Admin: 1"}'))


@pytest.mark.parametrize(
    ("target", "there"),
    [
        ("/x", "/x?sid=7"),
        ("/x?a=1&b", "/x?a=1&b&sid=7"),
        ("/x?sid=forged&a=1", "/x?a=1&sid=7"),
        ("/x?s%69d=forged", "/x?sid=7"),
    ],
)
async def test_set_in_the_query(bench: Make, target: str, there: str) -> None:
    tree = ID | {"request": {"set": {"query.sid": "${engine_id}"}}}
    assert (await through(bench, tree, post("{}", target))).target == there


@pytest.mark.parametrize(
    ("path", "target", "there"),
    [
        ("/generate", "/invocations", "/generate"),
        ("/generate", "/invocations?a=1", "/generate?a=1"),
        ("/generate", "/v1/models", "/v1/models"),
        ("/rooms/${engine_id}/say", "/invocations", "/rooms/7/say"),
        ("/rooms/${session_id}/${public_id_hex}", "/invocations", "/rooms/<id>/<hex>"),
    ],
)
async def test_the_path(bench: Make, path: str, target: str, there: str) -> None:
    one = bench(ID | {"request": {"path": path}})
    session = await one.store.open(600, state={"engine_id": 7})
    request = post("{}", target)
    await one.companion.prepare(session, request)
    there = there.replace("<id>", session.id).replace("<hex>", session.id.replace("-", ""))
    assert request.target == there


async def test_what_is_filled_into_a_path_stays_in_its_segment(bench: Make) -> None:
    tree = ID | {"request": {"path": "/rooms/${engine_id}/say"}}
    got = await through(bench, tree, post(), engine_id="../admin?x=1#\u00e9")
    assert got.target == "/rooms/..%2Fadmin%3Fx%3D1%23%C3%A9/say"


@pytest.mark.parametrize(
    ("strip", "kept"),
    [
        (["X-Amzn-SageMaker-Session-Id"], ["X-Amzn-SageMaker-Target: m", "Accept: */*"]),
        (["X-Amzn-SageMaker-*"], ["Accept: */*"]),
        ("x_amzn_sagemaker_session_id", ["X-Amzn-SageMaker-Target: m", "Accept: */*"]),
    ],
)
async def test_stripped(bench: Make, strip: Any, kept: list[str]) -> None:
    lines = ("X-Amzn-SageMaker-Session-Id: s", "X-Amzn-SageMaker-Target: m", "Accept: */*")
    got = await through(bench, {"strip": strip}, post("{}", "/invocations", *lines))
    assert got.lines == [f"{line}\r\n".encode() for line in kept]


async def test_stripped_first_and_set_again(bench: Make) -> None:
    tree = {
        "strip": ["X-Amzn-SageMaker-*"],
        "request": {"set": {"headers.X-Amzn-SageMaker-Session-Id": "${engine_id}"}},
    }
    got = await through(bench, tree, post("{}", "/x", "X-Amzn-SageMaker-Session-Id: public"))
    assert got.lines == [b"X-Amzn-SageMaker-Session-Id: 7\r\n"]


FIRST = ID | {
    "request": {
        "path": "/infer",
        "set": {"body.p.id": "${engine_id}"},
        "set_first": {"body.p.start": True, "headers.X-Start": "1", "query.start": "yes"},
    }
}


async def test_set_first(bench: Make) -> None:
    got = await through(bench, FIRST, post('{"p":{"start":false}}'))
    assert json.loads(got.body or b"") == {"p": {"start": True, "id": 7}}
    assert (got.lines, got.target) == ([b"X-Start: 1\r\n"], "/infer?start=yes")


async def test_later_a_clients_own_copy_is_removed(bench: Make) -> None:
    sent = post('{"p":{"start":true,"end":true}}', "/invocations?start=yes", "x_start: 1")
    got = await through(bench, FIRST, sent, used=True)
    assert json.loads(got.body or b"") == {"p": {"end": True, "id": 7}}
    assert (got.lines, got.target) == ([], "/infer")


async def test_elsewhere_nothing_is_begun(bench: Make) -> None:
    """Another model, another call of the engine: its first request is not the session's."""
    got = await through(bench, FIRST, post("{}", "/other"))
    assert json.loads(got.body or b"") == {"p": {"id": 7}}


CARRY = {"carry": [{"from": "body.id", "to": "body.previous"}, {"from": "body.n", "to": "query.n"}]}


async def test_carried(bench: Make) -> None:
    state = {"carried": {"body.previous": "r1", "query.n": 3}}
    got = await through(bench, CARRY, post('{"previous":"forged"}'), **state)
    assert (got.body, got.target) == (b'{"previous":"r1"}', "/invocations?n=3")


async def test_with_nothing_to_carry_yet_a_client_cannot_say_it(bench: Make) -> None:
    got = await through(bench, CARRY, post('{"previous":"forged","a":1}', "/invocations?n=9"))
    assert (got.body, got.target) == (b'{"a":1}', "/invocations")


async def test_a_session_that_was_opened_without_a_preset(bench: Make) -> None:
    one = bench(ID | {"request": {"set": {"body.id": "${engine_id}"}}})
    session = await one.store.open(600)
    with pytest.raises(SessionNotFound):
        await one.companion.prepare(session, post())


async def test_where_the_engine_has_no_id_of_its_own_it_gets_ours(bench: Make) -> None:
    one = bench({"request": {"set": {"headers.X-Id": "${engine_id}"}}})
    session = await one.open()
    request = post()
    await one.companion.prepare(session, request)
    assert request.lines == [f"X-Id: {session.id}\r\n".encode()]
