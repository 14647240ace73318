"""The commands that tell of presets, as processes."""

import json
import os
import subprocess
import sys

import pytest

from sidecar.delegation.grammar import source


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("SIDECAR_")}
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *arguments],
        env=inherited | variables,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_presets_are_listed() -> None:
    result = run("presets")
    listed = [line.split()[0] for line in result.stdout.splitlines()]
    assert (result.returncode, result.stderr) == (0, "")
    assert [name for name in listed if name != "needs"] == source.names()


def test_one_is_printed_with_what_it_extends() -> None:
    result = run("presets", "sglang-tree")
    tree = json.loads(result.stdout)
    assert result.returncode == 0
    assert (tree["create"]["path"], tree["create"]["body"]["streaming"]) == ("/open_session", False)


def test_one_that_there_is_not() -> None:
    result = run("presets", "sglan")
    assert (result.returncode, result.stdout) == (2, "")
    assert "did you mean sglang?" in result.stderr


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_mistake_in_a_preset_is_one_of_the_configuration(command: str) -> None:
    result = run(command, SIDECAR_ENGINE_PRESET="triton", SIDECAR_WORKERS="x")
    assert result.returncode == 2
    lines = result.stderr.splitlines()
    assert lines[0].startswith("SIDECAR_WORKERS: ")
    assert lines[1:] == [
        "SIDECAR_ENGINE_PRESET: triton.json: request.path: "
        "needs the variable SIDECAR_PRESET_MODEL; set it",
        "SIDECAR_ENGINE_PRESET: triton.json: close.path: "
        "needs the variable SIDECAR_PRESET_MODEL; set it",
        "SIDECAR_ENGINE_PRESET: triton.json: close.body.inputs: "
        "needs the variable SIDECAR_PRESET_CLOSE_INPUTS; set it",
    ]


def test_only_presets_takes_a_name() -> None:
    assert run("check", "sglang").returncode == 2
