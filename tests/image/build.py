"""Images from a Dockerfile by buildah, which needs no daemon, on a base made by debootstrap."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
BASE = "localhost/base"
ENVIRONMENT = (
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "PYTHONPATH=/engine",
    "PIP_CONSTRAINT=/engine/constraints.txt",
)
_LIMIT = 300
_ROOM = "4g"
# More than half of what debootstrap makes; each image and container is a copy of it all.
_UNUSED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/locale", "usr/share/doc")


@dataclass(frozen=True)
class Image:
    """files: the root of its file system, to look at or to run in. config: as Docker has it."""

    name: str
    files: Path
    config: dict[str, Any]


class Builder:
    """Its images are in memory, in `scratch`: each of them, and each container, is a whole copy."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._store = (
            "--storage-driver=vfs",
            f"--root={scratch}/store",
            f"--runroot={scratch}/run",
        )

    def __enter__(self) -> Self:
        _run("mount", "-t", "tmpfs", "-o", f"size={_ROOM}", "tmpfs", str(self._scratch))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _run("umount", "--recursive", "--lazy", str(self._scratch))

    def make_base(self) -> None:
        """A Debian with Python, as many engines' images are; `base` has its paths."""
        name = self._buildah("from", "--pull-never", "scratch")
        files = self._buildah("mount", name)
        packages = "--include=python3,python3-venv"
        _run("debootstrap", "--variant=minbase", packages, "bookworm", files)
        for unused in _UNUSED:
            shutil.rmtree(Path(files, unused))
        _own_ways(Path(files, "engine"))
        self.base = frozenset(paths(Path(files)))
        for variable in ENVIRONMENT:
            self._buildah("config", f"--env={variable}", name)
        self._buildah("config", "--workingdir=/engine", name)
        self._buildah("commit", "--rm", name, BASE)

    def build(self, dockerfile: Path, name: str, **arguments: str) -> Image:
        given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        self._buildah(
            *("build", "--isolation=chroot", "--format=docker", "--pull-never", f"--tag={name}"),
            *(f"--volume={path}:{inside}:ro" for path, inside in self._mounts()),
            *(*given, f"--file={dockerfile}", str(ROOT)),
        )
        return self.image(name)

    def image(self, name: str) -> Image:
        files = Path(self._buildah("mount", self._buildah("from", "--pull-never", name)))
        said = json.loads(self._buildah("inspect", "--type=image", name))
        return Image(name, files, said["Docker"]["config"])

    def _mounts(self) -> list[tuple[str, str]]:
        """pip reaches packages in the build as it does here, and nothing of that is in an image."""
        config = self._scratch / "pip.conf"
        text = _pip_config()
        config.write_text(text)
        paths = set(re.findall(r"(?<![\w:/])(?:file://)?(/[^\s]+)", text))
        local = sorted(path.removesuffix("/simple") for path in paths if Path(path).exists())
        return [(str(config), "/etc/pip.conf"), *((path, path) for path in local)]

    def _buildah(self, *arguments: str) -> str:
        return _run("buildah", *self._store, *arguments).strip()


def _own_ways(folder: Path) -> None:
    """What an engine has on its PYTHONPATH and in its working directory is fatal to the sidecar."""
    folder.mkdir()
    for name in ("asyncio", "sidecar", "sitecustomize"):
        Path(folder, f"{name}.py").write_text("raise SystemExit(66)\n")
    Path(folder, "constraints.txt").write_text("aiohttp==3.8.0\n")


def paths(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            yield os.path.join(folder, name).removeprefix(str(root))


def _pip_config() -> str:
    """What pip has learned from its files and variables, as one file."""
    sections: dict[str, dict[str, str]] = {}
    listed = _run(sys.executable, "-m", "pip", "config", "list")
    for name, value in re.findall(r"^([^=\n]+)=(.*)$", listed, re.MULTILINE):
        section, _, key = name.rpartition(".")
        written = " ".join(str(ast.literal_eval(value)).split())
        sections.setdefault("global" if section == ":env:" else section, {})[key] = written
    return "".join(
        f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
        for section, values in sections.items()
    )


def _run(*command: str) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LIMIT
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
