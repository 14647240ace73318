"""Places for sessions, as the store's own tests have them."""

from tests.sessions.conftest import mount, scratch, small, tmpfs

__all__ = ["mount", "scratch", "small", "tmpfs"]
