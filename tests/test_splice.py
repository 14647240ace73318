"""Edits of a JSON text: what is set and removed, and that nothing else changes by a byte."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import BadRequest
from sidecar.splice import Edits


def edited(body: str, *steps: tuple[str, Any] | str) -> str:
    """A pair sets, a lone path removes."""
    edits = Edits()
    for step in steps:
        if isinstance(step, str):
            edits.remove(step.split("."))
        else:
            edits.set(step[0].split("."), step[1])
    return edits.apply(body.encode()).decode()


@pytest.mark.parametrize(
    "body, steps, there",
    [
        ("{}", [("a", 1)], '{"a": 1}'),
        ('{"x":1}', [("a", 1)], '{"x":1, "a": 1}'),
        ('{"a" : 2 , "b":3}', [("a", "new")], '{"a" : "new" , "b":3}'),
        ('{"a":{"b":1,"c":2}}', [("a.b", None)], '{"a":{"b":null,"c":2}}'),
        ('{"x":1}', [("a.b.c", True)], '{"x":1, "a": {"b": {"c": true}}}'),
        ('{"x":1}', [("a", {"b": 1}), ("a.b", 2)], '{"x":1, "a": {"b": 2}}'),
        ('{"a":{"mine":1}}', [("a", {}), ("a.b", 2)], '{"a":{"b": 2}}'),
        ('{"a":{"mine":1}}', ["a", ("a.b", 2)], '{"a":{"b": 2}}'),
        ('{"a":{"mine":1}}', [("a", 1), ("a.b", 2)], '{"a":{"b": 2}}'),
        ('{"a":{"mine":1}}', [("a.b", 2), ("a.c", 3)], '{"a":{"mine":1, "b": 2, "c": 3}}'),
        ('{"a":1,"b":2,"c":3}', ["b"], '{"a":1,"c":3}'),
        ('{ "a":1, "b":2}', ["a"], '{ "b":2}'),
        ('{"a":1 }', ["a"], "{ }"),
        ('{"a":1}', ["a", ("b", 2)], '{"b": 2}'),
        ('{"a":1}', ["b.c"], '{"a":1}'),
        ('{"b":5}', ["b.c"], '{"b":5}'),
        ('{"a":1}', [("a", 2), "a"], '{"a":2}'),
        ('{"a":1}', [("a", {"b": 1, "c": 2}), "a.b"], '{"a":{"b": 1, "c": 2}}'),
        ("\ufeff {}\n", [("a", 1)], '\ufeff {"a": 1}\n'),
        ('{"\\u0061":"forged"}', [("a", 1)], '{"\\u0061":1}'),
        ('{"x":"}"}', [("a", 1)], '{"x":"}", "a": 1}'),
        ("[1]", [], "[1]"),
    ],
)
def test_edits(body: str, steps: list[tuple[str, Any] | str], there: str) -> None:
    assert edited(body, *steps) == there


def test_a_key_written_twice_keeps_no_value_of_the_client() -> None:
    assert edited('{"a":1,"a":2}', ("a", 3)) == '{"a":3,"a":3}'
    assert edited('{"a":1,"b":0,"a":2}', "a") == '{"b":0}'
    assert edited('{"a":{"b":1},"a":{}}', ("a.b", 3)) == '{"a":{"b":3},"a":{"b": 3}}'


@pytest.mark.parametrize(
    "text",
    ["9" * 5000, "1.0", "-0.0", "1e400", r'"\ud83d"', '"\u00e9\U0001f600"', "[1 ,\t2]", '{"a": 1}'],
)
def test_what_is_not_edited_stays_as_it_was_written(text: str) -> None:
    assert edited(f'{{"x":{text},"a":0}}', ("a", 1)) == f'{{"x":{text},"a":1}}'


@pytest.mark.parametrize("body", ["", "words", '{"a": 1', "{} {}", "[]", "1", "null", '"{}"'])
def test_a_body_without_a_place_is_refused_by_the_place(body: str) -> None:
    with pytest.raises(BadRequest, match=r"has no meta\.id$"):
        edited(body, ("meta.id", 1))


@pytest.mark.parametrize("body", ['{"a":1}', '{"a":[]}', '{"a":{},"a":null}'])
def test_a_parent_that_is_no_object(body: str) -> None:
    with pytest.raises(BadRequest, match=r"on the way to a\.b\.c$"):
        edited(body, ("a.b.c", 1))


@pytest.mark.parametrize("body", [b"\xff", b'"\xed\xa0\x80"', b"[" * 100_000, b'{"a":' * 100_000])
def test_hostile_bytes_are_refused(body: bytes) -> None:
    edits = Edits()
    edits.set(["a"], 1)
    with pytest.raises(BadRequest):
        edits.apply(body)


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), JSON), JSON, st.sampled_from([None, 1]))
def test_any_object_with_any_value(body: dict[str, Any], value: Any, indent: int | None) -> None:
    there = edited(json.dumps(body, indent=indent), ("a", value), "b")
    assert json.loads(there) == {**{k: v for k, v in body.items() if k != "b"}, "a": value}
