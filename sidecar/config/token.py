"""From a file's name to the secret in it."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from sidecar.config.values import wrong

# RFC 6750 section 2.1, what may follow "Bearer ". Whoever can ask can guess, so it is not short.
_SECRET = re.compile(rb"[A-Za-z0-9._~+/-]{16,4096}=*")


@dataclass(frozen=True, slots=True)
class Token:
    """Read once: a file on a slow disk holds nobody up later."""

    path: Path
    secret: bytes = field(repr=False)


def token(text: str) -> Token:
    """Raises ValueError."""
    path = Path(text)
    try:
        with path.open("rb") as file:
            secret = file.read(8192).strip()
    except OSError as error:
        raise wrong(text, f"cannot be read: {error.strerror}", "name a file") from None
    if not _SECRET.fullmatch(secret):
        raise wrong(
            text, "holds no token", "write 16 letters, digits or -._~+/ or more into that file"
        )
    return Token(path, secret)
