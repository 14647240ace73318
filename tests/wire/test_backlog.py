"""An engine on a Unix socket that is slow to accept: who comes then waits, as with TCP."""

import asyncio
import socket
from pathlib import Path

from sidecar.config import load
from sidecar.engine.engine import Engine
from sidecar.errors import EngineTimeout
from sidecar.headers import Vocabulary
from tests.wire.bare_engine import on_uvloop


def engine_at(listener: socket.socket, path: Path, connect_timeout: float) -> Engine:
    listener.bind(str(path))
    listener.listen(1)
    listener.setblocking(False)
    (address,) = load({"SIDECAR_ENGINE_URL": f"unix:{path}"}).engine_url
    return Engine(address, Vocabulary(None), connect_timeout=connect_timeout, idle_limit=60)


@on_uvloop
async def test_a_crowd_waits_until_the_engine_lets_it_in(tmp_path: Path) -> None:
    """Linux refuses what does not fit into the backlog, which is 128 in aiohttp's servers."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as listener:
        engine = engine_at(listener, tmp_path / "slow.sock", 5)
        crowd = [asyncio.create_task(engine.connect()) for _ in range(8)]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            for _ in crowd:
                (await loop.sock_accept(listener))[0].close()
            assert len(await asyncio.gather(*crowd)) == 8


@on_uvloop
async def test_an_engine_that_lets_nobody_in(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        engine = engine_at(listener, tmp_path / "stuck.sock", 0.2)
        tries = [engine.connect() for _ in range(5)]
        ends = await asyncio.gather(*tries, return_exceptions=True)
        refused = [end for end in ends if isinstance(end, BaseException)]
        assert {type(end) for end in refused} == {EngineTimeout}
        assert len(refused) >= 3
        for end in ends:
            if not isinstance(end, BaseException):
                end.abort()
