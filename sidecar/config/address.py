"""Where the engines listen: TCP ports and Unix sockets."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from sidecar.config.names import is_host
from sidecar.config.values import wrong

_FORM = "write http://host:port or unix:/path"


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """`path` is a Unix socket; without one, `host` (IPv6 without brackets) and `port` count."""

    text: str
    host: str = ""
    port: int = 0
    path: str | None = None

    def __str__(self) -> str:
        return self.text


def engine_addresses(text: str) -> tuple[EngineAddress, ...]:
    parts = [part.strip() for part in text.split(",")]
    if any("@" in part and not part.startswith("unix:") for part in parts):
        # Not repeated, and no part of it: it may hold a password.
        raise ValueError(f"an engine address holds no user or password; {_FORM}")
    found: list[EngineAddress] = []
    for part in parts:
        address = _address(part)
        if address in found:
            raise wrong(str(address), "is there twice", "give each engine once")
        found.append(address)
    return tuple(found)


def _address(text: str) -> EngineAddress:
    if text.startswith("unix:"):
        return _socket(text)
    scheme, mark, _ = text.partition("://")
    if not mark:
        raise wrong(text, "has no scheme", _FORM)
    if scheme.lower() == "https":
        raise wrong(
            text, "is https, which is not spoken to an engine", "put it on http near the sidecar"
        )
    if scheme.lower() != "http":
        raise wrong(text, "is not an http address", _FORM)
    return _tcp(text)


def _socket(text: str) -> EngineAddress:
    path = text.removeprefix("unix:")
    if path.startswith("//"):  # unix:///path, as in the URLs of other tools
        path = path[2:]
    if not path.startswith("/") or path.endswith("/"):
        raise wrong(text, "is not the absolute path of a socket", "write unix:/path/to.sock")
    if len(path.encode()) > 107:  # sun_path of unix(7), less its final zero
        raise wrong(text, "is too long for a Unix socket", "use a path of 107 bytes or less")
    return EngineAddress(f"unix:{path}", path=path)


def _tcp(text: str) -> EngineAddress:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise wrong(text, "has a port or an IPv6 address that is none", _FORM) from None
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise wrong(
            text, "has a path, a query or a fragment", "every path is the client's: " + _FORM
        )
    bracketed, host = "[" in parts.netloc, parts.hostname or ""
    if port == 0 or not is_host(host, bracketed):
        raise wrong(text, "names no host and port to connect to", _FORM)
    port = port or 80
    return EngineAddress(f"http://{f'[{host}]' if bracketed else host}:{port}", host, port)


def short_names(addresses: Sequence[EngineAddress]) -> list[str]:
    """host:port, or the name of a socket: for a header. Sockets of one name have their paths."""
    paths = [address.path for address in addresses if address.path is not None]
    files = [path.rpartition("/")[2] for path in paths]
    unique = {
        path: file if files.count(file) == 1 else path
        for path, file in zip(paths, files, strict=True)
    }
    return [
        quote(unique[address.path]) if address.path else address.text.removeprefix("http://")
        for address in addresses
    ]
