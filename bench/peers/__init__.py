"""The peers: their configurations, and those that are written here."""
