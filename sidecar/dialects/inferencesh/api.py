"""The inference.sh API: a request comes in, an answer or a stream goes out."""

import json
import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from sidecar.dialects.inferencesh import stream
from sidecar.dialects.inferencesh.answers import file_answer, nothing, ok
from sidecar.dialects.inferencesh.apps import Apps, Ref, ref_of
from sidecar.dialects.inferencesh.errors import (
    QUEUE_FULL,
    BadCall,
    NotOffered,
    SessionGone,
    TooManyCalls,
)
from sidecar.dialects.inferencesh.files import Files, name_in
from sidecar.dialects.inferencesh.line import Line
from sidecar.dialects.inferencesh.live import Live
from sidecar.dialects.inferencesh.running import Runner
from sidecar.dialects.inferencesh.sessions import AppSessions, shown
from sidecar.dialects.inferencesh.task import Task
from sidecar.dialects.inferencesh.tasks import Tasks, new_id
from sidecar.dialects.intent import Answer, ApiRequest, Stream

TIMEOUT_LIMIT: Final = 3600
_PROXY: Final = "/api/inference/proxy"
_TARGET: Final = "x-inf-target-url"
_CAUSES: Final = (b"traceparent", b"tracestate", b"baggage")
_REFUSED: Final = ("webhook", "run_at", "setup")
_IGNORED: Final = ("infra", "workers", "metadata", "version_id", "stream", "wait")

Operation = Callable[["Api", ApiRequest, str, str], Awaitable[Answer | Stream]]
"""With what the path names, and who asks."""


class Api:
    def __init__(
        self,
        apps: Apps,
        tasks: Tasks,
        sessions: AppSessions,
        runner: Runner,
        line: Line,
        files: Files,
        *,
        timeout: int,
    ) -> None:
        self._apps = apps
        self._tasks = tasks
        self._sessions = sessions
        self._runner = runner
        self._line = line
        self._files = files
        self._timeout = timeout

    async def handle(self, request: ApiRequest) -> Answer | Stream:
        if request.path == _PROXY:
            request = _unwrapped(request)
        path = "/" + request.path.lstrip("/")
        if request.method == "PUT" and (name := name_in(path)):
            await self._files.put(name, request.body)
            return nothing()
        if request.method in ("GET", "HEAD") and (name := name_in(path)):
            return file_answer(*await self._files.get(name))
        for method, pattern, operation in _ROUTES:
            found = pattern.fullmatch(path)
            if found is not None and method == request.method:
                named = found[1] if found.groups() else ""
                return await operation(self, request, named, _owner(request))
        shown_path = "this path" if "session" in path.lower() else path[:100]
        raise NotOffered(f"{request.method} {shown_path} is not part of what this server offers")

    async def _run(self, request: ApiRequest, _: str, owner: str) -> Answer:
        body = _object(request.body)
        for name in _REFUSED:
            if body.get(name) is not None:
                raise BadCall(f"{name} is not supported")
        if not isinstance(body.get("app"), str):
            raise BadCall("app is missing: name the app to run")
        ref = ref_of(body["app"])
        app = self._apps.find(ref)
        function = body.get("function") or ref.function or "run"
        path = self._apps.path(app, str(function))
        task = Task(new_id(), ref.name, ref.version, str(function), body.get("input"))
        await self._join(task, body, ref, owner)

        async def work(live: Live) -> Any:
            live.cause = _cause(request.lines)
            return await self._runner.run(live, app, path)

        async def join() -> None:
            if task.session_id is not None:
                await self._line.join(task.session_id, task.id)

        await self._tasks.accept(task, owner, work, join)
        ignored = [f"{name} is ignored here" for name in _IGNORED if body.get(name) is not None]
        return ok(task.whole(accepted=True), request.headers, ignored)

    async def _join(self, task: Task, body: dict[str, Any], ref: Ref, owner: str) -> None:
        asked, timeout = body.get("session"), body.get("session_timeout")
        if timeout is not None and (asked != "new" or not _is_timeout(timeout)):
            raise BadCall(
                f'session_timeout must be 1 to {TIMEOUT_LIMIT} seconds, with session "new"'
            )
        if asked is None:
            return
        if asked == "new":
            session = await self._sessions.open(ref, timeout or self._timeout, owner)
        else:
            session = await self._sessions.use(str(asked), owner)
            self._sessions.check_app(session, ref)
        if self._line.is_full(session.id):
            raise TooManyCalls(QUEUE_FULL)
        task.session_id, task.session_timeout = session.id, session.state["timeout"]

    async def _task(self, request: ApiRequest, task_id: str, owner: str) -> Answer:
        return ok((await self._tasks.find(task_id, owner)).whole(), request.headers)

    async def _status(self, request: ApiRequest, task_id: str, owner: str) -> Answer:
        return ok((await self._tasks.find(task_id, owner)).brief(), request.headers)

    async def _stream(self, request: ApiRequest, task_id: str, owner: str) -> Stream:
        task = await self._tasks.find(task_id, owner)
        return stream.stream(self._tasks, task, owner, request.headers)

    async def _cancel(self, request: ApiRequest, task_id: str, owner: str) -> Answer:
        status = await self._tasks.cancel(task_id, owner)
        return ok({"id": task_id, "status": int(status)}, request.headers)

    async def _sessions_of(self, request: ApiRequest, _: str, owner: str) -> Answer:
        found = [self._shown(each) for each in await self._sessions.of(owner)]
        return ok(found, request.headers)

    async def _session(self, request: ApiRequest, session_id: str, owner: str) -> Answer:
        session = await self._sessions.look(session_id, owner)
        return ok(self._shown(session), request.headers)

    async def _keep_alive(self, request: ApiRequest, session_id: str, owner: str) -> Answer:
        session = await self._sessions.use(session_id, owner)
        return ok(self._shown(session), request.headers)

    async def _end(self, request: ApiRequest, session_id: str, owner: str) -> Answer:
        """Also one that has ended already."""
        with suppress(SessionGone):
            await self._sessions.end(await self._sessions.look(session_id, owner))
        return nothing()

    async def _announce(self, request: ApiRequest, _: str, owner: str) -> Answer:
        body = _object(request.body)
        return ok(await self._files.announce(body.get("files"), _base(request)), request.headers)

    def _shown(self, session: Any) -> dict[str, Any]:
        return shown(session, str(self._sessions.engine(session).address))


_ID: Final = r"([^/]+)"
_ROUTES: Final[tuple[tuple[str, re.Pattern[str], Operation], ...]] = tuple(
    (method, re.compile(path), operation)
    for method, path, operation in (
        ("POST", "/apps/run", Api._run),
        ("POST", "/run", Api._run),
        ("GET", f"/tasks/{_ID}", Api._task),
        ("GET", f"/tasks/{_ID}/status", Api._status),
        ("GET", f"/tasks/{_ID}/stream", Api._stream),
        ("POST", f"/tasks/{_ID}/cancel", Api._cancel),
        ("GET", "/sessions", Api._sessions_of),
        ("GET", f"/sessions/{_ID}", Api._session),
        ("POST", f"/sessions/{_ID}/keepalive", Api._keep_alive),
        ("DELETE", f"/sessions/{_ID}", Api._end),
        ("POST", "/files", Api._announce),
    )
)


def _unwrapped(request: ApiRequest) -> ApiRequest:
    """What a page asks for through its own origin. Only the path of the target counts: no other
    host is ever asked."""
    query = parse_qs(request.query)
    target = request.headers.get(_TARGET) or query.get("__inf_target", [""])[0]
    if not target:
        raise BadCall(f"Missing {_TARGET} header or __inf_target query param")
    try:
        parts = urlsplit(target)
    except ValueError:
        raise BadCall(f"{_TARGET} is not a URL") from None
    return replace(request, path=parts.path, query=parts.query)


def _cause(lines: Iterable[bytes]) -> list[bytes]:
    return [line for line in lines if line.partition(b":")[0].lower() in _CAUSES]


def _owner(request: ApiRequest) -> str:
    shown_key = request.headers.get("authorization", "")
    scheme, _, key = shown_key.partition(" ")
    bearer = key.strip() if scheme.lower() == "bearer" else shown_key
    return sha256(bearer.encode("utf-8", "surrogatepass")).hexdigest()


def _base(request: ApiRequest) -> str:
    """As the client has it; what ends TLS in front of us says so."""
    is_secure = request.headers.get("x-forwarded-proto", "").strip().lower() == "https"
    scheme = "https" if is_secure else "http"
    return f"{scheme}://{request.headers.get('host', 'localhost')}"


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadCall("the body is not valid JSON") from None
    if not isinstance(value, dict):
        raise BadCall("the body is not a JSON object")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # RFC 8259 has no NaN


def _is_timeout(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= TIMEOUT_LIMIT
