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
