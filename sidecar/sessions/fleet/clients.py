"""From an address to a client of redis-py: one server, a socket, sentinels, a cluster."""

from pathlib import Path
from typing import Any

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import (
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

from sidecar.config.store_address import StoreAddress
from sidecar.sessions.fleet.server import AT_ONCE, Client


class Secret(CredentialProvider):
    """The password, out of its file for each connection, so that it may be replaced."""

    def __init__(self, user: str, password: str, file: Path | None) -> None:
        self._user = user
        self._password = password
        self._file = file

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = self._password if self._file is None else self._read(self._file)
        return (self._user, password) if self._user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()

    def _read(self, file: Path) -> str:
        try:
            return file.read_text().strip()
        except (OSError, ValueError):
            raise AuthenticationError("the file of the password cannot be read") from None


def make_client(
    address: StoreAddress,
    answer_limit: float,
    *,
    password_file: Path | None = None,
    ca_file: Path | None = None,
) -> Client:
    """Not connected yet. It never sends a command twice: a session might be opened twice."""
    options: dict[str, Any] = {
        "protocol": 2,
        "driver_info": None,
        # Server sets a limit for all of a call. With one of redis-py's own, a write is awaited by
        # asyncio.wait_for, which loses a cancellation now and then (CPython 3.11, bpo-37658).
        "socket_timeout": None,
        "socket_connect_timeout": answer_limit,
        "max_connections": AT_ONCE + 1,
    }
    if address.password or password_file is not None:
        secret = Secret(address.user, address.password, password_file)
        options["credential_provider"] = secret
    match address.kind:
        case "socket":
            options |= {"path": address.path, "db": address.database}
            return _pooled(UnixDomainSocketConnection, options)
        case "server":
            ((host, port),) = address.hosts
            options |= {"host": host, "port": port, "db": address.database}
            options |= _tls(address, ca_file)
            return _pooled(SSLConnection if address.tls else Connection, options)
        case "cluster":
            options |= {"ssl": address.tls, "retry": _once()} | _tls(address, ca_file)
            # One that drops packets must leave time for the next.
            options["socket_connect_timeout"] = answer_limit / 2
            nodes = [ClusterNode(host, port) for host, port in address.hosts]
            return RedisCluster(startup_nodes=nodes, **options)
        case "sentinel":
            return _behind_sentinels(address, answer_limit, options, _tls(address, ca_file))


def _pooled(connection: type[Any], options: dict[str, Any]) -> Client:
    pool = ConnectionPool(connection_class=connection, retry=_once(), **options)
    return Redis.from_pool(pool)


def _behind_sentinels(
    address: StoreAddress, answer_limit: float, options: dict[str, Any], tls: dict[str, Any]
) -> Client:
    """Sentinels are asked without a name; each may take a share of the time for an answer."""
    asked = {
        "protocol": 2,
        "driver_info": None,
        "retry": _once(),
        "socket_timeout": answer_limit / 4,
        "socket_connect_timeout": answer_limit / 4,
        "ssl": address.tls,
        **tls,
    }
    sentinels = Sentinel(address.hosts, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
    return _Primary(sentinels, address, {**options, **tls, "retry": _once()})


class _Primary:
    """The primary of a service, and the sentinels that know it: both are to be closed."""

    def __init__(self, sentinels: Sentinel, address: StoreAddress, options: dict[str, Any]) -> None:
        self._sentinels = sentinels
        self._client: Redis = sentinels.master_for(
            address.service, db=address.database, ssl=address.tls, **options
        )

    async def execute_command(self, *args: Any) -> Any:
        return await self._client.execute_command(*args)  # type: ignore[no-untyped-call]

    async def aclose(self) -> None:
        await self._client.aclose()
        await self._sentinels.aclose()


def _once() -> Retry:
    return Retry(NoBackoff(), 0)


def _tls(address: StoreAddress, ca_file: Path | None) -> dict[str, Any]:
    """Without a file the certificates that the system trusts count."""
    if not address.tls or ca_file is None:
        return {}
    return {"ssl_ca_certs": str(ca_file)}
