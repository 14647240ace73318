"""From text to hosts, headers, paths and the names of dialects."""

import re
import shlex
from ipaddress import ip_address
from pathlib import Path

from sidecar.config.values import wrong
from sidecar.headers import TOKEN, Field, Vocabulary

# Letters, digits, hyphens and dots; underscores too, which compose files have in service names.
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?")
_ONLY_DIGITS = re.compile(r"[0-9.]+")
_BODY_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_HEALTH_PATH = re.compile(r"/[!-~]*")

# In an engine's command line: the port of its address.
PORT_WORD = "{port}"

DIALECTS = ("sagemaker", "agentcore", "inferencesh")
_WRITE = f"write any of {', '.join(DIALECTS)}, with commas between them"


def host(text: str) -> str:
    """A name or an address, IPv6 with or without brackets; returned without."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if is_host(bare, bracketed=bare != text or ":" in bare):
        return bare
    raise wrong(text, "is not a host", "give a name or an IP address; 0.0.0.0 is every address")


def is_host(bare: str, bracketed: bool) -> bool:
    if not bracketed and not _ONLY_DIGITS.fullmatch(bare):
        return _HOST.fullmatch(bare) is not None
    try:
        return ip_address(bare).version == (6 if bracketed else 4)
    except ValueError:
        return False


def dialects(text: str) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(word.strip().lower() for word in text.split(",")))
    for word in named:
        if word not in DIALECTS:
            raise wrong(word, "is not a dialect", _WRITE)
    return named


def command(text: str) -> tuple[str, ...]:
    """In the grammar of a POSIX shell's words; there is no shell that would run it."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"cannot be split into words ({error}); quote it as for a shell") from None
    if not words or not words[0] or "\0" in text:
        raise ValueError('is no command line; write it as in "vllm serve MODEL"')
    return words


def directory(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute() or path == path.parent:
        raise wrong(text, "is not the absolute path of a directory", "let it start with /")
    return path


def header(text: str) -> str:
    name = text.encode()
    if not TOKEN.fullmatch(name):
        raise wrong(text, "is not a header name", "use letters, digits and hyphens")
    known = Vocabulary(None).of_request(name)
    if known is not None and known.field is not Field.SESSION:
        raise wrong(text, "is a header with another meaning in HTTP or here", "choose another")
    return text


def body_path(text: str) -> tuple[str, ...]:
    if not _BODY_PATH.fullmatch(text):
        raise wrong(text, "is not a dot path", 'write names and dots, as in "metadata.session_id"')
    return tuple(text.split("."))


def health_path(text: str) -> str:
    if not _HEALTH_PATH.fullmatch(text) or "#" in text:
        raise wrong(text, "is not the path of a URL", 'let it start with "/", as in "/health"')
    return text
