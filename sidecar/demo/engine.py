"""A small model server for the demo: it remembers what was said per session and knows no sidecar.

All it does for sessions is read one request header, as any engine can. Nobody tells it when a
session ends, so what it remembers is bounded: the oldest session makes room, an idle one is
forgotten.
"""

import argparse
import asyncio
import json
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

SESSION_HEADER = "X-Amzn-SageMaker-Session-Id"
# Together at most about 1000 * 20 * 200 characters, 4 MB: small beside the interpreter itself.
MAX_SESSIONS = 1000
MAX_TURNS = 20
MAX_TEXT = 200
IDLE_SECONDS = 1800.0
# A model thinks about each word; a stream that came at once would not look like one.
SECONDS_PER_WORD = 0.05


class Conversation:
    def __init__(self) -> None:
        self.turn = 0
        self.said: deque[str] = deque(maxlen=MAX_TURNS)
        self.used = 0.0

    def say(self, text: str) -> dict[str, Any]:
        self.turn += 1
        answer = {"turn": self.turn, "you_said": text, "i_remember": list(self.said)}
        self.said.append(text[:MAX_TEXT])
        return answer


class Conversations:
    """The whole state of the engine: conversations by session id, least recently used first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_session: OrderedDict[str, Conversation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_session)

    def of(self, session_id: str | None) -> Conversation:
        self._forget_idle()
        if session_id is None:
            return Conversation()
        conversation = self._by_session.setdefault(session_id, Conversation())
        conversation.used = self._clock()
        self._by_session.move_to_end(session_id)
        if len(self) > MAX_SESSIONS:
            self._by_session.popitem(last=False)
        return conversation

    def _forget_idle(self) -> None:
        deadline = self._clock() - IDLE_SECONDS
        while self._by_session and next(iter(self._by_session.values())).used < deadline:
            self._by_session.popitem(last=False)


CONVERSATIONS = web.AppKey("CONVERSATIONS", Conversations)


def engine(conversations: Conversations | None = None) -> web.Application:
    application = web.Application()
    application[CONVERSATIONS] = conversations or Conversations()
    application.router.add_get("/health", health)
    application.router.add_post("/invocations", invoke)
    return application


async def health(request: web.Request) -> web.Response:
    return web.json_response({"sessions": len(request.app[CONVERSATIONS])})


async def invoke(request: web.Request) -> web.StreamResponse:
    question = _question(await request.read())
    conversation = request.app[CONVERSATIONS].of(request.headers.get(SESSION_HEADER))
    text = question.get("text")
    answer = conversation.say(text if isinstance(text, str) else json.dumps(question))
    if question.get("stream"):
        return await _stream(request, answer)
    return web.json_response(answer)


def _question(body: bytes) -> dict[str, Any]:
    """The body as JSON whatever its content type: `curl -d` sends none that says JSON."""
    try:
        question = json.loads(body)
    except ValueError:
        question = None
    if not isinstance(question, dict):
        raise web.HTTPBadRequest(text='send JSON such as {"text": "hello"}\n')
    return question


async def _stream(request: web.Request, answer: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for word in f"turn {answer['turn']}: you said {answer['you_said']}".split():
        await response.write(f"data: {json.dumps({'word': word})}\n\n".encode())
        await asyncio.sleep(SECONDS_PER_WORD)
    await response.write(b"data: [DONE]\n\n")
    return response


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sidecar.demo.engine", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    listener = socket.create_server(("127.0.0.1", parser.parse_args().port))
    host, port = listener.getsockname()
    print(f"listening on http://{host}:{port}", flush=True)
    web.run_app(engine(), sock=listener, print=None, access_log=None)


if __name__ == "__main__":
    main()
