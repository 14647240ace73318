"""inference.sh's JavaScript SDK, unmodified, against the whole sidecar."""

from pathlib import Path

from tests.inferencesh.stage import run_javascript, sidecar
from tests.inferencesh.worker import Worker


async def test_its_calls(worker: Worker, tmp_path: Path) -> None:
    async with sidecar(worker.url) as process:
        told = await run_javascript("calls.ts", process.url, scratch=tmp_path)
    assert told["gathered"] == list(range(10))
    assert [each["number"] for each in worker.inputs if "number" in each] == list(range(10))
    assert worker.busiest == 1
    assert told["large"] == 3_000_000
    assert (told["polled"], told["quick"]) == ([10, True], 10)
    assert told["words"] == [["a", "b", "c"], {"response": "abc"}]
    assert told["numbers"] == {"a": None}
    assert told["cancelled"] == ["task cancelled", 12]
    assert worker.cut == 1
    assert told["events"] == 12
    assert told["files"] == {
        "file": "data:text/plain;base64,aGk=",
        "data": "data:image/png;base64,aGk=",
    }
    unknown, timeout, upstream, agents, stranger = told["refused"]
    assert unknown == "HTTP 404: session not found: nope"
    assert timeout.startswith("HTTP 400: session_timeout must be 1 to 3600 seconds")
    assert upstream == "upstream answered HTTP 500: bad"
    assert agents == "HTTP 501: POST /agents/list is not part of what this server offers"
    assert stranger.startswith("HTTP 404: session not found: sess-")
    assert told["ended"].endswith("was ended")
