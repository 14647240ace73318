"""Configuration: one frozen, typed object from flags > environment > TOML file > defaults."""

from sidecar.config.address import EngineAddress, short_names
from sidecar.config.load import ConfigurationError, load
from sidecar.config.settings import Settings
from sidecar.config.table import effective, settings_table

__all__ = [
    "ConfigurationError",
    "EngineAddress",
    "Settings",
    "effective",
    "load",
    "settings_table",
    "short_names",
]
