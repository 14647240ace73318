"""Each packaged preset: what goes over the wire, byte for byte what its engine wants."""

import json
from typing import Any

import pytest

from sidecar.delegation.calling import rendered
from sidecar.delegation.grammar import source
from sidecar.delegation.grammar.load import listing, load_preset, resolved
from sidecar.delegation.grammar.preset import Call, Preset
from sidecar.delegation.request import Changes
from sidecar.delegation.view import RequestScope
from sidecar.engine.request import EngineRequest

VARIABLES = {
    "MODEL": "counter",
    "SLOTS": "4",
    "OPEN_INPUTS": '[{"name":"N","data":[0]}]',
    "CLOSE_INPUTS": "[]",
    "OPEN_BODY": '{"input":0}',
    "CLOSE_BODY": '{"end":true}',
}
NEEDS = {
    "llamacpp": ["SLOTS"],
    "mlserver": ["MODEL"],
    "torchserve": ["MODEL", "OPEN_BODY", "CLOSE_BODY"],
    "triton": ["MODEL", "CLOSE_INPUTS"],
    "triton-eager": ["MODEL", "CLOSE_INPUTS", "OPEN_INPUTS"],
    "triton-uint64": ["MODEL", "CLOSE_INPUTS"],
}
ALL = source.names()
PUBLIC = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
HEX = "6ba7b8109dad11d180b400c04fd430c8"
JSON = [b"Content-Type: application/json\r\n"]

Wire = tuple[str, str, list[bytes], Any]
INFER = "/v2/models/counter/infer"
ERASE: Wire = ("POST", "/slots/7?action=erase", JSON, {})
SGLANG_CLOSE: Wire = ("POST", "/close_session", JSON, {"session_id": 7})


def sglang_create(streaming: bool) -> Wire:
    body = {
        "capacity_of_str_len": 4096,
        "session_id": HEX,
        "streaming": streaming,
        "timeout": 1260.0,
    }
    return "POST", "/open_session", JSON, body


def sequence(inputs: Any = (), **flags: bool) -> Wire:
    parameters = {"sequence_id": 7, **flags}
    return "POST", INFER, JSON, {"parameters": parameters, "inputs": list(inputs)}


CREATES: dict[str, Wire] = {
    "sglang": sglang_create(True),
    "sglang-tree": sglang_create(False),
    "triton-eager": sequence(json.loads(VARIABLES["OPEN_INPUTS"]), sequence_start=True),
    "torchserve": ("POST", "/predictions/counter", JSON, {"input": 0}),
    "llamacpp": ERASE,
}
CLOSES: dict[str, Wire] = {
    "sglang": SGLANG_CLOSE,
    "sglang-tree": SGLANG_CLOSE,
    "sglang-radix-chat": SGLANG_CLOSE,
    "triton": sequence(sequence_end=True),
    "triton-eager": sequence(sequence_end=True),
    "triton-uint64": sequence(sequence_end=True),
    "torchserve": (
        "POST",
        "/predictions/counter",
        [b"ts_request_sequence_id: 7\r\n", *JSON],
        {"end": True},
    ),
    "llamacpp": ERASE,
}
PATHS = {
    "dynamo": "/v1/chat/completions",
    "llamacpp": "/v1/chat/completions",
    "mlserver": INFER,
    "ollama-generate": "/api/generate",
    "openai-responses": "/v1/responses",
    "sglang": "/generate",
    "sglang-radix-chat": "/v1/chat/completions",
    "sglang-tree": "/generate",
    "torchserve": "/predictions/counter",
    "triton": INFER,
    "triton-eager": INFER,
    "triton-uint64": INFER,
    "vllm-tag": "/invocations",
}
SETS: dict[str, tuple[list[bytes], Any]] = {
    "dynamo": ([b"X-Dynamo-Session-ID: 7\r\n"], {}),
    "llamacpp": ([], {"id_slot": 7, "cache_prompt": True}),
    "mlserver": ([b"X-Amzn-SageMaker-Session-Id: 7\r\n"], {}),
    "ollama-generate": ([], {}),
    "openai-responses": ([], {}),
    "sglang": ([], {"session_params": {"id": 7, "rid": None}}),
    "sglang-tree": ([], {"session_params": {"id": 7, "rid": None}}),
    "sglang-radix-chat": ([], {"session_id": 7}),
    "torchserve": ([b"ts_request_sequence_id: 7\r\n"], {}),
    "triton": ([], {"parameters": {"sequence_id": 7, "sequence_start": True}}),
    "triton-eager": ([], {"parameters": {"sequence_id": 7}}),
    "triton-uint64": ([], {"parameters": {"sequence_id": 7, "sequence_start": True}}),
    "vllm-tag": ([b"X-Session-ID: 7\r\n"], {}),
}
SERIALIZED = {
    "sglang", "sglang-tree", "llamacpp", "openai-responses", "ollama-generate",
    "triton", "triton-uint64",
}  # fmt: skip


def preset(name: str) -> Preset:
    return load_preset(name, {each: VARIABLES[each] for each in NEEDS.get(name, [])})


def scope(origin: EngineRequest | None = None) -> RequestScope:
    return RequestScope(PUBLIC, 7, 1200.0, origin)


def wire(call: Call | None) -> Wire | None:
    if call is None:
        return None
    request = rendered(call, scope())
    return request.method, request.target, request.lines, json.loads(request.body or b"null")


@pytest.mark.parametrize("name", ALL)
def test_the_calls(name: str) -> None:
    made = preset(name)
    assert wire(made.create.call if made.create else None) == CREATES.get(name)
    assert wire(made.close.call if made.close else None) == CLOSES.get(name)


@pytest.mark.parametrize("name", ALL)
def test_what_is_put_into_a_request(name: str) -> None:
    made, changes = preset(name), Changes()
    request = EngineRequest("POST", "/invocations", [b"X-Amzn-SageMaker-Session-Id: p\r\n"], b"{}")
    for setting in (*made.set, *made.set_first):
        changes.put(setting.place, setting.render(scope()))
    changes.strip(made.strip)
    changes.apply(request)
    lines = [] if name in ("vllm-tag", "mlserver") else [b"X-Amzn-SageMaker-Session-Id: p\r\n"]
    assert request.lines == lines + SETS[name][0]
    assert json.loads(request.body or b"") == SETS[name][1]


@pytest.mark.parametrize("name", ALL)
def test_the_path_and_the_order(name: str) -> None:
    made = preset(name)
    assert made.upstream_path == PATHS[name]
    assert made.concurrency == ("serialize" if name in SERIALIZED else "parallel")


def test_the_ids() -> None:
    rules = {name: preset(name).id for name in ALL}
    assert {name for name, rule in rules.items() if rule.generate is None} == {
        "dynamo", "mlserver", "ollama-generate", "openai-responses", "torchserve",
    }  # fmt: skip
    assert (rules["triton"].generate, rules["triton"].kind) == ("uuid4", "string")
    assert (rules["triton-uint64"].generate, rules["triton-uint64"].kind) == ("uint64", "number")
    assert (rules["llamacpp"].generate, rules["llamacpp"].size) == ("pool", 4)


@pytest.mark.parametrize("name", ALL)
def test_the_listing_says_what_for_and_what_is_needed(name: str) -> None:
    lines = listing().splitlines()
    [at] = [number for number, line in enumerate(lines) if line.split()[0] == name]
    assert len(lines[at].split()) > 3 and len(lines[at]) <= 100
    needs = [line.split() for line in lines[at + 1 :]]
    needed = [f"SIDECAR_PRESET_{each}" for each in NEEDS.get(name, [])]
    assert [each[-1] for each in needs[: len(needed)]] == needed
    assert needs[len(needed) : len(needed) + 1] == [] or needs[len(needed)][0] != "needs"


@pytest.mark.parametrize("name", ALL)
def test_what_is_printed_is_a_preset_of_its_own(name: str, tmp_path: Any) -> None:
    tree = json.loads(resolved(name))
    assert "extends" not in tree
    path = tmp_path / "printed.json"
    path.write_text(resolved(name))
    given = {each: VARIABLES[each] for each in NEEDS.get(name, [])}
    assert load_preset(str(path), given).upstream_path == PATHS[name]
