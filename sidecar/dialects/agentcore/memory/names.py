"""How memories, actors and sessions are named in the store: so that what is listed together is
next to each other, and nobody's name can be part of another's.

    h<memory>-<actor>-<session>     the head of a memory session
    r<memory>-<record>              a record that a user wrote

Each part is a hash, for the ids of sessions allow neither all characters nor all lengths. 128 bits:
finding another actor's hash by trying takes 2^128 steps.
"""

from dataclasses import dataclass
from hashlib import sha256

_DIGITS = 32
# Above every hexadecimal digit: what follows all ids that begin alike.
_AFTER_ALL = "z"


@dataclass(frozen=True, slots=True)
class Key:
    """One memory session. `memory` is the bare id, also where the client sent an ARN."""

    memory: str
    actor: str
    session: str


def head_id(key: Key) -> str:
    return f"{heads_of_actor(key.memory, key.actor)}{_hashed(key.session)}"


def heads_of_memory(memory: str) -> str:
    return f"h{_hashed(memory)}-"


def heads_of_actor(memory: str, actor: str) -> str:
    return f"{heads_of_memory(memory)}{_hashed(actor)}-"


ALL_HEADS = "h"


def owner(key: Key) -> str:
    return sha256(f"{len(key.memory)} {key.memory} {key.actor}".encode(*_ENCODING)).hexdigest()


def record_id(memory: str, record: str) -> str:
    return f"{records_of_memory(memory)}{_hashed(record)}"


def records_of_memory(memory: str) -> str:
    return f"r{_hashed(memory)}-"


def after_all(prefix: str) -> str:
    return prefix + _AFTER_ALL


# JSON can spell halves of a surrogate pair, which are text but no UTF-8.
_ENCODING = ("utf-8", "surrogatepass")


def _hashed(name: str) -> str:
    return sha256(name.encode(*_ENCODING)).hexdigest()[:_DIGITS]
