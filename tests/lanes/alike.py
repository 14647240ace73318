"""Heads that have the same lines and other values: usual, odd and hostile ones."""

from hypothesis import strategies as st

UUID = "0b9cbcd0-6b2f-4b5e-8b92-0a2ac17a43a1"
ID = b"X-Amzn-SageMaker-Session-Id"

LENGTHS = [
    "1",
    "299",
    "65536",
    "65537",
    "0",
    *("9" * digits for digits in (10, 15, 16, 18, 20, 30)),
]
ODD = ["0", "007", "+5", "-5", "5 5", "5,5", " 5", "5 ", "\t5", "5\t", "", "0x5", "\u0661", "5\r"]
IDS = [
    UUID,
    UUID[:-1] + "2",
    "NEW_SESSION",
    "nobody",
    "../../etc",
    "a b",
    "",
    "\xff",
    "%00",
    "x" * 70,
]
TRACES = [
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203332-00",
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "Root=1-67891233-abcdef012345678912345678",
    "a=b",
    "x\r\n y",
    "x\r\nContent-Length: 7",
    "x\x00",
]
VALUES = st.one_of(
    st.sampled_from(LENGTHS * 3 + ODD), st.sampled_from(IDS * 3), st.sampled_from(TRACES)
)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=12)
VARYING = [
    b"Content-Length",
    b"content-length",
    ID,
    b"x-amzn-sagemaker-session-id",
    b"X-Request-Id",
    b"traceparent",
    b"tracestate",
    b"X-Amzn-Trace-Id",
    b"X_Request_Id",
]
FIXED = [
    b"Host: a",
    b"Content-Type: application/json",
    b"Content-Type: text/csv",
    b"Content-Encoding: gzip",
    b"Connection: close",
    b"Connection: upgrade",
    b"Connection: X-Request-Id",
    b"Connection: Content-Length",
    b"Upgrade: h2c",
    b"Transfer-Encoding: chunked",
    b"Expect: 100-continue",
    b"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: " + UUID.encode(),
    b"Authorization: Bearer x",
    b"X-Api-Key: a",
]
STARTS = [
    b"POST /invocations HTTP/1.1",
    b"POST /invocations?a=b HTTP/1.1",
    b"POST /endpoints/e/invocations HTTP/1.1",
    b"POST /endpoints/e/invocations-response-stream HTTP/1.1",
    b"GET /ping HTTP/1.1",
    b"POST /ping HTTP/1.1",
    b"GET /v1/models HTTP/1.1",
    b"POST /v1/chat/completions HTTP/1.0",
    b"POST /runtimes/r/invocations HTTP/1.1",
    b"POST /apps/run HTTP/1.1",
    b"GET /memories/m/actor/a/sessions/s/events/e HTTP/1.1",
]


@st.composite
def alike(draw: st.DrawFn) -> list[bytes]:
    """Heads with the same lines and other values; the last one is judged."""
    start = draw(st.sampled_from(STARTS))
    lines = [b"Host: x", *draw(st.lists(st.sampled_from(FIXED[1:]), max_size=3))]
    names = draw(st.lists(st.sampled_from(VARYING), min_size=1, max_size=3))
    places = draw(st.permutations([*lines, *(b"\0" + name for name in names)]))
    heads = []
    for _ in range(4):
        written = [start]
        for line in places:
            if line.startswith(b"\0"):
                value = draw(value_of(line[1:])).encode("latin-1", "replace")
                written.append(b"%b: %b" % (line[1:], value))
            else:
                written.append(line)
        heads.append(b"\r\n".join([*written, b"", b""]))
    return heads


def value_of(name: bytes) -> st.SearchStrategy[str]:
    """Mostly one that is accepted, so that there is something to be like."""
    match name.lower():
        case b"content-length":
            likely = st.sampled_from(["1", "299", "65537", "0", "9" * 10])
        case b"x-amzn-sagemaker-session-id":
            likely = st.sampled_from(IDS[:3])
        case _:
            likely = st.sampled_from(TRACES[:3])
    return st.one_of(likely, likely, likely, VALUES, TEXTS)
