"""Every kind of address on real servers: TLS, passwords, sentinels, a cluster."""

import asyncio
import logging
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from sidecar.config.store_address import store_address
from sidecar.errors import SessionNotFound, StoreUnavailable
from sidecar.sessions.fleet.make import make_fleet_store
from sidecar.sessions.fleet.store import FleetStore
from tests.sessions.contract import until
from tests.sessions.redis_server import RedisServer, Sentinel, free_port, require

PASSWORD = "s3cret/:@ word"  # what must be quoted in an address


@asynccontextmanager
async def at(
    address: str, *, password_file: Path | None = None, ca_file: Path | None = None
) -> AsyncIterator[FleetStore]:
    store = make_fleet_store(
        store_address(address), prefix="sidecar", password_file=password_file, ca_file=ca_file
    )
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


async def until_reached(store: FleetStore) -> None:
    """A first connection may take its time on a busy machine, TLS more than others."""
    async with asyncio.timeout(10):
        while True:
            with suppress(StoreUnavailable):
                return await nothing(store)
            await asyncio.sleep(0.05)


async def nothing(store: FleetStore) -> None:
    with suppress(SessionNotFound):
        await store.get("never-opened")


async def works(store: FleetStore) -> None:
    """Everything that takes another way through redis-py."""
    await until_reached(store)
    opened = await store.open(60, owner="a1", state={"replica": "http://a:1"})
    await store.append(opened.id, [{"turn": 1}])
    await store.put_data(opened.id, "key", b"1")
    lease = await store.try_lease(opened.id)
    assert lease is not None
    await lease.release()
    assert [each.id for each in await store.list_sessions(10)] == [opened.id]
    assert await store.tally("replica") == {"http://a:1": 1}
    await store.sweep.tick()
    await store.close(opened.id)
    with pytest.raises(SessionNotFound):
        await store.get(opened.id)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    servers: list[RedisServer] = []

    def start(*options: str, tls: bool = False) -> RedisServer:
        server = RedisServer(tmp_path / str(len(servers)), *options, tls=tls)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


Serve = Callable[..., RedisServer]


async def test_a_socket_and_a_database(serve: Serve) -> None:
    server = serve()
    async with at(f"unix://{server.socket}?db=3") as store:
        await works(store)
        await store.open(60)
    assert "db3:keys=" in server.command("INFO", "keyspace")


async def test_a_password_in_the_address(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = serve("--requirepass", PASSWORD)
    quoted = "s3cret%2F%3A%40%20word"
    async with at(f"redis://:{quoted}@127.0.0.1:{server.port}") as store:
        await works(store)
    caplog.set_level(logging.DEBUG)
    for wrong in (f"redis://:x{quoted}@", f"redis://nobody:{quoted}@", "redis://"):
        async with at(f"{wrong}127.0.0.1:{server.port}") as store:
            with pytest.raises(StoreUnavailable, match="the name or the password") as refused:
                await store.open(60)
            assert "s3cret" not in refused.value.message
    assert "s3cret" not in caplog.text


async def test_a_password_out_of_a_file_that_is_replaced(serve: Serve, tmp_path: Path) -> None:
    server = serve("--user", "sidecar", "on", ">first", "~{sidecar}:*", "+@all")
    file = tmp_path / "password"
    file.write_text("first\n")
    async with at(f"redis://sidecar@127.0.0.1:{server.port}", password_file=file) as store:
        await works(store)
        server.command("ACL", "SETUSER", "sidecar", "resetpass", ">second")
        server.command("CLIENT", "KILL", "TYPE", "normal")
        with pytest.raises(StoreUnavailable):
            await store.open(60)
        file.write_text("second\n")
        await until(lambda: store._server._away is None)
        await works(store)
        file.unlink()
        server.command("CLIENT", "KILL", "TYPE", "normal")
        await asyncio.sleep(0.05)
        with pytest.raises(StoreUnavailable, match="the name or the password"):
            await store.open(60)


async def test_the_commands_that_an_account_needs(serve: Serve) -> None:
    """Those that docs/fleet.md names."""
    text = (Path(__file__).parents[3] / "docs" / "fleet.md").read_text()
    rules = text.partition("ACL SETUSER sidecar ")[2].partition("\n")[0].replace("'", "").split()
    server = serve()
    server.command("ACL", "SETUSER", "sidecar", *(rule for rule in rules if rule != ">PASSWORD"))
    server.command("ACL", "SETUSER", "sidecar", ">secret")
    server.command("ACL", "SETUSER", "default", "off")
    async with at(f"redis://sidecar:secret@127.0.0.1:{server.port}") as store:
        await works(store)
        store.on_ended = print_nothing
        await store.open(1, session_id="conv1")
        await asyncio.sleep(1.1)
        await store.open(60, idle=5, session_id="conv1")
        await store.get("conv1", touch=True)
        await store.drop_events("conv1", 1)
        await store.delete_data("conv1", "key")
        await store.data_keys("conv1")
        await until(lambda: store.counts().expired == 1)


def print_nothing(*_: object) -> None:
    pass


def certificates(directory: Path) -> tuple[str, ...]:
    """One of its own that signs itself, for 127.0.0.1."""
    require("openssl")
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "2", "-subj", "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", str(directory / "key.pem"), "-out", str(directory / "cert.pem")),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return (
        *("--tls-cert-file", str(directory / "cert.pem")),
        *("--tls-key-file", str(directory / "key.pem")),
        *("--tls-ca-cert-file", str(directory / "cert.pem"), "--tls-auth-clients", "no"),
    )


async def test_tls_with_a_certificate_that_is_trusted_and_one_that_is_not(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(*certificates(tmp_path), tls=True)
    address = f"rediss://127.0.0.1:{server.port}"
    async with at(address, ca_file=tmp_path / "cert.pem") as store:
        await works(store)
    async with at(address) as store:
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await store.open(60)
    async with at(f"rediss://localhost:{server.port}", ca_file=tmp_path / "cert.pem") as store:
        with pytest.raises(StoreUnavailable):
            await store.open(60)


async def test_a_cluster_of_two_whichever_has_the_slot(serve: Serve) -> None:
    ports = [str(free_port()) for _ in range(2)]
    nodes = [serve("--cluster-enabled", "yes", "--cluster-port", port) for port in ports]
    nodes[0].command("CLUSTER", "ADDSLOTSRANGE", "0", "8191")
    nodes[1].command("CLUSTER", "ADDSLOTSRANGE", "8192", "16383")
    nodes[0].command("CLUSTER", "MEET", "127.0.0.1", str(nodes[1].port), ports[1])
    for node in nodes:
        await until(lambda: "cluster_state:ok" in node.command("CLUSTER", "INFO"))  # noqa: B023
    address = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
    for prefix in ("one", "two", "three", "four"):
        store = make_fleet_store(store_address(f"redis+cluster://{address}"), prefix=prefix)
        await works(store)
        await store.open(60)
        await store.stop()
    assert all(node.command("DBSIZE").strip() != "0" for node in nodes)


async def test_sentinels_lead_to_the_next_primary(serve: Serve, tmp_path: Path) -> None:
    primary = serve()
    replica = serve("--replicaof", "127.0.0.1", str(primary.port))
    sentinel = Sentinel(tmp_path / "sentinel", primary)
    sentinel.start()
    try:
        await until(lambda: "num-slaves\n1" in sentinel.command("SENTINEL", "MASTER", "main"))
        async with at(f"redis+sentinel://127.0.0.1:{sentinel.port}/main") as store:
            await works(store)
            opened = await store.open(60)
            await until(lambda: opened.id in replica.command("KEYS", "*"))
            primary.kill()
            with pytest.raises(StoreUnavailable):
                await store.get(opened.id)
            await until(lambda: store._server._away is None)
            assert (await store.get(opened.id)).id == opened.id
            await store.close(opened.id)
    finally:
        sentinel.stop()
