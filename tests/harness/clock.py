"""Time that a test moves, instead of waiting for it."""


class MovedClock:
    """A `Clock`. The values have no exact float: rounding must not hide in round numbers."""

    def __init__(self, wall: float = 1_790_000_000.3, boot: float = 5_000.7) -> None:
        self._wall = wall
        self._boot = boot

    def wall(self) -> float:
        return self._wall

    def boot(self) -> float:
        return self._boot

    def advance(self, seconds: float) -> None:
        self._wall += seconds
        self._boot += seconds

    def set_back(self, seconds: float) -> None:
        """An operator sets the wall clock; a negative number sets it forward."""
        self._wall -= seconds

    def advance_to(self, wall: float) -> None:
        self.advance(wall - self._wall)
