"""Puts the engine's id of a session into its requests, and carries on what the replies bring."""

from collections.abc import Mapping
from typing import Any

from sidecar.delegation.carried import Carried
from sidecar.delegation.grammar.preset import Preset
from sidecar.delegation.grammar.template import MISSING
from sidecar.delegation.request import Changes
from sidecar.delegation.state import ENGINE_ID, OPENING, USED, engine_id
from sidecar.delegation.view import RequestScope
from sidecar.delegation.watch import ReplyWatch, View
from sidecar.engine.companion import EngineForgot, Watch
from sidecar.engine.request import EngineRequest
from sidecar.errors import SessionNotFound
from sidecar.sessions.session import Session
from sidecar.sessions.store import Store

# Where clients send what goes to the preset's path.
_INVOCATIONS = "/invocations"
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))


class DelegationCompanion:
    """A `Companion`."""

    def __init__(self, preset: Preset, store: Store, ttl: float) -> None:
        self._preset = preset
        self._store = store
        self._ttl = ttl
        self._carried = Carried(preset.carry, store)
        settings = (*preset.set, *preset.set_first)
        places = [each.place for each in settings] + [carry.to for carry in preset.carry]
        self._changes_body = any(place.part == "body" for place in places)

    def reads(self, request: EngineRequest) -> bool:
        return self._changes_body and request.method in _WITH_BODY

    async def prepare(self, session: Session, request: EngineRequest) -> Watch | None:
        if OPENING in session.state:  # nobody has been told of it yet
            raise SessionNotFound(session.id)
        if self._preset.has_ids and ENGINE_ID not in session.state:  # opened without a preset
            raise EngineForgot(session.id)
        scope = RequestScope(
            session.id, engine_id(session.id, session.state), self._ttl, _copied(request)
        )
        is_own = self._redirect(request, scope)
        changes = Changes()
        for setting in self._preset.set:
            changes.put(setting.place, setting.render(scope))
        if is_own:
            await self._continue(session, scope, changes)
        changes.strip(self._preset.strip)
        changes.apply(request)
        return self._watch(session, request) if is_own else None

    def _redirect(self, request: EngineRequest, scope: RequestScope) -> bool:
        """Whether the request is for the preset's own path, whose replies are understood."""
        path = self._preset.path
        if path is None:
            return request.method == "POST"
        target = path(scope)
        if request.path == _INVOCATIONS:
            request.target = target + request.target.removeprefix(_INVOCATIONS)
        return request.path == target and request.method == "POST"

    async def _continue(self, session: Session, scope: RequestScope, changes: Changes) -> None:
        first = not session.state.get(USED)
        for setting in self._preset.set_first:
            changes.put(setting.place, setting.render(scope) if first else MISSING)
        for carry, value in await self._carried.values(session):
            changes.put(carry.to, value)

    def _watch(self, session: Session, request: EngineRequest) -> Watch | None:
        preset = self._preset
        notes = bool(preset.set_first or preset.carry)
        if not (notes or preset.unknown):
            return None
        request.drop(b"accept-encoding")

        async def on_good(view: View | None) -> None:
            if notes:
                await self._note(session, view)

        return ReplyWatch(session.id, preset.unknown, reads=bool(preset.carry), on_good=on_good)

    async def _note(self, session: Session, view: View | None) -> None:
        news: dict[str, Any] = await self._carried.kept(session.id, view)
        if self._preset.set_first:
            news[USED] = True
        try:
            state = await self._store.state(session.id)
            if _is_news(state, news):
                await self._store.save(session.id, state | news)
        except SessionNotFound:
            pass  # closed while its last answer was on the way


def _is_news(state: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    return any(state.get(name) != value for name, value in news.items())


def _copied(request: EngineRequest) -> EngineRequest:
    """What the client sent, while the request is being changed."""
    return EngineRequest(request.method, request.target, request.lines, request.body)
