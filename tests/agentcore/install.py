"""Installs the real AgentCore clients of the tests.

`make test` runs it before pytest. 160 MB and 30 s, measured with a fast index. Without npm and a
recent Node the JavaScript client is left out, and its test says what it needs.
"""

from pathlib import Path

from tests.harness.installing import Program, from_npm, from_pypi
from tests.harness.node import is_recent

HERE = Path(__file__).parent / "clients"
SDK = HERE / "requirements.txt"
# A program of its own: what it needs is not to decide what the SDK gets.
TOOLKIT = HERE / "toolkit.txt"
JAVASCRIPT = (HERE / "js" / "package.json", HERE / "js" / "package-lock.json")

PROGRAMS = {
    "python": Program("python", (SDK,), lambda place: from_pypi(place, SDK)),
    "toolkit": Program("toolkit", (TOOLKIT,), lambda place: from_pypi(place, TOOLKIT)),
    "js": Program("js", JAVASCRIPT, lambda place: from_npm(place, JAVASCRIPT)),
}


def main() -> None:
    for kind, program in PROGRAMS.items():
        if kind != "js" or is_recent():
            program.install()


def place(kind: str) -> Path:
    return PROGRAMS[kind].place


def python() -> Path:
    return PROGRAMS["python"].python


def require(kind: str) -> None:
    PROGRAMS[kind].require()


if __name__ == "__main__":
    main()
