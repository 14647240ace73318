"""What is counted of each replica adds up over processes and comes out by configured address."""

import os
import signal
from pathlib import Path

import aiohttp
from prometheus_client import CollectorRegistry, generate_latest

from sidecar.engine.outage import Condition
from sidecar.ops.figures import added
from sidecar.ops.replicas import (
    ReplicaMetrics,
    replica_figures,
    replica_states,
    without_present,
)
from tests.harness.clock import MovedClock
from tests.harness.process import SidecarProcess
from tests.harness.waiting import eventually
from tests.replicas.engines import GRACE, address, make, probed
from tests.replicas.fleet import Caller, Fleet


def lines(states: list[dict[str, object]]) -> list[str]:
    registry = CollectorRegistry()
    registry.register(ReplicaMetrics(states))
    return [line for line in generate_latest(registry).decode().splitlines() if line[0] != "#"]


def test_metrics() -> None:
    clock = MovedClock()
    replicas = make(clock, [1, 2])
    first, second = replicas.engines
    first.ejection.note_answer(200)
    first.ejection.note_answer(503)
    second.ejection.note_no_connection()
    replicas.census.note_placed(address(2))
    probed(second, Condition.GONE)
    clock.advance(GRACE + 0.001)
    second.ejection.note_no_connection()
    own = replica_figures(replicas)
    states = replica_states(replicas, added(own, own))
    assert [state["lost"] for state in states] == [False, True]
    found = dict(line.rsplit(" ", 1) for line in lines(states) if "_created" not in line)
    assert {name: float(value) for name, value in found.items()} == {
        f'sidecar_replica_{name}{{replica="{address(port)}"}}': value
        for name, values in {
            "up": (1, 0),
            "sessions": (0, 1),
            "requests_total": (4, 0),
            "faults_total": (2, 4),
            "in_flight": (0, 0),
            "ejected": (0, 2),
        }.items()
        for port, value in zip((1, 2), values, strict=True)
    }


def test_a_process_that_has_ended_has_nothing_in_flight() -> None:
    figures = {"http://a": {"requests": 5, "faults": 2, "in_flight": 3, "ejected": 1}}
    past = {"http://a": {"requests": 5, "faults": 2, "in_flight": 0, "ejected": 0}}
    assert without_present(figures) == past


def test_a_single_engine_has_none() -> None:
    replicas = make(MovedClock(), [1])
    assert replica_figures(replicas) == {}
    states = replica_states(replicas, {})
    assert states == [{"address": address(1), "ready": True}]
    assert lines(states) == []


def children(sidecar: SidecarProcess) -> set[int]:
    text = Path(f"/proc/{sidecar.pid}/task/{sidecar.pid}/children").read_text()
    return set(map(int, text.split()))


async def scraped(sidecar: SidecarProcess) -> dict[str, float]:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{sidecar.admin_url}/metrics") as answer,
    ):
        text = await answer.text()
    found = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("sidecar_rep"))
    return {name: float(value) for name, value in found}


async def test_over_workers_and_a_crash() -> None:
    async with Fleet(2) as fleet, SidecarProcess(fleet.url, SIDECAR_WORKERS="2") as sidecar:
        caller = Caller(sidecar)
        await caller.all_ready()
        for number in range(16):
            assert (await caller.post(f"{number}")).status == 200

        def of(found: dict[str, float], name: str) -> list[float]:
            return [
                found[f'sidecar_replica_{name}{{replica="{engine.url}"}}']
                for engine in fleet.engines
            ]

        found = await scraped(sidecar)
        requests = of(found, "requests_total")
        assert sum(requests) == 16
        assert of(found, "up") == [1, 1]
        assert of(found, "in_flight") == of(found, "sessions") == of(found, "ejected") == [0, 0]
        before = children(sidecar)
        os.kill(min(before), signal.SIGKILL)
        assert await eventually(lambda: len(children(sidecar) - before) == 1)
        assert of(await scraped(sidecar), "requests_total") == requests
        assert len(found) == len(await scraped(sidecar))
