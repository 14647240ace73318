"""Any order of events against a dictionary: hypothesis looks for the one that disagrees."""

import math
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
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


@dataclass
class Model:
    """What should be of one session; times are boot seconds."""

    end: float
    latest: float
    idle: float | None
    owner: str | None
    state: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


class TwoProcesses(RuleBasedStateMachine):
    """`self.models` is what should be there."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self._scratch = tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm")
        self.place = TmpfsPlace(Path(self._scratch.name) / "sessions")
        self.stores = [self.place.store(max_sessions=MAX) for _ in range(2)]
        self.models: dict[str, Model] = {}

    def teardown(self) -> None:
        run(self.place.leave())
        self._scratch.cleanup()

    def is_live(self, session_id: str) -> bool:
        model = self.models.get(session_id)
        return model is not None and model.end > self.place.clock.boot()

    @rule(
        target=ids,
        which=st.integers(0, 1),
        ttl=st.sampled_from([2, 10, 600.5, 3600]),
        idle=st.sampled_from([None, None, 5, 100]),
        owner=st.sampled_from([None, "a1"]),
    )
    def open(self, which: int, ttl: float, idle: float | None, owner: str | None) -> str:
        for store in self.stores:
            sweep(store)
        live = sum(map(self.is_live, self.models))
        try:
            opened = run(self.stores[which].open(ttl, idle=idle, owner=owner))
        except StoreFull:
            # What nobody has adopted yet may still be on the disk after its end.
            assert len(self.place.names()) >= MAX
            return "refused"
        assert live < MAX
        clock = self.place.clock
        latest = clock.boot() + (math.floor(clock.wall() + ttl) - clock.wall())
        end = latest if idle is None else min(latest, clock.boot() + idle)
        assert opened.expires - clock.wall() == pytest.approx(end - clock.boot(), abs=0.01)
        self.models[opened.id] = Model(end, latest, idle, owner)
        return opened.id

    @rule(
        which=st.integers(0, 1),
        session_id=ids,
        owner=st.sampled_from([None, "a1", "b2"]),
        touch=st.booleans(),
    )
    def get(self, which: int, session_id: str, owner: str | None, touch: bool) -> None:
        try:
            found = run(self.stores[which].get(session_id, owner, touch=touch))
        except SessionNotFound:
            assert not self.is_live(session_id) or owner not in (None, self.owner_of(session_id))
            return
        assert self.is_live(session_id)
        model, clock = self.models[session_id], self.place.clock
        assert owner in (None, model.owner)
        if touch and model.idle is not None:
            model.end = min(model.latest, clock.boot() + model.idle)
        assert found.expires - clock.wall() == pytest.approx(model.end - clock.boot(), abs=0.01)
        assert found.state == model.state

    def owner_of(self, session_id: str) -> str | None:
        return self.models[session_id].owner

    @rule(which=st.integers(0, 1), session_id=ids, number=st.integers(0, 9))
    def keep_something(self, which: int, session_id: str, number: int) -> None:
        store = self.stores[which]
        try:
            run(store.save(session_id, {"number": number}))
            run(store.append(session_id, [{"number": number}] * 2))
        except SessionNotFound:
            assert not self.is_live(session_id)
        else:
            assert self.is_live(session_id)
            self.models[session_id].state = {"number": number}
            self.models[session_id].events += [{"number": number}] * 2

    @rule(which=st.integers(0, 1), session_id=ids, dropped=st.integers(0, 3))
    def look_back(self, which: int, session_id: str, dropped: int) -> None:
        store = self.stores[which]
        if self.is_live(session_id):
            model = self.models[session_id]
            run(store.drop_events(session_id, dropped))
            model.events = model.events[dropped:]
            assert run(store.events(session_id)) == model.events

    @rule(which=st.integers(0, 1), session_id=consumes(ids))
    def close(self, which: int, session_id: str) -> None:
        try:
            run(self.stores[which].close(session_id))
        except SessionNotFound:
            assert not self.is_live(session_id)
        else:
            assert self.is_live(session_id)
        self.models.pop(session_id, None)

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
        assert self.place.names() == set(filter(self.is_live, self.models))
        assert self.stores[0].count() == len(self.place.names())

    @invariant()
    def nothing_is_lost(self) -> None:
        assert set(filter(self.is_live, self.models)) <= self.place.names()


TestTwoProcesses = TwoProcesses.TestCase
TestTwoProcesses.settings = settings(
    max_examples=300,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
