"""An event: what it is, its id and order, and the two forms it is written in.

An id is the milliseconds of its eventTimestamp and a number that grows in its session, so ids sort
as events do, also those of one millisecond. Amazon's are `%019d#` and eight hexadecimal digits too.

The payload stays text: it is written into answers as it is, and a log of thousands of events is
read without building what is in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from sidecar.dialects.agentcore.answers import dump
from sidecar.dialects.agentcore.memory.names import Key

MAIN: Final = "main"
# What an event takes beside its payload, about: ids, times, braces.
_OVERHEAD: Final = 200


@dataclass(frozen=True, slots=True)
class Branch:
    """`parent` is the branch that the root event is on."""

    name: str = MAIN
    root: str | None = None
    parent: str | None = None


TRUNK: Final = Branch()


@dataclass(frozen=True, slots=True)
class Event:
    id: str
    made: float
    """When it was stored, by the wall clock; eventTimestamp is the client's, and in the id."""
    token: str
    payload: str
    branch: Branch = TRUNK
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.payload) + _OVERHEAD

    @property
    def number(self) -> int:
        return int(self.id.partition("#")[2], 16)

    def entry(self) -> dict[str, Any]:
        """As it stands in the log of its session."""
        entry: dict[str, Any] = {
            "event": self.id,
            "made": self.made,
            "token": self.token,
            "payload": self.payload,
        }
        if self.branch != TRUNK:
            entry["branch"] = [self.branch.name, self.branch.root, self.branch.parent]
        if self.metadata:
            entry["metadata"] = dict(self.metadata)
        return entry

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        branch = Branch(*entry["branch"]) if "branch" in entry else TRUNK
        return cls(
            entry["event"],
            entry["made"],
            entry["token"],
            entry["payload"],
            branch,
            entry.get("metadata", {}),
        )

    def answer(self, memory_id: str, key: Key, *, with_payload: bool = True) -> str:
        """As JSON. `memory_id` as the client sent it: an ARN comes back as an ARN."""
        members: dict[str, Any] = {
            "memoryId": memory_id,
            "actorId": key.actor,
            "sessionId": key.session,
            "eventId": self.id,
            # A number: the JavaScript SDK refuses a time that is text.
            "eventTimestamp": timestamp(self.id),
            "branch": {"name": self.branch.name},
        }
        if self.branch.root is not None:
            members["branch"]["rootEventId"] = self.branch.root
        if self.metadata:
            members["metadata"] = {
                name: {"stringValue": value} for name, value in self.metadata.items()
            }
        text = dump(members)
        return f'{text[:-1]},"payload":{self.payload}}}' if with_payload else text


def event_id(milliseconds: int, number: int) -> str:
    return f"{milliseconds:019d}#{number:08x}"


def timestamp(id_of_event: str) -> float:
    return int(id_of_event.partition("#")[0]) / 1000
