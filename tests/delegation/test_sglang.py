"""SGLang's presets over the whole sidecar: what a session holds is in the engine, turn by turn."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.delegation.sglang import SGLang
from tests.engines.caller import Answer, Caller
from tests.harness.process import SidecarProcess
from tests.harness.recording_engine import RecordingEngine
from tests.harness.waiting import eventually


@dataclass
class Site:
    caller: Caller
    engine: RecordingEngine
    sglang: SGLang
    sidecar: SidecarProcess

    async def ask(self, session_id: str | None, text: str, **more: Any) -> Answer:
        return await self.caller.post("/invocations", session_id, json={"text": text} | more)

    async def say(self, session_id: str, text: str, **more: Any) -> str:
        """What the session then holds."""
        answer = await self.ask(session_id, text, **more)
        assert answer.status == 200, answer.body
        body = answer.body
        if more.get("stream"):
            *events, done, rest = body.split(b"\n\n")
            assert (done, rest) == (b"data: [DONE]", b"")
            body = events[-1].removeprefix(b"data: ")
        return str(json.loads(body)["text"])


@asynccontextmanager
async def sidecar(preset: str, **variables: Any) -> AsyncIterator[Site]:
    async with RecordingEngine() as engine:
        sglang = SGLang(engine)
        process = SidecarProcess(engine.url, SIDECAR_ENGINE_PRESET=preset, **variables)
        async with process, Caller(process.url) as caller:
            yield Site(caller, engine, sglang, process)
        assert [record.faults for record in engine.records if record.faults] == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[dict[str, Site]]:
    async with sidecar("sglang") as streaming, sidecar("sglang-tree") as tree:
        yield {"sglang": streaming, "sglang-tree": tree}


@pytest.fixture
def sites(shared: dict[str, Site]) -> dict[str, Site]:
    """As nobody had used them."""
    for site in shared.values():
        site.engine.records.clear()
        site.sglang.sessions.clear()
    return shared


pytestmark = pytest.mark.asyncio(loop_scope="module")
PRESETS = pytest.mark.parametrize("preset", ["sglang", "sglang-tree"])
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["json", "sse"])


@PRESETS
@STREAMED
async def test_each_turn_goes_on_from_the_last(
    preset: str, stream: bool, sites: dict[str, Site]
) -> None:
    site = sites[preset]
    ada, bob = await site.caller.open(), await site.caller.open()
    assert await site.say(ada, "one", stream=stream) == "one"
    assert await site.say(bob, "uno", stream=stream) == "uno"
    assert await site.say(ada, "two", stream=stream) == "one two"
    assert await site.say(ada, "three", stream=stream) == "one two three"
    await site.caller.close(ada)
    assert list(site.sglang.sessions) == [bob.replace("-", "")]


async def test_the_create_call_is_what_sglang_wants() -> None:
    async with sidecar("sglang", SIDECAR_SESSIONS_TTL="300") as site:
        session_id = await site.caller.open()
        [record] = site.engine.at(b"/open_session")
        assert (record.method, json.loads(record.body)) == (
            b"POST",
            {
                "capacity_of_str_len": 4096,
                "session_id": session_id.replace("-", ""),
                "streaming": True,
                "timeout": 360.0,
            },
        )


async def test_requests_without_a_session_go_the_same_way(sites: dict[str, Site]) -> None:
    site = sites["sglang"]
    answer = await site.ask(None, "alone")
    assert json.loads(answer.body)["text"] == "alone"
    [record] = site.engine.at(b"/generate")
    assert json.loads(record.body) == {"text": "alone"}


@PRESETS
@STREAMED
async def test_a_session_that_sglang_forgot(
    preset: str, stream: bool, sites: dict[str, Site]
) -> None:
    """Restarted, or its own time was over."""
    site = sites[preset]
    session_id = await site.caller.open()
    await site.say(session_id, "one")
    site.sglang.sessions.clear()
    for _ in range(2):
        refused = await site.ask(session_id, "two", stream=stream)
        assert refused.status == 400
        assert json.loads(refused.body)["detail"] == f"session not found: {session_id}"
    assert len(site.engine.at(b"/generate")) == 2, "the second one never reached it"


@STREAMED
async def test_the_same_told_to_a_caller_of_the_api(stream: bool, sites: dict[str, Site]) -> None:
    site = sites["sglang"]
    session_id = await site.caller.open()
    site.sglang.sessions.clear()
    request = {"text": "one", "stream": stream}
    answer = await site.caller.post("/endpoints/e/invocations", session_id, json=request)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (424, "ModelError")
    told = json.loads(answer.body)
    assert told["OriginalStatusCode"] == 400
    assert f"session not found: {session_id}" in told["OriginalMessage"]


async def test_words_of_an_answer_are_no_error(sites: dict[str, Site]) -> None:
    site = sites["sglang"]
    session_id = await site.caller.open()
    for stream in (False, True):
        held = await site.say(session_id, "it does not exist", stream=stream)
        assert held.endswith("it does not exist")


@STREAMED
async def test_after_a_failure_the_last_good_turn_counts(
    stream: bool, sites: dict[str, Site]
) -> None:
    site = sites["sglang-tree"]
    session_id = await site.caller.open()
    await site.say(session_id, "one")
    site.sglang.breaks_off = True
    assert (await site.ask(session_id, "lost", stream=stream)).status == 502
    site.sglang.breaks_off = False
    assert await site.say(session_id, "two", stream=stream) == "one two"


async def test_a_client_cannot_reach_into_another_session(sites: dict[str, Site]) -> None:
    site = sites["sglang-tree"]
    ada, eve = await site.caller.open(), await site.caller.open()
    await site.say(ada, "secret")
    turn = next(iter(site.sglang.sessions[ada.replace("-", "")].turns))
    forged = {"id": ada.replace("-", ""), "rid": turn, "replace": True}
    assert await site.say(eve, "mine", session_params=forged) == "mine"


async def test_one_request_of_a_session_after_the_other(sites: dict[str, Site]) -> None:
    """SGLang would abort the second one."""
    site = sites["sglang"]
    session_id = await site.caller.open()
    site.sglang.answers.clear()
    first = asyncio.create_task(site.say(session_id, "one"))
    await site.engine.arrived(b"/generate")
    second = asyncio.create_task(site.say(session_id, "two"))
    assert not await eventually(lambda: len(site.engine.at(b"/generate")) > 1, limit=0.3)
    site.sglang.answers.set()
    assert [await first, await second] == ["one", "one two"]


async def test_nothing_to_be_read_is_compressed(sites: dict[str, Site]) -> None:
    site = sites["sglang"]
    session_id = await site.caller.open()
    headers = {"Accept-Encoding": "gzip, br"}
    await site.caller.post("/invocations", session_id, json={"text": "a"}, headers=headers)
    await site.caller.post("/invocations", json={"text": "a"}, headers=headers)
    used, alone = site.engine.at(b"/generate")
    assert used.values(b"Accept-Encoding") == []
    assert alone.values(b"Accept-Encoding") == [b"gzip, br"]


async def test_sglangs_words_reach_the_client() -> None:
    defaults = '{"body.capacity_of_str_len": "many"}'
    async with sidecar("sglang", SAGEMAKER_TRANSFORMS_CREATE_SESSION_DEFAULTS=defaults) as site:
        await site.caller.open()  # what the preset says itself wins over a default
        site.sglang.sessions = _All()
        refused = await site.caller.post("/invocations", json={"requestType": "NEW_SESSION"})
        assert refused.status == 400
        detail = json.loads(refused.body)["detail"]
        assert "Check if a session with the same id is still open." in detail
        assert site.engine.url in detail


class _All(dict[str, Any]):
    def __contains__(self, key: object) -> bool:
        return True


async def test_the_first_use_makes_the_session(sites: dict[str, Site]) -> None:
    site = sites["sglang"]
    answer = await site.ask("NEW_SESSION", "one")
    session_id = answer.headers["X-Amzn-SageMaker-New-Session-Id"].partition(";")[0]
    assert await site.say(session_id, "two") == "one two"


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_any_process_goes_on(workers: str) -> None:
    async with sidecar("sglang-tree", SIDECAR_WORKERS=workers) as site:
        session_id = await site.caller.open()
        words = [str(number) for number in range(8)]
        for count, word in enumerate(words):
            assert await site.say(session_id, word) == " ".join(words[: count + 1])
        async with Caller(site.sidecar.admin_url) as operator:
            closed = await operator.http.delete(f"/sessions/{session_id}")
            assert closed.status < 300, await closed.text()
        assert site.sglang.sessions == {}
