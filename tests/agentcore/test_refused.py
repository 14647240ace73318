"""What is refused, with the code and the words that boto3 shows."""

import asyncio
import http.client
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from sidecar.dialects.agentcore.answers import MEMORY as MEMORY_PLANE
from sidecar.dialects.agentcore.answers import RUNTIME, Plane, refuse
from sidecar.dialects.agentcore.memory.histories import LIFETIME
from sidecar.dialects.agentcore.memory.names import Key, head_id
from sidecar.errors import Overloaded, StoreFailed, StoreUnavailable, TooManyWaiting
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.agentcore.refusals import code, fields, message
from tests.agentcore.stage import ACTOR, MEMORY, SESSION, Calls, Stage, client, said
from tests.harness.clock import MovedClock

KEY = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": SESSION}


@pytest.fixture
async def loose(memory: Calls) -> AsyncIterator[Calls]:
    """boto3 that sends what its model forbids."""
    made = client(memory.client.meta.endpoint_url, parameter_validation=False)
    yield Calls(made)
    made.close()


async def test_the_words_of_a_constraint(memory: Calls) -> None:
    with pytest.raises(ClientError) as caught:
        await memory.listed(maxResults=101)
    assert code(caught) == ("ValidationException", 400)
    constraint = "Member must have value less than or equal to 100"
    assert message(caught) == (
        "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: "
        + constraint
    )
    response: Any = caught.value.response
    assert response["reason"] == "FieldValidationFailed"
    assert response["fieldList"] == [{"name": "maxResults", "message": constraint}]
    assert len(response["ResponseMetadata"]["RequestId"]) == 36


WHERE = {"left": {"metadataKey": "k"}, "operator": "EXISTS"}


@pytest.mark.parametrize(
    "members, wanted",
    [
        ({"payload": None}, "payload"),
        ({"eventTimestamp": None}, "eventTimestamp"),
        ({"actorId": None}, "actorId"),
        ({"actorId": ""}, "actorId"),
        ({"actorId": "a" * 256}, "actorId"),
        ({"actorId": "a\nb"}, "actorId"),
        ({"sessionId": "s" * 257}, "sessionId"),
        ({"eventTimestamp": -1}, "eventTimestamp"),
        ({"payload": [said("x")] * 101}, "payload"),
        ({"payload": [{}]}, "payload.1.member"),
        ({"payload": [said("a"), {"blob": 1, "json": {"content": 1}}]}, "payload.2.member"),
        ({"payload": [said("")]}, "payload.1.member.conversational.content.text"),
        ({"payload": [said("x" * 100_001)]}, "payload.1.member.conversational.content.text"),
        ({"payload": [said("x", "SYSTEM")]}, "payload.1.member.conversational.role"),
        ({"payload": [{"json": {"content": "x" * 102_400}}]}, "payload.1.member.json.content"),
        ({"metadata": {f"k{n}": {"stringValue": ""} for n in range(16)}}, "metadata"),
        ({"metadata": {"k": {"stringValue": "x" * 257}}}, "metadata.k.member.stringValue"),
        ({"metadata": {"k": {"stringValue": "\u00e9"}}}, "metadata.k.member.stringValue"),
        ({"metadata": {"k!": {"stringValue": "x"}}}, "metadata.key"),
        ({"branch": {"name": "not a name"}}, "branch.name"),
        ({"branch": {"name": "b", "rootEventId": "7"}}, "branch.rootEventId"),
        ({"extractionMode": "NOW"}, "extractionMode"),
    ],
)
async def test_events_that_are_not_made(
    loose: Calls, members: Mapping[str, Any], wanted: str
) -> None:
    with pytest.raises(ClientError) as caught:
        await loose.create(**members)
    assert code(caught) == ("ValidationException", 400)
    assert fields(caught) == [wanted]
    assert await loose.actors() == []


@pytest.mark.parametrize("payload", [[said("x" * 100_000)], [{"json": {"content": 0}}], []])
async def test_the_largest_and_the_least_are_taken(
    memory: Calls, payload: Sequence[Mapping[str, Any]]
) -> None:
    assert (await memory.create(payload=payload))["payload"] == payload


@pytest.mark.parametrize(
    "members, wanted",
    [
        ({"maxResults": 0}, "maxResults"),
        ({"nextToken": "x"}, "nextToken"),
        ({"nextToken": "ZTo="}, "nextToken"),
        ({"filter": {"eventMetadata": []}}, "filter.eventMetadata"),
        ({"filter": {"eventMetadata": [WHERE] * 6}}, "filter.eventMetadata"),
        (
            {"filter": {"eventMetadata": [{**WHERE, "operator": "LIKE"}]}},
            "filter.eventMetadata.1.member.operator",
        ),
        (
            {"filter": {"eventMetadata": [{**WHERE, "operator": "EQUALS_TO"}]}},
            "filter.eventMetadata.1.member.right",
        ),
        ({"filter": {"branch": {"name": ""}}}, "filter.branch.name"),
    ],
)
async def test_lists_that_are_not_given(
    loose: Calls, members: Mapping[str, Any], wanted: str
) -> None:
    with pytest.raises(ClientError) as caught:
        await loose.listed(**members)
    assert code(caught) == ("ValidationException", 400)
    assert fields(caught) == [wanted]


async def test_a_token_of_another_list(memory: Calls) -> None:
    for number in range(2):
        await memory.create(sessionId=f"s{number}")
    page = await memory("list_sessions", memoryId=MEMORY, actorId=ACTOR, maxResults=1)
    for operation in (memory.actors, memory.listed):
        with pytest.raises(ClientError) as caught:
            await operation(nextToken=page["nextToken"])
        assert fields(caught) == ["nextToken"]


@pytest.mark.parametrize("event_id", ["7", "x#y", "1#", " 1#a"])
async def test_ids_that_no_event_has(memory: Calls, event_id: str) -> None:
    with pytest.raises(ClientError) as caught:
        await memory("get_event", **KEY, eventId=event_id)
    assert code(caught) == ("ValidationException", 400)
    assert fields(caught) == ["eventId"]


@pytest.mark.parametrize("operation", ["get_event", "delete_event"])
async def test_an_event_of_a_session_that_is_not(memory: Calls, operation: str) -> None:
    with pytest.raises(ClientError) as caught:
        await memory(operation, **KEY, eventId="0000001760000000500#00000001")
    assert code(caught) == ("ResourceNotFoundException", 404)


async def test_a_memory_that_was_not_declared(stage: Stage) -> None:
    async with stage.calls(declared={MEMORY: 7}) as calls:
        await calls.create()
        with pytest.raises(ClientError) as caught:
            await calls.create(memoryId="other-0123456789")
        assert code(caught) == ("ResourceNotFoundException", 404)
        assert message(caught) == "Memory not found: other-0123456789"
        control = Calls(client(calls.client.meta.endpoint_url, "bedrock-agentcore-control"))
        with pytest.raises(ClientError) as caught:
            await control("get_memory", memoryId="other-0123456789")
        assert code(caught) == ("ResourceNotFoundException", 404)


async def test_strict_takes_what_amazon_takes(stage: Stage) -> None:
    async with stage.calls(strict=True) as calls:
        await calls.create(actorId="team:user/1", sessionId="s" * 100)
        arn = f"arn:aws:bedrock-agentcore:us-west-2:123456789012:memory/{MEMORY}"
        await calls.create(memoryId=arn)


@pytest.mark.parametrize(
    "member, value",
    [
        ("memoryId", "your-memory-id"),
        ("actorId", "a b"),
        ("actorId", "-a"),
        ("sessionId", "s" * 101),
        ("sessionId", "s.1"),
    ],
)
async def test_only_strict_minds_ids(stage: Stage, member: str, value: str) -> None:
    async with stage.calls() as calls:
        await calls.create(**{member: value})
        assert await calls.texts(**{member: value}) == ["hello"]
    async with stage.calls(strict=True) as calls:
        for attempt in (calls.create, calls.listed):
            with pytest.raises(ClientError) as caught:
                await attempt(**{member: value})
            assert code(caught) == ("ValidationException", 400)
            assert fields(caught) == [member]


async def test_the_words_for_a_malformed_memory_id(stage: Stage) -> None:
    async with stage.calls(strict=True) as calls:
        with pytest.raises(ClientError) as caught:
            await calls.create(memoryId="your-memory-id")
    assert message(caught) == "Invalid memoryId: not a valid memory ID or ARN"


@pytest.mark.parametrize(
    "operation, members",
    [
        (
            "retrieve_memory_records",
            {"namespace": "/a", "searchCriteria": {"searchQuery": "cats"}},
        ),
        ("list_memory_extraction_jobs", {}),
        ("start_memory_extraction_job", {"extractionJob": {"jobId": "j"}}),
    ],
)
async def test_what_is_not_faked(memory: Calls, operation: str, members: Mapping[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        await memory(operation, memoryId=MEMORY, **members)
    assert code(caught) == ("UnsupportedOperationException", 501)
    assert "is not provided by this sidecar" in message(caught)


async def test_no_control_plane(memory: Calls) -> None:
    control = Calls(client(memory.client.meta.endpoint_url, "bedrock-agentcore-control"))
    for operation, members in (
        ("create_memory", {"name": "chats", "eventExpiryDuration": 7}),
        ("update_memory", {"memoryId": MEMORY}),
        ("delete_memory", {"memoryId": MEMORY}),
    ):
        with pytest.raises(ClientError) as caught:
            await control(operation, **members)
        assert code(caught) == ("UnsupportedOperationException", 501)
        assert "SIDECAR_AGENTCORE_MEMORIES" in message(caught)


async def test_a_501_is_asked_for_once(memory: Calls) -> None:
    retried = client(memory.client.meta.endpoint_url, retries={"total_max_attempts": 3})
    with pytest.raises(ClientError) as caught:
        await Calls(retried)(
            "retrieve_memory_records",
            memoryId=MEMORY,
            namespace="/a",
            searchCriteria={"searchQuery": "cats"},
        )
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


@pytest.mark.parametrize(
    "method, path, body, status, kind",
    [
        ("POST", "/memories/m/actors", b"{", 400, "ValidationException"),
        ("POST", "/memories/m/actors", b"[]", 400, "ValidationException"),
        ("POST", "/memories/m/actors", b'{"maxResults":"7"}', 400, "ValidationException"),
        ("POST", "/memories/m/actors", b'{"maxResults":true}', 400, "ValidationException"),
        ("POST", "/memories/m/actors", b"\xff", 400, "ValidationException"),
        ("POST", "/memories/m/actors", b"[" * 200_000, 400, "ValidationException"),
        ("POST", "/memories/m/actors", b'{"a":NaN}', 400, "ValidationException"),
        ("POST", "/memories/%ff/actors", b"", 400, "ValidationException"),
        ("POST", "/memories/m/actors", b"", 200, None),
        ("GET", "/memories/m/actors", b"", 404, "UnknownOperationException"),
        ("POST", "/memories/m/nothing", b"", 404, "UnknownOperationException"),
        ("POST", "/memories//actors", b"", 404, "UnknownOperationException"),
        # An ARN whose slash was not encoded.
        ("POST", "/memories/arn:aws:bedrock-agentcore:r:1:memory/m/actors", b"{}", 200, None),
    ],
)
async def test_by_hand(
    memory: Calls, method: str, path: str, body: bytes, status: int, kind: str | None
) -> None:
    answer, read = await asyncio.to_thread(_ask, memory, method, path, body)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (status, kind)
    assert answer.headers["Content-Type"] == "application/json"
    assert "message" in json.loads(read) or status == 200


def _ask(
    memory: Calls, method: str, path: str, body: bytes
) -> tuple[http.client.HTTPResponse, bytes]:
    url = urlsplit(memory.client.meta.endpoint_url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)
    connection.request(method, path, body)
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    return answer, read


@pytest.mark.parametrize(
    "number", ["1e400", "1" + "0" * 400, "253402300800", "-0.001", '"1"', "true", "[]"]
)
async def test_times_that_are_none(memory: Calls, number: str) -> None:
    body = f'{{"actorId":"a","payload":[],"eventTimestamp":{number}}}'.encode()
    answer, _ = await asyncio.to_thread(_ask, memory, "POST", "/memories/m/events", body)
    assert answer.status == 400


@pytest.fixture
def full(scratch: Path) -> Iterator[Path]:
    """A file system of its own, with almost no room."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a tmpfs")
    path = scratch / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "sidecar", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)


async def test_no_room(full: Path) -> None:
    """402 is not retried; what was stored before stays, and room that is made is used."""
    clock = MovedClock()
    store = TmpfsStore(Root(full / "memory"), clock=clock, ttl_limit=LIFETIME)
    async with Stage(clock, store).calls() as calls:
        kept = 0
        with pytest.raises(ClientError) as caught:
            while True:
                await calls.create("x" * 3000)
                kept += 1
        assert code(caught) == ("ServiceQuotaExceededException", 402)
        assert kept > 5
        assert len(await calls.texts()) == kept
        with pytest.raises(ClientError) as caught:
            await calls.create("x" * 3000, sessionId="another")
        assert code(caught) == ("ServiceQuotaExceededException", 402)
    await store.stop()


async def test_an_event_that_no_store_takes(memory: Calls) -> None:
    big = [{"blob": '"' * 4_000_000}]
    with pytest.raises(ClientError) as caught:
        await memory.create(payload=big)
    assert code(caught) == ("ValidationException", 400)
    assert message(caught) == "the event is too large to be stored"


async def test_a_page_has_an_end_in_bytes_too(memory: Calls) -> None:
    for number in range(5):
        await memory.create(payload=[{"blob": "x" * 2_000_000}], eventTimestamp=number)
    sizes: list[int] = []
    token: dict[str, str] = {}
    while True:
        page = await memory.listed(maxResults=100, **token)
        sizes.append(len(page["events"]))
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert sizes == [3, 2]


async def test_a_store_that_cannot_be_read(scratch: Path, memory: Calls) -> None:
    await memory.create()
    log = scratch / "memory" / head_id(Key(MEMORY, ACTOR, SESSION)) / ".sidecar.events"
    log.unlink()
    log.mkdir()
    for attempt in (memory.create, memory.listed):
        with pytest.raises(ClientError) as caught:
            await attempt()
        assert code(caught) == ("ServiceException", 500)
    shutil.rmtree(log)


class Forgetful(TmpfsStore):
    """A store that says it has kept an event, and has not."""

    async def append(self, session_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        if "event" not in events[0]:
            await super().append(session_id, events)


async def test_no_event_is_acknowledged_that_cannot_be_read_back(scratch: Path) -> None:
    clock = MovedClock()
    store = Forgetful(Root(scratch / "memory"), clock=clock, ttl_limit=LIFETIME)
    async with Stage(clock, store).calls() as calls:
        with pytest.raises(ClientError) as caught:
            await calls.create()
        assert code(caught) == ("RetryableConflictException", 409)
    await store.stop()


@pytest.mark.parametrize(
    "error, plane, status, kind",
    [
        (Overloaded("full"), MEMORY_PLANE, 429, "ThrottledException"),
        (Overloaded("full"), RUNTIME, 429, "ThrottlingException"),
        (TooManyWaiting("wait"), RUNTIME, 429, "ThrottlingException"),
        (StoreFailed("disk"), MEMORY_PLANE, 500, "ServiceException"),
        (StoreUnavailable("disk"), RUNTIME, 500, "InternalServerException"),
    ],
)
def test_each_plane_has_its_own_names(
    error: Exception, plane: Plane, status: int, kind: str
) -> None:
    answer = refuse(error, plane)  # type: ignore[arg-type]
    assert (answer.status, dict(answer.headers)["x-amzn-errortype"]) == (status, kind)
