"""Server-sent events in pieces of any size."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.sse import Event, EventReader


def read(*pieces: bytes) -> list[Event]:
    reader = EventReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + reader.end()


def message(data: str) -> Event:
    return Event("message", data)


STREAMS: tuple[tuple[bytes, list[Event]], ...] = (
    (b"data: a\n\ndata:b\n\n", [message("a"), message("b")]),
    (b"data: a\r\n\r\ndata: b\r\n\r\n", [message("a"), message("b")]),
    (b"data: a\r\rdata: b\r\r", [message("a"), message("b")]),
    (b"data: a\ndata: b\ndata\n\n", [message("a\nb\n")]),
    (b"data:\n\ndata: a\n\n", [message("a")]),
    (b"data: a\r\ndata: b\r\n\r\ndata: c\rdata: d\n\r\n", [message("a\nb"), message("c\nd")]),
    (b"data:  two spaces\n\n", [message(" two spaces")]),
    (b": ping\n\n:\n\ndata: a\n: inside\n\n\n\n", [message("a")]),
    (b"event: error\ndata: a\n\ndata: b\n\n", [Event("error", "a"), message("b")]),
    (b"event: end\n\ndata: a\n\n", [message("a")]),
    (b"id: 1\nretry: 5\nother: x\ndata: a\n\n", [message("a")]),
    (b"\xef\xbb\xbfdata: a\n\n", [message("a")]),
    ("data: caf\u00e9 \U0001f600\n\n".encode(), [message("caf\u00e9 \U0001f600")]),
    (b"data: a\n\ndata: [DONE]", [message("a"), message("[DONE]")]),
    (b"data: a\n", [message("a")]),
    (b"error: {}\n\n", [Event("error", "{}")]),
    (b"", []),
    (b"\n\n\r\n", []),
)


@pytest.mark.parametrize(("stream", "events"), STREAMS)
def test_a_stream(stream: bytes, events: list[Event]) -> None:
    assert read(stream) == events
    assert read(*(stream[i : i + 1] for i in range(len(stream)))) == events


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 40), max_size=6))
def test_in_any_pieces(example: tuple[bytes, list[Event]], cuts: list[int]) -> None:
    stream, events = example
    edges = [0, *sorted(cuts), len(stream)]
    assert read(*(stream[a:b] for a, b in pairwise(edges))) == events


@given(st.binary(max_size=50))
def test_nothing_breaks_it(data: bytes) -> None:
    read(data)


def test_what_is_held_is_counted() -> None:
    reader = EventReader()
    for _ in range(10):
        assert list(reader.feed(b"data: 4567890\n")) == []
    assert reader.held == 140
    reader.feed(b"\n")
    assert reader.held == 0


def test_a_long_line_in_small_pieces_takes_no_time() -> None:
    """5 MB in pieces of 1,000 bytes, joined anew for each, would be 12 GB of copying."""
    reader = EventReader()
    reader.feed(b"data: ")
    for _ in range(5000):
        reader.feed(b"x" * 1000)
    (event,) = reader.end()
    assert len(event.data) == 5_000_000
