"""An engine to kill: a process of its own, whose deliveries are on disk before it answers.

`python -m tests.life.mortal_engine PORT FILE`. POST answers the session that came with it and its
body; GET /stream never ends. Only the standard library, so that it is up again in no time.
"""

import asyncio
import contextlib
import sys

OK = b"HTTP/1.1 200 OK\r\n"


class Mortal:
    def __init__(self, deliveries: str) -> None:
        self._deliveries = deliveries

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                await self._answer(head, reader, writer)
        writer.close()

    async def _answer(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if head.startswith("GET /stream"):
            await _stream(writer)
        elif head.startswith("POST"):
            body = await reader.readexactly(int(_field(head, "content-length")))
            with open(self._deliveries, "ab") as file:
                file.write(body + b"\n")
            await asyncio.sleep(0.02)  # there must be a time to be killed in
            said = _field(head, "x-amzn-sagemaker-session-id").encode() + b" " + body
            writer.write(OK + b"Content-Length: %d\r\n\r\n%b" % (len(said), said))
        else:
            writer.write(OK + b"Content-Length: 0\r\n\r\n")
        await writer.drain()


async def _stream(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"9\r\ndata: x\n\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


def _field(head: str, name: str) -> str:
    for line in head.split("\r\n"):
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return "none"


async def main(port: str, deliveries: str) -> None:
    server = await asyncio.start_server(Mortal(deliveries).converse, "127.0.0.1", int(port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
