"""What is decided without a store: names, routes, texts, outputs, what a store is told to keep."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from sidecar.config.apps import App
from sidecar.dialects.inferencesh.answers import ok, refuse
from sidecar.dialects.inferencesh.apps import Apps, Ref, ref_of
from sidecar.dialects.inferencesh.errors import (
    BadCall,
    CallFailed,
    NoSuchApp,
    NoSuchSession,
    NoSuchTask,
    OtherApp,
    SessionGone,
)
from sidecar.dialects.inferencesh.kept import Kept
from sidecar.dialects.inferencesh.task import iso
from sidecar.dialects.inferencesh.upstream import output_of
from sidecar.dialects.inferencesh.words import content
from sidecar.engine.reply import Reply
from sidecar.errors import SessionNotFound, SidecarError, StoreFull, TooManyWaiting
from sidecar.sessions.root import Root
from sidecar.sessions.tmpfs import TmpfsStore
from tests.harness.clock import MovedClock

REFS = [
    ("my-app", Ref("my-app", "", None)),
    ("team/my-app", Ref("team/my-app", "", None)),
    ("my-app@3", Ref("my-app", "3", None)),
    ("my-app@3:train", Ref("my-app", "3", "train")),
    ("my-app:train", Ref("my-app", "", "train")),
]


@pytest.mark.parametrize(("text", "ref"), REFS)
def test_what_an_app_is_called(text: str, ref: Ref) -> None:
    assert ref_of(text) == ref


@pytest.mark.parametrize("text", ["", "@3", ":train"])
def test_what_is_no_app(text: str) -> None:
    with pytest.raises(BadCall):
        ref_of(text)


def test_the_way_to_an_app() -> None:
    apps = Apps({"a": App("/do/{function}", {"run": "/predict"})}, App("/invocations"))
    found = apps.find(ref_of("a@2"))
    assert [apps.path(found, each) for each in ("run", "train")] == ["/predict", "/do/train"]
    assert apps.path(apps.find(ref_of("other")), "run") == "/invocations"
    for wrong in ("../admin", "a b", "a/b", ""):
        with pytest.raises(BadCall):
            apps.path(found, wrong)
    with pytest.raises(NoSuchApp, match="app not found: my-state"):
        Apps({}, None).find(ref_of("my-session"))


IS_GONE = [
    (NoSuchSession("sess-1"), "SESSION_NOT_FOUND"),
    (SessionGone("sess-1", "was ended"), "SESSION_ENDED"),
    (SessionGone("sess-1", "expired after 3s without a call", expired=True), "SESSION_EXPIRED"),
]


@pytest.mark.parametrize(("error", "code"), IS_GONE)
def test_a_dead_session_says_so(error: SidecarError, code: str) -> None:
    """In the case that the documents look for."""
    body = json.loads(refuse(error).body)
    assert body["detail"] == body["error"]["message"] == error.message
    assert "session not found: sess-1" in body["detail"]
    assert body["title"] == body["error"]["code"] == body["type"].rpartition("/")[2] == code
    assert (body["success"], body["status"]) == (False, error.status)


OTHERS = [
    TooManyWaiting("32 requests of this session wait already (SIDECAR_SESSION_QUEUE)"),
    StoreFull("no room for a new session in /dev/shm/sagemaker_sessions"),
    BadCall("app is missing: name the app to run"),
    NoSuchTask("task-of-my-session"),
]


@pytest.mark.parametrize("error", OTHERS)
def test_nothing_else_looks_like_it(error: SidecarError) -> None:
    answer = refuse(error)
    assert b"session" not in answer.body.lower()
    retry = [value for name, value in answer.headers if name == "Retry-After"]
    assert retry == ([] if error.retry_after is None else [str(error.retry_after)])


def test_a_conflict_names_both() -> None:
    error = OtherApp("sess-1", "a@1", "a@2", version=True)
    assert (error.status, error.code) == (409, "VERSION_MISMATCH")
    assert error.message == "session sess-1 belongs to a@1, not a@2"


def test_both_envelopes() -> None:
    assert json.loads(ok({"id": 1}, {"x-api-version": "2"}).body) == {"id": 1}
    assert json.loads(ok({"id": 1}, {}, ["infra is ignored here"]).body) == {
        "success": True,
        "status": 200,
        "messages": [{"level": "warning", "code": "ignored", "message": "infra is ignored here"}],
        "data": {"id": 1},
    }


OUTPUTS: list[tuple[bytes | None, bytes, Any]] = [
    (b"application/json", b'{"a": [1, NaN]}', {"a": [1, None]}),
    (b"application/json; charset=utf-8", b'"x"', "x"),
    (b"application/problem+json", b"null", None),
    (b"text/plain", "grün".encode(), "grün"),
    (b"text/html", b"\xff", "\ufffd"),
    (b"image/png", b"hi", {"uri": "data:image/png;base64,aGk=", "content_type": "image/png"}),
    (None, b"", {"uri": "data:application/octet-stream;base64,", "size": 0}),
]


@pytest.mark.parametrize(("content_type", "body", "output"), OUTPUTS)
def test_what_an_answer_is(content_type: bytes | None, body: bytes, output: Any) -> None:
    found = output_of(Reply(200, b"OK", True, content_type=content_type), body)
    if isinstance(output, dict) and "uri" in output:
        assert {name: found[name] for name in output} == output
    else:
        assert found == output


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000])
def test_json_that_is_none(body: bytes) -> None:
    with pytest.raises(CallFailed, match="JSON that cannot be read"):
        output_of(Reply(200, b"OK", True, content_type=b"application/json"), body)


def test_a_chat_completion_that_comes_whole() -> None:
    assert content(b'{"choices": [{"message": {"content": "hi"}}]}') == "hi"
    assert content(b'{"choices": [{"message": {"content": null}}]}') == ""
    for other in (b"[]", b"{}", b'{"choices": []}', b"hi"):
        with pytest.raises(CallFailed):
            content(other)


def test_times_are_written_as_the_sdks_read_them() -> None:
    assert iso(1_790_000_000.5) == "2026-09-21T14:13:20.500Z"


async def test_what_goes_before_its_time() -> None:
    """The oldest, by number and by size; what has run out makes room by itself."""
    clock = MovedClock()
    with tempfile.TemporaryDirectory(prefix="sidecar-test-", dir="/dev/shm") as path:
        store = TmpfsStore(Root(Path(path) / "kept"), clock=clock, ttl_limit=1e9)
        kept = Kept(store, seconds=60, most=3, size=100, clock=clock.boot)

        async def add(name: str, size: int) -> None:
            await store.open(60, session_id=name)
            await kept.add(name, size)

        async def left() -> list[str]:
            return [each.id for each in await store.list_sessions(100)]

        for name in ("a", "b", "c", "d"):
            await add(name, 1)
        assert await left() == ["b", "c", "d"]
        await kept.add("b", 2)  # of another size now, and the youngest
        await add("e", 98)
        assert await left() == ["b", "e"]
        clock.advance(61)
        await add("f", 100)
        assert await left() == ["f"]
        assert await kept.drop()
        assert not await kept.drop()
        with pytest.raises(SessionNotFound):
            await store.get("f")
        await store.stop()
