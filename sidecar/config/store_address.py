"""Where the sessions of a fleet live: the address of a Redis or Valkey server, or of several.

Nothing of what was written is ever repeated in a mistake: it may hold a password.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from sidecar.config.names import is_host
from sidecar.config.values import wrong

Kind = Literal["server", "socket", "sentinel", "cluster"]

FORMS = "write tmpfs, or an address such as redis://host:6379/0 (docs/fleet.md has all forms)"
_ADDRESS = re.compile(r"(?P<scheme>[a-z+]+)://(?:(?P<user>[^/]*)@)?(?P<hosts>[^/?#]*)(?P<path>.*)")
_SCHEME = re.compile(r"(?:redis|valkey)(?P<tls>s?)(?:\+(?P<kind>sentinel|cluster))?")
_HOST = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<host>[^:]*))(?::(?P<port>[0-9]{1,5}))?")
_PREFIX = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_DATABASE = re.compile(r"[0-9]{1,4}")
_SERVICE = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_KINDS: dict[str | None, Kind] = {None: "server", "sentinel": "sentinel", "cluster": "cluster"}
_PORTS = {"server": 6379, "cluster": 6379, "sentinel": 26379}


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """`text` has no user and no password, and is what people are shown."""

    text: str
    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    tls: bool = False
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    database: int = 0
    service: str = ""
    path: str = ""

    def __str__(self) -> str:
        return self.text


def store(text: str) -> StoreAddress | Literal["tmpfs"]:
    if text == "tmpfs":
        return "tmpfs"
    if "://" not in text:
        raise wrong(text, "is not a store", FORMS)
    return store_address(text)


def store_prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise wrong(text, "is not a prefix", "use up to 64 letters, digits and . _ : -")
    return text


def readable_file(text: str) -> Path:
    path = Path(text)
    try:
        path.open("rb").close()
    except OSError as error:
        raise wrong(text, f"cannot be read: {error.strerror}", "name a file") from None
    return path


def store_address(text: str) -> StoreAddress:
    """Raises ValueError."""
    parts = _ADDRESS.fullmatch(text)
    if parts is None:
        raise ValueError(f"is not the address of a store; {FORMS}")
    user, colon, password = (parts["user"] or "").partition(":")
    secret = unquote(user), unquote(password) if colon else ""
    if parts["scheme"] == "unix":
        return _socket(parts, secret)
    scheme = _SCHEME.fullmatch(parts["scheme"])
    if scheme is None:
        raise ValueError(f"has a scheme that is no store's; {FORMS}")
    kind: Kind = _KINDS[scheme["kind"]]
    return _servers(parts, secret, tls=bool(scheme["tls"]), kind=kind)


def _socket(parts: re.Match[str], secret: tuple[str, str]) -> StoreAddress:
    path, _, query = parts["path"].partition("?")
    if parts["hosts"] or not path.startswith("/") or path.endswith("/"):
        raise ValueError("is not the absolute path of a socket; write unix:///path/to.sock")
    database = query.removeprefix("db=") if query else "0"
    shown = f"unix://{path}" + (f"?db={database}" if query else "")
    return StoreAddress(
        shown, "socket", (), False, *secret, database=_database(database), path=path
    )


def _servers(
    parts: re.Match[str], secret: tuple[str, str], *, tls: bool, kind: Kind
) -> StoreAddress:
    hosts = tuple(_host(each.strip(), _PORTS[kind]) for each in parts["hosts"].split(","))
    service, database = _path(parts["path"], kind)
    if kind == "server" and len(hosts) > 1:
        raise ValueError(
            "names several servers; write redis+sentinel:// or redis+cluster:// for those"
        )
    named = ",".join(
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in hosts
    )
    rest = "".join(f"/{each}" for each in (service, str(database) if database else "") if each)
    return StoreAddress(
        f"{parts['scheme']}://{named}{rest}", kind, hosts, tls, *secret, database, service
    )


def _host(text: str, port: int) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    if found is None:
        raise ValueError(f"has a host or a port that is none; {FORMS}")
    bracketed = found["v6"] is not None
    host = found["v6"] if bracketed else found["host"]
    port = port if found["port"] is None else int(found["port"])
    if not is_host(host, bracketed) or not 0 < port < 65536:
        raise ValueError(f"has a host or a port that is none; {FORMS}")
    return host, port


def _path(text: str, kind: Kind) -> tuple[str, int]:
    parts = text.strip("/").split("/") if text.strip("/") else []
    if text and not text.startswith("/"):
        raise ValueError(f"has a query or a fragment; {FORMS}")
    service = ""
    if kind == "sentinel":
        if not parts or not _SERVICE.fullmatch(parts[0]):
            raise ValueError("names no service; write redis+sentinel://host:port/service")
        service = parts.pop(0)
    if len(parts) > 1 or (parts and kind == "cluster"):
        raise ValueError(f"has a path that is no database; {FORMS}")
    return service, _database(parts[0]) if parts else 0


def _database(text: str) -> int:
    if not _DATABASE.fullmatch(text):
        raise ValueError("has a database that is no number; write it last, as in /0")
    return int(text)
