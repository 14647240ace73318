"""The supervisor at work in a process of the sidecar: what its settings, engine and drain say."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from sidecar.config import Settings
from sidecar.config.names import PORT_WORD
from sidecar.drain import Drain
from sidecar.engine.replicas import Replicas
from sidecar.sessions.store import Store
from sidecar.supervisor.budget import Budget
from sidecar.supervisor.forget import end_sessions
from sidecar.supervisor.supervisor import Supervisor

# SIGTERM and SIGINT have an order of their own: the clients first. The rest means nothing to us.
_PASSED_ON = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Supervision:
    """With the engine's last end begins the sidecar's. over: both, counted from then."""

    def __init__(self, supervisor: Supervisor, drain: Drain, over: float) -> None:
        self._supervisor = supervisor
        self._drain = drain
        self._over = over
        self._run = asyncio.create_task(supervisor.run())
        self._run.add_done_callback(lambda _: drain.begin())
        for number in _PASSED_ON:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(number, supervisor.signal, number)

    @property
    def restarts(self) -> int:
        return self._supervisor.restarts

    async def stop(self) -> int:
        """Returns the engine's exit code."""
        self._supervisor.stop(self._drain.began + self._over, self._drain.hurried)
        return await self._run


def supervise(
    settings: Settings,
    replicas: Replicas,
    store: Store,
    drain: Drain,
    *,
    end_workers: Callable[[], Awaitable[None]],
) -> Supervision | None:
    """None if the engine is not ours to start. end_workers: ends the sessions that are this very
    process by their contract, whatever the setting says of the others."""
    if settings.engine_command is None:
        return None
    (engine,) = replicas.engines

    async def forget() -> None:
        if settings.engine_restart_sessions == "end":
            await end_sessions(store)
        await end_workers()

    supervisor = Supervisor(
        tuple(
            word.replace(PORT_WORD, str(engine.address.port)) for word in settings.engine_command
        ),
        Budget(settings.engine_restarts_max if settings.engine_restart else 0),
        grace=settings.engine_stop_seconds,
        is_wanted=lambda: not drain.is_asked,
        is_ready=lambda: replicas.ready,
        on_change=lambda: engine.on_unreachable(),
        forget=forget,
    )
    return Supervision(supervisor, drain, settings.drain_seconds)


def kept_for_engine(settings: Settings) -> float:
    """Seconds at the end of the drain, which are not the clients'."""
    if settings.engine_command is None:
        return 0.0
    left = settings.drain_seconds - settings.lame_duck_seconds
    return min(settings.engine_stop_seconds, left / 2)
