"""Expressions, templates, places and events of streams, each by itself."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.delegation.grammar.expression import Expression, Headers, is_true
from sidecar.delegation.grammar.place import Place, Strip
from sidecar.delegation.grammar.preset import IdRule
from sidecar.delegation.grammar.template import MISSING, Fallback, compile_value
from sidecar.delegation.ids import NoId, made, slot, taken_from_reply
from sidecar.delegation.sse import Events
from sidecar.delegation.view import message_of, read_body


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("status", 200),
        ("body.a", 1),
        ("body.b.c", None),
        ("headers.X-Id", "h"),
        ("headers.'X-Id'", "h"),
        ('headers."x-ID"', "h"),
        ("headers.absent", None),
        ("body.a || body.b", 1),
        ("body.list[-1]", 3),
        ("body.list[1:]", [2, 3]),
        ("sum(body.list)", 6),
        ("to_number(body.text)", 7),
        ("length(body.a)", None),
        ("sort_by(body.rows, &n)[0].n", 1),
        ("[body.a, status]", [1, 200]),
        ("{x: body.a}", {"x": 1}),
    ],
)
def test_expressions(text: str, found: Any) -> None:
    body = {"a": 1, "list": [1, 2, 3], "text": "7", "rows": [{"n": 2}, {"n": 1}]}
    view = {"status": 200, "headers": Headers({"x-id": "h"}), "body": body}
    assert Expression(text)(view) == found


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_what_is_not_true(value: Any) -> None:
    assert not is_true(value)
    assert is_true(0) and is_true("0") and is_true([0])


SCOPE = {"engine_id": 7, "session_id": "s", "body": {"n": "4", "f": 1.5, "o": {"x": 1}}}


@pytest.mark.parametrize(
    ("template", "there"),
    [
        (1.0, 1.0),
        ("plain", "plain"),
        ("${engine_id}", 7),
        ("${ engine_id }", 7),
        ("${engine_id:str}", "7"),
        ("${body.n:int}", 4),
        ("${body.f:int}", 1),
        ("${body.o}", {"x": 1}),
        ("<${body.o}>", '<{"x": 1}>'),
        ("${session_id}-${engine_id}", "s-7"),
        ("${body.absent}", MISSING),
        ("a${body.absent}", MISSING),
        ({"a": "${body.absent}", "b": None}, {"b": None}),
        (["${body.absent}", "${engine_id}"], [7]),
        (Fallback("${body.absent}", 9), 9),
        (Fallback("${engine_id}", 9), 7),
        (Expression("body.n", None), "4"),
    ],
)
def test_templates(template: Any, there: Any) -> None:
    assert compile_value(template)(SCOPE) == there


@pytest.mark.parametrize(
    ("text", "part", "path"),
    [
        ("body.a", "body", ("a",)),
        ("body.a.b", "body", ("a", "b")),
        ("headers.X-A", "headers", ("X-A",)),
        ('headers."X-A"', "headers", ("X-A",)),
        ("query.a.b", "query", ("a.b",)),
    ],
)
def test_places(text: str, part: str, path: tuple[str, ...]) -> None:
    place = Place.of(text)
    assert (place.part, place.path) == (part, path)


@pytest.mark.parametrize("name", ["Content-Length", "transfer_encoding", "Host", "TE"])
def test_framing_is_no_place(name: str) -> None:
    with pytest.raises(ValueError, match="meaning in HTTP"):
        Place.of(f"headers.{name}")
    with pytest.raises(ValueError, match="meaning in HTTP"):
        Strip.of(name)


@pytest.mark.parametrize(
    ("rule", "value", "there"),
    [
        (IdRule(), "x", "x"),
        (IdRule(), 7, 7),
        (IdRule(kind="string"), 7, "7"),
        (IdRule(kind="number"), "18446744073709551615", 2**64 - 1),
        (IdRule(max_length=3), "abc", "abc"),
    ],
)
def test_ids(rule: IdRule, value: Any, there: Any) -> None:
    found = taken_from_reply(rule, value)
    assert (found, type(found)) == (there, type(there))


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (IdRule(), ""),
        (IdRule(), None),
        (IdRule(), True),
        (IdRule(), 1.5),
        (IdRule(), ["x"]),
        (IdRule(), "a\r\nb"),
        (IdRule(max_length=3), "abcd"),
        (IdRule(kind="number"), "x"),
        (IdRule(kind="number"), "\u0664"),
        (IdRule(kind="number"), "-1"),
    ],
)
def test_what_is_no_id(rule: IdRule, value: Any) -> None:
    with pytest.raises(NoId):
        taken_from_reply(rule, value)


def test_ids_that_are_made() -> None:
    numbers = [made(IdRule("uint64", "number"), "p") for _ in range(100)]
    assert all(isinstance(number, int) and 0 < number < 2**64 for number in numbers)
    assert max(number.bit_length() for number in numbers if isinstance(number, int)) > 60
    assert len(set(numbers)) == 100
    assert isinstance(made(IdRule("uint64", "string"), "p"), str)
    assert len(str(made(IdRule("hex32"), "p"))) == 32
    assert made(IdRule("public_hex"), "a-b") == "ab"
    assert (slot(IdRule("pool", "number"), 3), slot(IdRule("pool", "string"), 3)) == (3, "3")


STREAM = (
    b"\xef\xbb\xbf: hello\r\nevent: a\ndata: 1\ndata:2\n\n\n\ndata\nid: 3\n\n"
    b'data: {"x":1}\n\ndata: end'
)


@given(st.lists(st.integers(1, len(STREAM)), max_size=12))
def test_a_stream_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    events, found, before = Events(by_line=False, limit=100), [], 0
    for cut in [*sorted(cuts), len(STREAM)]:
        found += events.feed(STREAM[before:cut])
        before = cut
    assert found == [b"1\n2", b'{"x":1}']
    assert events.rest() == b"end"


@pytest.mark.parametrize("by_line", [True, False])
def test_an_event_that_is_too_large(by_line: bool) -> None:
    events = Events(by_line=by_line, limit=100)
    for _ in range(50):
        events.feed(b"data: " + b"x" * 50)
    assert events.overran and len(events._line) <= 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "no", "code": 1}}, "no"),
        ({"error": "no"}, "no"),
        ({"detail": [{"msg": "no"}]}, '[{"msg": "no"}]'),
        ({"message": "a\n b"}, "a b"),
        ({"detail": "no", "error": {"message": "first"}}, "first"),
        ("text", "text"),
        (None, ""),
        ({"a": 1}, '{"a": 1}'),
    ],
)
def test_the_words_of_an_error(body: Any, words: str) -> None:
    assert message_of(body) == words


@pytest.mark.parametrize(
    ("body", "kind", "there"),
    [
        (b"", "", None),
        (b'"x"', "", "x"),
        (b"007", "text/plain", "007"),
        (b"7", "text/plain", "7"),
        (b"7", "application/json", 7),
        (b" x \n", "", "x"),
        (b"\xff", "", "\ufffd"),
        (b"[" * 100_000, "", "[" * 100_000),
    ],
)
def test_bodies(body: bytes, kind: str, there: Any) -> None:
    assert read_body(body, Headers({"content-type": kind})) == there
    assert json.dumps(there) is not None
