"""A preset that has been read and checked: everything in it is ready to be used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sidecar.delegation.grammar.condition import Condition
from sidecar.delegation.grammar.expression import Expression, Shape
from sidecar.delegation.grammar.place import Place, Strip
from sidecar.delegation.grammar.template import Render, Scope

Generator = Literal["uuid4", "hex32", "public_hex", "uint64", "pool"]
Kind = Literal["string", "number"]
Order = Literal["parallel", "serialize", "reject"]


@dataclass(frozen=True, slots=True)
class IdRule:
    """How the engine's id of a session comes about.

    Without a generator it is what the create call's reply says, or the session's public id.
    """

    generate: Generator | None = None
    kind: Kind | None = None
    """None: as it came."""
    size: int = 0
    """Of the pool."""
    max_length: int = 1024
    is_public: bool = False
    """The engine's id is the client's too, where SageMaker allows it."""


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: Callable[[Scope], str]
    headers: tuple[tuple[str, Render], ...]
    body: Render | None
    ok: frozenset[int]
    timeout: float

    def succeeds(self, status: int) -> bool:
        return status in self.ok if self.ok else 200 <= status < 300


@dataclass(frozen=True, slots=True)
class Create:
    """said: what the client is told of it, where the engine has words of its own."""

    call: Call
    id: Expression | Shape | None
    said: Shape | None


@dataclass(frozen=True, slots=True)
class Close:
    call: Call
    said: Shape | None
    gone: tuple[Condition, ...]
    on_shutdown: bool


@dataclass(frozen=True, slots=True)
class Setting:
    place: Place
    render: Render


@dataclass(frozen=True, slots=True)
class Carry:
    """From each complete good reply into the next request."""

    pick: Expression
    to: Place


@dataclass(frozen=True, slots=True)
class Preset:
    name: str
    description: str
    id: IdRule
    create: Create | None
    close: Close | None
    path: Callable[[Scope], str] | None
    """Of the engine, for what clients send to /invocations."""
    upstream_path: str | None
    """The same, where it is one path for all sessions."""
    set: tuple[Setting, ...]
    set_first: tuple[Setting, ...]
    strip: tuple[Strip, ...]
    carry: tuple[Carry, ...]
    unknown: tuple[Condition, ...]
    capacity: tuple[Condition, ...]
    concurrency: Order

    @property
    def has_ids(self) -> bool:
        """The engine has ids of its own: a session without one was opened by somebody else."""
        brings = self.create is not None and self.create.id is not None
        return brings or self.id.generate is not None
