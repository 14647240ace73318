"""No contract at all: what no dialect claims goes to the engine as if there were no sidecar."""

from enum import Enum, auto

from sidecar.dialects.intent import Dialect, Intent, Pass, Route, Voice
from sidecar.dialects.sagemaker.answers import refuse
from sidecar.head import Head


class Door(Enum):
    ANY = auto()


class Plain(Dialect):
    """The last of the dialects where `sagemaker` is not among them."""

    voice = Voice(refuse=refuse)

    def route(self, head: Head) -> Route:
        return Route(self, Door.ANY, self.voice, head.target)

    def decide(self, head: Head, route: Route) -> Intent:
        return Pass()
