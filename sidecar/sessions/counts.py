"""What became of the sessions, since the start of this process."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    opened: int = 0
    closed: int = 0
    expired: int = 0
    refused: int = 0
    failed: int = 0
    planted: int = 0
    answered: int = 0
    """Calls to the server of a store on one,"""
    waited: float = 0.0
    """and the seconds until they were."""
