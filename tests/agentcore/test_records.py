"""Memory records that users write: stored, listed and filtered, never made up; through boto3."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sidecar.dialects.agentcore.memory.names import record_id
from tests.agentcore.refusals import code, fields
from tests.agentcore.stage import MEMORY, Calls, Stage, client

WHEN = datetime(2025, 10, 9, 8, 53, 20, 500000, tzinfo=UTC)


def wish(name: str = "r1", text: str = "likes tea", **members: Any) -> dict[str, Any]:
    return {
        "requestIdentifier": name,
        "namespaces": ["/users/alice"],
        "content": {"text": text},
        "timestamp": WHEN,
        **members,
    }


async def create(memory: Calls, *wishes: Mapping[str, Any], **members: Any) -> list[str]:
    """The ids."""
    answer = await memory("batch_create_memory_records", memoryId=MEMORY, records=wishes, **members)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert answer["failedRecords"] == []
    done = answer["successfulRecords"]
    assert [each["requestIdentifier"] for each in done] == [
        each["requestIdentifier"] for each in wishes
    ]
    assert {each["status"] for each in done} <= {"SUCCEEDED"}
    return [each["memoryRecordId"] for each in done]


async def read(memory: Calls, record: str) -> dict[str, Any]:
    answer = await memory("get_memory_record", memoryId=MEMORY, memoryRecordId=record)
    found: dict[str, Any] = answer["memoryRecord"]
    return found


async def texts(memory: Calls, size: int = 100, **chosen: Any) -> list[str]:
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = await memory(
            "list_memory_records", memoryId=MEMORY, maxResults=size, **token, **chosen
        )
        found += [each["content"]["text"] for each in answer["memoryRecordSummaries"]]
        if "nextToken" not in answer:
            return sorted(found)
        token = {"nextToken": answer["nextToken"]}


async def test_a_record_comes_back_as_it_was_written(stage: Stage, memory: Calls) -> None:
    metadata = {
        "a": {"stringValue": "x"},
        "b": {"stringListValue": ["x", "y"]},
        "c": {"numberValue": 1.5},
        "d": {"dateTimeValue": WHEN},
    }
    [name] = await create(memory, wish(metadata=metadata, memoryStrategyId="facts"))
    assert 40 <= len(name) <= 50
    found = await read(memory, name)
    assert abs(found.pop("createdAt").timestamp() - stage.clock.wall()) < 0.01
    assert found == {
        "memoryRecordId": name,
        "content": {"text": "likes tea"},
        "memoryStrategyId": "facts",
        "namespaces": ["/users/alice"],
        "timestamp": WHEN,
        "metadata": metadata,
    }


async def test_the_same_batch_twice_is_written_once(memory: Calls) -> None:
    first = await create(memory, wish("r1"), wish("r2"), clientToken="t")
    await memory(
        "batch_update_memory_records",
        memoryId=MEMORY,
        records=[{"memoryRecordId": first[0], "timestamp": WHEN, "content": {"text": "coffee"}}],
    )
    assert await create(memory, wish("r1"), wish("r2"), clientToken="t") == first
    assert await texts(memory, namespace="/users/alice") == ["coffee", "likes tea"]


async def test_a_batch_that_was_cut_off_is_completed(stage: Stage, memory: Calls) -> None:
    """Its writer was killed between opening the record's place and writing it."""
    [name] = await create(memory, wish(), clientToken="t")
    await stage.store.delete_data(record_id(MEMORY, name), "record")
    assert await texts(memory, namespace="/users/alice") == []
    with pytest.raises(ClientError) as caught:
        await read(memory, name)
    assert code(caught) == ("ResourceNotFoundException", 404)
    assert await create(memory, wish(), clientToken="t") == [name]
    assert await texts(memory, namespace="/users/alice") == ["likes tea"]


async def test_an_update_changes_what_it_names(memory: Calls) -> None:
    [name] = await create(memory, wish(metadata={"a": {"stringValue": "x"}}))
    before = await read(memory, name)
    later = datetime(2026, 1, 1, tzinfo=UTC)
    change = {"memoryRecordId": name, "timestamp": later, "content": {"text": "likes coffee"}}
    unknown = {"memoryRecordId": "mem-" + "0" * 36, "timestamp": later}
    answer = await memory("batch_update_memory_records", memoryId=MEMORY, records=[unknown, change])
    assert [each["memoryRecordId"] for each in answer["successfulRecords"]] == [name]
    [failed] = answer["failedRecords"]
    assert (failed["status"], failed["errorCode"]) == ("FAILED", 404)
    after = {**before, "timestamp": later, "content": {"text": "likes coffee"}}
    assert await read(memory, name) == after


async def test_records_are_deleted_one_by_one_and_in_batches(memory: Calls) -> None:
    names = await create(memory, *(wish(f"r{number}", f"{number}") for number in range(4)))
    deleted = await memory("delete_memory_record", memoryId=MEMORY, memoryRecordId=names[0])
    assert deleted["memoryRecordId"] == names[0]
    for operation in ("get_memory_record", "delete_memory_record"):
        with pytest.raises(ClientError) as caught:
            await memory(operation, memoryId=MEMORY, memoryRecordId=names[0])
        assert code(caught) == ("ResourceNotFoundException", 404)
    answer = await memory(
        "batch_delete_memory_records",
        memoryId=MEMORY,
        records=[{"memoryRecordId": name} for name in names[:3]],
    )
    assert [each["memoryRecordId"] for each in answer["successfulRecords"]] == names[1:3]
    assert [each["memoryRecordId"] for each in answer["failedRecords"]] == names[:1]
    assert await texts(memory, namespace="/users/alice") == ["3"]


@pytest.mark.parametrize(
    "chosen, wanted",
    [
        ({"namespace": "/a"}, ["a"]),
        ({"namespace": "/a/b"}, ["ab"]),
        ({"namespace": "/a/"}, []),
        ({"namespacePath": "/a"}, ["a", "ab"]),
        ({"namespacePath": "/a/"}, ["a", "ab"]),
        ({"namespacePath": "/a/b"}, ["ab"]),
        ({"namespacePath": "/"}, ["a", "ab", "ac"]),
        ({"namespacePath": "/c"}, []),
    ],
)
async def test_by_namespace(memory: Calls, chosen: dict[str, Any], wanted: list[str]) -> None:
    await create(
        memory,
        wish("1", "a", namespaces=["/a"]),
        wish("2", "ab", namespaces=["/a/b"]),
        wish("3", "ac", namespaces=["/ac"]),
        wish("4", "none", namespaces=[]),
    )
    assert await texts(memory, size=1, **chosen) == wanted


def where(key: str, operator: str, value: Mapping[str, Any] | None = None) -> dict[str, Any]:
    expression: dict[str, Any] = {"left": {"metadataKey": key}, "operator": operator}
    if value is not None:
        expression["right"] = {"metadataValue": value}
    return expression


@pytest.mark.parametrize(
    "expressions, wanted",
    [
        ([where("n", "EXISTS")], ["one", "two"]),
        ([where("n", "NOT_EXISTS")], ["none"]),
        ([where("n", "EQUALS_TO", {"numberValue": 1})], ["one"]),
        ([where("n", "GREATER_THAN", {"numberValue": 1})], ["two"]),
        ([where("n", "GREATER_THAN_OR_EQUALS", {"numberValue": 1})], ["one", "two"]),
        ([where("n", "LESS_THAN", {"numberValue": 2})], ["one"]),
        ([where("n", "LESS_THAN_OR_EQUALS", {"numberValue": 2})], ["one", "two"]),
        ([where("n", "GREATER_THAN", {"stringValue": "1"})], []),
        ([where("t", "BEFORE", {"dateTimeValue": WHEN})], []),
        ([where("t", "AFTER", {"dateTimeValue": datetime(2025, 1, 1, tzinfo=UTC)})], ["one"]),
        ([where("l", "CONTAINS", {"stringValue": "y"})], ["two"]),
        ([where("l", "CONTAINS", {"stringValue": "x"})], ["one", "two"]),
        ([where("l", "CONTAINS", {"numberValue": 1})], []),
        ([where("n", "EXISTS"), where("t", "EXISTS")], ["one"]),
    ],
)
async def test_by_metadata(
    memory: Calls, expressions: Sequence[Mapping[str, Any]], wanted: list[str]
) -> None:
    number_one = {"n": {"numberValue": 1.0}, "t": {"dateTimeValue": WHEN}}
    number_two = {"n": {"numberValue": 2.0}, "l": {"stringListValue": ["x", "y"]}}
    await create(
        memory,
        wish("1", "one", metadata={**number_one, "l": {"stringValue": "box"}}),
        wish("2", "two", metadata=number_two),
        wish("3", "none", metadata={"m": {"numberValue": 0}}),
    )
    assert await texts(memory, namespacePath="/", metadataFilters=expressions) == wanted


async def test_by_strategy(memory: Calls) -> None:
    await create(memory, wish("1", "a", memoryStrategyId="facts"), wish("2", "b"))
    assert await texts(memory, namespacePath="/", memoryStrategyId="facts") == ["a"]


@pytest.mark.parametrize("chosen", [{}, {"namespace": "/a", "namespacePath": "/a"}])
async def test_one_of_the_two_namespaces_is_needed(memory: Calls, chosen: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        await texts(memory, **chosen)
    assert code(caught) == ("ValidationException", 400)


async def test_more_records_than_are_looked_at_once(memory: Calls) -> None:
    for start in (0, 100):
        await create(
            memory,
            *(wish(f"r{number}", f"{number:03}") for number in range(start, start + 100)),
        )
    assert await texts(memory, size=30, namespacePath="/users") == [f"{n:03}" for n in range(200)]


async def test_each_memory_has_its_own(memory: Calls) -> None:
    [name] = await create(memory, wish())
    with pytest.raises(ClientError) as caught:
        await memory("get_memory_record", memoryId="other-0123456789", memoryRecordId=name)
    assert code(caught) == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize(
    "members, wanted",
    [
        ({"content": {"text": "x" * 16_001}}, "records.1.member.content.text"),
        ({"content": {}}, "records.1.member.content.text"),
        ({"namespaces": ["a b"]}, "records.1.member.namespaces.1.member"),
        ({"namespaces": ["a", "b"]}, "records.1.member.namespaces"),
        ({"requestIdentifier": "a b"}, "records.1.member.requestIdentifier"),
        ({"metadata": {"k": {}}}, "records.1.member.metadata.k.member"),
        (
            {"metadata": {"k": {"stringListValue": []}}},
            "records.1.member.metadata.k.member.stringListValue",
        ),
    ],
)
async def test_one_that_is_wrong_refuses_the_batch(
    memory: Calls, members: Mapping[str, Any], wanted: str
) -> None:
    loose = client(memory.client.meta.endpoint_url, parameter_validation=False)
    with pytest.raises(ClientError) as caught:
        await create(Calls(loose), wish(**members), wish("good"))
    assert code(caught) == ("ValidationException", 400)
    assert fields(caught) == [wanted]
    assert await texts(memory, namespacePath="/") == []


async def test_101_records_are_too_many(memory: Calls) -> None:
    with pytest.raises(ClientError) as caught:
        await create(memory, *(wish(f"r{number}") for number in range(101)))
    assert fields(caught) == ["records"]


async def test_records_end_when_their_days_are_over(stage: Stage, memory: Calls) -> None:
    days = {"recordExpiryDurationDays": 31}
    [name] = await create(memory, wish(), recordExpirySpecification=days)
    [other] = await create(memory, wish())
    expires = (await read(memory, name))["expiresAt"].timestamp()
    assert expires == pytest.approx(stage.clock.wall() + 31 * 86_400, abs=1)
    stage.clock.advance(31 * 86_400)
    with pytest.raises(ClientError) as caught:
        await read(memory, name)
    assert code(caught) == ("ResourceNotFoundException", 404)
    assert "expiresAt" not in await read(memory, other)


async def test_an_update_does_not_move_the_end(memory: Calls) -> None:
    [name] = await create(memory, wish())
    with pytest.raises(ClientError) as caught:
        await memory(
            "batch_update_memory_records",
            memoryId=MEMORY,
            records=[{"memoryRecordId": name, "timestamp": WHEN}],
            recordExpirySpecification={"recordExpiryDurationDays": 31},
        )
    assert code(caught) == ("UnsupportedOperationException", 501)
