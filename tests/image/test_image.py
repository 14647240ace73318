"""Built from the Dockerfile, run as root and as nobody in particular: the README works inside."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from sidecar import __version__
from tests.harness.engines import free_port
from tests.image.build import BASE, ENVIRONMENT, ROOT, Builder, Image, paths
from tests.image.container import Container
from tests.life.asking import takes_connections
from tests.test_readme import SESSION, SHOWN, constant

COMMAND = "/usr/local/bin/session-sidecar"
HOME = "/opt/session-sidecar"
DEMO = f"{HOME}/bin/python3 -I -m sidecar.demo.engine --port {{port}}"
LABELS = {
    "com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true",
    "org.opencontainers.image.title": "session-sidecar",
    "org.opencontainers.image.version": __version__,
    "org.opencontainers.image.licenses": "Apache-2.0",
    "org.opencontainers.image.revision": "abc123",
}


@pytest.fixture(scope="module")
def builder() -> Iterator[Builder]:
    for package in ("buildah", "debootstrap"):
        if shutil.which(package) is None:
            pytest.skip(f"needs the Debian package {package}")
    if os.geteuid() != 0:
        pytest.skip("needs root, as debootstrap does")
    with (
        tempfile.TemporaryDirectory(prefix="sidecar-image-") as scratch,
        Builder(Path(scratch)) as builder,
    ):
        builder.make_base()
        yield builder


@pytest.fixture(scope="module")
def image(builder: Builder) -> Image:
    name = "localhost/session-sidecar"
    return builder.build(ROOT / "Dockerfile", name, BASE_IMAGE=BASE, REVISION="abc123")


def variables(**more: str) -> dict[str, str]:
    """Of a container that has the machine's network for itself and others."""
    return {
        "SIDECAR_HOST": "127.0.0.1",
        "SIDECAR_PORT": str(free_port()),
        "SIDECAR_ADMIN_PORT": "0",
        "SIDECAR_ENGINE_URL": f"http://127.0.0.1:{free_port()}",
        "SIDECAR_LAME_DUCK_SECONDS": "0",
        **more,
    }


def ready(container: Container, port: str) -> bool:
    for _ in range(300):
        if container.process.poll() is not None:
            return False
        if answers(int(port)):
            return True
        time.sleep(0.1)
    return False


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_what_the_image_says_of_itself(image: Image) -> None:
    config = image.config
    assert config["Labels"].items() >= LABELS.items()
    assert (config["Entrypoint"], config["Cmd"]) == ([COMMAND], ["serve"])
    assert (config["User"], config["StopSignal"]) == ("10001", "SIGTERM")
    assert config["ExposedPorts"].keys() == {"8080/tcp"}
    assert config["Healthcheck"]["Test"] == ["CMD", COMMAND, "healthcheck"]


def test_nothing_else_of_the_base_has_changed(builder: Builder, image: Image) -> None:
    """The engine's own Python and packages; and nothing of how this machine reaches packages."""
    own = set(paths(image.files))
    assert builder.base <= own
    added = {path for path in own - builder.base if not path.startswith(HOME)}
    assert added == {COMMAND}
    assert set(image.config["Env"]) == set(ENVIRONMENT)
    assert not Path(image.files, HOME[1:], "bin", "pip").exists()


@pytest.mark.parametrize("user", ["0", "10001", "54321"])
def test_the_readme_works_inside(image: Image, user: str) -> None:
    environment = variables(SIDECAR_ENGINE_COMMAND=DEMO)
    port = environment["SIDECAR_PORT"]
    with Container(image, "serve", user=user, **environment) as container:
        assert ready(container, port)
        assert container.run(*image.config["Healthcheck"]["Test"][1:]).returncode == 0
        assert container.run("touch", "/opt/x", "/tmp/x").returncode == 1  # it is read-only
        session = re.search(SESSION, SHOWN[0][1])
        assert session
        mine = session[0]
        for command, answer in SHOWN:
            real = ask(command.replace(":8080", f":{port}").replace(session[0], mine))
            assert constant(real) == constant(answer)
            if found := re.search(SESSION, real):
                mine = found[0]
        code, log = container.stop()
    assert code == 0, log
    assert "/dev/shm/sagemaker_sessions" not in log  # nobody had to complain of it


def ask(command: str) -> str:
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_unhealthy_one_says_so(image: Image) -> None:
    environment = variables()
    with Container(image, user="10001", **environment) as container:
        until = time.monotonic() + 20
        check = ("healthcheck",)
        while "answered 503" not in (said := container.run(COMMAND, *check).stderr):
            assert time.monotonic() < until, said
            time.sleep(0.1)
        assert container.run(COMMAND, *check).returncode == 1
        assert container.stop()[0] == 0


def test_the_engine_s_modules_are_not_the_sidecar_s(image: Image) -> None:
    """Those of the base are fatal, on PYTHONPATH and in the working directory; to workers too."""
    assert image.config["WorkingDir"] == "/engine"
    environment = variables(SIDECAR_WORKERS="2", SIDECAR_ENGINE_COMMAND=DEMO)
    with Container(image, "serve", user="10001", **environment) as container:
        assert container.run("python3", "-c", "").returncode != 0
        assert ready(container, environment["SIDECAR_PORT"])
        assert container.stop()[0] == 0


def test_the_extras_are_inside(image: Image) -> None:
    """Neither a store at an address nor traces ask for anything to be installed."""
    environment = variables(
        SIDECAR_ENGINE_COMMAND=DEMO,
        SIDECAR_STORE=f"redis://127.0.0.1:{free_port()}",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}",
    )
    with Container(image, "serve", user="10001", **environment) as container:
        assert ready(container, environment["SIDECAR_PORT"])
        code, log = container.stop()
    assert code == 0, log
    assert "pip install" not in log


def test_a_wrong_engine_ends_the_container_with_a_word(image: Image) -> None:
    words = ("run", "--", "vllm", "serve")
    with Container(image, *words, user="0", **variables()) as container:
        code, log = container.ended()
    assert code == 127
    assert "the engine's command cannot be started: vllm: No such file or directory" in log


def test_the_example_for_sagemaker(builder: Builder, image: Image) -> None:
    """As the platform starts it: `IMAGE serve`, as root, in a range of ports that it gives."""
    file, tag = ROOT / "config" / "sagemaker.Dockerfile", "localhost/sagemaker"
    made = builder.build(file, tag, ENGINE_IMAGE=image.name)
    words = [word for word in made.config["Env"] if word.startswith("SIDECAR_ENGINE_COMMAND=")]
    assert "--port {port}" in words[0]
    assert (made.config["User"], made.config["Entrypoint"]) == ("root", [COMMAND])
    only = free_port()
    environment = {
        "SAGEMAKER_BIND_TO_PORT": str(free_port()),
        "SAGEMAKER_SAFE_PORT_RANGE": f"{only}-{only}",
        "SIDECAR_ADMIN_PORT": "off",
        "SIDECAR_ENGINE_COMMAND": DEMO,
    }
    with Container(made, "serve", user="0", **environment) as container:
        assert ready(container, environment["SAGEMAKER_BIND_TO_PORT"])
        assert takes_connections(only)
        code, log = container.stop()
    assert code == 0, log
