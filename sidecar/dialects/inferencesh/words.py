"""Chat completions that come word by word, told as they come."""

import json
from contextlib import suppress
from typing import Any, Final

from sidecar.dialects.inferencesh.errors import CallFailed, without_word
from sidecar.dialects.inferencesh.live import Live
from sidecar.engine.exchange import Exchange
from sidecar.sse import Event, EventReader

_DONE: Final = "[DONE]"
_WORDS: Final = 300


async def read_words(live: Live, exchange: Exchange, limit: int) -> tuple[str, bytes]:
    """What they make together, and the stream as it came. Raises CallFailed."""
    reader, words, raw = EventReader(), list[str](), bytearray()
    while piece := await exchange.read():
        raw += piece
        if len(raw) > limit:
            raise CallFailed(f"upstream answered with more than {limit} bytes")
        for event in reader.feed(piece):
            if word := _word(event):
                words.append(word)
                live.say(word)
    words += map(_word, reader.end())
    return "".join(words), bytes(raw)


def content(body: bytes) -> str:
    """Of an answer that came whole. Raises CallFailed."""
    with suppress(ValueError, RecursionError, LookupError, TypeError, AttributeError):
        text = json.loads(body)["choices"][0]["message"].get("content")
        return text if isinstance(text, str) else ""
    raise CallFailed("upstream did not answer with a chat completion")


def _word(event: Event) -> str:
    """Raises CallFailed for an error that came inside the stream."""
    if event.data.strip() == _DONE:
        return ""
    with suppress(ValueError, RecursionError):
        chunk = json.loads(event.data)
        if isinstance(chunk, dict) and chunk.get("error"):
            told = without_word(json.dumps(chunk["error"])[:_WORDS])
            raise CallFailed(f"upstream broke off: {told}")
        return _delta(chunk)
    return ""


def _delta(chunk: Any) -> str:
    """Of the first choice."""
    with suppress(LookupError, TypeError, AttributeError):
        text = chunk["choices"][0]["delta"].get("content")
        return text if isinstance(text, str) else ""
    return ""
