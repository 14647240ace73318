"""To whom connections to an engine belong, as they know it: the pool, or the probe."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sidecar.engine.outbox import Outbox
from sidecar.engine.reply import Reply

if TYPE_CHECKING:
    from sidecar.engine.connection import EngineConnection


@dataclass(frozen=True, slots=True)
class Owner:
    """One for all connections to an engine: bound methods of each would be 256 bytes.

    read_reply: from the bytes of a head to a Reply; raises ReplyError. on_idle: it may carry
    another exchange. on_fault: the engine did not give a whole answer, and somebody waited for it.
    on_lost: it is no more.
    """

    read_reply: Callable[[bytes], Reply]
    on_idle: Callable[["EngineConnection"], None]
    on_fault: Callable[[], None]
    on_lost: Callable[["EngineConnection"], None]
    outbox: Outbox | None = None
