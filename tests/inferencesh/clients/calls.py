"""One scenario of the Python SDK, by its name; prints what came of it as JSON.

python calls.py BASE_URL SCENARIO [ARGUMENT]
"""

import asyncio
import json
import sys
import time
from typing import Any

from inferencesh import async_inference, inference  # type: ignore[import-not-found]

BASE_URL, SCENARIO, *ARGUMENTS = sys.argv[1:]
KEY = "inf_mine"
client = inference(api_key=KEY, base_url=BASE_URL)


def run(given: Any, session: str | None = None, **more: Any) -> Any:
    return client.run({"app": "my-app", "input": given, "session": session, **more})


def opened(**more: Any) -> str:
    return str(run({"action": "init"}, "new", **more)["session_id"])


def failure(call: Any, *given: Any, **named: Any) -> str:
    try:
        call(*given, **named)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing failed"


def gathered() -> Any:
    async def calls() -> Any:
        client = async_inference(api_key=KEY, base_url=BASE_URL)
        first = await client.run({"app": "my-app", "input": {}, "session": "new"})
        session = first["session_id"]

        async def call(number: int) -> Any:
            given = {"number": number, "sleep": 0.02}
            return await client.run({"app": "my-app", "input": given, "session": session})

        return await asyncio.gather(*map(call, range(10)))

    return [each["output"]["given"]["number"] for each in asyncio.run(calls())]


def parallel() -> Any:
    """Two sessions, each called for a while."""

    async def calls() -> Any:
        client = async_inference(api_key=KEY, base_url=BASE_URL)
        params = {"app": "my-app", "input": {}, "session": "new"}
        sessions = [(await client.run(params))["session_id"] for _ in range(2)]
        given = {"sleep": 0.5}
        return await asyncio.gather(
            *(client.run({"app": "my-app", "input": given, "session": each}) for each in sessions)
        )

    return [each["output"]["worker"] for each in asyncio.run(calls())]


def large() -> Any:
    """What both clients get of a result of so many bytes."""
    given = {"size": int(ARGUMENTS[0])}

    async def call() -> Any:
        client = async_inference(api_key=KEY, base_url=BASE_URL)
        return await client.run({"app": "my-app", "input": given, "session": "new"})

    return [
        [len(each["output"]["bytes"]), each["status"], each["session_id"][:5]]
        for each in (run(given, "new"), asyncio.run(call()))
    ]


def long() -> Any:
    began = time.monotonic()
    result = run({"sleep": float(ARGUMENTS[0])}, "new", session_timeout=2)
    return {
        "took": time.monotonic() - began,
        "status": result["status"],
        "alive": client.sessions.get(result["session_id"])["status"],
    }


def cancelled() -> Any:
    session = opened()
    task = client.run({"app": "my-app", "input": {"sleep": 60}, "session": session}, wait=False)
    behind = client.run({"app": "my-app", "input": {"action": "x"}, "session": session}, wait=False)
    queued = client.run({"app": "my-app", "input": {"action": "y"}, "session": session}, wait=False)
    until(lambda: client.get_task(task["id"]).data["status"] == 7)
    client.cancel(queued["id"])
    client.cancel(task["id"])
    ended = [until_over(each["id"]) for each in (task, behind, queued)]
    return {
        "statuses": [each["status"] for each in ended],
        "stream": failure(lambda: list(client.stream_task(task["id"]).stream())),
        "before": ended[1]["output"]["before"],
    }


def lost() -> Any:
    session = opened()
    return {
        "running": failure(run, {"sleep": 30}, session),
        "later": failure(run, {"action": "check"}, session),
        "anew": run({"action": "init"}, "new")["output"]["worker"],
    }


def files() -> Any:
    with open("a file.txt", "w") as file:
        file.write("hello")
    given = {
        "id": "0123456789abcdef0123456789abcdef",
        "word": "Internationalize",
        "url": "data:text/plain;base64,aGk=",
        "file": "a file.txt",
        "nested": [{"text": "short"}],
    }
    result = run(given)
    return {"given": result["output"]["given"], "shown": result["input"]}


def sessions() -> Any:
    stranger = inference(api_key="inf_other", base_url=BASE_URL)
    with client.session("my-app") as session:
        called = session.call("predict", {"data": 1})
        told = session.info()
        alive = session.keepalive()
        listed = [each["id"] for each in client.sessions.list()]
        theirs = stranger.sessions.list()
        refused = [
            failure(stranger.sessions.get, session.session_id),
            failure(stranger.run, {"app": "my-app", "input": {}, "session": session.session_id}),
            failure(stranger.get_task, told["task_id"]),
        ]
    client.sessions.end(session.session_id)
    return {
        "id": session.session_id,
        "called": called["output"],
        "info": told,
        "alive": alive["status"],
        "listed": listed,
        "theirs": theirs,
        "refused": refused,
        "gone": failure(client.sessions.get, session.session_id),
    }


def ways() -> Any:
    """To get a result."""
    updates = list(client.run({"app": "my-app", "input": {"sleep": 0.2}}, stream=True))
    task = client.run({"app": "my-app", "input": {"a": 1}, "session": "new"}, wait=False)
    words = [
        each.get("output")
        for each in client.run({"app": "my-app", "input": {"words": ["a", "b", "c"]}}, stream=True)
    ]
    return {
        "streamed": [each["status"] for each in updates],
        "accepted": [task["status"], task["session_id"][:5]],
        "waited": client.wait_for_completion(task["id"])["output"]["given"],
        "words": [each for each in words if each],
    }


def refused() -> Any:
    session = opened()

    def asked(**params: Any) -> str:
        return failure(client.run, {"app": "my-app", "input": {}, **params})

    return {
        "timeout": asked(session="new", session_timeout=3601),
        "timeout later": asked(session=session, session_timeout=5),
        "other app": asked(app="other", session=session),
        "other version": asked(app="my-app@2", session=session),
        "webhook": asked(webhook="http://127.0.0.1/"),
        "no app": asked(app=None),
        "logs": failure(client._request, "get", "/tasks/x/logs"),
        "agents": failure(client._request, "post", "/agents/run", data={}),
        "no task": failure(client.get_task, "task-0"),
        "no session": failure(run, {}, "sess_unknown"),
    }


def until(holds: Any) -> None:
    for _ in range(500):
        if holds():
            return
        time.sleep(0.02)
    raise TimeoutError


def until_over(task_id: str) -> Any:
    until(lambda: client.get_task(task_id).data["status"] >= 10)
    return client.get_task(task_id).data


print(json.dumps(globals()[SCENARIO]()))
