"""Installs the real engines of the tests, each in a virtual environment of its own.

`make test` runs it before pytest. What is installed already is left alone; ENGINES_DIR moves it
out of the project's directory. 450 MB and 10 s for both, measured with a fast index.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ENGINES = ("llamacpp", "triton")
# numpy 1, which Triton's Python backend wants, has wheels for these.
TRITON_PYTHONS = ((3, 11), (3, 12))
# What a bare Debian lacks: its python3 links its own library statically.
DEBIAN_PACKAGES = {
    "libgomp.so.1": "libgomp1",
    "libpython3.11.so.1.0": "libpython3.11",
    "libpython3.12.so.1.0": "libpython3.12t64",
}


def environment(engine: str) -> Path:
    base = os.environ.get("ENGINES_DIR") or HERE.parents[1] / ".venv-engines"
    return Path(base).absolute() / engine


def python(engine: str) -> Path:
    return environment(engine) / "bin" / "python"


def packages(engine: str) -> Path:
    [found] = environment(engine).glob("lib/python3*/site-packages")
    return found


def library_path(engine: str) -> str:
    """Where the engine finds what it links with: its wheel, Debian's packages, this Python."""
    places = (
        packages(engine) / "nvidia_pytriton.libs",
        _unpacked(engine),
        sysconfig.get_config_var("LIBDIR"),
    )
    return ":".join(map(str, places))


def triton_backends() -> Path:
    return packages("triton") / "pytriton" / "tritonserver" / "backends"


def main() -> None:
    for engine in ENGINES:
        install(engine)


def install(engine: str) -> None:
    stamp, wanted = environment(engine) / ".ready", _recipe(engine)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    begin = time.monotonic()
    print(f"installing the engine {engine} into {environment(engine)}", flush=True)
    _make_environment(engine)
    if engine == "triton":
        _place_stub()
    _supply_libraries(engine)
    stamp.write_text(wanted)
    print(f"installed the engine {engine} in {time.monotonic() - begin:.0f} s", flush=True)


def require(engine: str) -> None:
    """An engine that is not installed fails the tests that need it; it does not skip them."""
    stamp = environment(engine) / ".ready"
    if not stamp.is_file() or stamp.read_text() != _recipe(engine):
        raise RuntimeError(f"the engine {engine} is not installed: python tests/engines/install.py")


def _recipe(engine: str) -> str:
    """What an environment is made from; the stamp of a finished one holds it."""
    sources = _requirements(engine).read_bytes() + Path(__file__).read_bytes()
    return f"{hashlib.sha256(sources).hexdigest()} {sys.base_prefix} {sys.version}"


def _requirements(engine: str) -> Path:
    return HERE / f"requirements-{engine}.txt"


def _make_environment(engine: str) -> None:
    if engine == "triton" and sys.version_info[:2] not in TRITON_PYTHONS:
        supported = " or ".join(f"{major}.{minor}" for major, minor in TRITON_PYTHONS)
        sys.exit(f"Triton needs Python {supported}: make clean, then make test PYTHON=python3.11")
    _run([sys.executable, "-m", "venv", "--clear", str(environment(engine))])
    pip = [str(python(engine)), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
    _run([*pip, "--no-deps", "--require-hashes", "-r", str(_requirements(engine))])


def _place_stub() -> None:
    """Put the process that runs models in this version of Python where the backend looks."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    stub = _binaries("triton")[-1]
    shutil.copy(triton_backends().parent / "python_backend_stubs" / version / stub.name, stub)
    stub.chmod(0o755)


def _binaries(engine: str) -> list[Path]:
    if engine == "llamacpp":
        return list((packages(engine) / "xllamacpp").glob("*.so"))
    server = triton_backends().parent / "bin" / "tritonserver"
    return [server, triton_backends() / "python" / "triton_python_backend_stub"]


def _supply_libraries(engine: str) -> None:
    for library in _missing_libraries(engine):
        if library in DEBIAN_PACKAGES:
            _unpack_from_debian(library, _unpacked(engine))
    if missing := _missing_libraries(engine):
        sys.exit(f"the engine {engine} cannot run here without {' '.join(sorted(missing))}")


def _missing_libraries(engine: str) -> set[str]:
    listing = subprocess.run(
        ["ldd", *_binaries(engine)],
        env=os.environ | {"LD_LIBRARY_PATH": library_path(engine)},
        capture_output=True,
        text=True,
    ).stdout
    return {line.split()[0] for line in listing.splitlines() if line.endswith("=> not found")}


def _unpack_from_debian(library: str, destination: Path) -> None:
    """Beside the engine only: no root is needed, and nothing of the system changes."""
    with tempfile.TemporaryDirectory() as scratch:
        apt = ["apt-get", "-qq", f"-oDir::State={scratch}", f"-oDir::Cache={scratch}"]
        apt += ["-oDir::State::status=/var/lib/dpkg/status", "-oAPT::Sandbox::User=root"]
        _run([*apt, "update"])
        _run([*apt, "download", DEBIAN_PACKAGES[library]], scratch)
        [archive] = Path(scratch).glob("*.deb")
        _run(["dpkg-deb", "-x", archive, scratch])
        [found] = Path(scratch).rglob(library)
        destination.mkdir(exist_ok=True)
        shutil.copy(found, destination / library)


def _unpacked(engine: str) -> Path:
    return environment(engine) / "debian"


def _run(command: Sequence[str | Path], directory: str | None = None) -> None:
    try:
        subprocess.run(command, cwd=directory, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"an engine of the tests could not be installed: {error}")


if __name__ == "__main__":
    main()
