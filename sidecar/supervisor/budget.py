"""How often an engine that has ended is started again, and how soon. Pure."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# An engine that was ready for so long has recovered from what had ended it.
STEADY_SECONDS = 60.0


class Budget:
    """State: how many restarts were used since the engine was last steady."""

    def __init__(self, restarts: int) -> None:
        self._restarts = restarts
        self._used = 0

    def pause(self, ready_for: float) -> float | None:
        """Seconds until the next start; None: there is none.

        ready_for: how long the engine had been ready when it ended. Not how long it had run: one
        that dies after ten minutes of loading a model is not to be started for ever.
        """
        if ready_for >= STEADY_SECONDS:
            self._used = 0
        if self._used >= self._restarts:
            return None
        self._used += 1
        return min(FIRST_PAUSE * 2.0 ** min(self._used - 1, 16), LONGEST_PAUSE)
