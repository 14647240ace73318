"""A head that is read by its likeness to others means what it means to one who reads it alone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from sidecar.config.load import load
from sidecar.contracts import make_contracts
from sidecar.dialects.intent import Intent, Within
from sidecar.engine.engine import Engine
from sidecar.engine.replicas import Replicas
from sidecar.errors import SidecarError
from sidecar.headers import Vocabulary
from sidecar.proxy.plan import Plan
from sidecar.proxy.planner import Planner
from sidecar.sessions.store import Store
from tests.lanes.alike import alike
from tests.sessions.contract import TmpfsPlace

BODY_MAX = 10**9


class Judge:
    """One configuration: a planner that remembers, and one for each head that knows no other."""

    def __init__(self, place: TmpfsPlace, environment: dict[str, str], *, slow: bool) -> None:
        config = load({"SIDECAR_ENGINE_URL": "http://127.0.0.1:9", **environment})
        self._vocabulary = Vocabulary(config.session_header, config.session_owner_header)
        [address] = config.engine_url
        engine = Engine(address, self._vocabulary, connect_timeout=5, idle_limit=4)
        store = place.store()

        def apart(name: str, seconds: float) -> Store:
            return store.apart(name, ttl_limit=seconds)

        replicas = Replicas([engine])
        contracts = make_contracts(config, "/invocations", replicas, store, apart)
        self._dialects = contracts.dialects
        for round_ in contracts.rounds:
            round_.close()
        self._slow = slow
        self.remembering = self.planner()

    def planner(self) -> Planner:
        return Planner(self._dialects, self._vocabulary, BODY_MAX, slow_sessions=self._slow)

    def differences(self, heads: list[bytes]) -> list[str]:
        return [
            f"{head!r}: {like} != {alone}"
            for head in heads
            if (like := said(self.remembering.plan(head)))
            != (alone := said(self.planner().plan(head)))
        ]


def said(plan: Plan) -> dict[str, Any]:
    """All that the lanes may ask of a plan."""
    told: dict[str, Any] = {
        "accepted": plan.route is not None,
        "method": plan.method,
        "path": plan.path,
        "head": plan.head,
        "route": plan.route,
        "intent": plain(plan.intent),
        "refusal": refusal(plan),
        "is": (plan.is_plain, plan.is_handshake, plan.keep_alive, plan.length, plan.streams),
    }
    if plan.route is not None and plan.head is not None:
        told["engine"] = plan.engine_head(b"Session: x\r\n"), plan.traced_head(b"")
        told["raw"] = plan.raw
        if plan.intent is not None and plan.intent.name == "peek":
            told["bodies"] = [body_intent(plan, body) for body in BODIES]
    return told


def refusal(plan: Plan) -> tuple[int, str] | None:
    """An answer may have an id of its own."""
    return None if plan.refusal is None else (plan.refusal.answer.status, plan.refusal.error)


BODIES = [b"", b"{}", b'{"requestType": "NEW_SESSION"}', b'{"requestType": "CLOSE"}']


def body_intent(plan: Plan, body: bytes) -> Intent | str:
    try:
        return plan.intent_with(body)
    except SidecarError as error:
        return f"{type(error).__name__}: {error.message}"


def plain(intent: Intent | None) -> Intent | str | None:
    """A way into a session is made anew for each request."""
    return "within" if isinstance(intent, Within) else intent


CONFIGURATIONS: dict[str, dict[str, str]] = {
    "sagemaker": {},
    "begins": {"SIDECAR_CREATE_ON_FIRST_USE": "true"},
    "off": {"SIDECAR_SESSIONS": "false"},
    "other header": {"SIDECAR_SESSION_HEADER": "X-Amzn-Trace-Id"},
    "owner": {"SIDECAR_SESSION_OWNER_HEADER": "X-Amzn-Trace-Id"},
    "all": {"SIDECAR_DIALECTS": "sagemaker,agentcore,inferencesh"},
}


@pytest.fixture(params=[*CONFIGURATIONS])
async def judges(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[Judge]]:
    environment = CONFIGURATIONS[request.param]
    places = [TmpfsPlace(tmp_path / name / "sessions") for name in ("quick", "slow")]
    yield [Judge(place, environment, slow=place is places[1]) for place in places]
    for place in places:
        await place.leave()


async def test_a_request_like_others_is_read_as_if_alone(judges: list[Judge]) -> None:
    @settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
    @given(heads=alike())
    def compare(heads: list[bytes]) -> None:
        for judge in judges:
            assert judge.differences(heads) == []

    compare()


@pytest.mark.parametrize(
    "name", ["Content-Length", "x-amzn-sagemaker-session-id", "X-Request-Id", "traceparent"]
)
async def test_the_third_of_its_kind_is_not_parsed(name: str, tmp_path: Path) -> None:
    place = TmpfsPlace(tmp_path / "sessions")
    judge = Judge(place, {}, slow=False)
    text = "POST /invocations HTTP/1.1\r\nHost: x\r\n%s: %d\r\n\r\n"
    plans = [judge.remembering.plan((text % (name, value)).encode()) for value in (1, 2, 3)]
    assert [plan.message is None for plan in plans] == [False, False, True]
    await place.leave()
