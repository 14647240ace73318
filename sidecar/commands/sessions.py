"""`sessions list`, `show ID` and `close ID`: what lives in a running sidecar, and how to end it."""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any
from urllib.parse import quote

from sidecar.commands.admin import AdminApi, CallFailed, NotSettled
from sidecar.config import Settings

# As many as the admin port gives at once: a million sessions are a thousand calls.
_PAGE = 1000
_ROW = "{:36}  {:20}  {:>9}  {}"


def sessions(settings: Settings, words: Sequence[str], *, as_json: bool) -> int:
    """words: list, or show or close and an id. Returns the exit code."""
    try:
        for line in _lines(AdminApi(settings), words, as_json):
            print(line)
        sys.stdout.flush()
    except NotSettled as error:
        print(error, file=sys.stderr)
        return 2
    except CallFailed as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # `sessions list | head`; the end of Python would flush once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _lines(api: AdminApi, words: Sequence[str], as_json: bool) -> Iterator[str]:
    match words:
        case ["show", session_id]:
            found = api.call("GET", _path(session_id))
            yield json.dumps(found) if as_json else _told(found)
        case ["close", session_id]:
            api.call("DELETE", _path(session_id))
            yield json.dumps({"closed": session_id}) if as_json else f"closed {session_id}"
        case _ if as_json:
            yield from map(json.dumps, _all(api))
        case _:
            yield from _table(_all(api))


def _all(api: AdminApi) -> Iterator[dict[str, Any]]:
    after: str | None = ""
    while after is not None:
        page = api.call("GET", f"/sessions?limit={_PAGE}&after={quote(after)}")
        yield from page["sessions"]
        after = page["next"]


def _table(found: Iterator[dict[str, Any]]) -> Iterator[str]:
    first = list(islice(found, 1))  # a table has a heading only once somebody has answered
    yield _ROW.format("ID", "OPENED", "ENDS IN", "ENGINE").rstrip()
    for each in chain(first, found):
        left = _span(each["expires"] - time.time())
        yield _ROW.format(
            each["id"], _moment(each["created"]), left, each.get("replica", "")
        ).rstrip()


def _told(session: dict[str, Any]) -> str:
    rows = {
        "id": session["id"],
        "opened": _moment(session["created"]),
        "ends": f"{_moment(session['expires'])}, in {_span(session['expires'] - time.time())}",
        "owner": "whoever opened it" if session["owner"] else "whoever knows its id",
        "state": json.dumps(session["state"]),
        "keys": ", ".join(session["keys"]) or "none",
    }
    return "\n".join(f"{name:6}  {text}" for name, text in rows.items())


def _path(session_id: str) -> str:
    return f"/sessions/{quote(session_id, safe='', errors='surrogateescape')}"


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _span(seconds: float) -> str:
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
