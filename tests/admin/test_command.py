"""`session-sidecar sessions` against a running sidecar, against nobody and against others."""

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

import pytest
import pytest_asyncio

from sidecar.cli import main
from sidecar.clock import SystemClock
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.engines import free_port
from tests.harness.process import SidecarProcess

UNKNOWN = "2c5b2ba8-6c7c-4b0c-9a0e-3a3f6a3d6f10"
Done = subprocess.CompletedProcess[str]


def run(*words: str, **variables: str) -> Done:
    """In this process: a new one for each call would take most of the time."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SIDECAR_")}
    out, err = io.StringIO(), io.StringIO()
    environment = mock.patch.dict(os.environ, inherited | variables, clear=True)
    with environment, redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(["sessions", *words])
        except SystemExit as error:  # argparse
            code = int(error.code or 0)
    return Done(words, code, out.getvalue(), err.getvalue())


async def ask(sidecar: SidecarProcess, *words: str) -> Done:
    return await asyncio.to_thread(run, *words, SIDECAR_ADMIN_PORT=str(sidecar.admin_port))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sidecar() -> AsyncIterator[SidecarProcess]:
    async with SidecarProcess("http://127.0.0.1:9") as sidecar:
        yield sidecar


@pytest_asyncio.fixture(loop_scope="module")
async def store(sidecar: SidecarProcess) -> AsyncIterator[TmpfsStore]:
    """Another process on the sidecar's directory."""
    store = TmpfsStore(Root(sidecar.sessions_path), clock=SystemClock(), ttl_limit=3600.0)
    yield store
    for session in await store.list_sessions(10_000):
        await store.close(session.id)
    await store.stop()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_list_for_people(sidecar: SidecarProcess, store: TmpfsStore) -> None:
    empty = await ask(sidecar, "list")
    assert empty.stdout.split() == ["ID", "OPENED", "ENDS", "IN", "ENGINE"]
    placed = await store.open(3599, state={"replica": "http://a:1"})
    plain = await store.open(90)
    done = await ask(sidecar, "list")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {row.split()[0]: row.split()[1:] for row in done.stdout.splitlines()[1:]}
    assert rows.keys() == {placed.id, plain.id}
    assert rows[placed.id][1].startswith("59m5")
    assert rows[placed.id][-1] == "http://a:1"
    assert rows[plain.id][1].startswith("1m") and len(rows[plain.id]) == 2
    assert max(map(len, empty.stdout.splitlines())) <= 80


@pytest.mark.asyncio(loop_scope="module")
async def test_more_than_one_page_is_listed_whole(
    sidecar: SidecarProcess, store: TmpfsStore
) -> None:
    opened = sorted([(await store.open(600)).id for _ in range(2_005)])
    done = await ask(sidecar, "list", "--json")
    assert done.returncode == 0
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == opened
    table = (await ask(sidecar, "list")).stdout.splitlines()
    assert [row.split()[0] for row in table[1:]] == opened


@pytest.mark.asyncio(loop_scope="module")
async def test_a_reader_that_has_seen_enough(sidecar: SidecarProcess, store: TmpfsStore) -> None:
    for _ in range(2_000):
        await store.open(600)
    command = f"{sys.executable} -m sidecar sessions list --admin-port={sidecar.admin_port}"
    shell = ["bash", "-c", f"{command} | head -n 1; echo ${{PIPESTATUS[0]}}"]
    done = await asyncio.to_thread(
        subprocess.run, shell, capture_output=True, text=True, timeout=20
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[1:] == ["1"]


@pytest.mark.asyncio(loop_scope="module")
async def test_one_session(sidecar: SidecarProcess, store: TmpfsStore) -> None:
    opened = await store.open(60, owner="a1" * 32)
    await store.put_data(opened.id, "key", b"1")
    shown = json.loads((await ask(sidecar, "--json", "show", opened.id)).stdout)
    assert (shown["id"], shown["keys"], shown["owner"]) == (opened.id, ["key"], True)
    told = (await ask(sidecar, "show", opened.id)).stdout
    assert f"id      {opened.id}\n" in told and "keys    key\n" in told
    assert "a1a1" not in told


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("form", [(), ("--json",)])
async def test_a_session_is_closed_once(
    sidecar: SidecarProcess, store: TmpfsStore, form: tuple[str, ...]
) -> None:
    opened, other = await store.open(60), await store.open(60)
    done = await ask(sidecar, "close", opened.id, *form)
    said = json.dumps({"closed": opened.id}) if form else f"closed {opened.id}"
    assert (done.returncode, done.stdout, done.stderr) == (0, said + "\n", "")
    assert [each.id for each in await store.list_sessions(10)] == [other.id]
    again = await ask(sidecar, "close", opened.id, *form)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"session not found: {opened.id}\n"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("command", ["show", "close"])
@pytest.mark.parametrize("name", [UNKNOWN, "../config", "a b?c#d", "\udcff", "é"])
async def test_what_is_no_session(sidecar: SidecarProcess, command: str, name: str) -> None:
    done = await ask(sidecar, command, name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("session not found: ") and done.stderr.count("\n") == 1


def test_nobody_listens() -> None:
    port = free_port()
    done = run("list", SIDECAR_ADMIN_PORT=str(port), SIDECAR_ADMIN_HOST="0.0.0.0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"no sidecar answers at http://127.0.0.1:{port}: Connection refused\n"


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n\r\n<html>", b""])
async def test_somebody_else_listens(answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        done = await asyncio.to_thread(run, "list", SIDECAR_ADMIN_PORT=str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and f"http://127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize("port, words", [("off", "is off"), ("0", "is 0, a free port"), ("x", "x")])
def test_settings_that_do_not_say_where(port: str, words: str) -> None:
    done = run("list", SIDECAR_ADMIN_PORT=port)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("SIDECAR_ADMIN_PORT") and words in done.stderr


@pytest.mark.parametrize(
    "words",
    [(), ("list", "x"), ("show",), ("close",), ("close", "a", "b"), ("drop", "a"), ("--json",)],
)
def test_wrong_usage(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "write sessions list, sessions show ID or sessions close ID" in done.stderr


def test_json_is_for_sessions_only() -> None:
    with redirect_stderr(io.StringIO()) as err, pytest.raises(SystemExit) as ended:
        main(["check", "--json"])
    assert ended.value.code == 2 and "--json is for sessions" in err.getvalue()


def test_a_sidecar_on_ipv6() -> None:
    """Nobody is asked: not every machine that runs this has IPv6."""
    done = run("list", SIDECAR_ADMIN_HOST="::", SIDECAR_ADMIN_PORT=str(free_port()))
    assert done.returncode == 1 and "no sidecar answers at http://[::1]:" in done.stderr
