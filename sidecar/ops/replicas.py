"""What is counted of each of several replicas: figures that add up, and metrics made of them.

The only labels are the addresses that are configured.
"""

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sidecar.engine.replicas import Replicas
from sidecar.ops.figures import Figures

_FIGURES = (
    ("requests", CounterMetricFamily, "Requests that it has begun to answer"),
    ("faults", CounterMetricFamily, "No connection, a connection that broke, or 503"),
    ("in_flight", GaugeMetricFamily, "Connections to it that are in use"),
    ("ejected", GaugeMetricFamily, "Processes that give it nothing new for a while"),
)


def replica_figures(replicas: Replicas) -> Figures:
    """Of this process, by address; nothing of a single one, which is not watched."""
    watched = replicas.engines if replicas.several else ()
    return {
        str(engine.address): {
            "requests": engine.ejection.answers,
            "faults": engine.ejection.faults,
            "in_flight": engine.in_flight,
            "ejected": int(engine.ejection.left > 0),
        }
        for engine in watched
    }


def without_present(figures: Figures) -> Figures:
    """What still counts when the process has ended."""
    return {address: each | {"in_flight": 0, "ejected": 0} for address, each in figures.items()}


def replica_states(replicas: Replicas, figures: Figures) -> list[dict[str, Any]]:
    """Each with what all processes have counted, and with what this one thinks of it."""
    found: list[dict[str, Any]] = []
    for engine in replicas.engines:
        address = str(engine.address)
        state: dict[str, Any] = {"address": address, "ready": engine.ready}
        if address in figures:
            state["lost"] = replicas.has_lost(engine)
            state["sessions"] = replicas.census.sessions(address)
            state |= figures[address]
        found.append(state)
    return found


class ReplicaMetrics(Collector):
    def __init__(self, states: list[dict[str, Any]]) -> None:
        self._states = [state for state in states if "sessions" in state]

    def collect(self) -> Iterator[Metric]:
        if not self._states:
            return
        yield self._family("up", "ready", GaugeMetricFamily, "1 while it is ready")
        yield self._family("sessions", "sessions", GaugeMetricFamily, "Live sessions placed on it")
        for name, kind, meaning in _FIGURES:
            yield self._family(name, name, kind, meaning)

    def _family(self, name: str, key: str, kind: type[Any], meaning: str) -> Metric:
        family = kind(f"sidecar_replica_{name}", meaning, labels=["replica"])
        for state in self._states:
            family.add_metric([state["address"]], state[key])
        made: Metric = family
        return made
