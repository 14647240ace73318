"""Any order of events against a dictionary: hypothesis looks for the one that disagrees.

One machine for every store, so where it finds nothing the stores do not differ either.
"""

import asyncio
import math
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from sidecar.errors import SessionExists, SessionNotFound, StoreFull
from sidecar.sessions.session import Session
from sidecar.sessions.store import Lease, Store
from tests.sessions.contract import Place, TmpfsPlace
from tests.sessions.redis_place import RedisPlace
from tests.sessions.redis_server import RedisServer

T = TypeVar("T")
MAX = 6


@dataclass
class Model:
    """What should be of one session; times are boot seconds."""

    number: int
    end: float
    latest: float
    idle: float | None
    owner: str | None
    state: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)


class Processes(RuleBasedStateMachine):
    """Two of them. `self.models` is what should be there, `self.expired` who ended by itself."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.place = self.make_place()
        self.stores = [self.make_store() for _ in range(2)]
        self.models: dict[str, Model] = {}
        self.leases: dict[int, Lease] = {}
        self.expired: set[int] = set()
        self.told: list[int] = []
        self.opened = 0

    def make_place(self) -> Place:
        raise NotImplementedError

    def check_what_is_kept(self, live: set[str]) -> None:
        """When all has been swept."""
        raise NotImplementedError

    def teardown(self) -> None:
        self.give_back_turns()
        self.run(self.place.leave())
        self.loop.close()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(call)

    def make_store(self) -> Store:
        store = self.place.store(max_sessions=MAX)
        store.on_ended = self.listen
        return store

    def listen(self, session: Session, why: str) -> None:
        assert why in ("expired", "adopted")  # by a later process, if the one at it stopped
        self.told.append(session.state["n"])

    def is_live(self, session_id: str) -> bool:
        return session_id in self.models

    def bury(self) -> None:
        for session_id, model in [*self.models.items()]:
            if model.end <= self.place.clock.boot():
                self.expired.add(model.number)
                del self.models[session_id]

    def is_full(self) -> bool:
        """Whether a store may refuse a new session."""
        return len(self.models) >= MAX

    @rule(
        target=ids,
        which=st.integers(0, 1),
        ttl=st.sampled_from([2, 10, 600.5, 3600]),
        idle=st.sampled_from([None, 5, 100]),
        owner=st.sampled_from([None, "a1"]),
        given=st.sampled_from([None, None, "7", "conv1"]),
    )
    def open(
        self, which: int, ttl: float, idle: float | None, owner: str | None, given: str | None
    ) -> str:
        self.opened += 1
        state = {"n": self.opened}
        store = self.stores[which]
        try:
            opened = self.run(
                store.open(ttl, idle=idle, owner=owner, state=state, session_id=given)
            )
        except StoreFull:
            assert self.is_full()
            return "refused"
        except SessionExists:
            assert given is not None and self.is_live(given)
            return given
        assert len(self.models) < MAX
        assert given is None or not self.is_live(given)
        clock = self.place.clock
        latest = clock.boot() + (math.floor(clock.wall() + ttl) - clock.wall())
        end = latest if idle is None else min(latest, clock.boot() + idle)
        assert opened.expires - clock.wall() == pytest.approx(end - clock.boot(), abs=0.01)
        self.models[opened.id] = Model(self.opened, end, latest, idle, owner, state)
        return opened.id

    @rule(
        which=st.integers(0, 1),
        session_id=ids,
        owner=st.sampled_from([None, "a1", "b2"]),
        touch=st.booleans(),
    )
    def get(self, which: int, session_id: str, owner: str | None, touch: bool) -> None:
        try:
            found = self.run(self.stores[which].get(session_id, owner, touch=touch))
        except SessionNotFound:
            assert not self.is_live(session_id) or owner not in (None, self.owner_of(session_id))
            return
        assert self.is_live(session_id)
        model, clock = self.models[session_id], self.place.clock
        assert owner in (None, model.owner)
        if touch and model.idle is not None:
            model.end = min(model.latest, clock.boot() + model.idle)
        assert found.expires - clock.wall() == pytest.approx(model.end - clock.boot(), abs=0.01)
        assert (found.state, found.owner) == (model.state, model.owner)
        assert self.run(self.stores[1 - which].get(session_id)) == found

    def owner_of(self, session_id: str) -> str | None:
        return self.models[session_id].owner

    @rule(which=st.integers(0, 1), session_id=ids, number=st.integers(0, 9))
    def keep_something(self, which: int, session_id: str, number: int) -> None:
        store, model = self.stores[which], self.models.get(session_id)
        state = {"n": model.number if model else 0, "number": number}
        try:
            self.run(store.save(session_id, state))
            self.run(store.append(session_id, [{"number": number}] * 2))
            self.run(store.put_data(session_id, f"key-{number}", b"%d" % number))
        except SessionNotFound:
            assert model is None
        else:
            assert model is not None
            model.state = state
            model.events += [{"number": number}] * 2
            model.data[f"key-{number}"] = b"%d" % number

    @rule(
        which=st.integers(0, 1),
        session_id=ids,
        dropped=st.integers(0, 3),
        deleted=st.integers(0, 9),
    )
    def look_back(self, which: int, session_id: str, dropped: int, deleted: int) -> None:
        if not self.is_live(session_id):
            return
        store, model, key = self.stores[which], self.models[session_id], f"key-{deleted}"
        self.run(store.drop_events(session_id, dropped))
        model.events = model.events[dropped:]
        assert self.run(store.events(session_id)) == model.events
        assert self.run(store.get_data(session_id, key)) == model.data.get(key)
        assert self.run(store.delete_data(session_id, key)) == (key in model.data)
        model.data.pop(key, None)
        assert self.run(store.data_keys(session_id)) == sorted(model.data)

    @rule(which=st.integers(0, 1), session_id=ids)
    def take_turn(self, which: int, session_id: str) -> None:
        try:
            lease = self.run(self.stores[which].try_lease(session_id))
        except SessionNotFound:
            assert not self.is_live(session_id)
            return
        number = self.models[session_id].number
        assert (lease is None) == (number in self.leases)
        if lease is not None:
            self.leases[number] = lease

    @rule()
    def end_turns(self) -> None:
        self.give_back_turns()

    @rule(which=st.integers(0, 1), session_id=consumes(ids), owner=st.sampled_from([None, "a1"]))
    def close(self, which: int, session_id: str, owner: str | None) -> None:
        try:
            self.run(self.stores[which].close(session_id, owner))
        except SessionNotFound:
            assert not self.is_live(session_id) or owner not in (None, self.owner_of(session_id))
        else:
            model = self.models.pop(session_id)
            assert owner in (None, model.owner)

    @rule(which=st.integers(0, 1), limit=st.integers(1, 8))
    def list_some(self, which: int, limit: int) -> None:
        found = self.run(self.stores[which].list_sessions(limit))
        assert [each.id for each in found] == sorted(self.models)[:limit]

    @rule(seconds=st.sampled_from([0.25, 1, 5, 61, 1800]))
    def advance(self, seconds: float) -> None:
        """Longer than a lease may last without a renewal; not as long as a record is kept on a
        server without anybody who sweeps."""
        self.give_back_turns()
        self.place.clock.advance(seconds)
        self.bury()
        if seconds > 61:
            self.sweep_all()

    def give_back_turns(self) -> None:
        for number in [*self.leases]:
            self.run(self.leases.pop(number).release())

    @rule(seconds=st.sampled_from([-86_400.0, -0.5, 0.5, 86_400.0]))
    def set_wall_clock(self, seconds: float) -> None:
        self.place.clock.set_back(seconds)

    @rule()
    def sweep_all(self) -> None:
        self.run(self.place.sweep())

    @rule(which=st.integers(0, 1))
    def restart(self, which: int) -> None:
        self.give_back_turns()
        self.run(self.place.stop(self.stores[which]))
        self.stores[which] = self.make_store()

    @rule()
    def wait_until_all_is_swept(self) -> None:
        """Five seconds are enough for a janitor to learn of all, and a minute for the rare rest."""
        for _ in range(2):
            self.advance(61)
            self.sweep_all()
        assert self.stores[0].count() == len(self.models)
        assert set(self.told) == self.expired
        self.check_what_is_kept(set(self.models))

    @invariant()
    def nobody_is_told_twice_or_of_what_did_not_expire(self) -> None:
        assert len(self.told) == len(set(self.told))
        assert set(self.told) <= self.expired


class OnTmpfs(Processes):
    """With an engine on the same volume."""

    def make_place(self) -> Place:
        self._scratch = tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm")
        self.path = Path(self._scratch.name) / "sessions"
        return TmpfsPlace(self.path)

    def teardown(self) -> None:
        super().teardown()
        self._scratch.cleanup()

    def names(self) -> set[str]:
        return {each.name for each in self.path.iterdir()}

    def is_full(self) -> bool:
        # What nobody has adopted yet may still be on the disk after its end.
        return len(self.names()) >= MAX

    @rule(session_id=Processes.ids)
    def engine_keeps_something(self, session_id: str) -> None:
        if self.is_live(session_id):
            (self.path / session_id / ".of-the-engine").mkdir(exist_ok=True)

    def check_what_is_kept(self, live: set[str]) -> None:
        assert self.names() == live

    @invariant()
    def nothing_is_lost(self) -> None:
        assert set(self.models) <= self.names()


class OnServer(Processes):
    server: ClassVar[RedisServer]

    def check_what_is_kept(self, live: set[str]) -> None:
        kept = self.server.command("KEYS", "*").split()
        assert {each.rpartition(":")[2] for each in kept if ":s:" in each} == live
        assert live or kept == []

    def make_place(self) -> Place:
        return RedisPlace(self.server)


def test_tmpfs_is_as_the_model() -> None:
    check(OnTmpfs, examples=200)


def test_redis_is_as_the_model(moved_redis: RedisServer) -> None:
    OnServer.server = moved_redis
    check(OnServer, examples=80)


def test_valkey_is_as_the_model(moved_valkey: RedisServer) -> None:
    OnServer.server = moved_valkey
    check(OnServer, examples=80)


def check(machine: type[Processes], examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
