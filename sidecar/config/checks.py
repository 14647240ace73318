"""Settings that are right one by one and wrong together."""

from collections.abc import Callable

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


# Which setting a mistake is reported for, the others that the check reads, the check.
CHECKS: tuple[tuple[str, tuple[str, ...], Callable[[Settings], str | None]], ...] = (
    ("lame_duck_seconds", ("drain_seconds",), _lame_duck_is_part_of_the_drain),
    ("admin_port", ("port",), _ports_differ),
    ("engine_url", ("host", "port"), _engine_is_not_ourselves),
)
