"""The demo: its engine remembers and forgets, its show is honest, and it ends what it started."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sidecar.demo.child import Child, DemoFailed
from sidecar.demo.engine import IDLE_SECONDS, MAX_SESSIONS, MAX_TURNS, Conversations, engine
from sidecar.demo.show import WrongAnswer, show

ROOT = Path(__file__).parents[1]
PREFERRED = (8080, 8000, 9901)
SESSION = {"X-Amzn-SageMaker-Session-Id": "ada"}
LIMIT = 60


class Now:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_sessions_do_not_share_a_memory() -> None:
    conversations = Conversations()
    conversations.of("ada").say("my name is Ada")
    assert conversations.of("bob").say("hello")["i_remember"] == []
    again = conversations.of("ada").say("hello")
    assert (again["turn"], again["i_remember"]) == (2, ["my name is Ada"])


def test_without_a_session_nothing_is_remembered() -> None:
    conversations = Conversations()
    conversations.of(None).say("my name is Ada")
    assert conversations.of(None).say("hello")["turn"] == 1
    assert len(conversations) == 0


def test_what_is_remembered_is_bounded() -> None:
    conversations = Conversations()
    for number in range(MAX_SESSIONS + 5):
        conversations.of("first").say("x" * 10_000)
        conversations.of(f"session-{number}")
    assert len(conversations) == MAX_SESSIONS
    remembered = conversations.of("first").say("hello")["i_remember"]
    assert len(remembered) == MAX_TURNS
    assert sum(map(len, remembered)) < 10_000


def test_an_idle_session_is_forgotten_and_a_used_one_is_not() -> None:
    now = Now()
    conversations = Conversations(now)
    conversations.of("idle").say("hello")
    conversations.of("used").say("hello")
    now.seconds = IDLE_SECONDS - 1
    conversations.of("used").say("hello")
    now.seconds = IDLE_SECONDS + 1
    assert conversations.of("used").say("hello")["turn"] == 3
    assert len(conversations) == 1


async def test_the_engine_answers_whatever_curl_calls_its_body() -> None:
    async with TestClient(TestServer(engine())) as client:
        for turn in (1, 2):
            answer = await client.post("/invocations", data='{"text": "hi"}', headers=SESSION)
            assert (await answer.json())["turn"] == turn
        assert (await client.get("/health")).status == 200


async def test_the_engine_streams_word_by_word() -> None:
    async with TestClient(TestServer(engine())) as client:
        question = {"text": "tell me", "stream": True}
        answer = await client.post("/invocations", json=question, headers=SESSION)
        assert answer.content_type == "text/event-stream"
        events = (await answer.text()).split("\n\n")
    words = ["turn", "1:", "you", "said", "tell", "me"]
    assert events == [*(f'data: {{"word": "{word}"}}' for word in words), "data: [DONE]", ""]


async def test_the_engine_takes_any_object() -> None:
    async with TestClient(TestServer(engine())) as client:
        answer = await (await client.post("/invocations", json={"action": "init"})).json()
    assert answer == {"turn": 1, "you_said": '{"action": "init"}', "i_remember": []}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"\xff"])
async def test_the_engine_refuses_what_it_does_not_understand(body: bytes) -> None:
    async with TestClient(TestServer(engine())) as client:
        assert (await client.post("/invocations", data=body)).status == 400


async def test_the_show_fails_where_there_is_no_sidecar() -> None:
    async with TestServer(engine()) as server:
        with pytest.raises(WrongAnswer):
            await asyncio.to_thread(show, server.make_url("").port or 0)


def test_a_child_that_ends_is_reported_with_its_log(tmp_path: Path) -> None:
    with (
        Child("engine", tmp_path, "no_such_module") as child,
        pytest.raises(DemoFailed, match="No module named no_such_module"),
    ):
        child.wait_ready(1, "/health")


class Demo:
    """`python -m sidecar.demo` as its user starts it: no terminal, a stray setting around."""

    def __init__(self, *arguments: str, directory: Path = ROOT) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sidecar.demo", *arguments],
            cwd=directory,
            env=os.environ | {"SIDECAR_SESSIONS": "off"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def commands(self) -> list[str]:
        """The curl lines that it prints once it serves."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            if line.startswith("  "):
                lines.append(line.strip())
            if "/metrics" in line:
                return lines
        raise AssertionError("the demo ended before it served")

    def children(self) -> list[int]:
        listing = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listing.split()]

    def finish(self) -> str:
        try:
            return self.process.communicate(timeout=LIMIT)[0]
        except subprocess.TimeoutExpired:
            self.process.terminate()
            raise


@pytest.fixture
def serving() -> Iterator[Demo]:
    demo = Demo()
    try:
        yield demo
    finally:
        demo.process.terminate()
        demo.finish()


@pytest.fixture
def taken_ports() -> Iterator[None]:
    with ExitStack() as stack:
        for port in PREFERRED:
            listener = stack.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
                listener.listen()
            except OSError:
                continue  # taken by somebody else: as good
        yield


def test_the_show(taken_ports: None) -> None:
    """On a machine where other servers have the ports already."""
    demo = Demo("--once")
    output = demo.finish()
    assert demo.process.returncode == 0, output
    for port in PREFERRED:
        assert f"Port {port} is taken; using " in output
    answers = ("created", '"i_remember": ["my name is Ada"]', "data: [DONE]", "closed")
    places = [output.index(answer) for answer in (*answers, "HTTP/1.1 400 Bad Request")]
    assert places == sorted(places), output


def test_the_printed_commands_work_while_it_serves(serving: Demo) -> None:
    script = "\n".join(["set -e", *serving.commands()])
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=LIMIT)
    assert shell.returncode == 0, shell.stderr
    for answer in ('"turn": 1', "data: [DONE]", "closed", "# TYPE "):
        assert answer in shell.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_all_that_it_started(serving: Demo, number: int) -> None:
    serving.commands()
    children = serving.children()
    assert len(children) == 2
    serving.process.send_signal(number)
    serving.finish()
    assert serving.process.returncode == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_it_fails_loudly_when_the_sidecar_is_gone(serving: Demo) -> None:
    serving.commands()
    engine_pid, sidecar_pid = sorted(serving.children())
    os.kill(sidecar_pid, signal.SIGKILL)
    output = serving.finish()
    assert serving.process.returncode == 1
    assert "The demo failed: the sidecar ended (-9)" in output
    assert not Path(f"/proc/{engine_pid}").exists()


def test_it_runs_from_the_wheel(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    demo = Demo("--once", directory=tmp_path / "site")
    output = demo.finish()
    assert demo.process.returncode == 0, output
