"""The store that several sidecars share: a Redis or Valkey server, or several of them."""
