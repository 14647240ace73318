"""What takes part in the requests of sessions: conversation memory, the engine's own sessions."""

from typing import Protocol

from sidecar.engine.reply import Reply
from sidecar.engine.request import EngineRequest
from sidecar.errors import SessionNotFound
from sidecar.sessions.session import Session


class EngineForgot(SessionNotFound):
    """The engine does not know the session any more, so it has ended here as well."""


class Watch(Protocol):
    """One reply on its way to the client, as it comes. Nothing is changed in it."""

    holds: bool
    """True while nothing may go to the client: the reply may turn out to be none for it. To hold
    for long, or more than 64 KiB, would delay a stream."""

    def head(self, reply: Reply) -> None: ...

    def body(self, data: bytes) -> None:
        """May raise EngineForgot while it holds."""

    async def done(self) -> None:
        """The reply is complete, and its last bytes are not sent yet: what is kept now has been
        acknowledged. Not called for a reply that broke off, nor when the client has gone."""


class Companion(Protocol):
    """Made once at start."""

    def reads(self, request: EngineRequest) -> bool:
        """Whether it must see the whole body; looks at the head alone (its body is None)."""

    async def prepare(self, session: Session, request: EngineRequest) -> Watch | None:
        """Change the request, in place, before it goes to the engine. Raises SidecarError.

        The body is whole if any companion asked for it. The session's turn has come, where turns
        have an order, and its state is fresh.
        """
