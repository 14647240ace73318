"""Settings that are right one by one and wrong together."""

from collections.abc import Callable

from sidecar.config.names import PORT_WORD
from sidecar.config.settings import Settings

EVERY_ADDRESS = ("0.0.0.0", "::")
_THIS_MACHINE = (*EVERY_ADDRESS, "127.0.0.1", "::1", "localhost")


def _lame_duck_is_part_of_the_drain(settings: Settings) -> str | None:
    if settings.lame_duck_seconds < settings.drain_seconds:
        return None
    return (
        f"{settings.lame_duck_seconds:g} seconds are part of SIDECAR_DRAIN_SECONDS, which is "
        f"{settings.drain_seconds:g}; make it less than that"
    )


def _ports_differ(settings: Settings) -> str | None:
    if not settings.port or settings.port != settings.admin_port:
        return None
    return f"{settings.port} is the data port too; give another one, 0 or off"


def _engine_is_not_ourselves(settings: Settings) -> str | None:
    for engine in settings.engine_url:
        ours = settings.host in (*EVERY_ADDRESS, engine.host)
        if ours and engine.host in _THIS_MACHINE and engine.port == settings.port:
            return f"{engine} is the sidecar's own data port; give the engine's address"
    return None


def _one_engine_is_started(settings: Settings) -> str | None:
    if settings.engine_command is None:
        return None
    if len(settings.engine_url) > 1:
        return "one engine is started, and SIDECAR_ENGINE_URL names several; give one address"
    if settings.engine_url[0].path and PORT_WORD in " ".join(settings.engine_command):
        return f"SIDECAR_ENGINE_URL is a socket and has no port; leave out {PORT_WORD}"
    return None


def _sessions_that_end_are_ours(settings: Settings) -> str | None:
    if settings.engine_restart_sessions == "keep" or settings.store == "tmpfs":
        return None
    return "would end the sessions of every sidecar at that store; write keep"


# Which setting a mistake is reported for, the others that the check reads, the check.
CHECKS: tuple[tuple[str, tuple[str, ...], Callable[[Settings], str | None]], ...] = (
    ("lame_duck_seconds", ("drain_seconds",), _lame_duck_is_part_of_the_drain),
    ("admin_port", ("port",), _ports_differ),
    ("engine_url", ("host", "port"), _engine_is_not_ourselves),
    ("engine_command", ("engine_url",), _one_engine_is_started),
    ("engine_restart_sessions", ("store",), _sessions_that_end_are_ours),
)
