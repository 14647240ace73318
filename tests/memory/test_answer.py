"""The assistant's message, from a JSON answer and from streams."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.config.chat import Query
from sidecar.engine.reply import Reply
from sidecar.memory.answer import AnswerTooLarge, Form, NoMessage, Reader, reader_of
from tests.memory.answers import DONE, HELLO, PAGE, SAID, STREAM, Json, chunk, events

OPENAI = Form(
    Query("choices[0].message"),
    Query("choices[0].delta"),
    Query("choices[0].finish_reason"),
    answer_limit=100_000,
    message_limit=1000,
)


def reader(reply: Reply, form: Form = OPENAI) -> Reader:
    found = reader_of(reply, form)
    assert found is not None
    return found


def read_json(value: Any, form: Form = OPENAI) -> Json:
    answer = reader(PAGE, form)
    answer.feed(value if isinstance(value, bytes) else json.dumps(value).encode())
    return answer.message().value


def read_stream(*pieces: bytes, form: Form = OPENAI) -> Json:
    answer = reader(STREAM, form)
    for piece in pieces:
        answer.feed(piece)
    return answer.message().value


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        (SAID, SAID),
        (SAID | {"refusal": None, "tool_calls": [], "annotations": [], "audio": None}, SAID),
        ({"content": "Hello you"}, SAID),
        ("Hello you", SAID),
        ({"role": "assistant", "content": None}, {"role": "assistant", "content": ""}),
        ({"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]},) * 2,
        ({"role": "assistant", "tool_calls": [{"id": "c"}]},
         {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]}),
        (SAID | {"reasoning_content": "hm"}, SAID | {"reasoning_content": "hm"}),
        ({"speaker": "bot", "words": "hi"}, {"speaker": "bot", "words": "hi"}),
    ],
)  # fmt: skip
def test_a_message_of_a_json_answer(message: Any, kept: Json) -> None:
    assert read_json({"choices": [{"index": 0, "message": message}]}) == kept


def test_the_first_of_several_choices() -> None:
    others = [{"index": n, "message": {"content": f"no {n}"}} for n in (2, 1)]
    assert read_json({"choices": [*others, {"index": 0, "message": SAID}]}) == SAID
    mixed = events(*(chunk({"content": f"{n}"}, index=n % 3) for n in range(6)))
    ends = events(chunk({}, "stop", 1), chunk({}, "stop", 0))
    assert read_stream(mixed, ends)["content"] == "03"
    with pytest.raises(NoMessage, match="before it was finished"):
        read_stream(mixed, events(chunk({}, "stop", 1)))


@pytest.mark.parametrize("status", [199, 300, 302, 400, 404, 429, 500, 503])
def test_no_success_has_no_message(status: int) -> None:
    assert reader_of(Reply(status, b"", True), OPENAI) is None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ({"error": {"message": "no"}}, "an error"),
        ({"choices": []}, r"no message at choices\[0\]\.message"),
        ({"choices": None}, "no message"),
        ([], "no message"),
        ({"choices": [{"message": 5}]}, "no message"),
        (b'{"choices":[{"message":{"content":"","n":NaN}}]}', "a number that is not JSON"),
        (b'{"choices":[{"message":{"content":"","n":1e999}}]}', "a number that is not JSON"),
        (b'{"choices":[{"message":{"a":' + b"[" * 200 + b"]" * 200 + b"}}]}", "too deeply"),
    ],
)
def test_json_answers_that_have_none(answer: Any, why: str) -> None:
    with pytest.raises(NoMessage, match=why):
        read_json(answer)


@pytest.mark.parametrize(
    "stream",
    [HELLO, HELLO + DONE, HELLO.replace(b"\n", b"\r\n") + DONE.strip(),
     HELLO.replace(b"data", b": ping\n\ndata"), events(chunk({"content": "Hello you"})) + DONE,
     events(chunk({"content": "Hello you"}, "stop")), HELLO + DONE + b"data: not json\n\n"],
)  # fmt: skip
def test_a_stream(stream: bytes) -> None:
    assert read_stream(stream) == SAID


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (b"", "before it was finished"),
        (HELLO.replace(b'"stop"', b"null"), "before it was finished"),
        (HELLO[: len(HELLO) // 2], "not JSON|before it was finished"),
        (DONE, "no message at"),
        (
            events(chunk({"content": "a"}), {"error": {"message": "no", "code": 400}}) + DONE,
            "error",
        ),
        (HELLO + events({"error": "late"}) + DONE, "error"),
        (HELLO + b"event: error\ndata: what\n\n" + DONE, "error"),
        (HELLO + b"error: {}\n\n" + DONE, "error"),
        (b"data: what\n\n" + HELLO, "not JSON"),
        (events(chunk({"a": json.loads("[" * 150 + "]" * 150)}, "stop")), "too deeply"),
    ],
)
def test_streams_that_have_none(stream: bytes, why: str) -> None:
    with pytest.raises(NoMessage, match=why):
        read_stream(stream)


def call(index: int, call_id: str | None = None, name: str | None = None, text: str = "") -> Json:
    function = {"arguments": text} | ({"name": name} if name else {})
    made = {"id": call_id, "type": "function"} if call_id else {}
    return {"tool_calls": [{"index": index, **made, "function": function}]}


def test_calls_are_put_together_by_their_index() -> None:
    stream = events(
        chunk({"role": "assistant", "content": None}),
        chunk(call(1, "c1", "look", '{"a"')),
        chunk(call(0, "c0", "find")),
        chunk(call(1, "c1", "look", ":1")),  # some engines repeat what they said
        chunk(call(0, text="{}") | {"role": ""}),
        chunk(call(1, text="}")),
        chunk({}, "tool_calls"),
    )
    assert read_stream(stream + DONE) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c0", "type": "function", "function": {"name": "find", "arguments": "{}"}},
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}},
        ],
    }


def test_reasoning_and_refusal_are_texts_too() -> None:
    stream = events(
        chunk({"role": "assistant", "reasoning_content": "h"}),
        chunk({"role": "assistant", "reasoning_content": "m"}),
        chunk({"role": "assistant", "content": "", "refusal": "n"}),
        chunk({"role": "assistant", "refusal": "o"}, "stop"),
    )
    assert read_stream(stream) == {
        "role": "assistant", "content": "", "reasoning_content": "hm", "refusal": "no",
    }  # fmt: skip


def test_a_character_in_two_halves() -> None:
    halves = b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n'
    rest = b'data: {"choices":[{"delta":{"content":"\\ude00"}}]}\n\n'
    answer = reader(STREAM)
    answer.feed(halves + rest + DONE)
    message = answer.message()
    assert json.loads(message.text)["content"] == "\U0001f600"
    message.text.encode()


@given(st.lists(st.integers(0, len(HELLO + DONE)), max_size=8))
def test_in_any_pieces(cuts: list[int]) -> None:
    stream = HELLO + DONE
    edges = [0, *sorted(cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    assert read_stream(*pieces) == SAID
    assert read_stream(*(piece.replace(b"\n", b"\r\n") for piece in pieces)) == SAID


def test_it_is_over_with_done_and_not_before() -> None:
    answer = reader(STREAM)
    answer.feed(HELLO)
    assert not answer.over
    answer.feed(DONE[:-1])
    assert not answer.over
    answer.feed(DONE[-1:])
    assert answer.over


def test_what_is_too_large() -> None:
    with pytest.raises(AnswerTooLarge):
        read_json(b" " * 100_001)
    with pytest.raises(AnswerTooLarge):
        read_stream(events(*[chunk({"content": "x" * 100})] * 11) + DONE)
    with pytest.raises(AnswerTooLarge):
        read_stream(b"data: " + b"x" * 100_000, DONE)
    answer = reader(PAGE)
    for _ in range(101):
        answer.feed(b" " * 1000)
    answer.feed(b"{}")
    with pytest.raises(AnswerTooLarge):
        answer.message()


OTHER = Form(
    Query("{role: 'bot', text: outputs.text}"), Query("{role: 'bot', text: token.text}"),
    None, answer_limit=1000, message_limit=1000,
)  # fmt: skip


def test_an_engine_with_another_form() -> None:
    said = {"role": "bot", "text": "ab"}
    assert read_json({"outputs": {"text": "ab"}}, OTHER) == said
    stream = events({"token": {"text": "a"}}, {"token": {"text": "b"}})
    assert read_stream(stream, form=OTHER) == said
    text = Form(Query("text"), Query("text"), Query("end"), 1000, 1000)
    assert read_json({"text": "Hello you"}, text) == SAID
    assert read_stream(events({"text": "Hello"}, {"text": " you", "end": True}), form=text) == SAID
