"""Ways in which the recording engine can answer."""

from typing import Literal

from tests.harness.recording_engine import Behaviour, Exchange

Then = Literal["keep", "close", "reset", "hold"]


def says(data: bytes, *, then: Then = "keep", before_the_body: bool = False) -> Behaviour:
    """Those bytes, and then: the next request, a clean end, a reset, or silence."""

    async def behave(exchange: Exchange) -> None:
        if not before_the_body:
            await exchange.read_body()
        await exchange.send(data)
        await finish(exchange, then)

    return behave


async def finish(exchange: Exchange, then: Then) -> None:
    if then == "close":
        await exchange.close()
    elif then == "reset":
        await exchange.reset()
    elif then == "hold":
        await exchange.wire.gone.wait()
        exchange.keep_alive = False


async def echo(exchange: Exchange) -> None:
    """The body that came, with the type and coding that it came with."""
    await exchange.read_body()
    kept = (b"content-type", b"content-encoding")
    lines = [b"%b: %b" % pair for pair in exchange.record.fields if pair[0].lower() in kept]
    await exchange.reply(bytes(exchange.record.body), *lines)


def chunked(pieces: list[bytes], *lines: bytes) -> bytes:
    """A whole answer with a chunked body."""
    head = b"\r\n".join((b"HTTP/1.1 200 OK", *lines, b"Transfer-Encoding: chunked"))
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head + b"\r\n\r\n" + body + b"0\r\n\r\n"
