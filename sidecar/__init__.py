"""A reverse proxy that gives an unmodified inference engine stateful sessions."""

from importlib.metadata import version

__version__ = version("session-sidecar")
