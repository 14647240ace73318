"""The parts that decide without a store: ids, tokens, routes, histories."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.dialects.agentcore.errors import UnknownOperation, ValidationFailed
from sidecar.dialects.agentcore.fields import LATEST_MS, Fields
from sidecar.dialects.agentcore.memory import paging
from sidecar.dialects.agentcore.memory.event import Branch, Event, event_id, timestamp
from sidecar.dialects.agentcore.memory.history import SEAL, Chapter, History, deletion, follow
from sidecar.dialects.agentcore.memory.names import (
    Key,
    after_all,
    head_id,
    heads_of_actor,
    heads_of_memory,
)
from sidecar.dialects.agentcore.memory.routes import call
from sidecar.sessions.session import is_well_formed

MS = st.integers(0, LATEST_MS)


@given(MS, MS, st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1))
def test_ids_sort_by_time_and_then_by_number(a: int, b: int, m: int, n: int) -> None:
    assert (event_id(a, m) < event_id(b, n)) == ((a, m) < (b, n))


@given(MS)
def test_a_time_survives_its_id(milliseconds: int) -> None:
    seconds = timestamp(event_id(milliseconds, 1))
    assert Fields({"t": seconds}).timestamp("t") == milliseconds


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_a_head_has_an_id_that_a_store_takes(memory: str, actor: str, session: str) -> None:
    """And it is listed with its actor's, and its actor's with its memory's."""
    head = head_id(Key(memory, actor, session))
    assert is_well_formed(head)
    assert head.startswith(heads_of_actor(memory, actor))
    assert head.startswith(heads_of_memory(memory))
    assert heads_of_actor(memory, actor) < head < after_all(heads_of_actor(memory, actor))


@pytest.mark.parametrize("cursor", ["a", "0000000000000000001#00000001", "h0-1"])
def test_a_token_comes_back(cursor: str) -> None:
    given = Fields({"nextToken": paging.token("k", cursor)})
    assert paging.page(given, "k", ".*") == (20, cursor)


@given(st.text(max_size=40))
def test_other_texts_are_no_tokens(text: str) -> None:
    with pytest.raises(ValidationFailed):
        paging.page(Fields({"nextToken": text}), "k", "[0-9]+#[0-9]+")


@pytest.mark.parametrize(
    "method, path, operation, labels",
    [
        ("POST", "/memories/m/events", "CreateEvent", {"m": "m"}),
        (
            "GET",
            "/memories/m/actor/a%2Fb/sessions/s/events/1%23a",
            "GetEvent",
            {"m": "m", "a": "a/b", "s": "s", "e": "1#a"},
        ),
        ("POST", "/memories/", "ListMemories", {}),
        ("POST", "/memories/create", "CreateMemory", {}),
        (
            "GET",
            "/memories/arn:aws:bedrock-agentcore:r:1:memory/m/details",
            "GetMemory",
            {"m": "arn:aws:bedrock-agentcore:r:1:memory/m"},
        ),
        (
            "GET",
            "/memories/arn%3Aaws%3Abedrock-agentcore%3Ar%3A1%3Amemory%2Fm/details",
            "GetMemory",
            {"m": "arn:aws:bedrock-agentcore:r:1:memory/m"},
        ),
    ],
)
def test_routes(method: str, path: str, operation: str, labels: Mapping[str, str]) -> None:
    assert call(method, path) == (operation, labels)


@pytest.mark.parametrize("path", ["/memories/m/actor/a/b/sessions/s", "/memories/m/actors/", "/x"])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(UnknownOperation):
        call("POST", path)


def event(number: int, token: str, *, milliseconds: int = 1, **members: Any) -> Event:
    return Event(event_id(milliseconds, number), 0.0, token, "[]", **members)


def history(*entries: Mapping[str, Any]) -> History:
    made = History()
    made.apply(made.put(Chapter("c", 0.0)), entries)
    return made


def ids(made: History) -> list[str]:
    return [each.id for each in made.newest_first()]


def test_the_first_of_a_token_and_of_an_id_counts() -> None:
    first, same_token, same_id = event(1, "a"), event(2, "a"), event(1, "b")
    made = history(first.entry(), same_token.entry(), same_id.entry())
    assert ids(made) == [first.id]
    assert made.with_token("a") == first
    assert made.with_token("b") is None
    assert made.last_number == 2


def test_an_id_that_was_deleted_stays_taken() -> None:
    """Else a void entry would come to life."""
    first, same_id = event(1, "a"), event(1, "b")
    made = history(first.entry(), same_id.entry(), deletion(first.id), event(1, "c").entry())
    assert ids(made) == []
    assert made.with_token("c") is None


def test_nothing_counts_behind_a_seal() -> None:
    late = event(2, "late")
    made = history(event(1, "a").entry(), SEAL, late.entry(), deletion(event_id(1, 1)))
    assert ids(made) == [event_id(1, 1)]
    assert made.with_token("late") is None
    assert made.current is None


def test_entries_are_read_once_however_often_they_are_shown() -> None:
    entries = [event(number, str(number)).entry() for number in (1, 2, 3)]
    made = History()
    chapter = made.put(Chapter("c", 0.0))
    # A slower reader brings an older state of the log.
    for shown in (entries[:2], entries, entries[:1]):
        made.apply(chapter, shown)
    assert ids(made) == [event_id(1, number) for number in (3, 2, 1)]
    assert chapter.size == sum(Event.of(each).size for each in entries)


def test_an_event_survives_its_entry() -> None:
    whole = event(1, "t", branch=Branch("b", event_id(1, 7), "main"), metadata={"k": "v"})
    assert Event.of(whole.entry()) == whole
    assert Event.of(event(2, "u").entry()) == event(2, "u")


def test_a_page_begins_behind_an_event_that_is_gone() -> None:
    made = history(*(event(number, str(number)).entry() for number in (1, 2, 3)))
    made.apply(made.chapters["c"], [{}] * 3 + [deletion(event_id(1, 2))])
    assert [each.number for each in made.newest_first(event_id(1, 2))] == [1]
    assert [each.number for each in made.newest_first(event_id(1, 3))] == [1]


@pytest.mark.parametrize(
    "links, wanted",
    [
        ([], []),
        ([("", "a"), ("a", "b")], ["a", "b"]),
        # Two began at once.
        ([("", "a"), ("", "x"), ("a", "b"), ("x", "y")], ["a", "b"]),
        ([("", "a"), ("a", "a")], ["a"]),
    ],
)
def test_chapters_in_their_order(links: list[tuple[str, str]], wanted: list[str]) -> None:
    assert follow([{"after": former, "chapter": each} for former, each in links]) == wanted
