"""What tests start: the sidecar as a process, and engines."""
