"""From text to numbers, times, sizes and words: one grammar, whichever source the text came from.

Every parser takes text and raises ValueError with one sentence: what is wrong, and the fix.
"""

import re
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Keeps every timer and every printed date in range; no process of ours runs that long.
LONGEST = 365 * 86400.0

_ON, _OFF = frozenset({"on", "true", "1", "yes"}), frozenset({"off", "false", "0", "no"})

_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)"  # bounded: "9" * 400 would be infinite
_SECONDS = re.compile(_NUMBER)
_PARTS = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in ("d", "h", "m", "s", "ms")))
_WEIGHTS = (86400.0, 3600.0, 60.0, 1.0, 0.001)

_WHOLE = re.compile(r"[0-9]{1,15}")
_SIZE = re.compile(r"([0-9]{1,15})([a-z]*)")
_BYTES = {
    "": 1, "b": 1,
    "kb": 1000, "mb": 1000**2, "gb": 1000**3, "tb": 1000**4,
    "kib": 1024, "mib": 1024**2, "gib": 1024**3, "tib": 1024**4,
}  # fmt: skip

_LEVELS = {"warn": "warning", "fatal": "error", "critical": "error", "notset": "debug"}
LEVELS = ("debug", "info", "warning", "error")


def wrong(text: str, problem: str, fix: str) -> ValueError:
    shown = text if len(text) <= 60 else text[:57] + "..."
    return ValueError(f'"{shown}" {problem}; {fix}')


def or_off(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    def parsed(text: str) -> T | None:
        if text.lower() == "off":
            return None
        try:
            return parse(text)
        except ValueError as error:
            raise ValueError(f"{error}, or off") from None

    return parsed


def switch(text: str) -> bool:
    word = text.lower()
    if word in _ON:
        return True
    if word in _OFF:
        return False
    raise wrong(text, "is neither on nor off", "write on or off")


def duration(at_least: float = 0.0) -> Callable[[str], float]:
    def parsed(text: str) -> float:
        seconds = _seconds(text)
        if seconds is None:
            raise wrong(text, "is not a time", 'write seconds or a form such as "20m" or "1h30m"')
        if seconds < at_least:
            raise wrong(text, "is too short", f"give {at_least:g} seconds or more")
        if seconds > LONGEST:
            raise wrong(text, "is too long", "give a year (365d) or less")
        return seconds

    return parsed


def _seconds(text: str) -> float | None:
    if _SECONDS.fullmatch(text):
        return float(text)
    parts = _PARTS.fullmatch(text)
    if parts is None or not text:
        return None
    found = zip(parts.groups(), _WEIGHTS, strict=True)
    return sum(float(number) * weight for number, weight in found if number)


def size(at_least: int = 0) -> Callable[[str], int]:
    def parsed(text: str) -> int:
        found = _SIZE.fullmatch(text.lower())
        if found is None or found[2] not in _BYTES:
            raise wrong(text, "is not a size", 'write bytes or a form such as "64MiB" or "10MB"')
        count = int(found[1]) * _BYTES[found[2]]
        if count < at_least:
            raise wrong(text, "is too small", f"give {at_least} bytes or more")
        return count

    return parsed


def count(text: str) -> int:
    if _WHOLE.fullmatch(text) and int(text) > 0:
        return int(text)
    raise wrong(text, "is not a whole number above 0", "give 1 or more")


def whole(text: str) -> int:
    if _WHOLE.fullmatch(text):
        return int(text)
    raise wrong(text, "is not a whole number", "give 0 or more")


def port(text: str) -> int:
    if _WHOLE.fullmatch(text) and int(text) <= 65535:
        return int(text)
    if text.startswith("tcp://"):
        # What Kubernetes puts into every pod beside a Service whose name is "sidecar".
        raise wrong(
            text, "is a Kubernetes service link", "set enableServiceLinks: false in the pod"
        )
    raise wrong(text, "is not a port", "give 0 to 65535 (0 takes a free one)")


def choice(*words: str) -> Callable[[str], str]:
    def parsed(text: str) -> str:
        if text.lower() in words:
            return text.lower()
        raise wrong(text, "is not a choice here", f"write {' or '.join(words)}")

    return parsed


def log_level(text: str) -> str:
    """A word, or a number of Python's logging module: platforms hand down either."""
    word = _LEVELS.get(text.lower(), text.lower())
    if word in LEVELS:
        return word
    if _WHOLE.fullmatch(text):
        return LEVELS[min(max((int(text) + 9) // 10, 1), 4) - 1]
    raise wrong(text, "is not a log level", f"write {', '.join(LEVELS)}")


def only(neutral: T, parse: Callable[[str], T]) -> Callable[[str], T]:
    """For a name that is kept for a later version: nothing but its neutral value is taken."""

    def parsed(text: str) -> T:
        if parse(text) != neutral:
            raise wrong(text, "is not supported in this version", "remove it")
        return neutral

    return parsed


def nothing(text: str) -> None:
    raise wrong(text, "is not supported in this version", "remove it")
