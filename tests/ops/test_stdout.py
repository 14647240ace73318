"""Whoever reads stdout, or does not: requests are served, and the log is whole."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.harness.process import SidecarProcess
from tests.harness.raw_client import RawClient
from tests.harness.recording_engine import RecordingEngine
from tests.harness.waiting import eventually
from tests.life.asking import get, once

PIPE = 64 * 1024
LONG = b"/" + b"p" * 4000


@contextmanager
def not_read(engine_url: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A sidecar whose stdout is read until it listens, and its data port."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        process = subprocess.Popen(
            (sys.executable, "-m", "sidecar", "serve"),
            env={
                **os.environ,
                "SIDECAR_ENGINE_URL": engine_url,
                "SIDECAR_HOST": "127.0.0.1",
                "SIDECAR_PORT": "0",
                "SIDECAR_ADMIN_PORT": "off",
                "SIDECAR_SESSIONS_PATH": scratch,
                "SIDECAR_LAME_DUCK_SECONDS": "0",
            },
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            while (line := json.loads(process.stdout.readline()))["event"] != "listening":
                pass
            yield process, int(line["address"].rpartition(":")[2])
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


async def fill(port: int, count: int) -> float:
    """Requests with long log lines, one after the other. Returns the longest wait."""
    slowest = 0.0
    async with await RawClient.connect(port) as client:
        for number in range(count):
            before = time.monotonic()
            answer = await client.ask(get(LONG + b"%d" % number))
            assert answer.status in (200, 502, 503)
            slowest = max(slowest, time.monotonic() - before)
    return slowest


async def test_requests_do_not_wait_for_a_reader_of_stdout() -> None:
    async with RecordingEngine() as engine:
        with not_read(engine.url) as (process, port):
            assert process.stdout is not None
            count = 4 * PIPE // len(LONG)
            assert await fill(port, count) < 2
            process.terminate()
            output = await asyncio.to_thread(process.stdout.read)
            lines = [json.loads(line) for line in output.splitlines()]
            paths = [line["path"] for line in lines if line["event"] == "request"]
            assert paths == [f"{LONG.decode()}{number}" for number in range(count)]
            assert lines[-1]["event"] == "stopped"
            assert process.wait(10) == 0


async def test_a_reader_that_never_comes_back_does_not_hold_the_end() -> None:
    async with RecordingEngine() as engine:
        with not_read(engine.url) as (process, port):
            await fill(port, 2 * PIPE // len(LONG))
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 10) == 0


async def test_a_reader_that_is_gone_ends_nothing() -> None:
    async with RecordingEngine() as engine:
        with not_read(engine.url) as (process, port):
            assert process.stdout is not None
            process.stdout.close()
            await fill(port, 10)
            await asyncio.sleep(0.2)  # the writer has met the closed pipe by now
            await fill(port, 1)
            process.terminate()
            assert await asyncio.to_thread(process.wait, 10) == 0


async def test_a_hostile_path_is_one_line_that_tells_the_truth() -> None:
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        await once(sidecar.port, get(b"/\xff\xc3\xbc%0a\x22,\x22status\x22:1\\?secret=1"))
        assert await eventually(lambda: any("path" in line for line in sidecar.log))
        [line] = [line for line in sidecar.log if "path" in line]
        assert line["event"] == "request" and line["status"] != 1
        if line["status"] != 400:  # llhttp may refuse bytes that are no ASCII
            assert line["path"] == '/\\xffü%0a","status":1\\'
        assert "secret" not in json.dumps(line)


async def test_for_people() -> None:
    async with RecordingEngine() as engine:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sidecar", "serve"),
                env={
                    **os.environ,
                    "SIDECAR_ENGINE_URL": engine.url,
                    "SIDECAR_LOG_FORMAT": "text",
                    "SIDECAR_HOST": "127.0.0.1",
                    "SIDECAR_PORT": "0",
                    "SIDECAR_ADMIN_PORT": "off",
                    "SIDECAR_SESSIONS_PATH": scratch,
                    "SIDECAR_LAME_DUCK_SECONDS": "0",
                },
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            line = (await process.stdout.readline()).decode()
            assert " info listening listener=data address=127.0.0.1:" in line
            await once(int(line.rpartition(":")[2]), get(b"/fine"))
            lines: list[str] = []
            while not any("path=/fine" in line for line in lines):
                lines.append((await process.stdout.readline()).decode())
            assert " info request method=GET path=/fine status=200 intent=pass " in lines[-1]
            process.terminate()
            rest = (await process.stdout.read()).decode()
            assert " info stopped aborted=0\n" in rest
            assert await process.wait() == 0
