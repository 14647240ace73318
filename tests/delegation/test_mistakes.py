"""Every mistake in a preset is told at once, with its file, its key and the fix."""

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.delegation.grammar.load import load_preset
from sidecar.delegation.grammar.source import PresetError
from sidecar.delegation.grammar.templates import Defaults

CALL = {"path": "/x"}


def mistakes(path: Path, text: str, given: dict[str, str], defaults: Any = None) -> list[str]:
    file = path / "own.json"
    file.write_text(text)
    with pytest.raises(PresetError) as error:
        load_preset(str(file), given, defaults or Defaults())
    return [each.replace(f"{path}/", "") for each in error.value.mistakes]


@pytest.mark.parametrize(
    ("tree", "place", "words"),
    [
        ({"creat": {}}, "creat", "there is no such key; did you mean create?"),
        ({"create": CALL | {"bdy": {}}}, "create.bdy", "did you mean body?"),
        ({"create": []}, "create", "is no object; write {…}"),
        ({"create": {}}, "create.path", "is missing"),
        ({"create": {"path": "x"}}, "create.path", 'of a URL; let it start with "/"'),
        ({"create": {"path": "/x y"}}, "create.path", "is not the path of a URL"),
        ({"create": {"path": 1}}, "create.path", "1 is not the path of a URL; write text"),
        ({"create": CALL | {"method": "HEAD"}}, "create.method", '"HEAD" is no choice; '),
        ({"create": CALL | {"timeout": 0}}, "create.timeout", "0 is not a number of seconds"),
        ({"create": CALL | {"ok": ["200"]}}, "create.ok", "is not the status of an answer"),
        ({"create": CALL | {"ok": []}}, "create.ok", "is an empty list; remove it"),
        ({"create": CALL | {"id": "body.["}}, "create.id", "is not JMESPath"),
        ({"create": CALL | {"id": "session_id"}}, "create.id", "there is status, headers, body"),
        ({"create": CALL | {"id": "lenght(body)"}}, "create.id", "did you mean length?"),
        ({"create": CALL | {"id": "length(body, body)"}}, "create.id", "takes 1 arguments"),
        ({"create": CALL | {"id": 1}}, "create.id", "1 is not text"),
        (
            {"create": CALL | {"body": {"a": ["${engine_id}"]}, "id": "body"}},
            "create", "engine_id is what this call's reply is to bring",
        ),
        (
            {"create": CALL | {"body": {"a": {"b": ["${ttl_plus_gracy:float}"]}}}},
            "create.body.a.b.0", '"${ttl_plus_gracy:float}": "ttl_plus_gracy" asks for '
            "ttl_plus_gracy; did you mean ttl_plus_grace?",
        ),
        ({"create": CALL | {"body": "a ${engine_id"}}, "create.body", "is not closed; write ${"),
        ({"create": CALL | {"headers": {"A B": "x"}}}, "create.headers.A B", "is not a header"),
        ({"create": CALL | {"headers": {"Host": "x"}}}, "create.headers.Host", "meaning in HTTP"),
        ({"create": CALL | {"headers": {"X": "${no}"}}}, "create.headers.X", "asks for no; "),
        (
            {"create": CALL | {"id": "body.a", "engine_response_session_id_path": "body.a"}},
            "create.id", "says more than once where the id is",
        ),
        ({"close": CALL | {"gone": [{}]}}, "close.gone.0", "says nothing to look for"),
        ({"close": CALL | {"gone": [99]}}, "close.gone.0.status", "is not the status of an answer"),
        ({"close": CALL | {"on_shutdown": "yes"}}, "close.on_shutdown", 'is not true or false'),
        ({"request": {"set": []}}, "request.set", "[] is not an object"),
        ({"request": {"set": {"sid": 1}}}, "request.set.sid", "is not a place in a request"),
        ({"request": {"set": {"body.a..b": 1}}}, "request.set.body.a..b", "empty name between"),
        ({"request": {"set": {"cookie.x": 1}}}, "request.set.cookie.x", "is not a place in a"),
        ({"request": {"path": "/x?a=1"}}, "request.path", "has a query; put it into set"),
        ({"request": {"concurrency": "serial"}}, "request.concurrency", "did you mean serialize?"),
        (
            {"request": {"concurrency": "parallel", "set_first": {"body.a": 1}}},
            "request.concurrency", "need one request after the other",
        ),
        ({"carry": {}}, "carry", "{} is not a list"),
        ({"carry": [{"from": "body.a"}]}, "carry.0.to", "is missing"),
        ({"carry": [{"to": "body.a"}]}, "carry.0.from", "is missing"),
        ({"carry": [{"from": "body", "too": "", "to": "body"}]}, "carry.0.too", "did you mean to?"),
        ({"id": {"generate": "uuid"}}, "id.generate", "did you mean uuid4?"),
        ({"id": {"generate": "pool"}}, "id.size", "needs the number of the engine's slots"),
        ({"id": {"generate": "pool:x"}}, "id.generate", "has no number behind pool:"),
        ({"id": {"generate": "pool", "size": 0}}, "id.size", "is not a whole number from 1 to"),
        ({"id": {"size": 4}}, "id.size", "is for a pool only"),
        ({"id": {"generate": "uuid4", "type": "number"}}, "id.type", "uuid4 is no number"),
        ({"id": {"generate": "pool:4", "public": "engine"}}, "id.public", "guess each other's ids"),
        ({"strip": ["*"]}, "strip", "is not a header name"),
        ({"unknown_session": {"contains": ""}}, "unknown_session.contains", "says nothing"),
        ({"unknown_session": {"where": "bdy.a"}}, "unknown_session.where", "did you mean body?"),
        ({"capacity": {"status": 700}}, "capacity.status", "is not the status of an answer"),
        ({"extends": 1}, "extends", "is no text; give a preset's name or a path"),
        ({"description": 1}, "description", "1 is not text"),
    ],
)  # fmt: skip
def test_a_mistake(tmp_path: Path, tree: Any, place: str, words: str) -> None:
    found = mistakes(tmp_path, json.dumps(tree), {})
    assert any(each.startswith(f"own.json: {place}: ") and words in each for each in found), found
    assert all(len(each) < 200 for each in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1 column 1: is not JSON (Expecting value)"),
        ('{\n "a": 1,\n}', "line 3 column 1: is not JSON"),
        ('{"id": {}, "id": {}}', '"id" is written twice in one object'),
        ('{"create": {"timeout": NaN}}', "NaN is no JSON"),
        ('{"create": {"timeout": 1e999}}', "1e999 is too large"),
        ("[]", "is no JSON object"),
        ("[" * 100_000, "is not JSON"),
        ('{"extends": "own.json"}', "comes back to own.json; end the circle"),
        ('{"extends": "sglan"}', 'there is no preset "sglan"; did you mean sglang?'),
        ('{"extends": "./no.json"}', "no.json: cannot be read (No such file or directory)"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, words: str) -> None:
    [mistake] = mistakes(tmp_path, text, {})
    assert words in mistake


def test_all_at_once(tmp_path: Path) -> None:
    tree = {
        "extends": "triton",
        "close.timeout": "soon",
        "close.body.parameters.sequence_id": "${engine}",
        "id": {"type": "numbr"},
    }
    assert mistakes(tmp_path, json.dumps(tree), {"MODLE": "x", "CLOSE_INPUTS": "[1"}) == [
        "triton.json: request.path: needs the variable SIDECAR_PRESET_MODEL; set it",
        "triton.json: close.path: needs the variable SIDECAR_PRESET_MODEL; set it",
        'triton.json: close.body.inputs: SIDECAR_PRESET_CLOSE_INPUTS is not JSON: "[1"',
        "SIDECAR_PRESET_MODLE: the preset has no such variable; did you mean SIDECAR_PRESET_MODEL?",
        'own.json: id.type: "numbr" is no choice; did you mean number?',
        'own.json: close.body.parameters.sequence_id: "${engine}": "engine" asks for engine; '
        "did you mean engine_id?",
        'own.json: close.timeout: "soon" is not a number of seconds up to 3600',
    ]


@pytest.mark.parametrize(
    ("hole", "text", "words"),
    [
        ("${N:int}", "4.5", "SIDECAR_PRESET_N is not a whole number"),
        ("${N:float}", "inf", "SIDECAR_PRESET_N is not a number"),
        ("${N:json}", "NaN", "SIDECAR_PRESET_N is not JSON"),
        ("a ${N:int}", "x", "SIDECAR_PRESET_N is not a whole number"),
    ],
)
def test_a_variable_of_the_wrong_kind(tmp_path: Path, hole: str, text: str, words: str) -> None:
    tree = {"create": CALL | {"body": {"n": hole}}}
    [mistake] = mistakes(tmp_path, json.dumps(tree), {"N": text})
    assert mistake.startswith("own.json: create.body.n: ") and words in mistake


@pytest.mark.parametrize(
    ("tree", "defaults", "place", "words"),
    [
        ({}, Defaults(create={"body.a": 1}), "create", "there is no create call"),
        ({}, Defaults(close={"body.a": 1}), "close", "there is no close call"),
        ({"create": CALL}, Defaults(create={"query.a": 1}), "create", "a default goes to"),
        ({"create": CALL | {"body": 1}}, Defaults(create={"body.a": 1}), "create", "there is 1 on"),
    ],
)
def test_defaults_that_have_no_place(
    tmp_path: Path, tree: Any, defaults: Defaults, place: str, words: str
) -> None:
    [mistake] = mistakes(tmp_path, json.dumps(tree), {}, defaults)
    assert mistake.startswith(f"own.json: {place}: ") and words in mistake
