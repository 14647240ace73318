"""A request on its way to the engine, for whoever looks into it or changes it."""

from dataclasses import dataclass


@dataclass(slots=True)
class EngineRequest:
    """`lines` are header lines, each with its CR LF, without framing and hop-by-hop headers.

    body is None where it is streamed, so that nobody can look into it.
    """

    method: str
    target: str
    lines: list[bytes]
    body: bytes | None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: bytes) -> bytes | None:
        """The first one's value; `name` is in lower case."""
        for line in self.lines:
            found, _, value = line.partition(b":")
            if found.lower() == name:
                return value.strip()
        return None

    def drop(self, name: bytes) -> None:
        """`name` is in lower case."""
        self.lines = [line for line in self.lines if line.partition(b":")[0].lower() != name]
