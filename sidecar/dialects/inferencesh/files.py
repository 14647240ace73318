"""Files that an SDK takes out of an input and sends by themselves; they go back into it.

The Python SDK uploads whatever looks like base64 or names a local file, also a hexadecimal id: so
bytes without a name become the base64 text again that they came from.
"""

import base64
import re
import uuid
from typing import Any, Final

from sidecar.dialects.inferencesh import parts
from sidecar.dialects.inferencesh.errors import (
    BadCall,
    CallFailed,
    FileTooLarge,
    NoSuchFile,
    NotOffered,
)
from sidecar.dialects.inferencesh.kept import Kept
from sidecar.errors import SessionNotFound
from sidecar.sessions.store import Store

KEPT: Final = 900.0
_PATH: Final = "/files/"
_ADDRESS: Final = re.compile(r"https?://[^/\s]+/files/(file-[0-9a-f]{32})")
_NAMED: Final = re.compile(r"/files/(file-[0-9a-f]{32})")
_PLAIN: Final = "application/octet-stream"
_AT_ONCE: Final = 100
_PARTS: Final = "part"
# Those whose call has not come yet, or will come again.
_MOST: Final = 1000
_FULL_ONES: Final = 3


class Files:
    """limit: of one file, in bytes; 0: none are taken. Whoever knows its name may have a file.

    A process keeps at most three files of that size, or more that are smaller: the oldest go.
    """

    def __init__(self, store: Store, limit: int) -> None:
        self._store = store
        self._limit = limit
        self._kept = Kept(store, seconds=KEPT, most=_MOST, size=_FULL_ONES * limit)

    async def announce(self, wanted: Any, base: str) -> list[dict[str, Any]]:
        """base: of the addresses that they get."""
        if not self._limit:
            raise NotOffered(
                "file uploads are not offered here; put the bytes in the input as JSON "
                "or pass a URL"
            )
        if not isinstance(wanted, list) or not 0 < len(wanted) <= _AT_ONCE:
            raise BadCall(f"files must be a list of 1 to {_AT_ONCE}")
        return [await self._announce(each, base) for each in wanted]

    async def _announce(self, wanted: Any, base: str) -> dict[str, Any]:
        if not isinstance(wanted, dict):
            raise BadCall("each of files must be an object")
        name = f"file-{uuid.uuid4().hex}"
        content_type = wanted.get("content_type")
        state = {
            "type": content_type if _is_type(content_type) else _PLAIN,
            "named": bool(wanted.get("filename")),
        }
        await self._store.open(KEPT, state=state, session_id=name)
        await self._kept.add(name, 0)
        address = f"{base}{_PATH}{name}"
        return {
            "id": name,
            "uri": address,
            "upload_url": address,
            "filename": wanted.get("filename"),
            "content_type": state["type"],
            "size": wanted.get("size"),
        }

    async def put(self, name: str, data: bytes) -> None:
        await self._state(name)
        if len(data) > self._limit:
            raise FileTooLarge(f"a file may have {self._limit} bytes here")
        await parts.put(self._store, name, _PARTS, data)
        await self._kept.add(name, len(data))

    async def get(self, name: str) -> tuple[str, bytes]:
        """Its type and its bytes."""
        state = await self._state(name)
        data = await parts.get(self._store, name, _PARTS)
        if data is None:
            raise NoSuchFile("the file was announced, but its bytes have not come")
        return state["type"], data

    async def restored(self, value: Any) -> Any:
        """The input with each file of ours back in its place. Raises CallFailed."""
        match value:
            case str():
                return await self._restored(value)
            case dict():
                return {name: await self.restored(each) for name, each in value.items()}
            case list():
                return [await self.restored(each) for each in value]
            case _:
                return value

    async def _restored(self, text: str) -> str:
        found = _ADDRESS.fullmatch(text)
        if found is None:
            return text
        try:
            content_type, data = await self.get(found[1])
            state = await self._state(found[1])
        except NoSuchFile as error:
            raise CallFailed(error.message) from None
        coded = base64.b64encode(data).decode()
        if content_type == _PLAIN and not state["named"]:
            return coded
        return f"data:{content_type};base64,{coded}"

    async def _state(self, name: str) -> dict[str, Any]:
        try:
            return await self._store.state(name)
        except SessionNotFound:
            raise NoSuchFile(
                "file not found: one is kept for some minutes, or until others need the room"
            ) from None


def name_in(path: str) -> str | None:
    """The name of a file in the path of its address."""
    found = _NAMED.fullmatch(path)
    return found[1] if found else None


def _is_type(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and "/" in value
