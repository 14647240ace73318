"""An OpenTelemetry collector: it takes spans over OTLP/HTTP and keeps them."""

import asyncio
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

SERVER, CLIENT = Span.SpanKind.SPAN_KIND_SERVER, Span.SpanKind.SPAN_KIND_CLIENT


class Collector:
    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resource: dict[str, str | int] = {}
        self._news = asyncio.Event()
        self._answers = asyncio.Event()
        self._answers.set()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._answers.set()
        await self._runner.cleanup()

    def hang(self) -> None:
        """From now on it takes what is sent and does not answer."""
        self._answers.clear()

    @property
    def variables(self) -> dict[str, Any]:
        """Of a program that is to send its spans here, soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    async def arrived(self, count: int, limit: float = 10.0) -> list[Span]:
        """So many spans at least, the earlier begun first; those of one moment, outer first."""
        await self._until(lambda: len(self.spans) >= count, limit)
        return sorted(self.spans, key=lambda span: (span.start_time_unix_nano, span.kind))

    async def below(self, parent: str) -> Span:
        """The only span that the client's one, by its id, has caused."""

        def found() -> list[Span]:
            return [span for span in self.spans if span.parent_span_id.hex() == parent]

        await self._until(lambda: bool(found()), 10.0)
        [span] = found()
        return span

    async def _until(self, done: Callable[[], bool], limit: float) -> None:
        async with asyncio.timeout(limit):
            while not done():
                self._news.clear()
                await self._news.wait()

    async def pair(self) -> tuple[Span, Span]:
        """Of the only request so far: the server's span and the client's in it."""
        server, client = await self.arrived(2)
        assert (server.kind, client.kind) == (SERVER, CLIENT)
        assert client.parent_span_id == server.span_id
        assert client.trace_id == server.trace_id
        return server, client

    async def _take(self, request: web.Request) -> web.Response:
        data = await request.read()
        await self._answers.wait()
        message = ExportTraceServiceRequest.FromString(data)
        for group in message.resource_spans:
            self.resource = attributes(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans += scope.spans
        self._news.set()
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(),
            content_type="application/x-protobuf",
        )


def attributes(pairs: Iterable[KeyValue]) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        assert kind is not None
        found[pair.key] = getattr(pair.value, kind)
    return found
