"""An engine that forgets: it replies to the last message of each request, as that one tells it.

500           an error page
error         an error inside a 200 stream
break         the stream breaks off in the middle
wait          nothing is said until `go` is set
anything      `re anything`, in pieces if `stream` is asked for
"""

import asyncio
import json
from typing import Any

from tests.harness.recording_engine import Exchange, RecordingEngine

Json = dict[str, Any]
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    b"X-Engine: 7\r\n\r\n"
)
DONE = b"data: [DONE]\n\n"


class ChatEngine(RecordingEngine):
    def __init__(self) -> None:
        super().__init__(self._reply)
        self.go = asyncio.Event()
        self.end = asyncio.Event()

    @property
    def heard(self) -> list[str]:
        """The messages of the newest request."""
        return [each["content"] for each in self.requests[-1]["messages"]]

    @property
    def requests(self) -> list[Json]:
        return [json.loads(record.body) for record in self.records if record.complete]

    async def _reply(self, exchange: Exchange) -> None:
        await exchange.read_body()
        request: Json = json.loads(exchange.record.body)
        word = request["messages"][-1]["content"]
        if word == "500":
            await exchange.reply(b'{"error": "no"}', status=b"500 No")
        elif request.get("stream"):
            await self._stream(exchange, word)
        else:
            if word == "wait":
                await self.go.wait()
            message = {"role": "assistant", "content": f"re {word}", "refusal": None}
            answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
            await exchange.reply(json.dumps(answer).encode(), b"Content-Type: application/json")

    async def _stream(self, exchange: Exchange, word: str) -> None:
        *pieces, last = stream_of(word)
        await exchange.send(HEAD)
        for piece in pieces:
            await exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            if word in ("wait", "done"):
                await self.go.wait()
        if word == "break":
            await exchange.close()
            return
        await exchange.send(b"%x\r\n%b\r\n" % (len(last), last))
        if word == "done":
            await self.end.wait()
        await exchange.send(b"0\r\n\r\n")


def stream_of(word: str) -> list[bytes]:
    """What an engine sends, cut where no event ends."""
    first: Json = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "re "}}]}
    text: list[Json] = [{"choices": [{"index": 0, "delta": {"content": each}}]} for each in word]
    end: Json = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if word == "error":
        end = {"error": {"message": "no", "code": 500}}
    whole = b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in (first, *text, end))
    return [whole[:90], whole[90:-5], whole[-5:] + DONE]
