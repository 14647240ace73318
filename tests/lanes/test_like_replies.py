"""A reply's head that is read by its likeness to others means what it means if it is read alone."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.engine.replies import Replies
from sidecar.engine.reply import Reply, ReplyError
from sidecar.headers import Vocabulary
from tests.lanes.alike import value_of

REPLY_LINES = st.sampled_from(
    [
        b"Content-Type: text/event-stream",
        b"Connection: close",
        b"Connection: Content-Length",
        b"Connection: Date, X-Replica",
        b"Date: Sat, 21 Nov 2026 14:00:00 GMT",
        b"X-Replica: theirs",
        b"Transfer-Encoding: chunked",
        b"Content_Length: 5",
        b" folded",
    ]
)
STATUSES = st.sampled_from(
    [b"200 OK", b"204 No Content"] * 3 + [b"304", b"101 Switching", b"103", b"600"]
)


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    status=STATUSES,
    before=st.lists(REPLY_LINES, max_size=2),
    name=st.sampled_from([b"Content-Length: ", b"content-length: ", b"Content-Length:"]),
    after=st.lists(REPLY_LINES, max_size=2),
    values=st.lists(value_of(b"content-length"), min_size=5, max_size=5),
    header=st.sampled_from([None, ("X-Replica", "a:1")]),
)
def test_a_reply_like_others_is_read_as_if_alone(
    status: bytes,
    before: list[bytes],
    name: bytes,
    after: list[bytes],
    values: list[str],
    header: tuple[str, str] | None,
) -> None:
    vocabulary = Vocabulary("X-Session")
    remembering = Replies(vocabulary, header)
    for value in values:
        length = name + value.encode("latin-1", "replace")
        head = b"\r\n".join([b"HTTP/1.1 " + status, *before, length, *after, b"", b""])
        assert read(remembering, head) == read(Replies(vocabulary, header), head)


def read(replies: Replies, head: bytes) -> Reply | str:
    try:
        return replies.read(head)
    except ReplyError as error:
        return str(error)
