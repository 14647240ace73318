"""The quickstarts: their commands exist, their links lead somewhere, their Python runs."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.examples.shipped import ROOT
from tests.harness.process import SidecarProcess
from tests.harness.recording_engine import RecordingEngine

PAGES = sorted([*(ROOT / "docs").glob("quickstart-*.md"), ROOT / "docs" / "supervisor.md"])
BLOCK = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
PYTHON = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs" / "quickstart-sagemaker.md").read_text(), re.DOTALL
)
AWS = {
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def commands(page: Path) -> Iterator[list[str]]:
    for block in BLOCK.findall(page.read_text()):
        for line in re.findall(r"session-sidecar ((?:run|serve|check|config)\b.*)", block):
            yield line.partition("#")[0].split()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_is_one_that_the_sidecar_takes(page: Path) -> None:
    for words in commands(page):
        checked = subprocess.run(
            [sys.executable, "-m", "sidecar", "check", *words[1:]], capture_output=True, text=True
        )
        assert checked.returncode == 0, (words, checked.stderr)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_and_files_are_there(page: Path) -> None:
    text = page.read_text()
    named = re.findall(r"\]\(([^)#:]+)\)", text)
    assert all((page.parent / link).resolve().exists() for link in named)
    assert all((ROOT / path).exists() for path in re.findall(r"-f (\S+)", text))
    assert all((ROOT / path).exists() for path in re.findall(r"`(tests/\S+)`", text))


class Aws(BaseHTTPRequestHandler):
    """Says yes to whatever botocore lets through: it checks parameters before it sends them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        arn = "arn:aws:sagemaker:us-east-1:000000000000:endpoint/chat"
        names = ("ModelArn", "EndpointConfigArn", "EndpointArn")
        body = json.dumps({"EndpointStatus": "InService"} | dict.fromkeys(names, arn)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        self.server.asked.append(self.headers["X-Amz-Target"])  # type: ignore[attr-defined]


def test_the_deployment_is_what_botocore_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    with ThreadingHTTPServer(("127.0.0.1", 0), Aws) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
        try:
            exec(
                PYTHON[0],
                {"ROLE": f"arn:aws:iam::{0:012}:role/r", "IMAGE": "i", "MODEL": "s3://b/"},
            )
        finally:
            server.shutdown()
            thread.join()
    assert [target.partition(".")[2] for target in server.asked] == [  # type: ignore[attr-defined]
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "DescribeEndpoint",
    ]


async def test_the_session_opens_is_used_and_closes() -> None:
    script = "import boto3\n" + PYTHON[1] + "\nprint(session)"
    async with RecordingEngine() as engine, SidecarProcess(engine.url) as sidecar:
        environment = {**AWS, "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": sidecar.url}
        session = await python(script, environment)
        (used,) = (record for record in engine.records if b"hello" in record.body)
        assert used.values(b"x-amzn-sagemaker-session-id") == [session.encode()]


async def python(script: str, environment: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script), env=environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    return said.decode().strip()
