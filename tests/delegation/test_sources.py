"""Where a preset comes from: the package, an own file, what that extends, variables, MHCS."""

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.config import ConfigurationError, load
from sidecar.config.preset import preset_of
from sidecar.delegation.calling import rendered
from sidecar.delegation.grammar import source
from sidecar.delegation.grammar.load import load_preset
from sidecar.delegation.view import RequestScope
from sidecar.engine.request import EngineRequest


def tree(directory: Path, **files: dict[str, Any]) -> dict[str, Any]:
    """What `own` says, with what it extends."""
    for name, content in files.items():
        (directory / f"{name}.json").write_text(json.dumps(content))
    return source.read(str(directory / "own.json")).tree


BASE: dict[str, Any] = {
    "create": {"path": "/a", "body": {"x": {"y": 1, "z": 2}}},
    "id": {"generate": "uuid4"},
}


DEEP = {"y": 3, "z": 2}


@pytest.mark.parametrize(
    ("own", "there"),
    [
        ({"create.path": "/b"}, {**BASE, "create": {**BASE["create"], "path": "/b"}}),
        ({"create.body.x.y": 3}, {**BASE, "create": {"path": "/a", "body": {"x": DEEP}}}),
        ({"create.body": {}}, {**BASE, "create": {"path": "/a", "body": {}}}),
        ({"create": {"path": "/c"}}, {**BASE, "create": {"path": "/c"}}),
        ({"create": None}, {"id": BASE["id"]}),
        ({"create.body.x": None}, {**BASE, "create": {"path": "/a", "body": {}}}),
        ({"close.path": "/d"}, {**BASE, "close": {"path": "/d"}}),
        ({"create.path": "/e", "create": {"path": "/c"}}, {**BASE, "create": {"path": "/e"}}),
        (
            {"request.set.body.deep.id": 1, "request.set_first": {}},
            {**BASE, "request": {"set": {"body.deep.id": 1}, "set_first": {}}},
        ),
    ],
)  # fmt: skip
def test_extended(tmp_path: Path, own: dict[str, Any], there: dict[str, Any]) -> None:
    assert tree(tmp_path, base=BASE, own={"extends": "./base.json", **own}) == there


def test_extended_twice_and_beside_each_other(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.json").write_text(json.dumps(BASE | {"extends": "sglang"}))
    middle = {"extends": "./more/base.json", "create.path": "/m"}
    found = tree(tmp_path, middle=middle, own={"extends": "./middle.json"})
    assert found["create"]["path"] == "/m"
    assert found["close"]["path"] == "/close_session"


def test_a_mistake_is_told_of_the_file_that_made_it(tmp_path: Path) -> None:
    own = {"extends": "./base.json", "create.body.x.y": 3}
    tree(tmp_path, base=BASE, own=own)
    found = source.read(str(tmp_path / "own.json"))
    assert found.place(("create", "body", "x", "y")) == f"{tmp_path / 'own.json'}: create.body.x.y"
    assert found.place(("create", "body", "x", "z")) == f"{tmp_path / 'base.json'}: create.body.x.z"
    assert found.place(("nowhere",)) == f"{tmp_path / 'own.json'}: nowhere"


@pytest.mark.parametrize(
    ("text", "given", "found"),
    [
        ("${N:int}", "7", 7),
        ("${N:float}", "7", 7.0),
        ("${N}", "7", "7"),
        ("${N:str}", "7", "7"),
        ("${N:json}", '{"a": [1.5, null]}', {"a": [1.5, None]}),
        ("a ${N} b ${N:int}", "7", "a 7 b 7"),
    ],
)
def test_variables(tmp_path: Path, text: str, given: str, found: Any) -> None:
    own = {"create": {"path": "/x", "body": {"n": text}}}
    tree(tmp_path, own=own)
    made = load_preset(str(tmp_path / "own.json"), {"N": given})
    assert made.create is not None
    request = rendered(made.create.call, RequestScope("s", None, 1.0, None))
    assert json.loads(request.body or b"") == {"n": found}


# In the settings


def test_by_name_with_variables_from_the_environment() -> None:
    environ = {"SIDECAR_ENGINE_PRESET": "mlserver", "SIDECAR_PRESET_MODEL": "m"}
    preset = preset_of(load(environ))
    assert preset is not None and preset.upstream_path == "/v2/models/m/infer"


def test_from_the_configuration_file(tmp_path: Path) -> None:
    file = tmp_path / "sidecar.toml"
    file.write_text('engine_preset = "llamacpp"\npreset_slots = 6\n')
    preset = preset_of(load({"SIDECAR_CONFIG": str(file)}))
    assert preset is not None and preset.id.size == 6
    environ = {"SIDECAR_CONFIG": str(file), "SIDECAR_PRESET_SLOTS": "3"}
    preset = preset_of(load(environ))
    assert preset is not None and preset.id.size == 3


def test_without_a_preset_its_variables_are_let_be() -> None:
    assert preset_of(load({"SIDECAR_PRESET_MODEL": "m"})) is None


def test_its_mistakes_come_with_those_of_the_settings() -> None:
    environ = {"SIDECAR_ENGINE_PRESET": "triton", "SIDECAR_PORT": "x", "SIDECAR_PRESET_MODEL": "m"}
    with pytest.raises(ConfigurationError) as error:
        load(environ)
    assert [each.partition(": ")[0] for each in error.value.mistakes] == [
        "SIDECAR_PORT",
        "SIDECAR_ENGINE_PRESET",
    ]


def test_defaults_under_mhcss_names() -> None:
    environ = {
        "SIDECAR_ENGINE_PRESET": "sglang",
        "SAGEMAKER_TRANSFORMS_CREATE_SESSION_DEFAULTS": '{"body.capacity_of_str_len": 1}',
        "SAGEMAKER_TRANSFORMS_CLOSE_SESSION_DEFAULTS": '{"body.force": false}',
    }
    preset = preset_of(load(environ))
    assert preset is not None and preset.create is not None and preset.close is not None
    scope = RequestScope("s", "e", 1.0, None)
    created = json.loads(rendered(preset.create.call, scope).body or b"")
    assert created["capacity_of_str_len"] == 4096, "what the preset says wins"
    closed = json.loads(rendered(preset.close.call, scope).body or b"")
    assert closed == {"session_id": "e", "force": False}


# The words of model-hosting-container-standards


SESSION = 'headers."X-Amzn-SageMaker-Session-Id"'
MHCS: dict[str, Any] = {
    "create": {
        "path": "/open",
        "request_shape": {"capacity": "query.capacity", "body.meta.user": "headers.'X-User'"},
        "response_shape": {"X-Amzn-SageMaker-New-Session-Id": "session_id", "content": "message"},
    },
    "close": {
        "path": "/close",
        "request_shape": {"session_id": "headers.'X-Amzn-SageMaker-Session-Id'"},
        "response_shape": {"content": "message"},
    },
    "request": {"request_shape": {"metadata.session_id": SESSION}},
}


def mhcs(directory: Path, own: dict[str, Any]) -> Any:
    tree(directory, own=own)
    return load_preset(str(directory / "own.json"), {})


def sent(call: Any, engine_id: str | None = "e1") -> Any:
    origin = EngineRequest("POST", "/invocations?capacity=9", [b"x-user: ada\r\n"], b"")
    request = rendered(call, RequestScope("s1", engine_id, 1.0, origin))
    return json.loads(request.body or b"")


def test_shapes(tmp_path: Path) -> None:
    preset = mhcs(tmp_path, MHCS)
    assert sent(preset.create.call) == {"capacity": "9", "meta": {"user": "ada"}}
    assert sent(preset.close.call) == {"session_id": "e1"}
    view = {"status": 200, "headers": {}, "body": {"session_id": "e1", "message": "hello"}}
    assert preset.create.id(view) == "e1"
    [setting] = preset.set
    assert str(setting.place) == "body.metadata.session_id"
    assert setting.render(RequestScope("s1", "e1", 1.0, None)) == "e1"


@pytest.mark.parametrize(
    "text", ["body", "body.session_id", "body.data.id", 'headers."X-Session-Id"', "session_id"]
)
def test_the_path_of_the_id_in_a_reply(tmp_path: Path, text: str) -> None:
    create = {"path": "/open", "engine_response_session_id_path": text}
    preset = mhcs(tmp_path, {"create": create})
    bodies = {
        "body": "e1",
        "body.data.id": {"data": {"id": "e1"}},
    }
    body = bodies.get(text, {"session_id": "e1"})
    view = {"status": 200, "headers": {"X-Session-Id": "e1"}, "body": body}
    assert preset.create.id(view) == "e1"


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("body.session_id", {"session_id": "e1"}),
        ("body.metadata.session_id", {"metadata": {"session_id": "e1"}}),
        ("body.id", {"id": "e1"}),
        ("session_id", {"session_id": "e1"}),
    ],
)
def test_the_path_of_the_id_in_a_request(tmp_path: Path, text: str, there: Any) -> None:
    key = "engine_request_session_id_path"
    preset = mhcs(tmp_path, {"close": {"path": "/close", key: text}, "request": {key: text}})
    assert sent(preset.close.call) == there
    [setting] = preset.set
    assert str(setting.place).removeprefix("body.") == text.removeprefix("body.")


@pytest.mark.parametrize(
    ("own", "place", "words"),
    [
        ({"close": {"path": "/c", "request_shape": {"id": "heders.X"}}}, None, ""),
        (
            {"close": {"path": "/c", "request_shape": {"id": "a["}}},
            "close.request_shape.id",
            "JMES",
        ),
        ({"close": {"path": "/c", "response_shape": {"contnt": "x"}}}, "contnt", "mean content?"),
        ({"request": {"request_shape": {"a..b": "body"}}}, "request.request_shape.a..b", "empty"),
    ],
)
def test_mistakes_in_shapes(tmp_path: Path, own: Any, place: str | None, words: str) -> None:
    """A name that is nowhere is allowed in MHCS's shapes: nothing is sent for it."""
    if place is None:
        assert sent(mhcs(tmp_path, own).close.call) == {}
        return
    with pytest.raises(source.PresetError) as error:
        mhcs(tmp_path, own)
    assert place in error.value.mistakes[0] and words in error.value.mistakes[0]
