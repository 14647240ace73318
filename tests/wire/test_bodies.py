"""Where a body ends, and that it ends there however its bytes were cut."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.engine.bodies import Body, Counted, body_of
from sidecar.engine.chunks import ChunkDecoder, ChunkError
from sidecar.engine.reply import read_reply
from sidecar.headers import Vocabulary

Outcome = tuple[bytes, bool, bytes] | str

# The pieces of a chunked body, good and bad; the long ones lie around the limit of a line.
PARTS = st.sampled_from(
    [b"5\r\nhello\r\n"] * 6
    + [
        b"0\r\n",
        b"\r\n",
        b"0\r\n\r\n",
        b"X-Trail: x\r\n",
        b"a;b=c\r\nten bytes!\r\n",
        b"5 \r\nhello\r\n",
    ]
    + [b"5;%b\r\nhello\r\n" % (b"e" * size) for size in (4093, 4094, 4095)]
    + [b"X-T: %b\r\n" % (b"t" * size) for size in (4090, 4091, 4092, 9000)]
    + [
        b"\r",
        b"\n",
        b"5\nhello\r\n",
        b"zz\r\n",
        b"5\r\nhello!",
        b"no colon\r\n",
        b"HTTP/1.1 200 OK\r\n",
    ]
)


def fed(body: Body, pieces: list[bytes]) -> Outcome:
    payload = b""
    try:
        for number, piece in enumerate(pieces):
            payload += body.feed(piece)
            if body.done:
                return payload, True, body.rest + b"".join(pieces[number + 1 :])
    except ChunkError:
        return "refused"
    return payload, False, b""


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = [0, *sorted(at % (len(data) + 1) for at in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(ends) if start < end]


@given(st.lists(PARTS, max_size=8).map(b"".join), st.lists(st.integers(0, 100_000), max_size=6))
@example(b"0\r\nX-T: %b\r\n\r\n" % (b"t" * 9000), [5000])
@example(b"0\r\nX-T: %b\r\n\r\n" % (b"t" * 20_000), [5000])
@example(b"5;%b\r\nhello\r\n0\r\n\r\n" % (b"e" * 4094), [4097])
def test_what_a_chunked_body_is_does_not_depend_on_its_pieces(data: bytes, cuts: list[int]) -> None:
    assert fed(ChunkDecoder(), cut(data, cuts)) == fed(ChunkDecoder(), [data])


@given(st.binary(max_size=40), st.integers(1, 30), st.lists(st.integers(0, 100), max_size=4))
def test_a_counted_body_has_its_length(data: bytes, length: int, cuts: list[int]) -> None:
    done = len(data) >= length
    expected = data[:length], done, data[length:]
    assert fed(Counted(length), cut(data, cuts)) == expected


def test_a_last_chunk_in_single_bytes() -> None:
    data = b"5;x\r\nhello\r\n0\r\nX-T: x\r\n\r\nrest"
    assert fed(ChunkDecoder(), cut(data, [*range(len(data))])) == (b"hello", True, b"rest")


@pytest.mark.parametrize(
    "head, bodyless, data, outcome",
    [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5",
            False,
            b"hello world",
            (b"hello", True, b" world"),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5", False, b"hell", (b"hell", False, b"")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5", True, b"hello", (b"", True, b"hello")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0", False, b"x", (b"", True, b"x")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
            False,
            b"1\r\nx\r\n0\r\n\r\ny",
            (b"x", True, b"y"),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
            True,
            b"0\r\n\r\n",
            (b"", True, b"0\r\n\r\n"),
        ),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 1", False, b"x", (b"", True, b"x")),
        (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked", False, b"x", (b"", True, b"x")),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1", False, b"x", (b"", True, b"x")),
        (b"HTTP/1.1 200 OK", False, b"0\r\n\r\n", (b"0\r\n\r\n", False, b"")),
        (b"HTTP/1.0 200 OK", False, b"x", (b"x", False, b"")),
        (b"HTTP/1.1 200 OK", True, b"x", (b"", True, b"x")),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 1",
            False,
            b"xy",
            (b"xy", False, b""),
        ),
    ],
)
def test_where_a_reply_ends(head: bytes, bodyless: bool, data: bytes, outcome: Outcome) -> None:
    """RFC 9112 section 6.3. A body that is done from the start has only a rest."""
    body = body_of(read_reply(head + b"\r\n\r\n", Vocabulary(None)), bodyless=bodyless)
    assert fed(body, [data]) == outcome
