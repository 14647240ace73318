"""A process to be killed or hurt: does everything a store does, and says what is done.

`python -m tests.sessions.victim DIRECTORY`; each line is one write(2), made after the call has
returned.
"""

import contextlib
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from sidecar.errors import SidecarError, StoreFailed, StoreFull
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.clock import MovedClock
from tests.sessions.contract import TTL_LIMIT

KEY = "ours"
OWNER = "a1" * 32
# Of more than a page, so that a full file system takes a part of it.
EVENTS = [[{"batch": number, "text": "x" * 3000}] * 2 for number in range(2)]
VALUES = [str(number).encode() * 5000 for number in range(2)]


def say(*words: str) -> None:
    os.write(sys.stdout.fileno(), (" ".join(words) + "\n").encode())


def run(call: Coroutine[Any, Any, Any]) -> Any:
    try:
        call.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("suspended")


class Victim:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = MovedClock()
        self.store = TmpfsStore(
            Root(path), clock=self.clock, ttl_limit=TTL_LIMIT, expiration_file=True
        )
        self.store.on_ended = lambda session, why: say("told", session.id)

    def open(self, ttl: float, **kept: Any) -> str | None:
        try:
            session_id = str(run(self.store.open(ttl, **kept)).id)
        except (StoreFailed, StoreFull) as error:
            say("refused", error.message)
            return None
        say("opened" if ttl > 10 else "opened-briefly", session_id)
        return session_id

    def close(self, session_id: str | None) -> None:
        if session_id is None:
            return
        say("closing", session_id)
        try:
            run(self.store.close(session_id))
        except StoreFailed as error:
            say("not-closed", error.message)
        else:
            say("closed", session_id)

    def remember(self, session_id: str | None) -> None:
        """Everything that can be kept, each said before and after, so that it is known exactly
        what was acknowledged."""
        if session_id is None:
            return
        store = self.store
        for number in range(2):
            self.keep("state", session_id, number, store.save(session_id, {"number": number}))
            self.keep("events", session_id, number, store.append(session_id, EVENTS[number]))
            put = store.put_data(session_id, KEY, VALUES[number])
            self.keep("data", session_id, number, put)
        self.keep("dropped", session_id, 0, store.drop_events(session_id, 1))
        self.keep("deleted", session_id, 0, store.delete_data(session_id, KEY))

    def keep(self, what: str, session_id: str, number: int, call: Coroutine[Any, Any, Any]) -> None:
        say(f"keeping-{what}", session_id, str(number))
        try:
            run(call)
        except SidecarError as error:
            say("not-kept", error.kind)
        else:
            say(f"kept-{what}", session_id, str(number))

    def take_turn(self, session_id: str | None) -> None:
        if session_id is not None:
            with contextlib.suppress(SidecarError):
                lease = run(self.store.try_lease(session_id))
                assert lease is not None
                run(lease.release())

    def use(self, session_id: str | None) -> None:
        if session_id is None:
            return
        try:
            run(self.store.get(session_id))
        except SidecarError as error:
            say("not-used", error.kind)

    def sweep(self) -> None:
        while True:
            try:
                if not any([self.store.sweep.tick(), self.store.sweep.removal.tell()]):
                    return
            except OSError:
                # As TmpfsStore's background loop does.
                return

    def be_engine(self, session_id: str) -> None:
        with contextlib.suppress(OSError):
            (self.path / session_id / "key").write_text("{}")

    def live_and_suffer(self) -> None:
        self.sweep()
        kept, plain = self.open(600, owner=OWNER), self.open(600)
        filled = self.open(600)
        self.open(5)
        brief_with_file = self.open(5, session_id="brief", state={"n": 1})
        for session_id in (filled, brief_with_file):
            if session_id is not None:
                self.be_engine(session_id)
        self.use(kept)
        self.remember(kept)
        if plain is not None:
            # Its first record: `kept` has had one from the start.
            self.keep("state", plain, 0, self.store.save(plain, {"number": 0}))
            self.keep("events", plain, 0, self.store.append(plain, EVENTS[0]))
        self.take_turn(plain)
        self.close(plain)
        self.close(filled)
        self.sweep()
        self.clock.advance(10)
        self.sweep()
        self.use(brief_with_file)
        say("done")


if __name__ == "__main__":
    victim = Victim(Path(sys.argv[1]))
    say("begin")
    victim.live_and_suffer()
