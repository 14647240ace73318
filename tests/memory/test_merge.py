"""What goes to the engine: the stored conversation, then the client's new messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.memory.conversation import Conversation
from tests.memory.talk import Json, Talk, assistant, calls, short, system, tool, user


def test_each_request_continues_the_conversation() -> None:
    talk = Talk()
    assert [talk.ask(number) for number in (1, 2, 3)] == ["u1", "u1 a1 u2", "u1 a1 u2 a2 u3"]


def test_a_request_without_a_reply_leaves_no_trace() -> None:
    talk = Talk()
    talk.ask(1)
    assert talk.say(user("u2")) == "u1 a1 u2"
    assert talk.ask(3) == "u1 a1 u3"


def test_several_new_messages() -> None:
    talk = Talk()
    talk.say(user("u1"), user("u2"), reply=assistant("a"))
    assert talk.ask(3) == "u1 u2 a u3"


def test_tools_are_called_and_answered() -> None:
    talk = Talk()
    talk.say(user("u1"), reply=calls("c1"))
    assert talk.say(tool("c1", "t1"), reply=calls("c2")) == "u1 c1 t1"
    assert talk.say(tool("c2", "t2"), reply=assistant("a1")) == "u1 c1 t1 c2 t2"
    assert talk.ask(2) == "u1 c1 t1 c2 t2 a1 u2"


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_are_first_and_not_repeated(role: str) -> None:
    talk, instruction = Talk(), {"role": role, "content": "s"}
    assert talk.say(instruction, user("u1"), reply=assistant("a1")) == "s u1"
    assert talk.ask(2) == "s u1 a1 u2"
    assert talk.say(instruction, user("u3"), reply=assistant("a3")) == "s u1 a1 u2 a2 u3"
    assert talk.ask(4) == "s u1 a1 u2 a2 u3 a3 u4"
    assert [event["chat"].get("system") is not None for event in talk.log] == [
        True, False, False, False,
    ]  # fmt: skip


def test_new_instructions_replace_the_former() -> None:
    talk = Talk()
    talk.say(system("s"), user("u1"), reply=assistant("a1"))
    both = [system("x"), system("y")]
    assert talk.say(*both, user("u2"), reply=assistant("a2")) == "x y u1 a1 u2"
    assert talk.ask(3) == "x y u1 a1 u2 a2 u3"


def test_instructions_that_got_no_reply_are_not_kept() -> None:
    talk = Talk()
    talk.say(system("s"), user("u1"), reply=assistant("a1"))
    talk.say(system("x"), user("u2"))
    assert talk.ask(3) == "s u1 a1 u3"


def test_instructions_alone() -> None:
    talk = Talk()
    assert talk.say(system("s"), reply=assistant("a")) == "s"
    assert talk.say(system("x"), reply=assistant("b")) == "x a"
    assert talk.ask(1) == "x a b u1"


def test_a_system_message_between_others_stays_there() -> None:
    talk = Talk()
    talk.say(user("u1"), system("s"), reply=assistant("a1"))
    assert talk.ask(2) == "u1 s a1 u2"


U1, A1, U2, A2, U3 = user("u1"), assistant("a1"), user("u2"), assistant("a2"), user("u3")
HISTORIES: tuple[tuple[str, list[Json], str, str], ...] = (
    ("whole", [U1, A1, U2, A2, U3], "u1 a1 u2 a2 u3", "u1 a1 u2 a2 u3 a"),
    ("with instructions", [system("s"), U1, A1, U2, A2, U3], "s u1 a1 u2 a2 u3",
     "s u1 a1 u2 a2 u3 a"),
    ("whole and nothing new", [U1, A1, U2, A2], "u1 a1 u2 a2", "u1 a1 u2 a2 a"),
    ("the last turn", [U2, A2, U3], "u1 a1 u2 a2 u3", "u1 a1 u2 a2 u3 a"),
    ("the last reply", [A2, U3], "u1 a1 u2 a2 u3", "u1 a1 u2 a2 u3 a"),
    ("from the first reply on", [A1, U2, A2, U3], "u1 a1 u2 a2 u3", "u1 a1 u2 a2 u3 a"),
    ("older than the log", [user("u0"), assistant("a0"), U1, A1, U2, A2, U3],
     "u0 a0 u1 a1 u2 a2 u3", "u1 a1 u2 a2 u3 a"),
    ("the last question again", [U1, A1, U2], "u1 a1 u2", "u1 a1 u2 a"),
    ("another last question", [U1, A1, user("x2")], "u1 a1 x2", "u1 a1 x2 a"),
    ("from the first reply on, another question", [A1, user("x2")], "u1 a1 x2", "u1 a1 x2 a"),
    ("an example of the client's own", [user("e"), assistant("f"), U3], "u1 a1 u2 a2 e f u3",
     "u1 a1 u2 a2 e f u3 a"),
    ("a question that was asked before", [U1], "u1 a1 u2 a2 u1", "u1 a1 u2 a2 u1 a"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "engine", "kept"), [row[1:] for row in HISTORIES], ids=[row[0] for row in HISTORIES]
)
def test_a_client_that_sends_the_history_itself(sent: list[Json], engine: str, kept: str) -> None:
    """Not doubled for the engine, and neither in the log."""
    check_history(sent, engine, kept)


def check_history(sent: list[Json], engine: str, kept: str) -> None:
    talk = Talk()
    talk.ask(1)
    talk.ask(2)
    assert talk.say(*sent, reply=assistant("a")) == engine
    assert talk.say(user("end")) == f"{kept} end"


def test_a_history_that_is_shown_in_another_form_is_known() -> None:
    """Clients drop empty members and reasoning, write texts as parts, and calls' arguments anew."""
    talk = Talk()
    talk.say(user("u1"), reply=calls("c1") | {"refusal": None, "reasoning_content": "hm"})
    talk.say(tool("c1", "t1"), reply=assistant(" a1\n") | {"annotations": []})
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{ }"}}
    shown: list[Json] = [
        user("u1") | {"content": [{"type": "text", "text": "u1"}]},
        {"role": "assistant", "tool_calls": [call]},
        tool("c1", "t1"),
        assistant("a1"),
        user("u2"),
    ]
    messages, merged = talk.merged(*shown)
    assert messages == shown
    assert merged.keeping.end == 2


CHANGED: tuple[tuple[str, list[Json], str, str], ...] = (
    ("corrected", [U1, assistant("b1"), U2, A2, U3], "u1 b1 u2 a2 u3", "u1 b1 u2 a2 u3 a"),
    ("the last one, too", [U1, assistant("b1"), U2, assistant("b2"), U3], "u1 b1 u2 b2 u3",
     "u1 b1 u2 b2 u3 a"),
    ("the last one only", [U1, A1, U2, assistant("b2"), U3], "u1 a1 u2 b2 u3", "u1 a1 u2 b2 u3 a"),
    ("in a part", [U2, assistant("b2"), U3], "u1 a1 u2 b2 u3", "u1 a1 u2 b2 u3 a"),
    ("in a part without a question", [assistant("b1"), U2, assistant("b2"), U3],
     "u1 b1 u2 b2 u3", "u1 b1 u2 b2 u3 a"),
    ("with another question", [U1, assistant("b1"), user("x2")], "u1 b1 x2", "u1 b1 x2 a"),
    ("older than the log", [user("u0"), assistant("b0"), U1, assistant("b1"), U3],
     "u0 b0 u1 b1 u3", "u1 b1 u3 a"),
    ("a reply alone", [assistant("b2"), U3], "u1 a1 u2 a2 b2 u3", "u1 a1 u2 a2 b2 u3 a"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "engine", "kept"), [row[1:] for row in CHANGED], ids=[row[0] for row in CHANGED]
)
def test_a_client_that_changes_replies(sent: list[Json], engine: str, kept: str) -> None:
    """What it shows is kept from then on."""
    check_history(sent, engine, kept)


def test_thoughts_are_cut_out_each_time() -> None:
    talk, shown = Talk(), list[Json]()
    for number in range(5):
        shown.append(user(f"u{number}"))
        assert talk.merged(*shown)[0] == shown
        talk.say(*shown, reply=assistant(f"<think>hm</think>a{number}"))
        shown.append(assistant(f"a{number}"))
    assert talk.say(user("end")).replace("<think>hm</think>", "") == short([*shown, user("end")])


@pytest.mark.parametrize("change", [
    {"content": [{"type": "text", "text": "u2"}, {"type": "image_url", "image_url": "x"}]},
    {"content": "x"},
    {"role": "tool"},
])  # fmt: skip
def test_what_the_user_said_is_compared(change: Json) -> None:
    talk = Talk()
    talk.ask(2)
    _, merged = talk.merged(user("u2") | change, assistant("a2x"), user("u3"))
    assert len(merged.put_in) == 2


def test_an_imported_history_is_kept_in_turns() -> None:
    talk = Talk()
    talk.say(system("s"), user("u1"), assistant("a1"), user("u2"), calls("c"), tool("c", "t"),
             assistant("a2"), user("u3"), reply=assistant("a3"))  # fmt: skip
    turns = [event["chat"]["messages"] for event in talk.log]
    assert [len(messages) for messages in turns] == [2, 4, 1]
    assert talk.ask(4) == "s u1 a1 u2 c t a2 u3 a3 u4"


def test_taken_back_twice() -> None:
    talk = Talk()
    talk.ask(1)
    for question in ("x", "y"):
        talk.say(user("u1"), assistant("a1"), user(question), reply=assistant(question.upper()))
    assert talk.say(user("u1"), assistant("a1"), user("y"), assistant("Y"), user("z"),
                    reply=assistant("Z")) == "u1 a1 y Y z"  # fmt: skip
    assert talk.ask(5) == "u1 a1 y Y z Z u5"
    numbers = [event["chat"]["number"] for event in talk.log]
    assert numbers == sorted(set(numbers))


def test_an_engine_whose_roles_are_odd() -> None:
    talk, odd = Talk(), {"role": ["a"], "content": "a1"}
    talk.say(user("u1"), reply=odd)
    assert talk.say(user("u1"), odd, user("u2")) == "u1 a1 u2"


def test_of_two_agreements_the_newest_counts() -> None:
    talk = Talk()
    for _ in range(2):
        talk.say(user("u"), reply=assistant("a"))
    assert talk.say(assistant("a"), user("end")) == "u a u a end"


def test_taken_back_behind_what_cannot_be_dropped() -> None:
    """An event of somebody else's; or a process that was killed before it dropped anything."""
    talk = Talk()
    talk.log.append({"blob": 1})
    talk.ask(1)
    talk.ask(2)
    talk.say(user("u1"), assistant("a1"), user("x2"), reply=assistant("b2"))
    assert talk.log[0] == {"blob": 1}
    assert talk.ask(3) == "u1 a1 x2 b2 u3"


def test_many_equal_messages_are_laid_over_quickly() -> None:
    """Quadratic, 3,000 on 3,000 would take minutes."""
    talk = Talk()
    same = [user("u"), assistant("a")] * 1500
    talk.say(*same, user("u"), reply=assistant("a"))
    assert len(Conversation.of(talk.log).entries) == 1501
    messages, _ = talk.merged(*same, user("u"), assistant("a"), user("end"))
    assert len(messages) == 3003


@given(st.lists(st.tuples(st.sampled_from(["new", "whole", "part", "back", "lost"]),
                          st.integers(0, 99)), max_size=12))  # fmt: skip
def test_any_client(acts: list[tuple[str, int]]) -> None:
    """Whatever part of the conversation it sends, the engine gets all of it, and once."""
    talk = Talk()
    told: list[Json] = []
    for number, (act, place) in enumerate(acts):
        replies = range(1, len(told), 2)
        question = user(f"u{number}")
        sent = [question]
        if act == "whole":
            sent = [*told, question]
        elif act == "part" and told:
            sent = [*told[place % (len(told) - 1 or 1) :], question]
        elif act == "back" and told:
            told = told[: replies[place % len(replies)] + 1]
            sent = [*told, question]
        told.append(question)
        assert talk.merged(*sent)[0] == told
        if act == "lost":
            told.pop()
            continue
        reply = assistant(f"a{number}")
        talk.say(*sent, reply=reply)
        told.append(reply)
        kept = [message.value for entry in Conversation.of(talk.log).entries
                for message in entry.step.told]  # fmt: skip
        assert kept == told
