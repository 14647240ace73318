"""The session's id at a path of a JSON body; every other byte stays as it was written."""

from sidecar.splice import Edits


def with_session_id(body: bytes, path: tuple[str, ...], session_id: str) -> bytes:
    """The body with the id at `path`; missing parents are made. Raises BadRequest."""
    edits = Edits()
    edits.set(path, session_id)
    return edits.apply(body)
