"""The store of a fleet, from what the settings say."""

from pathlib import Path

from sidecar.config.store_address import StoreAddress
from sidecar.sessions.fleet.clients import make_client
from sidecar.sessions.fleet.keys import Keys
from sidecar.sessions.fleet.server import ANSWER_LIMIT, Server
from sidecar.sessions.fleet.store import FleetStore


def make_fleet_store(
    address: StoreAddress,
    *,
    prefix: str,
    password_file: Path | None = None,
    ca_file: Path | None = None,
    max_sessions: int | None = None,
    answer_limit: float = ANSWER_LIMIT,
) -> FleetStore:
    """Not connected yet. `answer_limit`: seconds that one call may take."""
    keys = Keys(prefix)
    client = make_client(address, answer_limit, password_file=password_file, ca_file=ca_file)
    server = Server(client, str(address), keys.probe, answer_limit)
    return FleetStore(server, keys, max_sessions)
