"""The real engines, each started once for all tests. One that does not start is an error."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engines import install
from tests.harness.engines import EngineProcess, free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="session")
def llamacpp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    install.require("llamacpp")
    scratch = tmp_path_factory.mktemp("llamacpp")
    with EngineProcess(
        [install.python("llamacpp"), "-m", "tests.engines.llama_server", scratch / "tiny.gguf"],
        log=scratch / "log",
        ready="/health",
        directory=ROOT,
        environment={"LD_LIBRARY_PATH": install.library_path("llamacpp")},
    ) as engine:
        yield engine


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    with running_triton(tmp_path_factory.mktemp("triton") / "log", free_port()) as engine:
        yield engine


@contextmanager
def running_triton(log: Path, port: int) -> Iterator[EngineProcess]:
    install.require("triton")
    shared_memory = f"sidecar_test_{os.getpid()}_{port}_"
    engine = EngineProcess(
        _triton_command(port, shared_memory),
        log=log,
        ready="/v2/health/ready",
        port=port,
        environment={
            "LD_LIBRARY_PATH": install.library_path("triton"),
            "PYTHONPATH": str(install.packages("triton")),
            "PATH": f"{install.python('triton').parent}:{os.environ['PATH']}",
        },
    )
    try:
        with engine:
            yield engine
    finally:
        # Killed, not asked: tritonserver takes 9 s to end on SIGTERM. It leaves these behind.
        for leftover in Path("/dev/shm").glob(f"{shared_memory}*"):
            leftover.unlink()


def _triton_command(port: int, shared_memory: str) -> list[str | Path]:
    return [
        install.triton_backends().parent / "bin" / "tritonserver",
        f"--model-repository={HERE / 'triton_models'}",
        f"--backend-directory={install.triton_backends()}",
        f"--backend-config=python,shm-region-prefix-name={shared_memory}",
        "--http-address=127.0.0.1",
        f"--http-port={port}",
        "--http-header-forward-pattern=(?i)x-amzn-.*",
        "--allow-grpc=false",
        "--allow-metrics=false",
    ]
