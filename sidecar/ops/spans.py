"""Two OpenTelemetry spans for each request: SERVER for what the client asked of us, and CLIENT in
it for what we asked of the engine. Names are those of the stable HTTP conventions of OpenTelemetry.

A span of the SDK takes 18 us, so this is only there where traces are wanted (see `tracing`).
"""

import asyncio
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sidecar import __version__
from sidecar.config import EngineAddress
from sidecar.ops.access import gone_wrong, is_probe, printable
from sidecar.turn import Turn

_METHODS = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")
)
_W3C = TraceContextTextMapPropagator()
# A collector that does not answer must not hold up the end.
_STOP_SECONDS = 3.0


class Trace:
    """The spans of one request. Durations are monotonic: a clock set back changes no length.

    epoch: wall clock in ns where the monotonic one is 0. answered: the engine's status.
    """

    __slots__ = ("answered", "client", "epoch", "server")

    def __init__(self, server: Span, epoch: int) -> None:
        self.server = server
        self.epoch = epoch
        self.client: Span | None = None
        self.answered = 0

    def at(self, monotonic: float) -> int:
        return self.epoch + int(monotonic * 1e9)


class Spans:
    """Makes them, and hands them to the provider, which sends what was sampled.

    with_ids: whole session ids are attributes, else their first 8 characters, as in the log.
    """

    def __init__(
        self, provider: TracerProvider, engines: Sequence[EngineAddress], *, with_ids: bool
    ) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("session-sidecar", __version__)
        self._with_ids = with_ids
        self._engines: dict[str | None, Mapping[str, Any]] = {
            str(address): _where(address) for address in engines
        }
        if len(engines) == 1:
            self._engines[None] = _where(engines[0])  # it has no name in a turn

    def begin(self, turn: Turn, lines: Iterable[bytes]) -> None:
        """With the request's head; `lines` are its headers."""
        epoch = time.time_ns() - time.monotonic_ns()
        server = self._tracer.start_span(
            _name(turn),
            context=_parent(lines),
            kind=SpanKind.SERVER,
            attributes=_asked(turn) | {"url.scheme": "http", "client.address": turn.client},
            start_time=epoch + int(turn.started * 1e9),
        )
        turn.trace = Trace(server, epoch)
        turn.trace_id = trace.format_trace_id(server.get_span_context().trace_id)

    def onward(self, turn: Turn) -> list[bytes]:
        """The engine is asked now: header lines for it."""
        spans: Trace = turn.trace
        inside = trace.set_span_in_context(spans.server, Context())
        spans.client = self._tracer.start_span(
            _name(turn),
            context=inside,
            kind=SpanKind.CLIENT,
            attributes=_asked(turn),
            start_time=spans.at(time.monotonic()),
        )
        return _lines(spans.client)

    def within(self, turn: Turn) -> list[bytes]:
        """Header lines for calls of the engine that are no part of this request alone."""
        return _lines(turn.trace.server)

    def answered(self, turn: Turn, status: int) -> None:
        """By the engine; its client may be told otherwise."""
        turn.trace.answered = status

    def end(self, turn: Turn) -> None:
        """With the answer's last byte. Probes are left out, as in the log."""
        if is_probe(turn):
            return
        spans: Trace = turn.trace
        end = spans.at(time.monotonic())
        if spans.client is not None:
            self._end_client(turn, spans, spans.client, end)
        server = spans.server
        server.set_attributes(self._said(turn))
        _judge(server, turn, _failure(turn, turn.status, error_from=500))
        server.end(end)

    async def stop(self) -> None:
        """Send what is left, for a few seconds at most."""
        # Not an executor's thread: the interpreter would wait for that one at its end.
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop did not wait
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=shut_down, name="spans", daemon=True).start()
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), _STOP_SECONDS)

    def _end_client(self, turn: Turn, spans: Trace, client: Span, end: int) -> None:
        where = self._engines.get(turn.replica)  # None: of several none could be reached
        if where is not None:
            url = f"{where['url.full']}{printable(turn.path)}"
            client.set_attributes({**where, "url.full": url})
        status = spans.answered or (turn.status if turn.first_byte is not None else 0)
        if status:
            client.set_attribute("http.response.status_code", status)
        _judge(client, turn, _failure(turn, status, error_from=400))
        client.end(end)

    def _said(self, turn: Turn) -> dict[str, str | int]:
        said: dict[str, str | int] = {"sidecar.intent": turn.intent}
        if turn.status:
            said["http.response.status_code"] = turn.status
        if turn.session is not None:
            said["sidecar.session"] = turn.session[:8]
            if self._with_ids:
                said["session.id"] = said["gen_ai.conversation.id"] = printable(turn.session)
        return said


def _name(turn: Turn) -> str:
    return turn.method if turn.method in _METHODS else "HTTP"


def _asked(turn: Turn) -> dict[str, str]:
    """What a sampler may ask for. The query may hold secrets: it is left out."""
    asked = {"http.request.method": _name(turn), "url.path": printable(turn.path)}
    if turn.method not in _METHODS:
        asked |= {"http.request.method": "_OTHER", "http.request.method_original": turn.method}
    return asked


def _where(address: EngineAddress) -> dict[str, str | int]:
    """url.full: up to the path."""
    if address.path is not None:
        return {"server.address": address.path, "url.full": "http://localhost"}
    return {
        "server.address": address.host,
        "server.port": address.port,
        "url.full": str(address),
    }


def _failure(turn: Turn, status: int, *, error_from: int) -> str | None:
    """The `error.type` of a span, which has few values; None: it went well."""
    if turn.left:
        return "client_gone"
    if status >= error_from:
        return str(status)
    if not status:
        return "no_answer"
    # A refusal of ours has its words too; what broke off has a good status.
    return "broken_off" if turn.error is not None and status < 400 else None


def _judge(span: Span, turn: Turn, failure: str | None) -> None:
    if failure is not None:
        span.set_attribute("error.type", failure)
        span.set_status(StatusCode.ERROR, gone_wrong(turn))


def _parent(lines: Iterable[bytes]) -> Context:
    """The client's span, if it told one, and one only (W3C Trace Context section 3.2)."""
    carrier: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() in ("traceparent", "tracestate"):
            carrier.setdefault(name.lower(), []).append(value.strip())
    if len(carrier.get("traceparent", ())) != 1:
        return Context()
    return _W3C.extract(carrier, Context())


def _lines(span: Span) -> list[bytes]:
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, trace.set_span_in_context(span, Context()))
    return [f"{name}: {value}\r\n".encode() for name, value in carrier.items()]
