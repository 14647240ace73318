"""What `make demo` shows: a small engine that remembers, and the sidecar in front of it."""
