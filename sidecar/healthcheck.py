"""What an orchestrator asks: does the sidecar that runs here answer its /ping with 200?"""

import signal
from http.client import HTTPConnection, HTTPException
from types import FrameType
from typing import Never

from sidecar.config import Settings
from sidecar.config.checks import EVERY_ADDRESS

# /ping answers within 2 s whatever the engine does (SageMaker's rule); the image's HEALTHCHECK
# gives up at 3.
LIMIT = 2.5


def ailment(settings: Settings) -> str | None:
    """None if /ping answers 200, else what is wrong, in one line."""
    if not settings.port:
        return "SIDECAR_PORT is 0, a free port: only the log of the running sidecar knows it"
    host = from_here(settings.host)
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/ping"
    try:
        status = _status(host, settings.port)
    except TimeoutError:
        return f"{address} did not answer within {LIMIT:g} s"
    except OSError as error:
        return f"{address} cannot be reached: {error}"
    except HTTPException:  # its text is what came, whatever that is
        return f"{address} did not answer in HTTP"
    return None if status == 200 else f"{address} answered {status}"


def from_here(host: str) -> str:
    """The address at which this machine reaches what listens on `host`."""
    if host in EVERY_ADDRESS:
        return "::1" if ":" in host else "127.0.0.1"
    return host


def _status(host: str, port: int) -> int:
    """The alarm bounds the whole exchange; a socket's time-out bounds only each wait of it."""
    before = signal.signal(signal.SIGALRM, _too_late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    connection = HTTPConnection(host, port)
    try:
        connection.request("GET", "/ping", headers={"Connection": "close"})
        return connection.getresponse().status
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        connection.close()


def _too_late(number: int, frame: FrameType | None) -> Never:
    raise TimeoutError
