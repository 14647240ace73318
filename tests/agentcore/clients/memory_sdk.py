"""The bedrock-agentcore SDK: MemorySessionManager, MemorySession and MemoryClient, unmodified."""

# mypy: ignore-errors
# Its packages are not among those of the checker.
import os
from datetime import UTC, datetime

from bedrock_agentcore.memory import MemoryClient
from bedrock_agentcore.memory.constants import BlobMessage, ConversationalMessage, MessageRole
from bedrock_agentcore.memory.models.filters import (
    EventMetadataFilter,
    LeftExpression,
    OperatorType,
    RightExpression,
    StringValue,
)
from bedrock_agentcore.memory.session import MemorySessionManager
from botocore.exceptions import ClientError

from tests.agentcore.clients import scenarios

MEMORY = os.environ["MEMORY_ID"]
USER, ASSISTANT = MessageRole.USER, MessageRole.ASSISTANT


def _manager():
    return MemorySessionManager(memory_id=MEMORY, region_name="us-west-2")


def _session(name, actor="sdk-user"):
    return _manager().create_memory_session(actor_id=actor, session_id=name)


def _client():
    return MemoryClient(region_name="us-west-2")


def _texts(turns):
    return [[message["content"]["text"] for message in turn] for turn in turns]


def _said(events):
    return [each["payload"][0]["conversational"]["content"]["text"] for each in events]


def turns_come_back_newest_first():
    session = _session("turns")
    for number in range(5):
        session.add_turns(
            [
                ConversationalMessage(f"u{number}", USER),
                ConversationalMessage(f"a{number}", ASSISTANT),
            ]
        )
    assert _texts(session.get_last_k_turns(k=2)) == [["u4", "a4"], ["u3", "a3"]]


def one_message_in_each_event_is_grouped_as_with_amazon():
    session = _session("singles")
    for number in range(3):
        session.add_turns([ConversationalMessage(f"u{number}", USER)])
        if number < 2:
            session.add_turns([ConversationalMessage(f"a{number}", ASSISTANT)])
    session.add_turns([ConversationalMessage("a2", ASSISTANT)])
    assert _texts(session.get_last_k_turns(k=10)) == [["a2"], ["u2", "a1"], ["u1", "a0"], ["u0"]]


def many_events_page_by_page():
    session = _session("many")
    for number in range(230):
        session.add_turns([ConversationalMessage(str(number), USER)])
    found = session.list_events(max_results=1000)
    assert _said(found) == [str(number) for number in range(229, -1, -1)]
    assert len(session.list_events(max_results=130)) == 130


def branches():
    session = _session("branches")
    root = session.add_turns([ConversationalMessage("one", USER)])
    session.add_turns([ConversationalMessage("two", USER)])
    session.fork_conversation(
        root_event_id=root["eventId"],
        branch_name="other",
        messages=[ConversationalMessage("fork", USER)],
    )
    session.add_turns([ConversationalMessage("goes on", USER)], branch={"name": "other"})
    assert _said(session.list_events(branch_name="other")) == ["goes on", "fork"]
    with_parents = session.list_events(branch_name="other", include_parent_branches=True)
    assert _said(with_parents) == ["goes on", "fork", "one"]
    found = {each["name"]: each["rootEventId"] for each in session.list_branches()}
    assert found == {"main": None, "other": root["eventId"]}
    turns = session.get_last_k_turns(k=9, branch_name="other", include_parent_branches=True)
    assert _texts(turns) == [["goes on"], ["fork"], ["one"]]


def single_events():
    session = _session("single")
    kept = session.add_turns([ConversationalMessage("kept", USER)])
    gone = session.add_turns([ConversationalMessage("gone", USER)])
    assert session.get_event(gone["eventId"])["payload"] == gone["payload"]
    session.delete_event(gone["eventId"])
    assert _said(session.list_events()) == ["kept"]
    try:
        session.get_event(gone["eventId"])
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ResourceNotFoundException"
    else:
        raise AssertionError("a deleted event was found")
    assert session.get_event(kept["eventId"])["eventId"] == kept["eventId"]


def blobs_and_times():
    session = _session("blobs")
    when = datetime(2025, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    made = session.add_turns([BlobMessage({"a": [1, None, "x"]})], event_timestamp=when)
    assert made["eventTimestamp"] == when
    [event] = session.list_events()
    assert event["payload"] == [{"blob": {"a": [1, None, "x"]}}]
    [event] = session.list_events(include_payload=False)
    assert "payload" not in event


def metadata_filters():
    session = _session("metadata")
    for place in ("NYC", "LA"):
        session.add_turns(
            [ConversationalMessage(place, USER)],
            metadata={"location": StringValue.build(place)},
        )
    chosen = EventMetadataFilter.build_expression(
        left_operand=LeftExpression.build("location"),
        operator=OperatorType.EQUALS_TO,
        right_operand=RightExpression.build("NYC"),
    )
    assert _said(session.list_events(eventMetadata=[chosen])) == ["NYC"]


def actors_and_sessions():
    manager = _manager()
    for actor, name in (("team/ann", "s1"), ("team/ann", "s2"), ("team:bob", "s1")):
        _session(name, actor).add_turns([ConversationalMessage("x", USER)])
    assert {"team/ann", "team:bob"} <= {each["actorId"] for each in manager.list_actors()}
    for found in (
        manager.list_actor_sessions("team/ann"),
        _session("s1", "team/ann").get_actor().list_sessions(),
    ):
        assert {each["sessionId"] for each in found} == {"s1", "s2"}


def long_term_records_that_were_written_by_hand():
    manager = _manager()
    data = _client().gmdp_client
    data.batch_create_memory_records(
        memoryId=MEMORY,
        records=[
            {
                "requestIdentifier": f"r{number}",
                "namespaces": ["/facts/ann"],
                "content": {"text": f"fact {number}"},
                "timestamp": datetime.now(UTC),
            }
            for number in range(3)
        ],
    )
    found = manager.list_long_term_memory_records(namespace="/facts/ann")
    assert sorted(each["content"]["text"] for each in found) == ["fact 0", "fact 1", "fact 2"]
    record = manager.get_memory_record(found[0]["memoryRecordId"])
    assert record["content"] == found[0]["content"]
    manager.delete_memory_record(found[0]["memoryRecordId"])
    done = manager.delete_all_long_term_memories_in_namespace("/facts/ann")
    assert len(done["successfulRecords"]) == 2
    assert manager.list_long_term_memory_records(namespace_path="/facts") == []


def a_search_says_that_there_is_none():
    try:
        _manager().search_long_term_memories(query="cats", namespace="/facts/ann")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "UnsupportedOperationException"
    else:
        raise AssertionError("a search was answered")
    assert _client().retrieve_memories(MEMORY, namespace="/facts/ann", query="cats") == []


def a_turn_with_a_model():
    session = _session("llm")
    _, answer, event = session.process_turn_with_llm(
        user_input="hello", llm_callback=lambda text, memories: text.upper(), retrieval_config=None
    )
    assert answer == "HELLO"
    assert [each["conversational"]["role"] for each in event["payload"]] == ["USER", "ASSISTANT"]


def memory_client():
    client, key = _client(), {"memory_id": MEMORY, "actor_id": "mc", "session_id": "mc"}
    first = client.create_event(**key, messages=[("hello", "USER"), ("hi", "ASSISTANT")])
    client.save_conversation(**key, messages=[("more", "USER")])
    client.create_blob_event(**key, blob_data={"x": 1})
    assert len(client.list_events(**key)) == 3
    client.fork_conversation(
        **key,
        root_event_id=first["eventId"],
        branch_name="b",
        new_messages=[("forked", "USER")],
    )
    assert {each["name"] for each in client.list_branches(**key)} == {"main", "b"}
    assert _said(client.list_branch_events(**key, branch_name="b")) == ["forked"]
    tree = client.get_conversation_tree(**key)
    assert tree["main_branch"]["branches"]["b"]["root_event_id"] == first["eventId"]
    merged = client.merge_branch_context(**key, branch_name="b", include_parent=True)
    assert [each["content"] for each in merged] == ["hello", "hi", "forked"]
    turns = client.get_last_k_turns(**key, k=1, branch_name="b")
    assert _texts(turns) == [["forked"]]


def metadata_of_memories():
    client = _client()
    assert client.get_memory_status(MEMORY) == "ACTIVE"
    assert client.get_memory_strategies(MEMORY) == []
    assert MEMORY in [each["id"] for each in client.list_memories()]


if __name__ == "__main__":
    scenarios.run("__main__")
