"""Any order of events against a dictionary: hypothesis looks for the one that disagrees."""

import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from sidecar.errors import SessionNotFound, StoreFull
from tests.sessions.contract import TmpfsPlace, sweep

T = TypeVar("T")
MAX = 6


def run(call: Coroutine[Any, Any, T]) -> T:
    """The store's methods never suspend, so that cancellation has no place to strike."""
    try:
        call.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("suspended")


class TwoProcesses(RuleBasedStateMachine):
    """`self.ends` is the model: the boot second from which each session is dead."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self._scratch = tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm")
        self.place = TmpfsPlace(Path(self._scratch.name) / "sessions")
        self.stores = [self.place.store(max_sessions=MAX) for _ in range(2)]
        self.ends: dict[str, float] = {}

    def teardown(self) -> None:
        run(self.place.leave())
        self._scratch.cleanup()

    def is_live(self, session_id: str) -> bool:
        return self.ends.get(session_id, 0.0) > self.place.clock.boot()

    @rule(target=ids, which=st.integers(0, 1), ttl=st.sampled_from([2, 10, 600.5, 3600]))
    def open(self, which: int, ttl: float) -> str:
        for store in self.stores:
            sweep(store)
        live = sum(map(self.is_live, self.ends))
        try:
            opened = run(self.stores[which].open(ttl))
        except StoreFull:
            # What nobody has adopted yet may still be on the disk after its end.
            assert len(self.place.names()) >= MAX
            return "refused"
        assert live < MAX
        left = opened.expires - self.place.clock.wall()
        self.ends[opened.id] = self.place.clock.boot() + left
        return opened.id

    @rule(which=st.integers(0, 1), session_id=ids)
    def get(self, which: int, session_id: str) -> None:
        try:
            found = run(self.stores[which].get(session_id))
        except SessionNotFound:
            assert not self.is_live(session_id)
        else:
            assert self.is_live(session_id)
            left = self.ends[session_id] - self.place.clock.boot()
            assert found.expires - self.place.clock.wall() == pytest.approx(left, abs=0.01)

    @rule(which=st.integers(0, 1), session_id=consumes(ids))
    def close(self, which: int, session_id: str) -> None:
        try:
            run(self.stores[which].close(session_id))
        except SessionNotFound:
            assert not self.is_live(session_id)
        else:
            assert self.is_live(session_id)
        self.ends.pop(session_id, None)

    @rule(session_id=ids)
    def engine_keeps_something(self, session_id: str) -> None:
        if self.is_live(session_id):
            (self.place.path / session_id / "key").write_text("{}")

    @rule(seconds=st.sampled_from([0.25, 1, 5, 61, 3600]))
    def advance(self, seconds: float) -> None:
        self.place.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-86_400.0, -0.5, 0.5, 86_400.0]))
    def set_wall_clock(self, seconds: float) -> None:
        self.place.clock.set_back(seconds)

    @rule(which=st.integers(0, 1))
    def restart(self, which: int) -> None:
        run(self.place.stop(self.stores[which]))
        self.stores[which] = self.place.store(max_sessions=MAX)

    @rule(which=st.integers(0, 1))
    def tick(self, which: int) -> None:
        sweep(self.stores[which])

    @rule()
    def wait_until_all_is_swept(self) -> None:
        """Five seconds are enough for a janitor to learn of all, and a minute for the rare rest."""
        for _ in range(2):
            self.place.clock.advance(61)
            for store in self.stores:
                sweep(store)
        assert self.place.names() == set(filter(self.is_live, self.ends))
        assert self.stores[0].count() == len(self.place.names())

    @invariant()
    def nothing_is_lost(self) -> None:
        assert set(filter(self.is_live, self.ends)) <= self.place.names()


TestTwoProcesses = TwoProcesses.TestCase
TestTwoProcesses.settings = settings(
    max_examples=300,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
