"""A place in a request where a value goes: `body.a.b`, `headers.X-Name`, `query.name`."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from sidecar.delegation.grammar.reading import of
from sidecar.headers import TOKEN, Field, Vocabulary, plain

_FORM = "write body.…, headers.… or query.…, as in body.parameters.sequence_id"
_MAY_BE_SET = (Field.SESSION, Field.CONTENT_TYPE, Field.REQUEST_ID, Field.TRACEPARENT)
_vocabulary = Vocabulary(None)


@dataclass(frozen=True, slots=True)
class Place:
    part: Literal["body", "headers", "query"]
    path: tuple[str, ...]  # of a header or a query parameter: its name alone

    @classmethod
    def of(cls, text: Any) -> Self:
        """Raises ValueError: what is wrong, and the fix."""
        part, dot, rest = of(str)(text).partition(".")
        if not dot or not rest:
            raise ValueError(f'"{text}" is not a place in a request; {_FORM}')
        match part:
            case "body":
                return cls("body", _names(text, rest))
            case "headers":
                return cls("headers", (header_name(rest),))
            case "query":
                return cls("query", (rest,))
            case _:
                raise ValueError(f'"{text}" is not a place in a request; {_FORM}')

    @property
    def name(self) -> str:
        return self.path[0]

    def __str__(self) -> str:
        return ".".join((self.part, *self.path))


@dataclass(frozen=True, slots=True)
class Strip:
    """Headers that are not for the engine: a name, or the beginning of names with a `*`."""

    name: bytes
    begins: bool

    @classmethod
    def of(cls, text: Any) -> Self:
        """Raises ValueError."""
        bare = of(str)(text).removesuffix("*")
        return cls(plain(header_name(bare).encode()), bare != text)

    def takes(self, name: bytes) -> bool:
        """`name` in any spelling."""
        return plain(name).startswith(self.name) if self.begins else plain(name) == self.name


def in_body(text: str) -> Place:
    """A place in the body, also in the form of MHCS, whose paths for a request begin inside it."""
    bare = text.removeprefix("body.")
    return Place("body", _names(text, bare))


def header_name(text: str) -> str:
    name = text.strip("\"'")
    if not TOKEN.fullmatch(name.encode()):
        raise ValueError(f'"{text}" is not a header name; use letters, digits and hyphens')
    known = _vocabulary.of_request(name.encode())
    if known is not None and known[1] not in _MAY_BE_SET:
        raise ValueError(f'"{name}" is a header with a meaning in HTTP itself; use another')
    return name


def _names(text: str, path: str) -> tuple[str, ...]:
    names = tuple(path.split("."))
    if not all(names):
        raise ValueError(f'"{text}" has an empty name between its dots; write a.b.c')
    return names
