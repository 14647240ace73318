"""aiohttp's C parser (llhttp, strict) for the head of one request, and for nothing else."""

import asyncio

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage

from sidecar.errors import BadRequest, HeadTooLarge, TargetTooLong

HEAD_LIMIT = 65536


class HeadParser:
    """One request head, in as many pieces as it comes in."""

    def __init__(self, protocol: BaseProtocol, loop: asyncio.AbstractEventLoop) -> None:
        self._parser = HttpRequestParser(
            protocol,
            loop,
            HEAD_LIMIT,
            max_line_size=8190,
            max_field_size=8190,
            max_headers=128,
            auto_decompress=False,
        )

    def feed(self, data: bytes) -> RawRequestMessage | None:
        """The head, once it is complete. Raises BadRequest, HeadTooLarge or TargetTooLong."""
        try:
            messages, _, _ = self._parser.feed_data(data)
        except LineTooLong as error:
            long_target = "request line" in str(error).lower()
            raise (TargetTooLong if long_target else HeadTooLarge)(
                "the request head is too long"
            ) from None
        except HttpProcessingError:
            raise BadRequest("this is not a valid HTTP/1.1 request") from None
        return messages[0][0] if messages else None
