"""The server of the store, as its callers see it: an answer in time, or StoreUnavailable.

After a call that got no answer the others are refused at once, without waiting each for itself,
until a probe has been answered: requests must not pile up behind a server that is gone.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol

from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    ConnectionError,
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from sidecar.errors import StoreFull, StoreUnavailable
from sidecar.sessions.fleet.script import Script

LOG = logging.getLogger("sidecar.sessions")

# A client has its 503 within a second, whatever the server does.
ANSWER_LIMIT = 0.7
PROBE_EVERY = 0.2
# More would only wait for each other: the server runs one script at a time.
AT_ONCE = 32

# It cannot be used now, though it may answer: a replica after a failover, one that loads its data.
_AWAY = (
    ConnectionError,
    TimeoutError,
    ReadOnlyError,
    MasterDownError,
    ClusterDownError,
    TryAgainError,
    RedisClusterException,
    OSError,
    asyncio.TimeoutError,
)
# The same out of a script: servers before 7.0 put it behind words of their own.
_AWAY_WORDS = ("READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN")


class Client(Protocol):
    """What redis.asyncio.Redis and RedisCluster have in common."""

    async def execute_command(self, *args: Any) -> Any: ...

    async def aclose(self) -> None: ...


class Server:
    """`address` is shown in messages, and so holds no password."""

    def __init__(self, client: Client, address: str, probe_key: str, answer_limit: float) -> None:
        self._client = client
        self._address = address
        self._probe_key = probe_key
        self._answer_limit = answer_limit
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._away: str | None = None
        self._is_closed = False
        self._refusals: set[str] = set()
        self._probing: asyncio.Task[None] | None = None

    async def run(self, script: Script, keys: Sequence[str], *args: str | bytes | int) -> Any:
        """Raises StoreUnavailable, or StoreFull if the server has no memory left."""
        return await self._guarded(self._evaluate, script, (len(keys), *keys, *args))

    async def ask(self, *command: str | bytes | int) -> Any:
        return await self._guarded(self._client.execute_command, *command)

    async def close(self) -> None:
        """For good: what still asks, such as a store apart, must not connect again."""
        self._is_closed = True
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
        self._away = "the store is closed"
        await self._client.aclose()

    async def _guarded(self, call: Any, *args: Any) -> Any:
        if self._away is not None:
            raise StoreUnavailable(self._away)
        try:
            async with asyncio.timeout(self._answer_limit), self._slots:
                return await call(*args)
        except _AWAY as error:
            raise self._note_away(error) from None
        except RedisError as error:
            raise self._refused(error) from None

    def _refused(self, error: RedisError) -> StoreFull | StoreUnavailable:
        text = str(error)
        if isinstance(error, OutOfMemoryError) or "OOM" in text:
            return StoreFull(
                f"the store at {self._address} has no memory left; "
                "close a session or try again later"
            )
        if "unauthenticated" in text:  # so a command of more than ten words is answered
            return self._note_away(AuthenticationError())
        if any(word in text for word in _AWAY_WORDS):
            return self._note_away(ReadOnlyError())
        # The rest may hold what the command held. Of codes that it knows redis-py makes classes.
        code = text.partition(" ")[0] if type(error) is ResponseError else type(error).__name__
        code = "".join(filter(str.isalnum, code))[:30]
        if code not in self._refusals:
            self._refusals.add(code)
            LOG.error("the store at %s refused a command: %s", self._address, code)
        return StoreUnavailable(f"{self._message(error)}: {code}")

    async def _evaluate(self, script: Script, rest: tuple[str | bytes | int, ...]) -> Any:
        try:
            return await self._client.execute_command("EVALSHA", script.sha, *rest)
        except NoScriptError:
            return await self._client.execute_command("EVAL", script.text, *rest)

    def _note_away(self, error: BaseException) -> StoreUnavailable:
        message = self._message(error)
        if self._probing is None and not self._is_closed:
            self._away = message
            LOG.warning("%s; sessions get 503 until it is back", message)
            self._probing = asyncio.create_task(self._probe(), name="store probe")
        return StoreUnavailable(message)

    async def _probe(self) -> None:
        """By a write: a replica that was the primary answers everything else."""
        while not await self._is_back():  # noqa: ASYNC110 - a server tells nobody that it is back
            await asyncio.sleep(PROBE_EVERY)
        self._away = self._probing = None
        LOG.warning("the store at %s is back", self._address)

    async def _is_back(self) -> bool:
        try:
            async with asyncio.timeout(self._answer_limit):
                await self._client.execute_command("SET", self._probe_key, "1", "PX", "1000")
        except _AWAY as error:
            self._away = self._message(error)
            return False
        except RedisError:
            # Such as no memory left: that is told call by call.
            return True
        return True

    def _message(self, error: BaseException) -> str:
        """None of redis-py's own words: what they hold is not known."""
        match error:
            case asyncio.TimeoutError() | TimeoutError():
                problem = "does not answer in time"
            case AuthenticationError():
                problem = "does not take the name or the password"
            case ConnectionError() | OSError() | RedisClusterException():
                problem = "cannot be reached"
            case ReadOnlyError() | MasterDownError() | ClusterDownError() | TryAgainError():
                problem = "has no primary at the moment"
            case _:
                problem = "refused a command"
        return f"the store at {self._address} {problem}"
