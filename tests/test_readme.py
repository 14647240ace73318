"""The README's curls are run as they stand, and give what it says they give."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()
SHOWN = re.findall(r"```console\n\$ (curl .*?)\n(.*?)```", README, re.DOTALL)

SESSION = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CHANGING = (
    (SESSION, "<id>"),
    (r"Expires=\S+", "Expires=<when>"),
    (r"Date: .*", "Date: <when>"),
    (r"Server: .*", "Server: <engine>"),
)


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """The data port of `make demo`, once it serves."""
    demo = subprocess.Popen(
        [sys.executable, "-u", "-m", "sidecar.demo"], stdout=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    try:
        said = ""
        while "/metrics" not in said:
            line = demo.stdout.readline()
            assert line, f"the demo ended: {said}"
            said += line
        found = re.search(r"the sidecar in front of it on port (\d+)", said)
        assert found
        yield found[1]
    finally:
        demo.terminate()
        demo.communicate(timeout=30)


def constant(text: str) -> str:
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    return text.replace("\r", "").strip()


def test_the_three_curls_have_their_real_answers(port: str) -> None:
    assert len(SHOWN) == 3
    session = re.search(SESSION, README)
    assert session
    mine = session[0]
    for command, answer in SHOWN:
        real = subprocess.run(
            ["bash", "-c", command.replace(":8080", f":{port}").replace(session[0], mine)],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
        assert constant(real) == constant(answer)
        if found := re.search(SESSION, real):
            mine = found[0]
