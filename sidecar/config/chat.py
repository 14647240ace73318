"""From text to what conversation memory needs."""

import re

from sidecar.config.values import size, wrong
from sidecar.delegation.grammar.expression import Expression

_PATH = re.compile(r"/[!-~]*")
_LEAST = 4096
# Twice that, for the moment between adding a turn and dropping the oldest, fits in a session's log.
_MOST = 4 * 1024 * 1024


def room(text: str) -> int:
    count = size(at_least=_LEAST)(text)
    if count > _MOST:
        raise wrong(text, "is too large", f"give {_MOST} bytes or less")
    return count


def paths(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(path.strip() for path in text.split(",")))
    for path in found:
        if not _PATH.fullmatch(path) or "?" in path or "#" in path:
            raise wrong(path, "is not the path of a URL", 'let it start with "/", as in "/chat"')
    return found


class Query(Expression):
    """An expression over an answer as a whole, known by its text."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        super().__init__(text, names=None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Query) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)
