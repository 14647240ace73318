"""One call to the admin port of the sidecar that the settings describe."""

import json
from http.client import HTTPConnection, HTTPException
from typing import Any

from sidecar.config import Settings
from sidecar.healthcheck import from_here

# A close may have to ask the engine too.
LIMIT = 30.0


class NotSettled(Exception):
    """The settings do not say where the admin port is."""


class CallFailed(Exception):
    """Nobody answered, or what was answered is a refusal: one line for people."""


class AdminApi:
    def __init__(self, settings: Settings) -> None:
        """Raises NotSettled."""
        if settings.admin_port is None:
            raise NotSettled("SIDECAR_ADMIN_PORT is off: sessions are managed through that port")
        if not settings.admin_port:
            raise NotSettled(
                "SIDECAR_ADMIN_PORT is 0, a free port: give the one that the log of the running "
                "sidecar names, as in --admin-port 9901"
            )
        self._headers = {"Connection": "close"}
        if settings.admin_token_file is not None:
            secret = settings.admin_token_file.secret.decode()
            self._headers["Authorization"] = f"Bearer {secret}"
        self._host, self._port = from_here(settings.admin_host), settings.admin_port
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.address = f"http://{host}:{self._port}"

    def call(self, method: str, path: str) -> Any:
        """What the JSON of the answer says, None for an empty one. Raises CallFailed."""
        try:
            status, body = self._exchange(method, path)
            said = json.loads(body) if body else None
        except OSError as error:
            reason = error.strerror or str(error)
            raise CallFailed(f"no sidecar answers at {self.address}: {reason}") from None
        except (HTTPException, ValueError):
            raise CallFailed(f"{self.address} does not answer as a sidecar does") from None
        if status >= 400:
            raise CallFailed(_refusal(said) or f"{self.address}{path} answered {status}")
        return said

    def _exchange(self, method: str, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection(self._host, self._port, timeout=LIMIT)
        try:
            connection.request(method, path, headers=self._headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _refusal(said: Any) -> str | None:
    match said:
        case {"error": {"message": str(message)}}:
            return message
        case _:
            return None
