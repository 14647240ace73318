"""The engine's reply as an AWS event stream, for boto3's invoke_endpoint_with_response_stream."""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from sidecar.errors import SidecarError

if TYPE_CHECKING:
    from amazon_transcribe.eventstream import EventStreamMessageSerializer

# The service's own limit for one PayloadPart is not published; this stays below the 16 MiB of
# the event stream format whatever the engine's socket delivers at once.
_PART_LIMIT = 1 << 20


@cache
def _serializer() -> "EventStreamMessageSerializer":
    # Awslabs' encoder pulls in awscrt (50 ms): only who streams through boto3 pays for it.
    from amazon_transcribe.eventstream import EventStreamMessageSerializer

    return EventStreamMessageSerializer()


class EventStreamEncoder:
    """Each piece of the reply is one PayloadPart event."""

    def head(self, content_type: bytes | None) -> bytes:
        original = content_type or b"application/octet-stream"
        return (
            b"Content-Type: application/vnd.amazon.eventstream\r\n"
            b"X-Amzn-SageMaker-Content-Type: %b\r\n" % original
        )

    def body(self, data: bytes) -> bytes:
        parts = range(0, len(data), _PART_LIMIT)
        return b"".join(_event(data[start : start + _PART_LIMIT]) for start in parts)

    def broken(self, error: SidecarError) -> bytes:
        headers: dict[str, Any] = {
            ":message-type": "exception",
            ":exception-type": "ModelStreamError",
            ":content-type": "application/json",
        }
        payload = {"Message": error.message, "ErrorCode": "StreamBroken"}
        return _serializer().serialize(headers, json.dumps(payload).encode())


def _event(payload: bytes) -> bytes:
    headers: dict[str, Any] = {
        ":message-type": "event",
        ":event-type": "PayloadPart",
        ":content-type": "application/octet-stream",
    }
    return _serializer().serialize(headers, payload)
