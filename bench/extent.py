"""How much is measured: the long form and the short one."""

from dataclasses import dataclass

from bench.contenders import Contender

MIB = 1 << 20


@dataclass(frozen=True)
class Extent:
    """Rounds last a second each. `bodies` counts bytes, `live` and `restored` sessions.

    `only`: those of which more is measured than requests; none: all.
    """

    request_rounds: int
    stream_rounds: int
    streams: tuple[int, ...]
    memory_rounds: int
    only: tuple[str, ...] | None
    bodies: int
    clients_gone: int
    live: tuple[int, ...]
    restored: tuple[int, ...]

    def is_wanted(self, contender: Contender) -> bool:
        """For more than its CPU per request."""
        return not contender.is_variant and (self.only is None or contender.name in self.only)


LONG = Extent(
    request_rounds=5,
    stream_rounds=3,
    streams=(64, 256, 1000),
    memory_rounds=3,
    only=None,
    bodies=1024 * MIB,
    clients_gone=20,
    live=(1_000, 10_000, 100_000),
    restored=(100_000, 1_000_000),
)
SHORT = Extent(
    request_rounds=1,
    stream_rounds=1,
    streams=(1000,),
    memory_rounds=1,
    only=("sidecar", "nginx"),
    bodies=128 * MIB,
    clients_gone=5,
    live=(1_000, 10_000),
    restored=(10_000,),
)
