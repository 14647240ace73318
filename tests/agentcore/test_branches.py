"""Branches and metadata: how events are told apart, as boto3 sees it."""

from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.agentcore.refusals import code, fields
from tests.agentcore.stage import ACTOR, MEMORY, SESSION, Calls


async def tree(memory: Calls) -> dict[str, dict[str, Any]]:
    """main: m1 m2 m3; one forks at m2: o1 o2; two forks at o1: t1."""
    made: dict[str, dict[str, Any]] = {}

    async def add(name: str, branch: str | None = None, root: str | None = None) -> None:
        wish: dict[str, str] = {} if branch is None else {"name": branch}
        if root is not None:
            wish["rootEventId"] = made[root]["eventId"]
        time = 1_000 + len(made)
        made[name] = await memory.create(name, eventTimestamp=time, branch=wish or None)

    await add("m1")
    await add("m2")
    await add("o1", "one", "m2")
    await add("m3")
    await add("o2", "one")
    await add("t1", "two", "o1")
    return made


@pytest.mark.parametrize(
    "branch, with_parents, wanted",
    [
        ("main", False, ["m3", "m2", "m1"]),
        ("main", True, ["m3", "m2", "m1"]),
        ("one", False, ["o2", "o1"]),
        ("one", True, ["o2", "o1", "m2", "m1"]),
        # o2 came after the fork, and so did m3.
        ("two", True, ["t1", "o1", "m2", "m1"]),
        ("two", None, ["t1"]),
        ("unknown", True, []),
    ],
)
async def test_events_of_a_branch(
    memory: Calls, branch: str, with_parents: bool | None, wanted: Sequence[str]
) -> None:
    await tree(memory)
    chosen: dict[str, Any] = {"name": branch}
    if with_parents is not None:
        chosen["includeParentBranches"] = with_parents
    assert await memory.texts(filter={"branch": chosen}, maxResults=1) == wanted


async def test_without_a_filter_all_branches_in_the_order_of_time(memory: Calls) -> None:
    await tree(memory)
    assert await memory.texts() == ["t1", "o2", "m3", "o1", "m2", "m1"]


async def test_every_event_of_a_branch_says_where_it_forked(memory: Calls) -> None:
    made = await tree(memory)
    root = made["m2"]["eventId"]
    for name in ("o1", "o2"):
        assert made[name]["branch"] == {"name": "one", "rootEventId": root}
    assert made["m3"]["branch"] == {"name": "main"}


async def test_ancestors_are_known_after_the_root_was_deleted(memory: Calls) -> None:
    made = await tree(memory)
    key = {"memoryId": MEMORY, "actorId": ACTOR, "sessionId": SESSION}
    await memory("delete_event", **key, eventId=made["o1"]["eventId"])
    chosen = {"branch": {"name": "two", "includeParentBranches": True}}
    assert await memory.texts(filter=chosen) == ["t1", "m2", "m1"]


@pytest.mark.parametrize(
    "branch",
    [
        {"name": "new"},
        {"name": "new", "rootEventId": "0000000000000000001#00000009"},
        {"name": "one", "rootEventId": "0000000000000000001#00000009"},
    ],
    ids=["new without a root", "root unknown", "another root"],
)
async def test_branches_that_cannot_be(memory: Calls, branch: dict[str, str]) -> None:
    await tree(memory)
    with pytest.raises(ClientError) as caught:
        await memory.create(branch=branch)
    assert code(caught) == ("ValidationException", 400)
    assert fields(caught) == ["branch.rootEventId"]
    assert len(await memory.texts()) == 6


def where(key: str, operator: str, value: str | None = None) -> dict[str, Any]:
    expression: dict[str, Any] = {"left": {"metadataKey": key}, "operator": operator}
    if value is not None:
        expression["right"] = {"metadataValue": {"stringValue": value}}
    return expression


@pytest.mark.parametrize(
    "expressions, wanted",
    [
        ([where("kind", "EQUALS_TO", "AGENT")], ["both", "agent"]),
        ([where("kind", "EXISTS")], ["both", "agent"]),
        ([where("kind", "NOT_EXISTS")], ["none"]),
        ([where("kind", "EQUALS_TO", "AGENT"), where("id", "EQUALS_TO", "7")], ["both"]),
        ([where("id", "EXISTS"), where("kind", "NOT_EXISTS")], []),
        ([where("kind", "EQUALS_TO", "agent")], []),
    ],
)
async def test_events_by_metadata(
    memory: Calls, expressions: Sequence[dict[str, Any]], wanted: Sequence[str]
) -> None:
    kind, number = {"stringValue": "AGENT"}, {"stringValue": "7"}
    await memory.create("none", eventTimestamp=1)
    await memory.create("agent", eventTimestamp=2, metadata={"kind": kind})
    await memory.create("both", eventTimestamp=3, metadata={"kind": kind, "id": number})
    assert await memory.texts(filter={"eventMetadata": expressions}, maxResults=1) == wanted


async def test_branch_and_metadata_are_both_to_be_met(memory: Calls) -> None:
    root = await memory.create("root", metadata={"kind": {"stringValue": "a"}})
    fork = {"name": "fork", "rootEventId": root["eventId"]}
    await memory.create("other", branch=fork, metadata={"kind": {"stringValue": "b"}})
    await memory.create("wanted", branch=fork, metadata={"kind": {"stringValue": "a"}})
    chosen = {"branch": {"name": "fork"}, "eventMetadata": [where("kind", "EQUALS_TO", "a")]}
    assert await memory.texts(filter=chosen) == ["wanted"]
