"""The inference.sh dialect: which paths are its own."""

import re
from enum import Enum, auto
from typing import Final

from sidecar.dialects.inferencesh.answers import refuse
from sidecar.dialects.inferencesh.api import Api
from sidecar.dialects.intent import Dialect, Intent, Route, Serve, Voice
from sidecar.head import Head

# With what the SDKs ask for and is not offered, which is told so. A base address with a slash at
# its end gives two at the beginning of the path.
_OURS: Final = re.compile(
    r"/+(?:run|(?:apps|tasks|sessions|files|agents|chats|flows|sockets|billing|teams)(?:/.*)?"
    r"|api/inference/proxy)"
)


class Door(Enum):
    API = auto()


class InferenceSh(Dialect):
    """body_limit: of a call with its input, in bytes."""

    voice = Voice(refuse=refuse)

    def __init__(self, api: Api, body_limit: int) -> None:
        self._serve = Serve(api.handle, body_limit)

    def route(self, head: Head) -> Route | None:
        if _OURS.fullmatch(head.path):
            return Route(self, Door.API, self.voice, head.target)
        return None

    def decide(self, head: Head, route: Route) -> Intent:
        return self._serve
