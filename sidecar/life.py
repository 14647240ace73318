"""Where the process is in its life; both lanes and the admin side look here."""

from collections.abc import Callable


class Life:
    """`draining` once a signal to stop has come: answers then close their connections.

    is_busy: whether there is work that no connection waits for.
    """

    draining = False

    def __init__(self) -> None:
        self.is_busy: Callable[[], bool] = lambda: False
