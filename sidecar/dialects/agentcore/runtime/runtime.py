"""The runtime's operations: a request comes in, an answer or a stream goes out."""

from collections.abc import AsyncGenerator
from typing import Final

from sidecar.dialects.agentcore.answers import ok, request_id
from sidecar.dialects.agentcore.errors import Unsupported, ValidationFailed
from sidecar.dialects.agentcore.fields import Fields, Rule
from sidecar.dialects.agentcore.runtime import address
from sidecar.dialects.agentcore.runtime.lines import Outward
from sidecar.dialects.agentcore.runtime.sessions import RuntimeSessions
from sidecar.dialects.agentcore.runtime.turns import Running, Turns
from sidecar.dialects.intent import Answer, ApiRequest, Stream
from sidecar.engine.request import EngineRequest

# botocore's service model: the payload of InvokeAgentRuntime.
BODY_LIMIT: Final = 100_000_000
_TOKEN: Final = Rule(1, 256)
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

    async def _invoke(self, request: ApiRequest, where: address.Door) -> Stream:
        turn = address.turn(request, where, strict=self._strict)
        lines = self._outward.for_turn(request.lines, turn.session_id)
        running, reader = self._turns.ask(
            turn, EngineRequest("POST", "/invocations", lines, request.body)
        )
        try:
            start = await running.record.head()
        except BaseException:
            self._turns.leave(running, reader)
            raise
        headers = ((_SESSION, turn.session_id), request_id(), *start.headers)
        pieces = self._pieces(running, reader)
        return Stream(pieces, start.content_type, start.status, headers)

    async def _pieces(self, running: Running, reader: object) -> AsyncGenerator[bytes, None]:
        try:
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
        address.check_session(session_id, strict=self._strict)
        fields = Fields.parse(request.body)
        token = fields.text("clientToken", _TOKEN) if "clientToken" in fields else None
        key = address.session_key(request, where, session_id)
        await self._sessions.stop(key, token)
        self._turns.stop(key)
        answer = ok({})
        return Answer(
            200, answer.body, answer.content_type, (*answer.headers, (_SESSION, session_id))
        )
