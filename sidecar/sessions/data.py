"""Keys and values that a session keeps for the engine, in the files that MHCS and DJL use.

<root>/<id>/<key>, a JSON value each; `/` in a key becomes `-` (model_hosting_container_standards
0.1.16, sagemaker/sessions/manager.py, Session._path). An engine on the same volume writes them
without a lock; what we write is replaced as a whole, so it reads no half of ours.
"""

import contextlib
import os
import re
import stat
from itertools import islice

from sidecar.errors import BadRequest, BodyTooLarge, StoreFull
from sidecar.sessions import files
from sidecar.sessions.folder import Folder
from sidecar.sessions.store import KEYS_LIMIT, VALUE_LIMIT

KEY_LENGTH = 128
_KEY = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.:/-]{{0,{KEY_LENGTH - 1}}}")
# An engine may keep any number of files; a list of them is to have an end.
_LISTED = 1000


def file_name(key: str) -> str:
    """Raises BadRequest."""
    if _KEY.fullmatch(key) is None or ".." in key:
        raise BadRequest(
            f"a key has 1 to {KEY_LENGTH} letters, digits and _ . : / -, "
            "begins with a letter, a digit or _, and has no two dots in a row"
        )
    return key.replace("/", "-")


def put(folder: Folder, name: str, value: bytes) -> None:
    """For one writer at a time."""
    if len(value) > VALUE_LIMIT:
        raise BodyTooLarge(f"a value may have {VALUE_LIMIT} bytes, not {len(value)}")
    if not _is_there(folder, name) and _has_all_keys(folder):
        raise StoreFull(f"a session may hold {KEYS_LIMIT} keys; delete one first")
    files.replace(name, value, dir_fd=folder.fd)


def get(folder: Folder, name: str) -> bytes | None:
    try:
        return files.read(name, VALUE_LIMIT, dir_fd=folder.fd)
    except files.NotAFile:
        return None
    except files.TooLong as error:
        raise BodyTooLarge(
            f"the engine's value has {error.size} bytes; up to {VALUE_LIMIT} are handed out"
        ) from None


def delete(folder: Folder, name: str) -> bool:
    if not _is_there(folder, name):
        return False
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder.fd)
    return True


def keys(folder: Folder) -> list[str]:
    found = (name for name in folder.names() if _KEY.fullmatch(name) and ".." not in name)
    return sorted(islice((name for name in found if _is_there(folder, name)), _LISTED))


def _is_there(folder: Folder, name: str) -> bool:
    try:
        found = os.stat(name, dir_fd=folder.fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode)


def _has_all_keys(folder: Folder) -> bool:
    return sum(1 for _ in islice(folder.names(), KEYS_LIMIT)) >= KEYS_LIMIT
