"""inference.sh: apps run as tasks, in sessions that stay on one replica; its SDKs' side."""
