"""JMESPath over a request or a reply, compiled and checked once, at start.

What it sees is an object with some of these names:

    status      of a reply
    headers     looked up in any spelling of upper and lower case
    body        JSON, or text where it is none
    query       of a request
    session_id, engine_id, public_id_hex, ttl_plus_grace      in templates
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import jmespath  # type: ignore[import-untyped]
from jmespath import exceptions, functions

from sidecar.delegation.grammar.reading import shown, suggested

REPLY = ("status", "headers", "body")
# MHCS's own guide writes headers.X-Name and headers.'X-Name', which JMESPath refuses.
_HEADER = re.compile(r"headers\.(?:'([^'\"\\]+)'|\"([^'\"\\]+)\"|([A-Za-z0-9_-]+))")


class Headers(dict[str, str]):
    """By lower-case name. JMESPath asks with `get`."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class Expression:
    """`names`: what it may begin with; None: anything, as MHCS's shapes do.

    Raises ValueError: what is wrong, and the fix.
    """

    __slots__ = ("_compiled", "names", "text")

    def __init__(self, text: str, names: Collection[str] | None = REPLY) -> None:
        if not isinstance(text, str):
            raise ValueError(f"{shown(text)} is not text; write a JMESPath expression")
        self.text = text
        try:
            self._compiled = jmespath.compile(_quoted_header(text))
        except exceptions.JMESPathError as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f'"{text}" is not JMESPath ({reason}); correct it') from None
        tree = self._compiled.parsed
        self.names = frozenset(_names(tree))
        for name, arguments in _calls(tree):
            _check_call(text, name, arguments)
        for name in self.names if names is not None else ():
            if name not in (names or ()):
                raise ValueError(f'"{text}" asks for {name}; {suggested(name, names or ())}')

    def __call__(self, view: Mapping[str, Any]) -> Any:
        """None if there is no such thing, also where a function cannot work with what there is."""
        try:
            return self._compiled.search(view)
        except exceptions.JMESPathError:
            return None

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


class Shape:
    """An expression of MHCS's response shapes: `body.id`, or `id`, which is in the body."""

    __slots__ = ("_expression", "_in_body")

    def __init__(self, text: str) -> None:
        self._expression = Expression(text, None)
        self._in_body = not self._expression.names <= set(REPLY)

    def __call__(self, view: Mapping[str, Any]) -> Any:
        return self._expression(view["body"] if self._in_body else view)


def is_true(value: Any) -> bool:
    """As JMESPath has it: false are null, false and whatever is empty, but not 0."""
    return value is not None and value is not False and value not in ("", [], {})


def _quoted_header(text: str) -> str:
    match = _HEADER.fullmatch(text.strip())
    if match is None:
        return text
    return f'headers."{match[1] or match[2] or match[3]}"'


def _names(node: Mapping[str, Any]) -> Iterator[str]:
    """The names that an expression looks up in the whole, not inside what it has found."""
    match node["type"]:
        case "field":
            yield node["value"]
        case "subexpression" | "pipe" | "index_expression":
            yield from _names(node["children"][0])
        case "projection" | "value_projection" | "filter_projection" | "flatten":
            yield from _names(node["children"][0])
        case "slice" | "literal" | "expref":
            pass
        case _:
            for child in node["children"]:
                yield from _names(child)


def _calls(node: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    if node["type"] == "slice":  # its children are numbers
        return
    if node["type"] == "function_expression":
        yield node["value"], len(node["children"])
    for child in node["children"]:
        yield from _calls(child)


def _check_call(text: str, name: str, arguments: int) -> None:
    """jmespath 1.1 itself sees an unknown function only when it is called."""
    known = functions.Functions.FUNCTION_TABLE
    if name not in known:
        raise ValueError(f'"{text}" calls {name}(); {suggested(name, sorted(known))}')
    signature = known[name]["signature"]
    variadic = bool(signature) and bool(signature[-1].get("variadic"))
    if arguments < len(signature) or (arguments > len(signature) and not variadic):
        raise ValueError(f'"{text}": {name}() takes {len(signature)} arguments; correct it')
