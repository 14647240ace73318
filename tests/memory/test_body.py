"""What is put into a request is the only change to its bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.memory.body import ChatBody

PATH = ("messages",)
ODD = (
    '\ufeff \n{"temperature":1.0, "big": 123456789012345678901234567890, "huge":1e400,'
    '"messages":\t[ {"role":"user","content":"caf\u00e9 \\u00e9 \\ud83d","n":1.50} ,'
    '{"role" : "user"}] , "stream" :true}\n'
)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, ODD.replace('[ {"role"', '[ {"x":1}, {}, {"role"')),
        (1, ODD.replace("1.50}", '1.50}, {"x":1}, {}')),
        (2, ODD.replace('"user"}]', '"user"}, {"x":1}, {}]')),
    ],
)
def test_messages_are_put_in(count: int, expected: str) -> None:
    body = ChatBody.of(ODD.encode(), PATH)
    assert body is not None
    assert body.with_put_in(count, ['{"x":1}', "{}"]).decode() == expected
    assert body.with_put_in(count, []) == ODD.encode()


def test_the_text_of_a_message_is_as_it_was_written() -> None:
    body = ChatBody.of(ODD.encode(), PATH)
    assert body is not None
    first, second = body.messages
    assert first.text == '{"role":"user","content":"caf\u00e9 \\u00e9 \\ud83d","n":1.50}'
    assert second.text == '{"role" : "user"}'


def test_a_nested_path() -> None:
    text = '{"history":[{"no":1}],"inputs":{"history":[{"yes":1}]},"inputs2":{"history":[]}}'
    body = ChatBody.of(text.encode(), ("inputs", "history"))
    assert body is not None
    assert body.with_put_in(0, ["{}"]).decode() == text.replace('[{"yes"', '[{}, {"yes"')


def test_of_a_name_written_twice_the_last_one_counts() -> None:
    body = ChatBody.of(b'{"messages":[{"a":1}],"messages":[{"b":1}]}', PATH)
    assert body is not None
    assert body.with_put_in(1, ["{}"]) == b'{"messages":[{"a":1}],"messages":[{"b":1}, {}]}'


NOT_OURS = [
    b"", b" ", b"\xff", b"{", b"{}", b"[]", b"null", b'"messages"', b"messages=1",
    b'{"messages":null}', b'{"messages":{}}', b'{"messages":[]}', b'{"messages":"x"}',
    b'{"messages":["x"]}', b'{"messages":[{},1]}', b'{"messages":[{}', b'{"messages":[{',
    b'{"messages":[{}', b'{"messages', b'{"messages"', b'{"messages":', b'{"a":1,', b'{"a":{}',
    b'[{"messages":[{}]}]', b'{"messages":' + b"[" * 100_000,
    b'{"messages":[{"a":' + b"[" * 200 + b"]" * 200 + b"}]}",
]  # fmt: skip


@pytest.mark.parametrize("body", NOT_OURS)
def test_what_is_no_list_of_messages_is_the_engines_affair(body: bytes) -> None:
    assert ChatBody.of(body, PATH) is None


@given(st.binary(max_size=60) | st.text('{}[]":,messages \\1', max_size=60).map(str.encode))
def test_nothing_breaks_it(body: bytes) -> None:
    ChatBody.of(body, PATH)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=6), JSON, max_size=3)


@given(
    st.dictionaries(st.text(max_size=4), JSON, max_size=3),
    st.lists(OBJECTS, min_size=1, max_size=4),
    st.lists(OBJECTS, min_size=1, max_size=3),
    st.data(),
)
def test_any_body(rest: dict[str, object], own: list[object], more: list[object],
                  data: st.DataObject) -> None:  # fmt: skip
    count = data.draw(st.integers(0, len(own)))
    indent = data.draw(st.sampled_from([None, 1]))
    ascii_only = data.draw(st.booleans())
    text = json.dumps(rest | {"messages": own}, indent=indent, ensure_ascii=ascii_only)
    body = ChatBody.of(text.encode("utf-8", "surrogatepass"), PATH)
    if body is None:  # half a character, written in UTF-8, which is not JSON
        assert not ascii_only
        return
    result = body.with_put_in(count, [json.dumps(each) for each in more]).decode()
    assert json.loads(result) == rest | {"messages": own[:count] + more + own[count:]}
    same = next(
        (n for n, (a, b) in enumerate(zip(text, result, strict=False)) if a != b), len(text)
    )
    assert result.endswith(text[same:])  # so it is the text with something put in
