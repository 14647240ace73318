"""What is dropped: whole turns, the oldest first, with no tool's answer left without its call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.memory.keeping import TooLarge
from sidecar.memory.limits import Limits
from sidecar.sessions.events import encode
from tests.memory.talk import Json, Talk, assistant, calls, short, system, tool, user

ANY = 2**22


def test_turns() -> None:
    talk = Talk(Limits(2, None, ANY))
    said = [talk.ask(number) for number in range(1, 6)]
    assert said == ["u1", "u1 a1 u2", "u1 a1 u2 a2 u3", "u2 a2 u3 a3 u4", "u3 a3 u4 a4 u5"]
    assert len(talk.log) == 2


@pytest.mark.parametrize(
    ("new", "engine"),
    [("12", "u2 a2 u3 a3 12"), ("123", "u3 a3 123"), ("123456", "u3 a3 123456"),
     ("1234567", "1234567"), ("1234567890123", "1234567890123")],
)  # fmt: skip
def test_characters_count_what_is_new(new: str, engine: str) -> None:
    talk = Talk(Limits(None, 10, ANY))
    for number in (1, 2, 3):
        talk.ask(number)
    assert talk.say(user(new)) == engine


def test_characters_count_instructions_which_stay() -> None:
    talk = Talk(Limits(None, 10, ANY))
    talk.say(system("1234"), user("u1"), reply=assistant("a1"))
    assert talk.ask(2) == "1234 u1 a1 u2"
    assert talk.ask(3) == "1234 u2 a2 u3"
    assert talk.say(user("u4"), reply=assistant("a4 is long")) == "1234 u3 a3 u4"
    assert talk.ask(5) == "1234 u5"


@pytest.mark.parametrize(("new", "engine"), [("12", "1234 u1 a1 12"), ("123", "1234 123")])
def test_instructions_that_are_kept_count_too(new: str, engine: str) -> None:
    talk = Talk(Limits(None, 10, ANY))
    talk.say(system("1234"), user("u1"), reply=assistant("a1"))
    assert talk.say(user(new)) == engine


def test_only_text_counts_as_characters() -> None:
    talk = Talk(Limits(None, 100, ANY))
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 500}}
    seen = {"role": "user", "content": [{"type": "text", "text": "see"}, image]}
    talk.say(seen, reply=assistant("a1"))
    messages, _ = talk.merged(user("u2"))
    assert messages == [seen, assistant("a1"), user("u2")]


@pytest.mark.parametrize("instruction", ["s", "s" * 1000])
def test_bytes(instruction: str) -> None:
    talk = Talk(Limits(None, None, 4096))
    talk.say(system(instruction), user("u"), reply=assistant("a"))
    for number in range(100):
        talk.say(user(f"u{number} {'x' * number}"), reply=assistant(f"a{number}"))
        kept = sum(len(encode([event])) for event in talk.log)
        assert kept <= 4096
    assert kept > 2500
    assert "u98" in talk.say(user("end")) and "u1 " not in talk.say(user("end"))


def test_what_was_taken_back_leaves_the_log() -> None:
    talk = Talk(Limits(None, None, 4096))
    talk.ask(1)
    for number in range(100):
        talk.say(user("u1"), assistant("a1"), user(f"x{number}"), reply=assistant("b"))
    assert [event["chat"]["number"] for event in talk.log] == [1, 101]
    assert talk.say(user("end")) == "u1 a1 x99 b end"


@pytest.mark.parametrize("limits", [Limits(1, None, ANY), Limits(None, 1, ANY)])
def test_a_turn_with_tools_is_dropped_as_one(limits: Limits) -> None:
    talk = Talk(limits)
    talk.ask(1)
    talk.say(user("u2"), reply=calls("c2"))
    assert talk.say(tool("c2", "t2"), reply=calls("c3")) == "u2 c2 t2"
    assert talk.say(tool("c3", "t3"), reply=assistant("a2")) == "u2 c2 t2 c3 t3"
    assert talk.ask(3) == ("u2 c2 t2 c3 t3 a2 u3" if limits.turns else "u3")
    assert talk.say(user("u4")) == ("u3 a3 u4" if limits.turns else "u4")


def test_instructions_outlive_the_turn_that_they_came_with() -> None:
    talk = Talk(Limits(1, None, ANY))
    talk.say(system("s"), user("u1"), reply=assistant("a1"))
    for number in range(2, 6):
        assert talk.ask(number) == f"s u{number - 1} a{number - 1} u{number}"
    assert len(talk.log) == 1


def test_an_import_beyond_the_limits() -> None:
    talk = Talk(Limits(2, None, ANY))
    old = [message for n in range(9) for message in (user(f"u{n}"), assistant(f"a{n}"))]
    assert talk.say(system("s"), *old, user("u9"), reply=assistant("a9")).count("u") == 10
    assert talk.ask(10) == "s u8 a8 u9 a9 u10"


def test_a_client_whose_history_is_longer_than_the_log() -> None:
    talk, history = Talk(Limits(2, None, ANY)), list[Json]()
    for number in range(9):
        history.append(user(f"u{number}"))
        assert talk.say(*history, reply=assistant(f"a{number}")) == short(history)
        history.append(assistant(f"a{number}"))
    assert len(talk.log) == 2


@pytest.mark.parametrize("reply", ["a", "a" * 5000])
def test_a_turn_that_is_too_large_alone(reply: str) -> None:
    """Before the engine is asked, where that can be known then."""
    talk = Talk(Limits(None, None, 4096))
    talk.say(user("u1"), reply=calls("c1"))
    before = list(talk.log)
    sent = [tool("c1", "t" * (4000 if reply == "a" else 10))]
    if reply == "a":
        with pytest.raises(TooLarge):
            talk.merged(*sent)[1].keeping.check()
    else:
        talk.merged(*sent)[1].keeping.check()
        with pytest.raises(TooLarge):
            talk.say(*sent, reply=assistant(reply))
    assert talk.log == before


def test_the_events_of_others_are_never_dropped() -> None:
    talk = Talk(Limits(1, None, ANY))
    talk.ask(1)
    talk.log.append({"blob": 1})
    for number in (2, 3, 4):
        assert talk.ask(number) == f"u{number - 1} a{number - 1} u{number}"
    assert [event.get("blob") for event in talk.log] == [1, None, None, None]


@pytest.mark.parametrize("event", [
    {"chat": 1}, {"chat": {}}, {"chat": {"number": "x", "time": 1, "messages": []}},
    {"chat": {"number": 1, "time": 1, "messages": ["5"]}},
    {"chat": {"number": 1, "time": 1, "messages": ["{"]}},
    {"chat": {"number": 1, "time": None, "messages": [[]]}},
])  # fmt: skip
def test_what_only_looks_like_ours_is_somebody_elses(event: Json) -> None:
    talk = Talk(Limits(1, None, ANY))
    talk.log.append(event)
    assert [talk.ask(number) for number in (1, 2, 3)] == ["u1", "u1 a1 u2", "u2 a2 u3"]
    assert talk.log[0] == event


def test_a_log_that_was_cut_too_far_begins_with_a_turn() -> None:
    talk = Talk()
    talk.say(user("u1"), reply=calls("c1"))
    talk.say(tool("c1", "t1"), reply=assistant("a1"))
    talk.ask(2)
    del talk.log[0]
    assert talk.say(user("u3")) == "u2 a2 u3"


TURN = st.lists(st.sampled_from("xy"), max_size=3)


@given(
    st.lists(TURN, max_size=12),
    st.builds(Limits, st.none() | st.integers(1, 4), st.none() | st.integers(1, 60),
              st.integers(2000, 4000)),
)  # fmt: skip
def test_every_answer_has_its_call_and_the_limits_hold(
    turns: list[list[str]], limits: Limits
) -> None:
    talk = Talk(limits)
    for number, tools in enumerate(turns):
        sent = [user(f"u{number}")]
        if number % 5 == 0:
            sent.insert(0, system(f"s{number}"))
        for index, word in enumerate(tools):
            call = f"c{number}.{index}"
            check(talk, sent)
            talk.say(*sent, reply=calls(call))
            sent = [tool(call, word)]
        check(talk, sent)
        talk.say(*sent, reply=assistant("a"))


def check(talk: Talk, sent: list[Json]) -> None:
    messages, merged = talk.merged(*sent)
    assert messages[0]["role"] in ("system", "user")
    assert messages[-1] == sent[-1]
    open_calls = set()
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] in open_calls
        open_calls |= {call["id"] for call in message.get("tool_calls", ())}
    instructions = [message["content"] for message in messages if message["role"] == "system"]
    assert len(instructions) <= 1 and (not instructions or messages[0]["role"] == "system")
    users = sum(message["role"] == "user" for message in messages)
    assert talk.limits.turns is None or users <= talk.limits.turns + 1
    assert sum(len(encode([event])) for event in talk.log) <= talk.limits.bytes
    merged.keeping.check()
