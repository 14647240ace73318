"""What the sidecar tells about itself: the log, the metrics, the admin port."""
