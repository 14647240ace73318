"""Those who look at one reply as it passes, as one."""

from sidecar.engine.companion import Watch
from sidecar.engine.reply import Reply


class Watches:
    """A `Watch`, made of none or more."""

    def __init__(self) -> None:
        self._all: list[Watch] = []

    def add(self, watch: Watch | None) -> None:
        if watch is not None:
            self._all.append(watch)

    @property
    def holds(self) -> bool:
        return any(watch.holds for watch in self._all)

    def head(self, reply: Reply) -> None:
        for watch in self._all:
            watch.head(reply)

    def body(self, data: bytes) -> None:
        for watch in self._all:
            watch.body(data)

    async def done(self) -> None:
        for watch in self._all:
            await watch.done()
