"""Files that are sent by themselves: who may, how large, how long, and what a browser may do."""

import io
from typing import Any

import pytest

from tests.inferencesh.caller import Caller, calling
from tests.inferencesh.stage import sidecar
from tests.inferencesh.worker import Worker


async def announce(caller: Caller, **wanted: Any) -> dict[str, Any]:
    status, answer = await caller.ask("POST", "/files", {"files": [wanted]})
    assert status == 200
    file: dict[str, Any] = answer["data"][0]
    return file


async def put(caller: Caller, file: dict[str, Any], data: bytes) -> int:
    async with caller.http.put(file["upload_url"], data=io.BytesIO(data)) as answer:
        return answer.status


async def test_uploaded_twice_the_second_one_counts(worker: Worker) -> None:
    async with sidecar(worker.url) as process, calling(process.url) as caller:
        file = await announce(caller, content_type="text/html", filename="a.html")
        assert await put(caller, file, b"x" * 2_500_000) == 204
        assert await put(caller, file, b"hello") == 204
        async with caller.http.get(file["uri"]) as answer:
            assert await answer.read() == b"hello"
            assert answer.content_type == "text/html"
            assert answer.headers["Content-Disposition"] == "attachment"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        done = await caller.run({"page": file["uri"], "say": f"see {file['uri']}"})
        assert done["output"]["given"] == {
            "page": "data:text/html;base64,aGVsbG8=",
            "say": f"see {file['uri']}",
        }


async def test_one_that_never_came(worker: Worker) -> None:
    async with sidecar(worker.url) as process, calling(process.url) as caller:
        file = await announce(caller, content_type="text/plain")
        failed = await caller.run({"file": file["uri"]})
        assert failed["error"] == "the file was announced, but its bytes have not come"
        status, answer = await caller.ask("GET", "/files/file-" + "0" * 32)
        assert (status, answer["title"]) == (404, "file_not_found")
        assert worker.inputs == []


async def test_bounds(worker: Worker) -> None:
    """Three of the largest are kept."""
    async with (
        sidecar(worker.url, SIDECAR_INFERENCESH_FILE_LIMIT="1000") as process,
        calling(process.url) as caller,
    ):
        files = [await announce(caller, content_type="text/plain") for _ in range(4)]
        assert await put(caller, files[0], bytes(1001)) == 413
        assert [await put(caller, file, bytes(1000)) for file in files] == [204] * 4
        statuses = []
        for file in files:
            async with caller.http.get(file["uri"]) as answer:
                statuses.append(answer.status)
        assert statuses == [404, 200, 200, 200]
        mistakes: list[Any] = [None, [], ["a"], [{}] * 101]
        for wrong in mistakes:
            status, _ = await caller.ask("POST", "/files", {"files": wrong})
            assert status == 400


async def test_switched_off(worker: Worker) -> None:
    async with (
        sidecar(worker.url, SIDECAR_INFERENCESH_FILE_LIMIT="0") as process,
        calling(process.url) as caller,
    ):
        status, answer = await caller.ask("POST", "/files", {"files": [{}]})
        assert (status, answer["title"]) == (501, "not_implemented")


@pytest.mark.parametrize(("proto", "scheme"), [("https", "https"), ("http", "http"), ("x", "http")])
async def test_the_address_is_as_the_client_sees_it(
    worker: Worker, proto: str, scheme: str
) -> None:
    async with sidecar(worker.url) as process, calling(process.url) as caller:
        _, answer = await caller.ask(
            "POST", "/files", {"files": [{}]}, X_Forwarded_Proto=proto, Host="api.example.org"
        )
        address = answer["data"][0]["upload_url"]
        assert address.startswith(f"{scheme}://api.example.org/files/file-")


async def test_an_input_that_is_nested_too_deeply(worker: Worker) -> None:
    async with sidecar(worker.url) as process, calling(process.url) as caller:
        given: Any = "end"
        for _ in range(900):
            given = [given]
        failed = await caller.run(given)
        assert failed["error"] == "the input is nested too deeply"
        assert (await caller.run({}))["status"] == 10
