"""Installs inference.sh's own clients for the tests.

`make test` runs it before pytest. 100 MB and 30 s, measured with a fast index. Without npm the
JavaScript client is left out, and its tests say which Debian package they need.
"""

import shutil
from pathlib import Path

from tests.harness.installing import Program, from_npm, from_pypi, pip_install

SELF = Path(__file__)
HERE = SELF.parent / "clients"
REQUIREMENTS = HERE / "requirements.txt"
# The first version with sessions that reads events, one with the first envelope, one in between.
ERAS = {path.stem: path for path in sorted((HERE / "eras").glob("*.txt"))}
JAVASCRIPT = (HERE / "js" / "package.json", HERE / "js" / "package-lock.json")


def _make_python(place: Path) -> None:
    from_pypi(place, REQUIREMENTS)
    for version, requirements in ERAS.items():
        pip_install(place, "--target", place / "eras" / version, "-r", requirements)


def _make_javascript(place: Path) -> None:
    from_npm(place, JAVASCRIPT, "--legacy-peer-deps")


PROGRAMS = {
    "python": Program("inferencesh-python", (SELF, REQUIREMENTS, *ERAS.values()), _make_python),
    "js": Program("inferencesh-js", (SELF, *JAVASCRIPT), _make_javascript),
}


def main() -> None:
    PROGRAMS["python"].install()
    if has_javascript():
        PROGRAMS["js"].install()


def has_javascript() -> bool:
    return shutil.which("node") is not None and shutil.which("npm") is not None


def place(kind: str) -> Path:
    return PROGRAMS[kind].place


def python() -> Path:
    return PROGRAMS["python"].python


def era(version: str) -> Path:
    """What to put before the newest version on the path."""
    return place("python") / "eras" / version


def require(kind: str) -> None:
    PROGRAMS[kind].require()


if __name__ == "__main__":
    main()
