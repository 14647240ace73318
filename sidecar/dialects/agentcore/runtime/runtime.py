"""The runtime's operations: a request comes in, an answer or a stream goes out."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Final

from sidecar.dialects.agentcore.answers import RUNTIME, ok, refuse, request_id
from sidecar.dialects.agentcore.errors import Unsupported, ValidationFailed
from sidecar.dialects.agentcore.fields import Fields
from sidecar.dialects.agentcore.runtime import address
from sidecar.dialects.agentcore.runtime.limits import check_session, token
from sidecar.dialects.agentcore.runtime.lines import Outward
from sidecar.dialects.agentcore.runtime.running import Running
from sidecar.dialects.agentcore.runtime.sessions import RuntimeSessions
from sidecar.dialects.agentcore.runtime.turns import Turns
from sidecar.dialects.intent import Answer, ApiRequest, Stream
from sidecar.engine.request import EngineRequest
from sidecar.errors import SidecarError

# botocore's service model: the payload of InvokeAgentRuntime.
BODY_LIMIT: Final = 100_000_000
_SESSION: Final = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
_NOT_OURS: Final = "is not provided by this sidecar: it serves invocations, stopruntimesession, ws"


class Runtime:
    def __init__(
        self, turns: Turns, sessions: RuntimeSessions, outward: Outward, *, strict: bool
    ) -> None:
        self._turns = turns
        self._sessions = sessions
        self._outward = outward
        self._strict = strict

    async def handle(self, request: ApiRequest) -> Answer | Stream:
        where = address.door(request.path)
        operation = where.operation if where is not None else ""
        if where is not None and request.method == "POST" and operation == "invocations":
            return await self._invoke(request, where)
        if where is not None and request.method == "POST" and operation == "stopruntimesession":
            return await self._stop(request, where)
        raise Unsupported(f"{request.method} {operation} {_NOT_OURS}")

    async def _invoke(self, request: ApiRequest, where: address.Door) -> Answer | Stream:
        turn = address.turn(request, where, strict=self._strict)
        lines = self._outward.for_turn(request.lines, turn.session_id)
        try:
            running, reader = self._turns.ask(
                turn, EngineRequest("POST", "/invocations", lines, request.body)
            )
            return await self._begun(running, reader)
        except SidecarError as error:
            return _with_session(refuse(error, RUNTIME), turn.session_id)

    async def _begun(self, running: Running, reader: object) -> Stream:
        try:
            start = await running.record.head()
        except BaseException:
            self._turns.leave(running, reader)
            raise
        headers = ((_SESSION, running.turn.session_id), request_id(), *start.headers)
        pieces = self._pieces(running, reader)
        await anext(pieces)  # one that was never begun could be closed without leaving
        return Stream(pieces, start.content_type, start.status, headers)

    async def _pieces(self, running: Running, reader: object) -> AsyncGenerator[bytes, None]:
        try:
            yield b""
            async for piece in running.record.read(reader):
                yield piece
        finally:
            self._turns.leave(running, reader)

    async def _stop(self, request: ApiRequest, where: address.Door) -> Answer:
        session_id = request.headers.get(address.SESSION)
        if not session_id:
            raise ValidationFailed(
                "runtimeSessionId: Member must not be null",
                fields=(("runtimeSessionId", "Member must not be null"),),
            )
        check_session(session_id, strict=self._strict)
        fields, rule = Fields.parse(request.body), token(strict=self._strict)
        given = fields.text("clientToken", rule) if "clientToken" in fields else None
        key = address.session_key(where, request.query, session_id)
        if await self._sessions.stop(key, given):
            self._turns.cut(key)
        return _with_session(ok({}), session_id)


def _with_session(answer: Answer, session_id: str) -> Answer:
    return replace(answer, headers=(*answer.headers, (_SESSION, session_id)))
