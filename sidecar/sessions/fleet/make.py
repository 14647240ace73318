"""The store of a fleet, from what the settings say."""

from pathlib import Path

from sidecar.config.store_address import StoreAddress
from sidecar.sessions.fleet.clients import make_client
from sidecar.sessions.fleet.keys import Keys
from sidecar.sessions.fleet.server import Server
from sidecar.sessions.fleet.store import FleetStore


def make_fleet_store(
    address: StoreAddress,
    *,
    prefix: str,
    password_file: Path | None = None,
    ca_file: Path | None = None,
    max_sessions: int | None = None,
) -> FleetStore:
    """Not connected yet."""
    keys = Keys(prefix)
    client = make_client(address, password_file=password_file, ca_file=ca_file)
    return FleetStore(Server(client, str(address), keys.probe), keys, max_sessions)
