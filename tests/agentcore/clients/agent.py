"""An agent of the real SDK that does what a payload's `do` says, and counts what was begun."""

# mypy: ignore-errors
# Its packages are not among those of the checker.
import asyncio
from collections import Counter

from bedrock_agentcore.runtime import BedrockAgentCoreApp, RequestContext
from starlette.responses import JSONResponse, Response

app = BedrockAgentCoreApp()
begun = Counter()
ended = Counter()
turns = Counter()  # of each session
overlaps = Counter()
under_way = Counter()
tasks = []


@app.entrypoint
async def answer(payload, context: RequestContext):
    name, session = payload.get("turn", ""), context.session_id
    begun[name] += 1
    turns[session] += 1
    under_way[session] += 1
    overlaps[session] = max(overlaps[session], under_way[session])
    try:
        return await _DO[payload.get("do", "count")](payload, context)
    finally:
        under_way[session] -= 1
        ended[name] += 1


async def _count(payload, context):
    return {"session_id": context.session_id, "count": turns[context.session_id]}


async def _sleep(payload, context):
    await asyncio.sleep(payload["seconds"])
    return await _count(payload, context)


async def _stream(payload, context):
    async def events():
        for number in range(payload["count"]):
            yield {"number": number, "text": "x" * payload.get("size", 0)}
            await asyncio.sleep(payload.get("every", 0))
            if number == payload.get("fails_after"):
                raise RuntimeError("the stream is over")

    return events()


async def _fail(payload, context):
    raise RuntimeError(payload.get("words", "the agent's own words"))


async def _answer_as(payload, context):
    return Response(payload["body"], payload["status"], media_type=payload.get("type"))


async def _headers(payload, context):
    everything = dict(context.request.headers)
    return {"shown": context.request_headers, "all": everything, "session": context.session_id}


async def _busy(payload, context):
    tasks.append(app.add_async_task("work"))
    return {}


async def _idle(payload, context):
    while tasks:
        app.complete_async_task(tasks.pop())
    return {}


_DO = {
    "count": _count,
    "sleep": _sleep,
    "stream": _stream,
    "fail": _fail,
    "answer": _answer_as,
    "headers": _headers,
    "busy": _busy,
    "idle": _idle,
}


@app.websocket
async def talk(websocket, context: RequestContext):
    await websocket.accept()
    await websocket.send_json({"session": context.session_id, "query": str(websocket.url.query)})
    begun["websocket"] += 1
    try:
        async for text in websocket.iter_text():
            await websocket.send_text(text)
    finally:
        ended["websocket"] += 1


async def seen(request):
    """For the test, which asks past the sidecar."""
    return JSONResponse({"begun": begun, "ended": ended, "overlaps": overlaps})


app.add_route("/seen", seen)
