"""The access log: one line for each request, at 2.0 us of the loop (CPython 3.11).

Bodies, queries and whole session ids are never in it. What a client chose is escaped, so that it
cannot look like a line, a field or a terminal's command.
"""

import re
import time
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted

from sidecar.ops.log import Log
from sidecar.ops.tally import Tally
from sidecar.turn import Turn

_GONE = "the client went away before its answer was complete"
# As the store makes them; what a client sent around one is no id any more, but shows it.
_ID = re.compile(r"([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def noting(tally: Tally, *others: Callable[[Turn], None]) -> Callable[[Turn], None]:
    """What is called with every request that has ended: it is counted, at least."""
    note: Callable[[Turn], None] = tally.note
    for other in others:
        note = _both(note, other)
    return note


def _both(first: Callable[[Turn], None], then: Callable[[Turn], None]) -> Callable[[Turn], None]:
    def on_turn(turn: Turn) -> None:
        first(turn)
        then(turn)

    return on_turn


def access_log(log: Log) -> Callable[[Turn], None]:
    return _for_people(log) if log.text else _as_json(log)


def _as_json(log: Log) -> Callable[[Turn], None]:
    add, stamp, now = log.lines.add, log.stamp, time.monotonic

    def write(turn: Turn) -> None:
        if is_probe(turn):
            return
        started, first_byte = turn.started, turn.first_byte
        session = turn.session
        error = gone_wrong(turn) if turn.error is not None or turn.left else None
        status = f'"status":{turn.status},' if turn.status else ""
        in_session = f'"session":{quoted(session[:8])},' if session else ""
        first = f'"first_byte_ms":{(first_byte - started) * 1000:.3f},' if first_byte else ""
        rest = "" if error is None else f',"error":{quoted(error)}'
        if turn.request_id is not None:
            rest = f',"request_id":{quoted(turn.request_id)}{rest}'
        if turn.replica is not None:
            rest = f',"replica":{quoted(turn.replica)}{rest}'
        if turn.trace_id is not None:
            rest = f',"trace_id":{quoted(turn.trace_id)}{rest}'
        add(
            f'{{"ts":"{stamp()}","level":"info","event":"request","method":{quoted(turn.method)},'
            f'"path":{quoted(printable(turn.path))},{status}"intent":"{turn.intent}",{in_session}'
            f'"duration_ms":{(now() - started) * 1000:.3f},{first}"bytes_in":{turn.bytes_in},'
            f'"bytes_out":{turn.bytes_out},"client":{quoted(turn.client)}{rest}}}\n'
        )

    return write


def _for_people(log: Log) -> Callable[[Turn], None]:
    def write(turn: Turn) -> None:
        if not is_probe(turn):
            log.write("info", "request", _fields(turn))

    return write


def _fields(turn: Turn) -> dict[str, object]:
    return {
        "method": turn.method,
        "path": printable(turn.path),
        "status": turn.status or None,
        "intent": turn.intent,
        "session": turn.session and turn.session[:8],
        "duration_ms": f"{(time.monotonic() - turn.started) * 1000:.3f}",
        "first_byte_ms": turn.first_byte and f"{(turn.first_byte - turn.started) * 1000:.3f}",
        "bytes_in": turn.bytes_in,
        "bytes_out": turn.bytes_out,
        "client": turn.client,
        "trace_id": turn.trace_id,
        "replica": turn.replica,
        "request_id": turn.request_id,
        "error": gone_wrong(turn),
    }


def gone_wrong(turn: Turn) -> str | None:
    """In words, without a whole session id."""
    error = turn.error
    if error is None:
        return _GONE if turn.left else None
    if turn.session is not None:
        error = error.replace(turn.session, turn.session[:8])
    return _ID.sub(r"\1", error)


def is_probe(turn: Turn) -> bool:
    """One that went well: it is neither logged nor traced."""
    return turn.intent == "ping" and turn.status == 200


def printable(path: str) -> str:
    """Bytes that are not UTF-8 (surrogates in Python) as \\xNN: strict readers of JSON, such as
    Rust's serde_json, throw away a line with a lone surrogate."""
    if path.isascii():
        return path
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
